"""One document asked of every member at once, as one caller.

In: a path of a node, such as ``/catalogue``. Out: per member the parsed document or how it failed,
as the pages show it: ``{"id", "name", "outcome", "detail", "milliseconds"}``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from federation.members.pool import JSON, Identity, Member, MemberPool, Reply

_SECONDS = 8.0
_MOST_BYTES = 8 << 20


@dataclass(frozen=True)
class Told:
    """What one member told: ``document`` is None where it failed or knows nothing."""

    member: Member
    outcome: str
    detail: str
    milliseconds: float
    document: Any = None

    def source(self) -> dict[str, Any]:
        """Return how the member answered."""
        return {
            "id": self.member.id,
            "name": self.member.name,
            "outcome": self.outcome,
            "detail": self.detail,
            "milliseconds": round(self.milliseconds, 1),
        }


async def ask_all(
    pool: MemberPool,
    members: Iterable[Member],
    identity: Identity,
    path: str,
    *,
    known_by_few: bool = False,
) -> list[Told]:
    """Ask every member that has a node for the document at a path.

    With ``known_by_few``, HTTP status 404 is an answer: that member knows nothing of it. Plain
    SPARQL endpoints have no such documents and are left out.
    """
    deadline = time.monotonic() + _SECONDS
    nodes = [member for member in members if not member.plain]
    replies = await asyncio.gather(
        *(
            pool.ask(member, identity, "GET", path, JSON, deadline, max_bytes=_MOST_BYTES)
            for member in nodes
        )
    )
    pairs = zip(nodes, replies, strict=True)
    return [_read(member, reply, known_by_few) for member, reply in pairs]


def _read(member: Member, reply: Reply, known_by_few: bool) -> Told:
    if known_by_few and reply.status == 404:
        return Told(member, "ok", "knows nothing of it", reply.milliseconds)
    if not reply.ok:
        return Told(member, reply.outcome, reply.detail, reply.milliseconds)
    try:
        document = orjson.loads(reply.body)
    except ValueError:
        return Told(member, "protocol", "answered what is no JSON", reply.milliseconds)
    return Told(member, "ok", "", reply.milliseconds, document)


def malformed(told: Told, what: str) -> Told:
    """Return the same as a breach of the protocol: the document is no ``what``."""
    return Told(told.member, "protocol", f"its answer is no {what}", told.milliseconds)
