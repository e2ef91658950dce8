"""One query's conversation with an evaluator, from the web process.

In: a seat's door, a request, a deadline. Out: a whole answer or a typed error. One query at a time
per connection. Closing the connection early ends the evaluator that works for it, so a cancelled
task frees it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import termios
import time
from collections.abc import AsyncIterator
from typing import Any

import orjson

from kgnode.errors import (
    Deadline,
    GridspineError,
    MalformedQuery,
    Overloaded,
    RefusedQuery,
    ResultTooLarge,
    TooCostly,
    Unexpected,
)
from kgnode.store import wire
from kgnode.store.door import Door

CHUNK_BYTES = 256 << 10
GRACE_SECONDS = 0.25
"""How long after the deadline an evaluator has to end itself before it is given up."""

SLOW_SECONDS = 0.2
"""A query that takes longer lets others go before it."""


class Died(Exception):
    """The evaluator ended before it answered, well before the deadline."""


class Result:
    """A whole answer, held in memory if small, else in a file without a name.

    Attributes:
        truncated: None, ``rows`` or ``bytes``: what the answer was cut by.
        length: bytes of the body.
        complete: the body, if it is held in memory.
    """

    def __init__(
        self, length: int, truncated: str | None, complete: bytes | None, file: int | None
    ) -> None:
        self.length = length
        self.truncated = truncated
        self.complete = complete
        self._file = file

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self.complete is not None:
            yield self.complete
            return
        offset = 0
        while offset < self.length:
            if self._file is None:
                raise Unexpected("An answer was read after it was closed.")
            part = await asyncio.to_thread(os.pread, self._file, CHUNK_BYTES, offset)
            if not part:
                raise Unexpected("An answer is shorter than its evaluator said.")
            offset += len(part)
            yield part
        await self.aclose()

    async def read(self) -> bytes:
        """Return the body in one piece."""
        return b"".join([part async for part in self])

    async def aclose(self) -> None:
        """Free the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)


async def ask(
    door: Door, request: dict[str, Any], timeout_seconds: float, deadline: float
) -> Result:
    """Ask an evaluator; ``deadline`` is on the monotonic clock.

    Raises:
        Gone: nobody listens there any more.
        Died: the evaluator ended for no reason known here.
        Deadline, Overloaded, ResultTooLarge, MalformedQuery, RefusedQuery, Unexpected
    """
    body = orjson.dumps({**request, "deadline": deadline})
    message = wire.LENGTH.pack(len(body)) + body
    connection = await door.enter(deadline)
    stays = False
    slow = asyncio.get_running_loop().call_later(SLOW_SECONDS, door.slow)
    try:
        sent = connection.send(message)
        if sent < len(message):
            await asyncio.get_running_loop().sock_sendall(connection, message[sent:])
        kind, cut, stays, content, file = await _answer(connection, deadline)
    except (_Silent, BrokenPipeError):
        raise _ended(timeout_seconds, deadline) from None
    except TimeoutError:
        if any(fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4))):  # nobody took it up
            raise Overloaded(
                f"No evaluator became free within {timeout_seconds:g} s.", hint="Try again later."
            ) from None
        raise _deadline(timeout_seconds) from None
    finally:
        slow.cancel()
        door.leave(connection, stays=stays)
    if kind == wire.ERROR:
        raise _refusal(orjson.loads(content))
    if kind == wire.FILE:
        return Result(cut[1], wire.CUTS[cut[0]], None, file)
    return Result(cut[1], wire.CUTS[cut[0]], content, None)


class _Silent(Exception):
    """The other side ended the connection before its answer was whole."""


async def _answer(
    connection: socket.socket, deadline: float
) -> tuple[bytes, tuple[bytes, int], bool, bytes, int | None]:
    """Return kind, (cut, length), whether the evaluator stays, the body, the file."""
    received, files = b"", []
    expected = wire.HEAD.size
    kind = cut = stays = wire.WHOLE
    length = 0
    try:
        while len(received) < expected:
            await _readable(connection, deadline + GRACE_SECONDS)
            try:
                part, found, _, _ = socket.recv_fds(connection, wire.INLINE_MAX_BYTES + 64, 1)
            except ConnectionResetError:
                part, found = b"", []
            files += found
            if not part:
                raise _Silent
            received += part
            if expected == wire.HEAD.size <= len(received):
                kind, cut, stays, length = wire.HEAD.unpack_from(received)
                expected += 0 if kind == wire.FILE else length
    except BaseException:
        for file in files:
            os.close(file)
        raise
    body = received[wire.HEAD.size :]
    return kind, (cut, length), stays == wire.STAYS, body, next(iter(files), None)


async def _readable(connection: socket.socket, until: float) -> None:
    """Wait until something can be read. Raises TimeoutError."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[bool] = loop.create_future()
    handle = connection.fileno()
    timer = loop.call_later(until - time.monotonic(), _settle, ready, False)
    loop.add_reader(handle, _settle, ready, True)
    try:
        if not await ready:
            raise TimeoutError
    finally:
        timer.cancel()
        loop.remove_reader(handle)


def _settle(ready: asyncio.Future[bool], value: bool) -> None:
    if not ready.done():
        ready.set_result(value)


def _ended(timeout_seconds: float, deadline: float) -> Exception:
    """Return why a connection ended without an answer."""
    if time.monotonic() >= deadline - 0.02:
        return _deadline(timeout_seconds)
    return Died()


def _deadline(timeout_seconds: float) -> Deadline:
    return Deadline(
        f"The query was ended after {timeout_seconds:g} s.",
        hint="Ask for less: bind more terms, avoid cross products, or use LIMIT.",
    )


def _refusal(refusal: dict[str, Any]) -> GridspineError:
    """Return the typed error for an evaluator's refusal."""
    code, message = refusal["code"], refusal.get("message", "")
    if code == "ours":
        return again(refusal["error"])
    if code == "malformed":
        return MalformedQuery(f"The query is not SPARQL 1.1: {message}.")
    if code == "refused":
        return RefusedQuery(f"The query cannot be evaluated: {message}.")
    if code == "memory":
        return TooCostly("The query needs more memory than one query may take.")
    if code in ("rows", "bytes"):
        return ResultTooLarge(
            f"The answer has more {code} than this caller may receive.",
            hint="Use LIMIT and OFFSET, or send limit=cut to have it cut.",
        )
    return Unexpected(f"An evaluator failed: {message}.")


def again(document: dict[str, Any]) -> GridspineError:
    """Return the error that ``errors.record`` wrote down in another process."""
    waiting: list[type[GridspineError]] = [GridspineError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.code == document["code"]:
            known = {k: document[k] for k in ("hint", "file", "line", "subject", "count")}
            return kind(document["message"], **known)
    return Unexpected(document["message"])
