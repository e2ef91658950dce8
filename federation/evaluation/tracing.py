"""Which members each row of an answer came from (``source=1``), worked out in the evaluator.

In: a store with all that was fetched, each part with its member, the query, its patterns. Out: the
answer's rows with one more column, ``source``: the ids of the members that gave a triple which one
of the query's patterns matches in a solution behind the row, in order, with blanks between them. A
pattern of MINUS or NOT EXISTS adds nothing. A path, a subquery and an EXISTS count as a whole:
every member that gave triples for them. Rows that look the same name the same members.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import pyoxigraph as ox

_MEMBER = "urn:gridspine:member:"

Row = tuple[Any, ...]


class Holders:
    """Who gave which triple."""

    def __init__(self) -> None:
        self._store = ox.Store()

    def add(self, member: str, quads: Iterable[ox.Quad]) -> None:
        """Keep a member's triples."""
        graph = ox.NamedNode(_MEMBER + member)
        self._store.extend(ox.Quad(q.subject, q.predicate, q.object, graph) for q in quads)

    def of(self, subject: Any, predicate: Any, object_: Any) -> set[str]:
        """Return the members with a triple; None is any term."""
        found = self._store.quads_for_pattern(subject, predicate, object_, None)
        return {str(quad.graph_name)[1:-1].removeprefix(_MEMBER) for quad in found}


def sources(
    solutions: ox.QuerySolutions,
    columns: Sequence[str],
    patterns: Sequence[dict[str, Any]],
    holders: Holders,
) -> dict[Row, set[str]]:
    """Return the members behind each row, by the row's values in some columns."""
    always: set[str] = set()
    traced = []
    for pattern in patterns:
        if pattern["whole"]:
            for predicate in pattern["predicates"]:
                always |= holders.of(None, _fixed(predicate), None)
        else:
            traced.append([_place(term) for term in pattern["terms"]])
    names = {variable.value for variable in solutions.variables}
    found: dict[Row, set[str]] = defaultdict(set)
    seen: dict[tuple[Any, ...], set[str]] = {}
    for solution in solutions:
        row = tuple(solution[c[1:]] if c[1:] in names else None for c in columns)
        behind = found[row]
        behind |= always
        for places in traced:
            terms = tuple(_bound(place, solution, names) for place in places)
            if _UNBOUND in terms:
                continue
            if terms not in seen:
                seen[terms] = holders.of(*terms)
            behind |= seen[terms]
    return found


_UNBOUND = object()


def _place(term: str) -> Any:
    """A variable's name, None for one that the query does not name, or a term."""
    if term.startswith("?gridspine_"):
        return None
    return term[1:] if term[0] == "?" else _fixed(term)


def _bound(place: Any, solution: Any, names: set[str]) -> Any:
    if not isinstance(place, str):
        return place
    value = solution[place] if place in names else None
    return _UNBOUND if value is None else value


def _fixed(term: str) -> Any:
    """Return a term as the store gives it back, None for any."""
    if not term:
        return None
    store = ox.Store()
    store.load(f"<urn:s> <urn:p> {term} .".encode(), format=ox.RdfFormat.TURTLE)
    return next(iter(store)).object


def table(answer: ox.QuerySolutions, columns: Sequence[str], found: dict[Row, set[str]]) -> bytes:
    """Return the answer's rows as TSV with the column of sources."""
    names = [variable.value for variable in answer.variables]
    lines = ["\t".join([*(f"?{name}" for name in names), "?source"])]
    for solution in answer:
        row = tuple(solution[c[1:]] for c in columns)
        cells = ["" if solution[name] is None else str(solution[name]) for name in names]
        members = str(ox.Literal(" ".join(sorted(found.get(row, ())))))
        lines.append("\t".join([*cells, members]))
    return ("\n".join(lines) + "\n").encode()
