"""What a view uses, asked of the view itself.

In: the store of a view, inside an evaluator (``View.call``). Out: JSON: its predicates, classes and
values (``used``), and whether groups of patterns would find something twice (``repeated``). Nothing
but the caller's own view is looked at, so nothing hidden shows in how a query is rewritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from pyoxigraph import NamedNode, Store

from kgnode.alignment.rules import TYPE, Rules, Usage

_PREDICATES_USED, _CLASSES_USED = (
    (Path(__file__).parent / name).read_text(encoding="utf-8")
    for name in ("predicates_used.rq", "classes_used.rq")
)  # at import: an evaluator opens no file while it runs


@dataclass(frozen=True)
class Group:
    """Patterns that together answer one pattern.

    Attributes:
        patterns: (predicate, value) each; the value is None where any will do.
        values: value -> the values it stands for as well, where any will do.
    """

    patterns: tuple[tuple[str, str | None], ...]
    values: tuple[tuple[str, tuple[str, ...]], ...] = ()


def question(rules: Rules) -> bytes:
    """Return the argument of ``used``."""
    return orjson.dumps({"values": sorted(rules.individuals), "namespaces": rules.namespaces})


def read_usage(document: bytes) -> Usage:
    """Return what ``used`` told."""
    told = orjson.loads(document)
    values = {predicate: frozenset(found) for predicate, found in told["values"].items()}
    return Usage(frozenset(told["predicates"]), values)


def used(store: Store, argument: bytes) -> bytes:
    """Return predicates, classes, and where values occur that a rule may start from."""
    asked = orjson.loads(argument)
    predicates = _column(store, _PREDICATES_USED)
    values: dict[str, set[str]] = {TYPE: set(_column(store, _CLASSES_USED))}
    for predicate, value in _with_values(store, asked["values"], tuple(asked["namespaces"])):
        if predicate != TYPE:
            values.setdefault(predicate, set()).add(value)
    told = {predicate: sorted(found) for predicate, found in values.items()}
    return orjson.dumps({"predicates": predicates, "values": told})


def _with_values(
    store: Store, values: Iterable[str], namespaces: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    for value in values:
        for quad in store.quads_for_pattern(None, None, NamedNode(value), None):
            yield quad.predicate.value, value
    if namespaces:
        for quad in store.quads_for_pattern(None, None, None, None):
            term = quad.object
            if isinstance(term, NamedNode) and term.value.startswith(namespaces):
                yield quad.predicate.value, term.value


def encoded(groups: Iterable[Group]) -> bytes:
    """Return the argument of ``repeated``."""
    return orjson.dumps([[group.patterns, group.values] for group in groups])


def repeated(store: Store, argument: bytes) -> bytes:
    """Return for each group whether its patterns find some pair of terms more than once.

    All graphs count as one here, which can only say yes too often.
    """
    return orjson.dumps(
        [_repeats(store, patterns, dict(values)) for patterns, values in orjson.loads(argument)]
    )


def _repeats(
    store: Store, patterns: list[tuple[str, str | None]], values: Mapping[str, list[str]]
) -> bool:
    stands_for = {f"<{value}>": [f"<{v}>" for v in others] for value, others in values.items()}
    found: set[tuple[str, str]] = set()
    for predicate, value in patterns:
        for subject, term in _pairs(store, predicate, value, values, every=len(patterns) > 1):
            answered = ("",) if value is not None else (term, *stands_for.get(term, ()))
            for own in answered:
                if (subject, own) in found:
                    return True
                found.add((subject, own))
    return False


def _pairs(
    store: Store,
    predicate: str,
    value: str | None,
    values: Mapping[str, list[str]],
    *,
    every: bool,
) -> set[tuple[str, str]]:
    """Return subjects and objects of a pattern; not ``every`` one, those that may meet others."""
    wanted: set[str | None] = {value}
    if value is None and not every:
        wanted = {*values, *(other for others in values.values() for other in others)}
    return {
        (str(quad.subject), str(quad.object))
        for term in wanted
        for quad in store.quads_for_pattern(
            None, NamedNode(predicate), None if term is None else NamedNode(term), None
        )
    }


def _column(store: Store, query: str) -> list[str]:
    rows: Any = store.query(query)
    return sorted(row[0].value for row in rows)
