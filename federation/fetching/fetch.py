"""What fetching shares: for whom and until when, what came back, what was lost.

In: single sub-queries to single members. Out: ``Fetched``: parts for the evaluator, each source's
outcome, the plan as it was carried out, and the losses from which the status is judged.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from federation.evaluation.evaluate import Evaluated, Evaluators, Part, Task
from federation.members.plain import PlainEndpoints
from federation.members.pool import NTRIPLES, Identity, Member, MemberPool, Reply
from federation.members.subquery import Malformed, SubQuery, as_quads
from federation.members.summaries import Known
from federation.parsing.blocks import Leaf
from federation.report import Loss, Report, Source, Status, Step
from kgnode.settings import Settings

_SHARE_OF_TIME = 0.7
"""Of the time left, for one round; the rest is for those after it and for the evaluation."""


@dataclass(frozen=True)
class Scope:
    """For whom, until when, and over which graphs members are asked."""

    pool: MemberPool
    plain: PlainEndpoints
    identity: Identity
    deadline: float
    dataset: tuple[tuple[str, ...], tuple[str, ...]]
    settings: Settings
    start: float = field(default_factory=time.monotonic)
    barred: dict[str, str] = field(default_factory=dict)
    """Members that are not asked, and why: what they would say rests on something else."""

    @property
    def narrowed(self) -> bool:
        """True when the request or the query names graphs."""
        return bool(self.dataset[0] or self.dataset[1])

    def until(self) -> float:
        """Return the moment until which one round may take: most of what is left, not all."""
        now = time.monotonic()
        return now + max(0.05, (self.deadline - now) * _SHARE_OF_TIME)


@dataclass
class Fetched:
    """What came back, and what it rests on."""

    dataset: tuple[tuple[str, ...], tuple[str, ...]]
    parts: list[Part] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    feeds: dict[str, dict[Leaf, None]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    rounds: int = 0
    triples: int = 0
    bytes: int = 0

    @property
    def narrowed(self) -> bool:
        """True when the request or the query names graphs."""
        return bool(self.dataset[0] or self.dataset[1])

    def keep(self, part: Part) -> None:
        """Keep triples for the evaluator."""
        self.parts.append(part)
        self.triples += part.body.count(b"\n")
        self.bytes += len(part.body)

    def take(self, query: SubQuery, reply: Reply) -> Reply:
        """Keep a reply's triples; the reply comes back as a protocol error if they are none."""
        try:
            if query.accept == NTRIPLES:
                kind, body = "nt", reply.body
                if b"_:" in body and any(part[:2] == b"_:" for part in body.split()):
                    raise Malformed("a blank node that was not skolemised")
            else:
                kind, body = "trig", as_quads(reply.body, query.patterns[0])
        except Malformed as error:
            return replace(reply, outcome="protocol", detail=str(error), body=b"")
        if body.strip():
            self.keep(Part(reply.member, kind, body))
        return reply

    async def evaluate(self, task: Task, evaluators: Evaluators, deadline: float) -> Evaluated:
        """Carry out a task, again without a member whose triples are ill-formed."""
        while True:
            done = await evaluators.evaluate(task, self.parts, deadline)
            if done.faulty is None:
                return done
            self.drop(done.faulty)

    def note(self, reply: Reply, leaves: Sequence[Leaf], rows: int = 0) -> None:
        """Count a reply in; the patterns it was for are lost if it is not usable."""
        source = self.sources.setdefault(reply.member, Source(reply.member))
        source.add(reply, rows)
        fed = self.feeds.setdefault(reply.member, {})
        fed.update(dict.fromkeys(leaves))
        if not reply.ok:
            self.lose(reply.member, leaves)

    def lose(self, member: str, leaves: Iterable[Leaf]) -> None:
        """Count patterns as lost at a member."""
        outcome = self.sources[member].outcome
        self.losses += [Loss(member, outcome, str(leaf), leaf.sensitive) for leaf in leaves]

    def drop(self, member: str) -> None:
        """Take out the triples of a member that sent something ill-formed."""
        self.parts = [part for part in self.parts if part.source != member]
        source = self.sources[member]
        source.outcome, source.detail = "protocol", "the triples are ill-formed"
        self.lose(member, self.feeds.get(member, ()))

    def stale(self, known: Mapping[str, Known]) -> frozenset[str]:
        """Members whose data is newer than the summary the plan was made from.

        Where graphs are named, versions are of those graphs: they must only be the same throughout.
        """
        found = set()
        for member, source in self.sources.items():
            summary = known[member].summary
            newer = summary and not self.narrowed and source.version != summary.version
            if source.outcome == "ok" and (newer or source.mixed):
                self.outdated(member, self.feeds.get(member, ()))
                found.add(member)
        return frozenset(found)

    def outdated(self, member: str, leaves: Iterable[Leaf]) -> None:
        """Count a member as one that published while the query ran."""
        source = self.sources.setdefault(member, Source(member))
        source.outcome, source.detail = "stale", "it published while it was asked"
        self.lose(member, leaves)

    def report(self, status: Status, reason: str, milliseconds: float) -> Report:
        """Return the report."""
        return Report(
            status,
            reason,
            tuple(self.steps),
            tuple(self.sources.values()),
            self.rounds,
            milliseconds,
            tuple(self.notes),
        )


async def request(
    member: Member, query: SubQuery, scope: Scope, fetched: Fetched, until: float
) -> Reply:
    """Send one sub-query within the time and the bytes that are left."""
    if member.id in scope.barred:
        return Reply(member.id, "protocol", detail=scope.barred[member.id])
    default, named = scope.dataset
    if member.plain:
        most = max(1, scope.settings.query_max_bytes - fetched.bytes)
        return await scope.plain.fetch(
            member, scope.identity, query, scope.dataset, min(until, scope.deadline), most
        )
    return await scope.pool.query(
        member,
        scope.identity,
        query.text,
        query.accept,
        min(until, scope.deadline),
        default_graphs=default,
        named_graphs=named,
        max_bytes=max(1, scope.settings.query_max_bytes - fetched.bytes),
    )
