"""Path closure by frontier: from the known end of a path outwards, member by member.

In: a path pattern, the terms at its known end. Out: queries for single members, each for all that
its own triples reach from some terms; what comes back tells which terms to follow at the others. So
there are as many rounds as the path crosses from member to member, not as it has steps. More may be
fetched than the path matches (SPARQL 1.1 section 9.3), never less: each step of a match uses one of
the path's links in the direction it is walked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from federation.fetching.values import Values
from federation.members.pool import NTRIPLES
from federation.members.subquery import SubQuery
from federation.parsing.algebra import Path, Triple

MOST_STARTS = 200
"""From more terms than this, fetching all links is the cheaper way."""

_ANY = Triple("?gridspine_s", "?gridspine_p", "?gridspine_o")
Step = tuple[str, bool]


@dataclass
class Frontier:
    """The state of following one path from one of its ends."""

    steps: frozenset[Step]
    reached: set[str]
    closed: dict[str, set[str]] = field(default_factory=dict)

    def next(self, member: str, held: Callable[[list[str]], list[str]]) -> list[str]:
        """Return the terms that a member has still to be asked for."""
        done = self.closed.setdefault(member, set())
        wanted = held(sorted(self.reached - done))
        done |= self.reached
        return wanted

    def query(self, starts: Sequence[str]) -> SubQuery:
        """Return the query for all that a member's own triples reach from some terms."""
        walk = "|".join(sorted(iri if forward else f"^{iri}" for iri, forward in self.steps))
        template, branches = [], []
        for at, (iri, forward) in enumerate(sorted(self.steps)):
            ends = ("?x", f"?y{at}") if forward else (f"?y{at}", "?x")
            template.append(f"{ends[0]} {iri} {ends[1]} .")
            branches.append(f"{{ {ends[0]} {iri} {ends[1]} }}")
        inner = f"SELECT DISTINCT ?x WHERE {{ VALUES ?s {{ {' '.join(starts)} }} ?s ({walk})* ?x }}"
        text = (
            f"CONSTRUCT {{ {' '.join(template)} }} "
            f"WHERE {{ {{ {inner} }} {' UNION '.join(branches)} }}"
        )
        return SubQuery(text, NTRIPLES, (_ANY,))

    def learn(self, member: str, body: bytes) -> None:
        """Take in what a member's triples reach; there it is closed already.

        Raises:
            Malformed: the body is no triples.
        """
        values = Values(("?gridspine_s", "?gridspine_o"))
        values.add_triples(body, (_ANY,))
        found = {term for terms in values.sets.values() for term in terms if term[0] == "<"}
        self.reached |= found
        self.closed.setdefault(member, set()).update(found)


def walkable(triple: Triple) -> bool:
    """True for a path of links on the default graph that goes on for an unknown length."""
    path = triple.predicate
    if not isinstance(path, Path) or path.negations() or triple.graph is not None:
        return False
    return _endless(path)


def from_subject(triple: Triple, starts: Iterable[str]) -> Frontier:
    """Return the frontier that starts at a path's subject."""
    return Frontier(_steps(triple, forward=True), set(starts))


def from_object(triple: Triple, starts: Iterable[str]) -> Frontier:
    """Return the frontier that starts at a path's object."""
    return Frontier(_steps(triple, forward=False), set(starts))


def _endless(path: Path) -> bool:
    return path.kind in ("star", "plus") or any(_endless(part) for part in path.parts)


def _steps(triple: Triple, *, forward: bool) -> frozenset[Step]:
    path = triple.predicate
    return frozenset(_links(path, forward)) if isinstance(path, Path) else frozenset()


def _links(path: Path, forward: bool) -> Iterable[Step]:
    if path.kind == "link":
        yield path.iri, forward
    for part in path.parts:
        yield from _links(part, forward is not (path.kind == "inverse"))
