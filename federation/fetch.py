"""Fetches, from each member that can contribute, the triples that a query can use.

In: the algebra, the summaries, a scope (pool, identity, deadline, dataset). Out: ``Fetched``: parts
for the evaluator, the plan as it was carried out, each source's outcome, and what was lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from federation.algebra import Graph, Select, Triple, walk_query
from federation.evaluate import Part
from federation.leaves import Leaf, leaves
from federation.members import NTRIPLES, Identity, Member, MemberPool, Reply
from federation.report import Loss, Report, Source, Status, Step
from federation.sources import Choice, choose
from federation.subquery import Malformed, SubQuery, as_quads, compose, widened
from federation.summaries import Known
from kgnode.settings import Settings

EVERYTHING = Triple("?s", "?p", "?o")
EVERYTHING_NAMED = Triple("?s", "?p", "?o", "?g")


@dataclass(frozen=True)
class Scope:
    """For whom, until when, and over which graphs members are asked."""

    pool: MemberPool
    identity: Identity
    deadline: float
    dataset: tuple[tuple[str, ...], tuple[str, ...]]
    settings: Settings

    @property
    def narrowed(self) -> bool:
        """True when the request or the query names graphs."""
        return bool(self.dataset[0] or self.dataset[1])


@dataclass
class Fetched:
    """What came back, and what it rests on."""

    dataset: tuple[tuple[str, ...], tuple[str, ...]]
    parts: list[Part] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    feeds: dict[str, list[Leaf]] = field(default_factory=dict)
    rounds: int = 0
    uses_graphs: bool = False

    @property
    def narrowed(self) -> bool:
        """True when the request or the query names graphs."""
        return bool(self.dataset[0] or self.dataset[1])

    def note(self, reply: Reply, rows: int = 0) -> None:
        """Count a reply in; what it fed is lost if it is not usable."""
        source = self.sources.setdefault(reply.member, Source(reply.member))
        source.add(reply, rows)
        if not reply.ok:
            self.lose(reply.member)

    def lose(self, member: str) -> None:
        """Mark everything that a member feeds as lost."""
        outcome = self.sources[member].outcome
        for leaf in self.feeds.get(member, ()):
            self.losses.append(Loss(member, outcome, str(leaf.triple), leaf.sensitive))

    def drop(self, member: str) -> None:
        """Take out the triples of a member that sent something ill-formed."""
        self.parts = [part for part in self.parts if part.source != member]
        source = self.sources[member]
        source.outcome, source.detail = "protocol", "the triples are ill-formed"
        self.lose(member)

    def stale(self, known: Mapping[str, Known]) -> frozenset[str]:
        """Members whose data is newer than the summary the plan was made from."""
        if self.narrowed:
            return frozenset()
        found = set()
        for member, source in self.sources.items():
            summary = known[member].summary
            if source.outcome == "ok" and summary and source.version != summary.version:
                source.outcome, source.detail = "stale", "it published while it was asked"
                self.lose(member)
                found.add(member)
        return frozenset(found)

    def report(self, status: Status, reason: str, milliseconds: float) -> Report:
        """Return the report."""
        return Report(
            status,
            reason,
            tuple(self.steps),
            tuple(self.sources.values()),
            self.rounds,
            milliseconds,
        )


async def fetch(
    query: Select | None,
    known: Mapping[str, Known],
    members: Mapping[str, Member],
    scope: Scope,
) -> Fetched:
    """Fetch all matches of every pattern, from all members at once."""
    fetched = Fetched(scope.dataset)
    if query is None:
        wanted = [Leaf(EVERYTHING, "a part that is not followed")]
        wanted.append(Leaf(EVERYTHING_NAMED, "a part that is not followed"))
        fetched.uses_graphs = True
    else:
        wanted = list(leaves(query))
        fetched.uses_graphs = any(isinstance(node, Graph) for node in walk_query(query))
        if query.form == "DESCRIBE":
            wanted.append(Leaf(EVERYTHING))
    per_member: dict[str, list[Triple]] = {}
    for leaf in wanted:
        choices = choose(leaf.triple, known, narrowed=scope.narrowed)
        fetched.steps.append(_step(leaf, choices))
        for choice in choices:
            if choice.taken:
                per_member.setdefault(choice.member, []).extend(widened(leaf.triple))
                fetched.feeds.setdefault(choice.member, []).append(leaf)
    await asyncio.gather(
        *(_from(members[m], compose(triples), scope, fetched) for m, triples in per_member.items())
    )
    fetched.rounds = 1
    return fetched


def _step(leaf: Leaf, choices: Iterable[Choice]) -> Step:
    taken = tuple((c.member, c.why) for c in choices if c.taken)
    left = tuple((c.member, c.why) for c in choices if not c.taken)
    return Step(str(leaf.triple), "fragment", taken, left)


async def _from(
    member: Member, queries: Iterable[SubQuery], scope: Scope, fetched: Fetched
) -> None:
    await asyncio.gather(*(_one(member, query, scope, fetched) for query in queries))


async def _one(member: Member, query: SubQuery, scope: Scope, fetched: Fetched) -> None:
    default, named = scope.dataset
    reply = await scope.pool.query(
        member,
        scope.identity,
        query.text,
        query.accept,
        scope.deadline,
        default_graphs=default,
        named_graphs=named,
    )
    if reply.ok:
        try:
            kind = "nt" if query.accept == NTRIPLES else "trig"
            body = reply.body if kind == "nt" else as_quads(reply.body, query.patterns[0])
            if body:
                fetched.parts.append(Part(member.id, kind, body))
        except Malformed as error:
            reply = replace(reply, outcome="protocol", detail=str(error))
    fetched.note(reply, rows=reply.body.count(b"\n"))
