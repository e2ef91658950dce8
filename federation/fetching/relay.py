"""Large answers with nothing to join, passed on while they come.

In: a query that goes whole to its hosts and whose rows need only be put one after another. Out: the
answer in the wanted format, piece by piece: each piece of whole rows is checked and rewritten by an
evaluator, so what a member sends is no more trusted than otherwise. Nothing is sent before every
host has begun to answer from the version that was planned for. What breaks later breaks the
transfer: it never ends properly, so nobody takes it for whole. Small answers are simply returned.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from federation.evaluation.evaluate import Evaluators, Part, Task
from federation.fetching.fetch import Fetched, Scope
from federation.fetching.whole import Whole
from federation.members.http import BrokenAnswer, TooLarge
from federation.members.pool import TSV, Reply
from federation.members.streams import Opened
from federation.members.summaries import Known
from federation.parsing.blocks import Leaf
from federation.planning.plan import Plan
from federation.planning.push import Push
from kgnode.errors import MemberError

SMALL_BYTES = 1 << 20
_JSON = b'"bindings":['


@dataclass
class Source:
    """One host's answer: what came so far, and what is still to come."""

    reply: Reply
    opened: Opened
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False

    async def fill(self, most: int) -> None:
        """Read until there are so many bytes, or the end."""
        while len(self.body) < most and not self.ended:
            part = await self.opened.read()
            self.ended = not part
            self.body += part

    def lines(self) -> bytes:
        """Take all whole lines."""
        at = len(self.body) if self.ended else self.body.rfind(b"\n") + 1
        taken = bytes(self.body[:at])
        del self.body[:at]
        return taken


@dataclass
class Relay:
    """An answer under way."""

    sources: Sequence[Source]
    push: Push
    media: str
    fetched: Fetched
    scope: Scope
    evaluators: Evaluators
    leaves: Sequence[Leaf]

    def small(self) -> list[Reply] | None:
        """Return whole replies where all is there already."""
        if not all(source.ended for source in self.sources):
            return None
        self.close()
        return [replace(source.reply, body=bytes(source.body)) for source in self.sources]

    def close(self) -> None:
        """Let go of all connections."""
        for source in self.sources:
            source.opened.close()

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the answer; its end only after every host's.

        Raises:
            MemberError: a host broke off, or sent something that is no table.
        """
        before = between = end = b""
        try:
            for source in self.sources:
                count = size = 0
                async for body, lines in self._tables(source):
                    start, rows, end = await self._rewritten(source, body)
                    if not before:
                        yield (before := start)
                    if rows:
                        yield between + rows
                        between = b"," if self.media.endswith("json") else b""
                    count, size = count + lines.count(b"\n"), size + len(lines)
                self._note(source, count - 1, size)
            yield end
        finally:
            self.close()

    async def _tables(self, source: Source) -> AsyncIterator[tuple[bytes, bytes]]:
        """Yield a host's rows in tables of whole lines, each with the lines it was made of."""
        head = b""
        while not head or not source.ended or source.body:
            if head:
                await self._more(source)
            if lines := source.lines():
                yield head + lines, lines
            elif source.ended and not head:
                raise _broken(source, "no table")
            head = "\t".join(self.push.columns).encode() + b"\n"

    async def _more(self, source: Source) -> None:
        try:
            async with asyncio.timeout(self.scope.settings.federation_timeout_seconds):
                await source.fill(len(source.body) + SMALL_BYTES)
        except (BrokenAnswer, TooLarge, TimeoutError, OSError) as error:
            raise _broken(source, str(error) or "no answer in time") from error

    async def _rewritten(self, source: Source, body: bytes) -> tuple[bytes, bytes, bytes]:
        """Return a piece in the wanted format: what stands before its rows, these, and behind."""
        task = Task(self.media, op="rows", columns=self.push.columns)
        until = time.monotonic() + self.scope.settings.federation_timeout_seconds
        part = Part(source.reply.member, "tsv", body)
        done = await self.evaluators.evaluate(task, (part,), until)
        if done.faulty is not None:
            raise _broken(source, "a table that is none")
        return split(done.body, self.media)

    def _note(self, source: Source, rows: int, size: int) -> None:
        self.fetched.note(source.reply, self.leaves, max(0, rows))
        self.fetched.sources[source.reply.member].bytes += size


def _broken(source: Source, why: str) -> MemberError:
    return MemberError(f"{source.reply.member} broke off its answer: {why}.")


def split(body: bytes, media: str) -> tuple[bytes, bytes, bytes]:
    """Split a result of its format into what goes before its rows, the rows, and what follows.

    >>> split(b'{"head":{"vars":["x"]},"results":{"bindings":[{}]}}', "sparql-results+json")
    (b'{"head":{"vars":["x"]},"results":{"bindings":[', b'{}', b']}}')
    """
    if media.endswith("json"):
        at, end = body.index(_JSON) + len(_JSON), body.rindex(b"]")
    elif media.endswith("xml"):
        at = body.index(b"<results>") + len(b"<results>")
        end = body.rindex(b"</results>")
    else:
        at, end = body.index(b"\n") + 1, len(body)
    return body[:at], body[at:end], body[end:]


async def begin(plan: Plan, known: Mapping[str, Known], media: str, whole: Whole) -> Relay | None:
    """Begin to receive all hosts' rows; None where they cannot simply be passed on."""
    push, scope = plan.push, whole.scope
    if push is None or push.finish != "rows" or push.offset or push.limit is not None:
        return None
    hosts = [whole.members[member] for member in sorted(plan.hosts)]
    if not hosts or scope.narrowed or any(host.id in scope.barred for host in hosts):
        return None
    opened = await asyncio.gather(
        *(scope.pool.stream(h, scope.identity, push.text, TSV, scope.until()) for h in hosts)
    )
    sources = [Source(reply, stream) for reply, stream in opened if stream is not None]
    relay = Relay(sources, push, media, whole.fetched, scope, whole.evaluators, plan.leaves)
    begun = False
    try:
        if len(sources) == len(hosts) and all(_planned(s.reply, known) for s in sources):
            async with asyncio.timeout(max(0.0, scope.until() - time.monotonic())):
                await asyncio.gather(*(source.fill(SMALL_BYTES) for source in sources))
            begun = True
    except (BrokenAnswer, TooLarge, TimeoutError, OSError):
        return None
    finally:
        if not begun:
            relay.close()
    return relay if begun else None


def _planned(reply: Reply, known: Mapping[str, Known]) -> bool:
    summary = known[reply.member].summary
    return summary is not None and reply.version == summary.version
