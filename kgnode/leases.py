"""Leases: a gateway may take a caller's view for unchanged until it is told otherwise.

In: sessions of members' gateways, each kept alive by one hanging request, and the views on which
they ask for leases. Out: what is called back, and ``settle``: it ends when no gateway can still
take a view that has changed for what it was, so that a change can be acknowledged. A session holds
for seconds; a gateway that does not answer delays a change by that much and no more. After Gray and
Cheriton, "Leases" (1989). Only lengths of time count, each measured by one side's own clock.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from kgnode.errors import NotFound, Overloaded
from kgnode.home import write_atomically
from kgnode.settings import Settings

_log = structlog.get_logger("kgnode.leases")

Look = Callable[[], str]
"""Returns the tag of a view that it will keep for the length of a lease; empty if it may not."""

HEADER = "Gridspine-Lease"
LONGEST_SECONDS = 60.0
"""The most that ``lease_seconds`` can be."""
SESSIONS_PER_MEMBER = 8
MOST_LEASES = 4096
"""Of all members together: each change looks at all of them before it is acknowledged."""
HOLD_OF_LEASE = 0.6
"""Which part of a lease a hanging request waits before it is answered."""
_LOOKS_AT_ONCE = 16


@dataclass(frozen=True)
class Lease:
    """The word that a view has a tag."""

    tag: str
    look: Look


@dataclass
class Recall:
    """A lease called back: given back, or over at ``until``."""

    turn: int
    number: int
    until: float
    back: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Session:
    """One gateway process: its leases stand until ``until``, unless it is heard from again."""

    org: str
    until: float
    leases: dict[int, Lease] = field(default_factory=dict)
    recalls: list[Recall] = field(default_factory=list)
    given: int = 0
    turn: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def call_back(self, number: int) -> None:
        """Take a lease from the gateway; it counts until it is given back or has run out."""
        del self.leases[number]
        self.turn += 1
        self.recalls.append(Recall(self.turn, number, self.until))
        self.news.set()

    def take_back(self, turn: int) -> None:
        """Note that the gateway has heard of all recalls up to one."""
        for recall in self.recalls:
            if recall.turn <= turn:
                recall.back.set()
        self.recalls = [recall for recall in self.recalls if recall.turn > turn]


class Leases:
    """The leases that one home has given; used by one event loop.

    Args:
        path: file that remembers that leases may be outstanding, across a crash.
        settings: how long a lease holds, how many one member's gateways may have.
        clock: seconds that only go forward.
    """

    def __init__(
        self, path: Path, settings: Settings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = settings.lease_seconds
        self._most = settings.leases_per_member
        self._path, self._clock = path, clock
        self._sessions: dict[str, Session] = {}
        self._remembered = _remembered(path)
        self._closed_until = clock() + self._remembered
        self._ended = False

    # what gateways ask

    def open(self, org: str) -> str:
        """Open a session for a gateway of a member and return its secret name.

        Raises:
            NotFound: this node gives no leases.
            Overloaded: the member has too many sessions.
        """
        if not self.seconds or self._ended:
            raise NotFound("This node gives no leases.", hint="Ask for versions instead.")
        self._forget_those_over()
        if sum(one.org == org for one in self._sessions.values()) >= SESSIONS_PER_MEMBER:
            raise Overloaded(
                f"{org} has {SESSIONS_PER_MEMBER} sessions here.",
                hint=f"A session that is not kept ends within {self.seconds:g} s.",
            )
        if self._remembered < self.seconds or not self._path.exists():
            self._remembered = max(self._remembered, self.seconds)
            write_atomically(self._path, f"{self._remembered}".encode())
        name = secrets.token_urlsafe(24)
        self._sessions[name] = Session(org, self._clock() + self.seconds)
        return name

    def grant(self, name: str, actor: str | None, tag: str, look: Look) -> int | None:
        """Return the number of a lease on a view, None where there is to be none.

        Args:
            name: the session.
            actor: the member whose gateway acts for the caller; None for the public.
            tag: what the gateway is told of the view with this.
            look: tells the tag again, now and whenever it may have changed.
        """
        session = self._sessions.get(name)
        if session is None or session.until <= self._clock() or self._ended:
            return None
        if actor not in (None, session.org) or not self._room_for(session.org):
            return None
        session.given += 1
        number = session.given
        session.leases[number] = Lease(tag, look)
        if _seen(look) != tag:  # looked at only now that a change would call it back
            del session.leases[number]
            return None
        return number

    async def keep(
        self, name: str, heard: int = 0, dropped: Iterable[int] = ()
    ) -> tuple[int, list[int]]:
        """Keep a session; returns when something is called back, at the latest after a while.

        Args:
            name: the session.
            heard: the turn up to which the gateway knows what was called back.
            dropped: leases that the gateway does not use any more.

        Returns:
            the latest turn, and the numbers called back that were not known to be heard of.

        Raises:
            NotFound: there is no such session, or no longer.
        """
        session = self._sessions.get(name)
        if session is None or session.until <= self._clock() or self._ended:
            self._sessions.pop(name, None)
            raise NotFound("There is no such session, or no longer.", hint="Open one: /leases.")
        session.until = self._clock() + self.seconds
        session.take_back(heard)
        for number in dropped:
            session.leases.pop(number, None)
        session.news.set()  # a request before this one need not wait any longer
        session.news = news = asyncio.Event()
        await self._review(session)
        if not session.recalls and not self._ended:
            hold = self.seconds * HOLD_OF_LEASE * (0.8 + secrets.randbelow(200) / 1000)
            try:
                async with asyncio.timeout(hold):
                    await news.wait()
            except TimeoutError:
                pass
        return session.turn, [recall.number for recall in session.recalls]

    def give_up(self, name: str) -> None:
        """End a session: the gateway takes nothing for known any more."""
        session = self._sessions.pop(name, None)
        if session is not None:
            session.take_back(session.turn)
            session.news.set()

    # what changes ask

    async def settle(self) -> None:
        """Wait until no gateway can take a view that has changed for what it was."""
        self._forget_those_over()
        for session in tuple(self._sessions.values()):
            await self._review(session)
        waiting = [(one.org, recall) for one in self._sessions.values() for recall in one.recalls]
        until = max((recall.until for _, recall in waiting), default=0.0)
        try:
            async with asyncio.timeout(max(0.0, until - self._clock())):
                for _, recall in waiting:
                    await recall.back.wait()
        except TimeoutError:
            silent = sorted({org for org, recall in waiting if not recall.back.is_set()})
            _log.warning("a change waited for gateways that gave nothing back", members=silent)
        if (left := self._closed_until - self._clock()) > 0:
            await asyncio.sleep(left)

    def wait_out(self) -> None:
        """Wait until leases of a process that had the home open before have run out."""
        if (left := self._closed_until - self._clock()) > 0:
            time.sleep(left)

    def end(self) -> None:
        """Give no more leases and let nobody wait: the process is about to stop."""
        self._ended = True
        for session in self._sessions.values():
            session.news.set()

    def close(self) -> None:
        """Forget that leases may be outstanding, if none can be."""
        self._forget_those_over()
        if not self._sessions and self._closed_until <= self._clock():
            self._path.unlink(missing_ok=True)

    async def _review(self, session: Session) -> None:
        """Call back the leases on views that look different, or soon may."""
        for looked, (number, lease) in enumerate(tuple(session.leases.items()), 1):
            if _seen(lease.look) != lease.tag and number in session.leases:
                session.call_back(number)
            if looked % _LOOKS_AT_ONCE == 0:
                await asyncio.sleep(0)  # others are answered meanwhile

    def _room_for(self, org: str) -> bool:
        """Tell whether a member may have one more lease."""
        held = [(len(one.leases), one.org == org) for one in self._sessions.values()]
        own = sum(count for count, ours in held if ours)
        return own < self._most and sum(count for count, _ in held) < MOST_LEASES

    def _forget_those_over(self) -> None:
        now = self._clock()
        for name in [name for name, one in self._sessions.items() if one.until <= now]:
            self.give_up(name)


def _seen(look: Look) -> str:
    """What a look shows; what cannot be looked at is not known to be unchanged."""
    try:
        return look()
    except Exception:
        return ""


def _remembered(path: Path) -> float:
    """The length of leases that may be outstanding, seconds; the longest if that is unreadable."""
    if not path.exists():
        return 0.0
    try:
        return min(LONGEST_SECONDS, max(0.0, float(path.read_text())))
    except (OSError, ValueError):
        return LONGEST_SECONDS
