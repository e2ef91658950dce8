"""Counts over one pattern with triples at several members: counted there, doubles taken out.

In: a query with one pattern and COUNT, MIN or MAX, and which subjects of it members share. Out:
what to ask: each host its own counts, and the matches of the shared subjects; and how the counts
and the matches that came more than once become the answer. Every triple at two members has its
subject at both, so no other match can have been counted twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from federation.members.pool import TSV
from federation.members.subquery import SubQuery
from federation.parsing.algebra import Expression, Filter, Join, Node, Select, Triple
from federation.parsing.blocks import portable

MOST_SHARED = 2000
"""With more shared subjects than this, the triples are fetched instead."""

_DOUBLE = "?gridspine_a"


@dataclass(frozen=True)
class Replicas:
    """How to take back what was counted more than once."""

    triple: Triple
    prologue: str
    where_text: str
    taken_back: str
    group: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The variables of a match."""
        return tuple(sorted(self.triple.variables))

    def matches(self, subjects: Sequence[str]) -> SubQuery:
        """Return the query for the matches of some subjects at one member."""
        values = f"VALUES {self.triple.subject} {{ {' '.join(subjects)} }}"
        text = f"{self.prologue}\nSELECT {' '.join(self.columns)} "
        return SubQuery(f"{text}WHERE {{ {values} {self.where_text} }}", TSV, ())

    def also(self, rows: Iterable[Sequence[str]]) -> str:
        """Return what is united with the members' counts; ``rows`` are all members' matches."""
        counted = Counter(tuple(row) for row in rows)
        doubles = [f"({' '.join(row)})" for row, held in counted.items() for _ in range(held - 1)]
        if not doubles:
            return ""
        values = f"VALUES ({' '.join(self.columns)}) {{ {' '.join(doubles)} }}"
        return f"UNION {{ SELECT {self.taken_back} WHERE {{ {values} }} {self.group} }}"


def countable(query: Select) -> Triple | None:
    """Return the one pattern of a query whose matches can be counted so, None if there is none."""
    triples: list[Triple] = []
    if not _only(query.pattern, triples) or len(triples) != 1:
        return None
    (triple,) = triples
    keys = {p.variable for p in query.group_by if p.expression is None}
    plain = (
        isinstance(triple.predicate, str)
        and triple.graph is None
        and triple.subject[0] == "?"
        and query.grouped
        and not query.trailing_values
        and len(keys) == len(query.group_by)
        and keys <= triple.variables
    )
    return triple if plain else None


def replicas(query: Select, triple: Triple) -> Replicas | None:
    """Return how to take doubles back, None where an aggregate cannot be."""
    keys = [p.variable for p in query.group_by]
    parts = list(keys)
    for at, projection in enumerate(query.projection):
        if projection.expression is not None:
            made = _taken_back(projection.expression, f"{_DOUBLE}{at}")
            if made is None:
                return None
            parts.append(made)
    group = f"GROUP BY {' '.join(keys)}" if keys else ""
    return Replicas(triple, query.prologue, query.where_text, " ".join(parts), group)


def _taken_back(expression: Expression, name: str) -> str | None:
    """The part of doubles: a count less, the same least and greatest value; sums may round."""
    text = expression.text.strip()
    function = text.partition("(")[0].strip().upper()
    if function == "COUNT":
        return f"(0 - {text} AS {name})"
    return f"({text} AS {name})" if function in ("MIN", "MAX") else None


def _only(node: Node, found: list[Triple]) -> bool:
    """Collect the triples of a pattern of nothing but triples and plain filters."""
    match node:
        case Triple():
            found.append(node)
            return True
        case Join(parts):
            return all(_only(part, found) for part in parts)
        case Filter(expression, inner):
            return portable(expression) and _only(inner, found)
        case _:
            return False
