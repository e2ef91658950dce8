"""One federated query from text to answer: parse, choose sources, plan, fetch, evaluate, report.

In: a query, for whom it is asked, the federation. Out: a ``FederatedAnswer`` with status and
report. An answer that is not complete is an error with its report, unless partial is allowed.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import datetime

from federation.evaluation.sourced import check
from federation.fetching.fetch import Scope
from federation.members.pool import Identity
from federation.parsing.algebra import Select
from federation.parsing.spelling import Unread
from federation.parsing.syntax import read
from federation.report import Report, Status, judge
from federation.run import Federation as Federation
from federation.run import Run
from kgnode.errors import NotComplete
from kgnode.query.guard import guard
from kgnode.query.parse import ParsedQuery, parse
from kgnode.query.serialise import negotiate

_ATTEMPTS = 3


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
    at: datetime | None = None
    mappings: tuple[str, ...] = ()
    sources: bool = False
    """True where each row is to say which members it came from, in a column ``source``."""
    streamed: bool = False
    """True where a large answer with nothing to join may be passed on while it comes."""


@dataclass(frozen=True)
class FederatedAnswer:
    """A serialised answer with what it rests on.

    Where it is ``streamed``, ``rest`` yields it and ``final`` gives the report after that.
    """

    status: Status
    report: Report
    media_type: str
    body: bytes
    rest: AsyncGenerator[bytes, None] | None = None
    final: Callable[[], Report] | None = None


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
    query = read_query(parsed)
    if ask.sources:
        check(query)
    media_type = negotiate(ask.accept, parsed.form)
    allowed = federation.settings.federation_timeout_seconds
    deadline = start + min(allowed, ask.timeout_seconds or allowed)
    identity = ask.identity.viewing(ask.at, ask.mappings)
    scope = Scope(
        federation.pool,
        federation.plain,
        identity,
        deadline,
        _dataset(ask, parsed),
        federation.settings,
    )
    renew: frozenset[str] = frozenset()
    for attempt in range(1, _ATTEMPTS + 1):
        streamed = ask.streamed and attempt == 1
        run = Run(parsed, query, media_type, federation, scope, ask.sources, streamed)
        body = await run.carry_out(renew)
        renew = run.outdated()
        if not renew or attempt == _ATTEMPTS:
            break
        run.hang_up()
    fetched = run.fetched
    names = {member.id: member.name for member in federation.members.values()}
    yes = b"true" in body if parsed.form == "ASK" else None
    status, reason = judge(fetched.losses, names, yes)
    report = fetched.report(status, reason, (time.monotonic() - start) * 1000)
    if status != "complete" and not ask.partial:
        raise NotComplete(
            reason,
            hint="Ask again later, or allow a partial answer with partial=allow.",
            detail={"report": report.to_json(), "answer_status": status},
        )
    if run.relay is None:
        return FederatedAnswer(status, report, media_type, body)

    def final() -> Report:
        return fetched.report(status, reason, (time.monotonic() - start) * 1000)

    return FederatedAnswer(status, report, media_type, body, run.relay.pieces(), final)


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
