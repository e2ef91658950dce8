"""How the answer of a query changes when mappings do.

In: two answers of one query (SPARQL 1.1 JSON). Out: ``Changed``: how many rows each has and which
come or go, some of them in full.
"""

from __future__ import annotations

from collections import Counter, abc
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from kgnode.names import shorten

ROWS_SHOWN = 5

Rows = Counter[str]
"""Rows of an answer, each as one text, with how often it is there."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What becomes of a query.

    Attributes:
        query: its name.
        changes: whether it would answer otherwise.
        before: rows, or 1 for yes and no.
        after: the same afterwards.
        added: some rows that come.
        removed: some rows that go.
        error: why it would not be answered, empty where it would.
    """

    query: str
    changes: bool
    before: int
    after: int
    added: tuple[Any, ...]
    removed: tuple[Any, ...]
    error: str

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def rows_of(answer: abc.Mapping[str, Any]) -> Rows:
    """Return the rows of an answer, or its yes or no as one."""
    rows = answer.get("results", {}).get("bindings", [answer.get("boolean")])
    return Counter(orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode() for row in rows)


def changed(query: str, before: Rows, after: Rows, errors: tuple[str, str] = ("", "")) -> Changed:
    """Return what becomes of a query between two answers.

    >>> one, two = ({"results": {"bindings": [{"n": {"value": v}}]}} for v in "12")
    >>> changed("q", rows_of(one), rows_of(two)).added
    ({'n': '2'},)
    """
    return Changed(
        query,
        before != after or errors[0] != errors[1],
        before.total(),
        after.total(),
        _few(after - before),
        _few(before - after),
        errors[1],
    )


def _few(rows: Rows) -> tuple[Any, ...]:
    return tuple(_shown(orjson.loads(row)) for row in sorted(rows.elements())[:ROWS_SHOWN])


def _shown(row: Any) -> Any:
    if not isinstance(row, dict):
        return row
    return {name: shorten(str(term["value"])) for name, term in row.items()}
