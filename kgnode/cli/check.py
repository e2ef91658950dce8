"""``kgnode validate`` and ``kgnode gaps``: files or a view against shape packs, without a home.

In: files, or the address of a node; packs and the wanted form of the report. Out: the command's
outcome: exit code 3 where a shape is violated. Where no pack is named, those that fit the models'
headers are taken. A receipt is checked with the signer's public key alone (RFC 7515).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import orjson

from kgnode.assurance.choose import packs_for
from kgnode.assurance.gaps import Gaps, find
from kgnode.assurance.packs import Pack, load_packs
from kgnode.assurance.receipt import TYPE, Receipt, check_receipt
from kgnode.assurance.report import Report
from kgnode.assurance.scopes import ByHeader
from kgnode.cim.reader import ReadContext, read
from kgnode.cim.repairs import Repair
from kgnode.cim.staged import Staged
from kgnode.cli.ask import fetch
from kgnode.console import Outcome
from kgnode.errors import BadRequest, MissingFile
from kgnode.home import DEFAULT_BOUNDARY_BASE, Home
from kgnode.publish import judge
from kgnode.settings import load_settings
from kgnode.trust.keys import verify_compact

Engine = Literal["auto", "compiled", "pyshacl"]
FORMATS = ("text", "json", "ttl", "jsonld", "sarif", "html")
ANY_BASE = "https://w3id.org/gridspine/id/unknown#"
"""Base of identifiers that are no UUIDs where no home says whose they are."""


def anywhere(*, strict: bool = False) -> ReadContext:
    """Return how files are read where there is no home."""
    return ReadContext(ANY_BASE, DEFAULT_BOUNDARY_BASE, strict, load_settings())


def check(
    files: Sequence[Path],
    packs: Sequence[str],
    form: str,
    engine: str,
    home: Path | None = None,
) -> Outcome:
    """Validate files and return the outcome of the command.

    Raises:
        BadRequest: no such format or engine. InputError: the files cannot be read.
    """
    if form not in FORMATS:
        raise BadRequest(f"There is no format {form}.", hint=f"Use {', '.join(FORMATS)}.")
    if engine not in ("auto", "compiled", "pyshacl"):
        raise BadRequest(f"There is no engine {engine}.", hint="Use auto, compiled or pyshacl.")
    staged, chosen = _staged(files, packs, home)
    report = judge(staged, chosen, load_settings(), cast(Engine, engine))
    return Outcome(
        report.to_json(),
        lambda: _write(rendered(report, form)),
        [warning(repair) for repair in staged.repairs],
        0 if report.passes else 3,
    )


def gaps(files: Sequence[Path], packs: Sequence[str], home: Path | None = None) -> Outcome:
    """Tell which data of some files no pack covers, and which shapes found nothing to judge."""
    staged, chosen = _staged(files, packs, home)
    found = find(ByHeader(staged), chosen)
    return Outcome(found.to_json(), lambda: _write(found.text()))


def _staged(
    files: Sequence[Path], packs: Sequence[str], home: Path | None
) -> tuple[Staged, tuple[Pack, ...]]:
    """Read files, and return them with the packs named or those that fit their headers."""
    if not files:
        raise BadRequest("No files are named.", hint="Name files, or --node with an address.")
    staged = read(list(files), anywhere())
    registered = Home(home).path / "packs" if home is not None else None
    return staged, load_packs(packs, registered) if packs else packs_for(staged, registered)


def ask_view(task: str, url: str, token: Path | None, packs: Sequence[str]) -> Outcome:
    """Have a node judge what the caller may see there: ``validate`` or ``gaps``.

    Raises:
        MemberError: the node cannot be reached. GridspineError: what it answered.
    """
    found = fetch(url, f"/{task}", token, [("pack", name) for name in packs])
    failed = task == "validate" and not found["passes"]
    return Outcome(found, lambda: _write(of_view(task, found)), [], 3 if failed else 0)


def of_view(task: str, found: dict[str, Any]) -> str:
    """Return what a node said of a view, as text."""
    notes = [f"NOTE: {note}" for note in found["notes"]]
    if task == "gaps":
        gaps = Gaps(found["classes"], found["properties"], found["idle"])
        return "\n".join([*notes, gaps.text()])
    lines = [found["headline"], *notes]
    for cause in found["causes"]:
        lines += ["", f"{cause['severity'].upper()}: {cause['message']} ({cause['count']})"]
        for example in cause["examples"]:
            named = f"{example['class']} {example['name'] or example['focus']}"
            lines.append(f"  {named}" + (f": {example['value']}" if example["value"] else ""))
        lines += [f"  {cause['hint']}"] if cause["hint"] else []
    return "\n".join(lines)


def receipt_of(files: Sequence[Path], place: Path, key: Path | None) -> Outcome:
    """Check a receipt about files with the signer's public key (a JWK, or a set of them).

    Raises:
        BadRequest: the signature does not hold, or it is about other content.
        MissingFile: the receipt or the key cannot be read.
    """
    keys = _public_keys(key)
    text = _compact(_read(place))
    held = check_receipt(text, lambda compact: verify_compact(compact, keys, TYPE)[1])
    if files:
        _require_covered(held, files)
    return Outcome(held.to_json(), lambda: _write(held.text()), [], 0 if held.passes else 3)


def _require_covered(held: Receipt, files: Sequence[Path]) -> None:
    """Read files as the signer read them, and refuse those that the receipt is not about."""
    bases = (*held.bases, DEFAULT_BOUNDARY_BASE)[:2]
    other = None
    for own, boundary in (bases, bases[::-1]):
        staged = read(list(files), replace(anywhere(), base_iri=own, boundary_base=boundary))
        if held.covers(staged.models):
            return
        known = set(held.models)
        other = other or next(m for m in staged.models if (m.iri, m.content_hash) not in known)
    assert other is not None  # noqa: S101
    raise BadRequest(
        f"The receipt is not about {other.iri} as it stands in {other.file}.",
        hint="The file was changed after it was judged, the receipt is another model's, or models "
        "that it depends on are missing here: give those files too.",
        file=other.file,
        subject=other.iri,
    )


def _compact(content: bytes) -> str:
    """Return the receipt in a file: itself, or in a catalogue record or what publish said."""
    try:
        document = orjson.loads(content)
        return str(document.get("result", document)["receipt"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return content.decode("ascii", "replace")


def _public_keys(place: Path | None) -> dict[str, dict[str, Any]]:
    if place is None:
        raise BadRequest(
            "A receipt proves nothing without the signer's public key.",
            hint="--key FILE: keys/jwks.json of the publisher's home, or the publisher's entry "
            "in the membership document.",
        )
    try:
        document = orjson.loads(_read(place))
        keys = document.get("keys", [document])
        return {str(one["kid"]): {n: v for n, v in one.items() if n != "d"} for one in keys}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRequest(
            f"{place} holds no public key.",
            hint="It should be a JWK, or a set of them, with kid.",
            file=str(place),
        ) from error


def _read(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except OSError as error:
        raise MissingFile(
            f"{place} cannot be read: {error.strerror}.", hint="Check the name.", file=str(place)
        ) from error


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
