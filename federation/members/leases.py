"""The leases that members gave this gateway: what it may take for unchanged without asking.

In: members, and the numbers that come with their summaries. Out: whether what a caller was told
still holds. A session to each member is kept by one hanging request, for all callers; the answer
says which leases are called back. A session holds for as long as the member said, less a margin,
counted by this machine's clock from before the request that the member has answered was sent. A
member without leases, or that does not answer, is asked for its version, as ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from federation.members.http import BrokenAnswer, HttpPool, Response, TooLarge, Unreachable
from federation.members.pool import Member
from kgnode.leases import HEADER, LONGEST_SECONDS

Proof = Callable[[Member], str]
"""Makes the actor token by which a member knows this gateway."""

MARGIN = 0.9
"""Clocks of two machines may differ in speed by a tenth."""
IDLE_SECONDS = 60.0
"""Leases that no query asked about for so long are given back."""
_AGAIN_SECONDS = 0.5
_REFUSED_SECONDS = 60.0
_MAX_BYTES = 1 << 20
_MOST_AHEAD = 4096
_MOST_DROPPED = 4096
_CONNECTIONS = 1 << 20
"""To one host: many members may be behind it, and each session's request hangs there."""


_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def elapsed() -> float:
    """Seconds that go on while the machine sleeps, where it has such a clock."""
    return time.clock_gettime(_CLOCK)


@dataclass
class Session:
    """One member's session: its leases count until ``until``, unless called back."""

    name: str
    until: float
    leases: dict[int, Lease] = field(default_factory=dict)
    ahead: set[int] = field(default_factory=set)
    """Numbers called back before the answer that brings them."""
    dropped: list[int] = field(default_factory=list)
    heard: int = 0

    def call_back(self, numbers: list[int]) -> None:
        """Take nothing for known that rests on these."""
        for number in numbers:
            lease = self.leases.pop(number, None)
            if lease is None:
                self.ahead.add(number)
            else:
                lease.good = False
        if len(self.ahead) > _MOST_AHEAD:  # no member has so many answers under way
            raise BrokenAnswer("it calls back what it never gave")

    def end(self) -> None:
        """Take nothing for known any more."""
        self.until = float("-inf")
        for lease in self.leases.values():
            lease.good = False
        self.leases.clear()


@dataclass
class Lease:
    """A member's word that a caller's summary stays as it is; ``used`` when it last counted."""

    session: Session
    number: int
    used: float
    good: bool = True

    def let_go(self) -> None:
        """Give it back with the session's next request."""
        if self.good and self.session.leases.pop(self.number, None) is not None:
            self.good = False
            self.session.dropped.append(self.number)


class Leases:
    """All sessions of one gateway process; used by one event loop.

    Args:
        proof: proves this gateway to a member; None where it has no identity, and so no leases.
        clock: seconds, never slower than the members' clocks but for the margin.
    """

    def __init__(self, proof: Proof | None = None, clock: Callable[[], float] = elapsed) -> None:
        self._proof, self._clock = proof, clock
        self._http = HttpPool(_CONNECTIONS)
        self._sessions: dict[tuple[str, str], Session] = {}
        self._keeping: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._not_before: dict[tuple[str, str], float] = {}

    def headers(self, member: Member) -> dict[str, str]:
        """Return what to ask a summary with, so that it comes with a lease."""
        place = (member.id, member.node)
        session = self._sessions.get(place)
        if session is not None and session.until > self._clock():
            return {HEADER: session.name}
        if (
            self._proof is not None
            and place not in self._keeping
            and self._not_before.get(place, 0.0) <= self._clock()
        ):
            self._keeping[place] = asyncio.ensure_future(self._keep(member, place, self._proof))
        return {}

    def take(self, member: Member, asked: dict[str, str], given: str) -> Lease | None:
        """Return the lease that came with an answer; None if there is none, or no longer."""
        session = self._sessions.get((member.id, member.node))
        if session is None or session.name != asked.get(HEADER):
            return None
        if session.until <= self._clock():
            return None
        if not (given.isascii() and given.isdigit() and len(given) <= 15):
            return None
        number = int(given)
        if number in session.ahead:
            session.ahead.discard(number)
            return None
        lease = session.leases[number] = Lease(session, number, time.monotonic())
        return lease

    def hold(self, lease: Lease | None) -> bool:
        """Tell whether a lease counts now, and note that it was of use."""
        if lease is None or not lease.good or lease.session.until <= self._clock():
            return False
        lease.used = time.monotonic()
        return True

    async def close(self) -> None:
        """Give all leases back, as far as members answer at once."""
        keeping = tuple(self._keeping.values())
        for task in keeping:
            task.cancel()
        held = [(place[1], one) for place, one in self._sessions.items()]
        self._sessions.clear()
        for _, one in held:
            one.end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await asyncio.gather(
                    *(self._say(node, one, over=True) for node, one in held),
                    return_exceptions=True,
                )
        await asyncio.gather(*keeping, return_exceptions=True)
        self._http.close()

    # keeping a session

    async def _keep(self, member: Member, place: tuple[str, str], proof: Proof) -> None:
        """Open a session and keep it while it is of use."""
        wait = _AGAIN_SECONDS
        session = None
        try:
            sent = self._clock()
            headers = {"Authorization": f"Bearer {proof(member)}"}
            answer = await self._post(member.node, "/leases", headers, b"", LONGEST_SECONDS)
            if answer.status != 200:
                wait = _REFUSED_SECONDS if answer.status != 503 else LONGEST_SECONDS / 6
                return
            told = _read(answer)
            seconds = min(LONGEST_SECONDS, max(0.0, float(told["seconds"])))
            session = Session(_name(told["session"]), sent + seconds * MARGIN)
            self._sessions[place] = session
            await self._renew(member.node, session, seconds)
        except (Unreachable, BrokenAnswer, TooLarge, TimeoutError):
            pass
        except (ValueError, KeyError, TypeError):
            wait = _REFUSED_SECONDS
        finally:
            if session is not None:
                session.end()
            self._sessions.pop(place, None)
            self._keeping.pop(place, None)
            self._not_before[place] = self._clock() + wait

    async def _renew(self, node: str, session: Session, seconds: float) -> None:
        """Renew a session again and again; returns when it is lost or nobody needs it."""
        idle_since = time.monotonic()
        while session.until > self._clock():
            sent = self._clock()
            try:
                answer = await self._say(node, session, seconds=seconds)
                if answer.status != 200:
                    return
                told = _read(answer)
            except (Unreachable, TimeoutError):
                await asyncio.sleep(min(_AGAIN_SECONDS, seconds / 10))
                continue
            session.call_back([int(number) for number in told["recalled"]])
            session.heard = int(told["turn"])
            session.until = sent + seconds * MARGIN
            now = time.monotonic()
            for lease in [one for one in session.leases.values() if one.used < now - IDLE_SECONDS]:
                lease.let_go()
            if session.leases:
                idle_since = now
            elif now - idle_since > IDLE_SECONDS:
                session.end()
                await self._say(node, session, over=True)
                return

    async def _say(
        self, node: str, session: Session, seconds: float = 1.0, *, over: bool = False
    ) -> Response:
        dropped = session.dropped[:_MOST_DROPPED]
        body = orjson.dumps({"heard": session.heard, "dropped": dropped, "over": over})
        answer = await self._post(node, f"/leases/{session.name}", {}, body, seconds)
        if answer.status == 200:
            del session.dropped[: len(dropped)]
        return answer

    async def _post(
        self, node: str, path: str, headers: dict[str, str], body: bytes, seconds: float
    ) -> Response:
        sent = {"Content-Type": "application/json", "Accept": "application/json", **headers}
        async with asyncio.timeout(seconds):
            return await self._http.request(
                "POST", node.rstrip("/") + path, sent, body, max_bytes=_MAX_BYTES
            )


def _read(answer: Response) -> dict[str, Any]:
    told = orjson.loads(answer.body)
    if not isinstance(told, dict):
        raise ValueError("no object")
    return told


def _name(told: object) -> str:
    if not isinstance(told, str) or not 0 < len(told) <= 200 or not told.isascii():
        raise ValueError("no name of a session")
    if not all(c.isalnum() or c in "-_" for c in told):
        raise ValueError("no name of a session")
    return told
