"""One federated query from text to answer: parse, choose sources, plan, fetch, evaluate, report.

In: a query, for whom it is asked, the federation. Out: a ``FederatedAnswer`` with status and
report. An answer that is not complete is an error with its report, unless partial is allowed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from federation.algebra import Select
from federation.evaluate import Evaluators
from federation.fetch import Fetched, Scope, fetch
from federation.members import Identity, Member, MemberPool
from federation.report import Report, Status, judge
from federation.spelling import Unread
from federation.summaries import Known, Summaries
from federation.syntax import read
from kgnode.errors import NotComplete
from kgnode.query.guard import guard
from kgnode.query.parse import ParsedQuery, parse
from kgnode.query.serialise import engine_format, negotiate
from kgnode.settings import Settings, load_settings

_ATTEMPTS = 3


@dataclass
class Federation:
    """All that answering needs; one per process and event loop."""

    members: Mapping[str, Member]
    pool: MemberPool
    summaries: Summaries
    evaluators: Evaluators
    settings: Settings = field(default_factory=load_settings)

    @classmethod
    def of(cls, members: Sequence[Member], settings: Settings | None = None) -> Federation:
        """Return a federation of these members."""
        settings = settings or load_settings()
        pool = MemberPool(answer_bytes=settings.query_max_bytes)
        return cls(
            {member.id: member for member in members if member.active},
            pool,
            Summaries(pool, settings.federation_summary_seconds),
            Evaluators(settings.federation_evaluators, max_bytes=settings.query_max_bytes),
            settings,
        )

    async def close(self) -> None:
        """End the evaluators and close the connections."""
        self.pool.close()
        await self.evaluators.close()


@dataclass(frozen=True)
class Ask:
    """One request to the federation."""

    text: str
    identity: Identity = field(default_factory=Identity)
    accept: str | None = None
    partial: bool = False
    timeout_seconds: float | None = None
    default_graphs: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()


@dataclass(frozen=True)
class FederatedAnswer:
    """A serialised answer with what it rests on."""

    status: Status
    report: Report
    media_type: str
    body: bytes


async def answer(ask: Ask, federation: Federation) -> FederatedAnswer:
    """Answer one query over all members.

    Raises:
        MalformedQuery, RefusedQuery, NotAcceptable: as one node would.
        NotComplete: sources were lost and partial answers were not allowed.
        Deadline, ResultTooLarge, Overloaded: it takes too much.
    """
    start = time.monotonic()
    parsed = parse(ask.text)
    guard(parsed)
    media_type = negotiate(ask.accept, parsed.form)
    allowed = federation.settings.federation_timeout_seconds
    deadline = start + min(allowed, ask.timeout_seconds or allowed)
    query = read_query(parsed)
    scope = Scope(
        federation.pool, ask.identity, deadline, _dataset(ask, parsed), federation.settings
    )
    renew: frozenset[str] = frozenset()
    for attempt in range(1, _ATTEMPTS + 1):
        known = await federation.summaries.of(
            federation.members.values(), ask.identity, deadline, renew=renew
        )
        fetched = await fetch(query, known, federation.members, scope)
        stale = fetched.stale(known)
        if not stale or attempt == _ATTEMPTS:
            break
        renew = stale
    body = await _evaluate(parsed, query, fetched, known, media_type, federation, deadline)
    status, reason = judge(fetched.losses, {m.id: m.name for m in federation.members.values()})
    report = fetched.report(status, reason, (time.monotonic() - start) * 1000)
    if status != "complete" and not ask.partial:
        raise NotComplete(
            reason,
            hint="Ask again later, or allow a partial answer with partial=allow.",
            detail={"report": report.to_json(), "answer_status": status},
        )
    return FederatedAnswer(status, report, media_type, body)


def read_query(parsed: ParsedQuery) -> Select | None:
    """Return the algebra, or None where the query is not followed and everything is fetched."""
    if parsed.doubtful:
        return None
    try:
        return read(parsed.tree.root_node, parsed.text.encode())
    except (Unread, RecursionError):
        return None


def _dataset(ask: Ask, parsed: ParsedQuery) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The protocol's graphs win over the query's (SPARQL 1.1 Protocol section 2.1.4)."""
    if ask.default_graphs or ask.named_graphs:
        return ask.default_graphs, ask.named_graphs
    return parsed.from_default, parsed.from_named


async def _evaluate(
    parsed: ParsedQuery,
    query: Select | None,
    fetched: Fetched,
    known: Mapping[str, Known],
    media_type: str,
    federation: Federation,
    deadline: float,
) -> bytes:
    graphs = sorted(_graphs(known, fetched)) if query is None or fetched.uses_graphs else []
    while True:
        done = await federation.evaluators.evaluate(
            parsed.without_dataset(),
            fetched.parts,
            graphs,
            engine_format(media_type, parsed.form),
            deadline,
        )
        if done.faulty is None:
            return done.body
        fetched.drop(done.faulty)


def _graphs(known: Mapping[str, Known], fetched: Fetched) -> set[str]:
    """The names that GRAPH can range over: those of the dataset, as far as a member has them."""
    named = {iri[1:-1] for entry in known.values() if entry.summary for iri in entry.summary.graphs}
    if fetched.narrowed:
        return named & set(fetched.dataset[1])
    return named
