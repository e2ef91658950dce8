"""What each member holds, as far as one caller may see it.

In: ``/summary`` documents of members. Out: ``Summary`` values, cached per caller and member. Plans
are made from what is cached; ``check`` asks members (with the entity tag) whether it still holds,
but those whose lease says so. A
summary may over-state what could match, never under-state; without one, a member may hold anything.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

import orjson

from federation.members.leases import Lease, Leases
from federation.members.pool import JSON, Identity, Member, MemberPool, Reply

SKOLEM = "urn:gridspine:bnode:"
"""How the IRIs begin that stand for blank nodes at the members."""

_MAX_BYTES = 32 << 20
_KEPT = 20_000
_CHECK_SECONDS = 2.0
"""How long a member that a query leaves out may take to say that it did not change."""


@dataclass(frozen=True)
class Card:
    """One predicate or class: how many triples, and which authorities stand at either end."""

    count: int
    subjects: Mapping[str, int] = field(default_factory=dict)
    objects: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """One member's view for one caller; predicates and classes by IRI in brackets."""

    member: str
    version: str
    predicates: Mapping[str, Card]
    classes: Mapping[str, Card]
    graphs: frozenset[str] = frozenset()
    datasets: frozenset[str] = frozenset()

    @property
    def triples(self) -> int:
        """Triples in the view, counted over its predicates."""
        return sum(card.count for card in self.predicates.values())

    @property
    def blank_nodes(self) -> bool:
        """True when the view holds (skolemised) blank nodes."""
        return any(
            authority.startswith(SKOLEM)
            for card in self.predicates.values()
            for authority in (*card.subjects, *card.objects)
        )


@dataclass(frozen=True)
class Known:
    """A summary with how it came: ``reply`` is the last attempt, ``summary`` None if never had."""

    summary: Summary | None
    reply: Reply
    read_at: float = 0.0
    lease: Lease | None = field(default=None, compare=False)

    @property
    def sure_at(self) -> float:
        """The latest moment (monotonic) at which it is known to have been what the member held."""
        return self.read_at if self.lease is None else max(self.read_at, self.lease.used)


def parse(member: str, body: bytes) -> Summary:
    """Read a summary document.

    Raises:
        ValueError: it is not one.
    """
    document = orjson.loads(body)
    if not isinstance(document, dict) or not isinstance(document.get("predicates"), dict):
        raise ValueError("a summary without predicates")
    return Summary(
        member,
        str(document.get("version", "")),
        {f"<{iri}>": _card(card) for iri, card in document["predicates"].items()},
        {f"<{iri}>": _card(card) for iri, card in (document.get("classes") or {}).items()},
        frozenset(f"<{iri}>" for iri in document.get("graphs") or ()),
        frozenset(f"<{entry['iri']}>" for entry in document.get("datasets") or ()),
    )


def _card(document: object) -> Card:
    if not isinstance(document, dict):
        raise ValueError("a summary entry that is no object")
    ends = []
    for end in ("subjects", "objects"):
        numbers = document.get(end) or {}
        if not isinstance(numbers, dict):
            raise ValueError("authorities that are no object")
        ends.append({str(name): int(number) for name, number in numbers.items()})
    return Card(int(document.get("count", 0)), *ends)


class Summaries:
    """The summaries of all members, per caller."""

    def __init__(self, pool: MemberPool, leases: Leases | None = None) -> None:
        self._pool = pool
        self._leases = leases or Leases()
        self._kept: dict[tuple[str, str], Known] = {}

    async def of(
        self,
        members: Collection[Member],
        identity: Identity,
        deadline: float,
        *,
        renew: frozenset[str] = frozenset(),
    ) -> dict[str, Known]:
        """Return what is known of each member; those in ``renew`` are asked in any case."""
        if len(self._kept) > _KEPT:
            self._kept.clear()
        now = time.monotonic()
        limit = min(deadline, now + max(1.0, (deadline - now) / 3))
        return await self._told(
            members,
            identity,
            limit,
            lambda known: (
                known.reply.member not in renew and (known.reply.ok or known.summary is not None)
            ),
        )

    async def check(
        self, members: Collection[Member], identity: Identity, deadline: float, since: float
    ) -> dict[str, Known]:
        """Return what is known of members, each sure at ``since`` (monotonic) or later."""
        limit = min(deadline, time.monotonic() + _CHECK_SECONDS)
        hold = self._leases.hold
        return await self._told(
            members,
            identity,
            limit,
            lambda known: known.read_at >= since or (known.reply.ok and hold(known.lease)),
        )

    async def _told(
        self,
        members: Collection[Member],
        identity: Identity,
        limit: float,
        good: Callable[[Known], bool],
    ) -> dict[str, Known]:
        """Return what is known of members, those asked whose last word is not good enough."""
        found = {member.id: self._kept.get((identity.key, member.id)) for member in members}
        asked = [m for m in members if (known := found[m.id]) is None or not good(known)]
        told = await asyncio.gather(*(self._ask(member, identity, limit) for member in asked))
        found |= {known.reply.member: known for known in told}
        return {member: known for member, known in found.items() if known is not None}

    async def _ask(self, member: Member, identity: Identity, limit: float) -> Known:
        key = (identity.key, member.id)
        if member.plain:  # it tells nothing, and nothing changes in that
            self._kept[key] = Known(None, Reply(member.id, "ok"), math.inf)
            return self._kept[key]
        last = self._kept.get(key)
        leased = self._leases.headers(member)
        headers = dict(leased)
        if last is not None and last.summary is not None and last.reply.etag:
            headers["If-None-Match"] = last.reply.etag
        now = time.monotonic()
        reply = await self._pool.ask(
            member, identity, "GET", "/summary", JSON, limit, headers=headers, max_bytes=_MAX_BYTES
        )
        summary = last.summary if last is not None else None
        if reply.ok and not reply.unchanged:
            try:
                summary = parse(member.id, reply.body)
            except (ValueError, TypeError, KeyError) as error:
                reply = replace(reply, outcome="protocol", detail=f"summary: {error}")
        elif reply.outcome == "withheld":
            summary = None
        etag = reply.etag or (last.reply.etag if last is not None and reply.unchanged else "")
        lease = self._leases.take(member, leased, reply.lease) if reply.ok else None
        known = Known(summary, replace(reply, body=b"", etag=etag), now, lease)
        if last is not None and last.lease is not None:
            last.lease.let_go()
        self._kept[key] = known
        return known
