"""Which members can have matches for a pattern, and why.

In: a triple pattern and the members' summaries. Out: a ``Choice`` per member, taken or left with
the reason in words. A member without a summary is taken for everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from federation.members.plain import ROWS_EXPECTED
from federation.members.summaries import Card, Known, Summary
from federation.parsing.algebra import Path, Triple
from federation.parsing.spelling import RDF_TYPE
from kgnode.names import authority


@dataclass(frozen=True)
class Choice:
    """One member for one pattern."""

    member: str
    taken: bool
    why: str
    count: int = 0


def choose(
    triple: Triple,
    known: Mapping[str, Known],
    refused: Mapping[str, frozenset[Triple]] = MappingProxyType({}),
    *,
    narrowed: bool = False,
) -> tuple[Choice, ...]:
    """Return the choice for each member; a narrowed dataset may hold what no summary counts.

    ``refused`` has the plain endpoints, with the patterns they said to have no match for.
    """
    if narrowed:
        return tuple(Choice(member, True, "the query names its graphs") for member in known)
    return tuple(
        _judge_plain(triple, member, refused[member])
        if member in refused
        else _judge(triple, member, entry.summary)
        for member, entry in known.items()
    )


def _judge_plain(triple: Triple, member: str, refused: frozenset[Triple]) -> Choice:
    if triple in refused:
        return Choice(member, False, "says it has no match")
    return Choice(member, True, "a plain endpoint", ROWS_EXPECTED)


def _judge(triple: Triple, member: str, summary: Summary | None) -> Choice:
    if summary is None:
        return Choice(member, True, "no summary")
    if triple.graph is not None and triple.graph[0] == "<" and triple.graph not in summary.graphs:
        return Choice(member, False, "has no such graph")
    if isinstance(triple.predicate, Path):
        return _judge_path(triple, triple.predicate, member, summary)
    if triple.predicate[0] == "?":
        cards = [c for c in summary.predicates.values() if _ends_fit(triple, c)]
        if not cards:
            return Choice(member, False, "no predicate fits")
        return Choice(member, True, "any predicate", sum(c.count for c in cards))
    card = summary.predicates.get(triple.predicate)
    if card is None:
        return Choice(member, False, "has no such predicate")
    if triple.predicate == RDF_TYPE and triple.object[0] == "<":
        card = summary.classes.get(triple.object)
        if card is None:
            return Choice(member, False, "has no such class")
        if not _fits(triple.subject, card.subjects):
            return Choice(member, False, "no such subject of that class")
        return Choice(member, True, "class", card.count)
    if not _ends_fit(triple, card):
        return Choice(member, False, "no such term at that predicate")
    return Choice(member, True, "predicate", card.count)


def _judge_path(triple: Triple, path: Path, member: str, summary: Summary) -> Choice:
    if path.may_be_empty() or path.negations():
        return Choice(member, True, "the path can match anything", summary.triples)
    cards = [summary.predicates[link] for link in path.links() if link in summary.predicates]
    if not cards:
        return Choice(member, False, "has no predicate of the path")
    return Choice(member, True, "predicates of the path", sum(c.count for c in cards))


def _ends_fit(triple: Triple, card: Card) -> bool:
    return _fits(triple.subject, card.subjects) and _fits(triple.object, card.objects)


def _fits(term: str, authorities: Mapping[str, int]) -> bool:
    if term[0] == "?" or not authorities:
        return True
    if term[0] == "<":
        return authority(term[1:-1]) in authorities
    return "literal" in authorities
