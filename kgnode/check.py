"""``kgnode validate``: files against shape packs, without a home.

In: files, packs and the wanted form of the report. Out: the command's outcome: exit code 3 where a
shape is violated. Where no pack is named, those that fit the models' headers are taken.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast

import orjson

from kgnode.assurance.choose import packs_for
from kgnode.assurance.packs import load_packs
from kgnode.assurance.report import Report
from kgnode.assurance.validate import validate
from kgnode.cim.reader import ReadContext, read
from kgnode.cim.repairs import Repair
from kgnode.console import Outcome
from kgnode.errors import BadRequest
from kgnode.home import DEFAULT_BOUNDARY_BASE
from kgnode.settings import load_settings

Engine = Literal["auto", "compiled", "pyshacl"]
FORMATS = ("text", "json", "ttl", "jsonld", "sarif", "html")
ANY_BASE = "https://w3id.org/gridspine/id/unknown#"
"""Base of identifiers that are no UUIDs where no home says whose they are."""


def anywhere(*, strict: bool = False) -> ReadContext:
    """Return how files are read where there is no home."""
    return ReadContext(ANY_BASE, DEFAULT_BOUNDARY_BASE, strict, load_settings())


def check(files: Sequence[Path], packs: Sequence[str], form: str, engine: str) -> Outcome:
    """Validate files and return the outcome of the command.

    Raises:
        BadRequest: no such format or engine. InputError: the files cannot be read.
    """
    if form not in FORMATS:
        raise BadRequest(f"There is no format {form}.", hint=f"Use {', '.join(FORMATS)}.")
    if engine not in ("auto", "compiled", "pyshacl"):
        raise BadRequest(f"There is no engine {engine}.", hint="Use auto, compiled or pyshacl.")
    staged = read(list(files), anywhere())
    chosen = load_packs(packs) if packs else packs_for(staged)
    report = validate(staged, chosen, engine=cast(Engine, engine))
    return Outcome(
        report.to_json(),
        lambda: _write(rendered(report, form)),
        [warning(repair) for repair in staged.repairs],
        0 if report.passes else 3,
    )


def rendered(report: Report, form: str) -> str:
    """Return a report in one of :data:`FORMATS`."""
    if form == "json":
        return orjson.dumps(report.to_json(), option=orjson.OPT_INDENT_2).decode() + "\n"
    if form == "sarif":
        return orjson.dumps(report.sarif(), option=orjson.OPT_INDENT_2).decode() + "\n"
    made = {
        "text": report.text,
        "ttl": report.turtle,
        "jsonld": report.jsonld,
        "html": report.html,
    }
    return made[form]()


def _write(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def warning(repair: Repair) -> dict[str, Any]:
    """Return a repair in the form of the command line's ``problems``."""
    place = repair.examples[0] if repair.examples else None
    first = next((detail for detail in repair.details if detail), "")
    hints = [f"First: {first}." if first else ""]
    hints += ["--strict refuses what needs repair."] if repair.severity == "repair" else []
    return {
        "code": repair.code,
        "severity": "warning",
        "message": repair.message,
        "hint": " ".join(hint for hint in hints if hint),
        "file": place.file if place else None,
        "line": place.line if place else None,
        "subject": place.subject if place else None,
        "count": repair.count,
    }
