"""One query's conversation with an evaluator, from the web process.

In: a socket's path, a request, a deadline. Out: a whole answer or a typed error. One connection per
query; the socket's backlog is the queue. Closing the connection early ends the evaluator that works
for it, so a cancelled task frees it.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import termios
import time
from collections.abc import AsyncIterator
from typing import Any, NoReturn

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

CHUNK_BYTES = 256 << 10
GRACE_SECONDS = 0.25
"""How long after the deadline an evaluator has to end itself before it is given up."""


class Gone(Exception):
    """Nobody accepts there any more: the view was replaced or its host has ended."""


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
    path: str, request: dict[str, Any], timeout_seconds: float, deadline: float
) -> Result:
    """Ask an evaluator; ``deadline`` is on the monotonic clock.

    Raises:
        Gone: nobody listens under ``path`` any more.
        Died: the evaluator ended for no reason known here.
        Deadline, Overloaded, ResultTooLarge, MalformedQuery, RefusedQuery, Unexpected
    """
    body = json.dumps({**request, "deadline": deadline}).encode()
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with connection:
        connection.setblocking(False)
        try:
            connection.connect(path)
        except BlockingIOError as error:
            raise Overloaded(
                "Too many queries wait for this view.", hint="Try again later."
            ) from error
        except (ConnectionRefusedError, FileNotFoundError) as error:
            raise Gone from error
        try:
            await asyncio.get_running_loop().sock_sendall(
                connection, wire.LENGTH.pack(len(body)) + body
            )
            return await _answer(connection, timeout_seconds, deadline)
        except (BrokenPipeError, ConnectionResetError):
            _ended(timeout_seconds, deadline)


async def _answer(connection: socket.socket, timeout_seconds: float, deadline: float) -> Result:
    received, files = b"", []
    expected = wire.HEAD.size
    try:
        while len(received) < expected:
            await _readable(connection, timeout_seconds, deadline + GRACE_SECONDS)
            part, found, _, _ = socket.recv_fds(connection, wire.INLINE_MAX_BYTES + 64, 1)
            files += found
            if not part:
                _ended(timeout_seconds, deadline)
            received += part
            if expected == wire.HEAD.size <= len(received):
                kind, cut, length = wire.HEAD.unpack_from(received)
                expected += 0 if kind == wire.FILE else length
    except BaseException:
        for file in files:
            os.close(file)
        raise
    content = received[wire.HEAD.size :]
    if kind == wire.ERROR:
        _raise(json.loads(content))
    if kind == wire.FILE:
        return Result(length, wire.CUTS[cut], None, files[0])
    return Result(length, wire.CUTS[cut], content, None)


async def _readable(connection: socket.socket, timeout_seconds: float, until: float) -> None:
    """Wait until something can be read. Raises Deadline or Overloaded."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[bool] = loop.create_future()

    def settle(value: bool) -> None:
        if not ready.done():
            ready.set_result(value)

    timer = loop.call_later(until - time.monotonic(), settle, False)
    loop.add_reader(connection, settle, True)
    try:
        if await ready:
            return
    finally:
        timer.cancel()
        loop.remove_reader(connection)
    unread = fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4))
    if any(unread):  # no evaluator ever took the request up
        raise Overloaded(
            f"No evaluator became free within {timeout_seconds:g} s.", hint="Try again later."
        )
    raise _deadline(timeout_seconds)


def _ended(timeout_seconds: float, deadline: float) -> NoReturn:
    """The connection ended without an answer: say why."""
    if time.monotonic() >= deadline - 0.02:
        raise _deadline(timeout_seconds)
    raise Died


def _deadline(timeout_seconds: float) -> Deadline:
    return Deadline(
        f"The query was ended after {timeout_seconds:g} s.",
        hint="Ask for less: bind more terms, avoid cross products, or use LIMIT.",
    )


def _raise(refusal: dict[str, Any]) -> NoReturn:
    """Raise the typed error for an evaluator's refusal."""
    code, message = refusal["code"], refusal.get("message", "")
    if code == "ours":
        raise again(refusal["error"])
    if code == "malformed":
        raise MalformedQuery(f"The query is not SPARQL 1.1: {message}.")
    if code == "refused":
        raise RefusedQuery(f"The query cannot be evaluated: {message}.")
    if code == "memory":
        raise TooCostly("The query needs more memory than one query may take.")
    if code in ("rows", "bytes"):
        raise ResultTooLarge(
            f"The answer has more {code} than this caller may receive.",
            hint="Use LIMIT and OFFSET, or send limit=cut to have it cut.",
        )
    raise Unexpected(f"An evaluator failed: {message}.")


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
