"""The validation report: results grouped by cause, for people and for programs.

In: results of the engines, the packs they come from, and what is known of the assets. Out: a
frozen ``Report`` with JSON in the form of ``kgnode validate --json``; text, HTML, SARIF and the
standard's RDF (SHACL 3.6) are made by ``render``, ``sarif`` and ``standard``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyoxigraph as ox

from kgnode.assurance import render, sarif, standard
from kgnode.assurance.assets import Assets
from kgnode.assurance.findings import Cause, Example, Findings
from kgnode.assurance.graph import Term
from kgnode.assurance.results import Result
from kgnode.assurance.terms import SH
from kgnode.assurance.words import expected, found, hint, sentence, term_text
from kgnode.names import shorten

EXAMPLES = 5
"""Assets named for each cause; the count says how many there are."""


@dataclass(frozen=True, eq=False)
class Report(Findings):
    """Findings in all the forms they are asked for."""

    def to_json(self) -> dict[str, Any]:
        """Return the result document of ``kgnode validate``."""
        return {
            "conforms": self.conforms,
            "passes": self.passes,
            "headline": self.headline,
            "counts": dict(self.counts),
            "engines": dict(self.engines),
            "packs": [
                {"id": p.id, "version": p.version, "digest": p.digest, "shapes": p.shapes}
                for p in self.packs
            ],
            "causes": [_cause_json(cause) for cause in self.causes],
            "faults": [{"pack": p.id, "message": m} for p in self.packs for m in p.faults],
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
            "receipt": self.receipt,
        }

    def text(self) -> str:
        """Return the report as plain text."""
        return render.text(self)

    def html(self) -> str:
        """Return the report as one HTML page without outside references."""
        return render.html(self)

    def turtle(self) -> str:
        """Return the standard validation report in Turtle."""
        return standard.turtle(self.results, self.conforms)

    def jsonld(self) -> str:
        """Return the standard validation report in expanded JSON-LD."""
        return standard.jsonld(self.results, self.conforms)

    def sarif(self) -> dict[str, Any]:
        """Return the report as a SARIF 2.1.0 log."""
        return sarif.log(self)


def _cause_json(cause: Cause) -> dict[str, Any]:
    return {
        "rule": cause.rule,
        "shape": cause.shape,
        "component": cause.component,
        "path": cause.path,
        "severity": cause.severity,
        "count": cause.count,
        "message": cause.message,
        "found": cause.found,
        "expected": cause.expected,
        "hint": cause.hint,
        "pack": cause.pack,
        "engine": cause.engine,
        "examples": [
            {
                "focus": example.asset.iri,
                "name": example.asset.name,
                "class": example.asset.cls,
                "container": example.asset.container,
                "value": example.value,
                "message": example.message,
                "file": example.asset.file,
                "line": example.asset.line,
            }
            for example in cause.examples
        ],
    }


def severity_name(iri: str) -> str:
    """Return ``violation``, ``warning``, ``info``, or the local name of another severity."""
    return iri.removeprefix(SH).rpartition("#")[2].rpartition("/")[2].lower()


def count(results: Sequence[Result], extra: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return how many results each severity has; ``extra`` are those found and not kept."""
    counts = {"violation": 0, "warning": 0, "info": 0}
    for result in results:
        name = severity_name(result.severity)
        counts[name] = counts.get(name, 0) + 1
    for name, more in (extra or {}).items():
        counts[name] = counts.get(name, 0) + more
    return counts


def causes(results: Sequence[Result], assets: Assets) -> tuple[Cause, ...]:
    """Group results by constraint, violations first, then the most frequent."""
    groups: dict[tuple[Any, ...], list[Result]] = {}
    for result in results:
        key = (id(result.shape), id(result.constraint), result.component, str(result.path or ""))
        groups.setdefault((*key, result.severity), []).append(result)
    rank = {"violation": 0, "warning": 1, "info": 2}
    made = [_cause(group, assets) for group in groups.values()]
    made.sort(key=lambda c: (rank.get(c.severity, 0), -c.count, c.shape, c.path, c.component))
    return tuple(made)


def _cause(group: list[Result], assets: Assets) -> Cause:
    group = sorted(group, key=lambda result: (str(result.focus), str(result.value)))
    first = group[0]
    examples = tuple(
        Example(
            assets.get(result.focus),
            _value_text(result, assets),
            sentence(result),
        )
        for result in group[:EXAMPLES]
    )
    return Cause(
        rule=_rule_name(first),
        shape=shape_name(first.shape.id, first.shape.name),
        component=shorten(first.component),
        path="" if first.path is None else str(first.path),
        severity=severity_name(first.severity),
        count=len(group),
        message=sentence(first),
        found=examples[0].value or found(first),
        expected=expected(first.constraint, first.message),
        hint=hint(first),
        pack=first.pack,
        engine=first.engine,
        examples=examples,
    )


def _value_text(result: Result, assets: Assets) -> str:
    """Return a value for people; an object of the model by its name."""
    if result.value is None or result.value == result.focus:
        return ""
    if isinstance(result.value, ox.NamedNode):
        asset = assets.get(result.value)
        if asset.name:
            return str(asset)
    return term_text(result.value)


def _rule_name(result: Result) -> str:
    """Return the short name of a rule: of its query where it is one, else of its shape."""
    query = result.constraint.sparql if result.constraint is not None else None
    node = result.shape.id
    if query is not None and isinstance(query.node, ox.NamedNode):
        node = query.node
    return shape_name(node, result.shape.name).rpartition("#")[2]


def shape_name(node: Term, name: str) -> str:
    """Return what a shape is called: its IRI in short, or its sh:name where it has no IRI."""
    text = term_text(node)
    if text.startswith("a nameless"):
        return name or text
    return text
