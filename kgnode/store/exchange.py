"""One query's conversation with an evaluator, from the web process.

In: a seat's door, a request, a deadline. Out: a whole answer or a typed error. One query at a time
per connection. Closing the connection early ends the evaluator that works for it, so a cancelled
task frees it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import orjson

from kgnode.errors import (
    Deadline,
    GridspineError,
    RefusedQuery,
    ResultTooLarge,
    TooCostly,
    Unexpected,
)
from kgnode.problems import from_record
from kgnode.store import wire
from kgnode.store.door import Door, Silent
from kgnode.store.saying import malformed

CHUNK_BYTES = 256 << 10


class Died(Exception):
    """The evaluator ended before it answered, well before the deadline."""


class Result:
    """A whole answer, held in memory.

    Attributes:
        truncated: None, ``rows`` or ``bytes``: what the answer was cut by.
        length: bytes of the body.
        complete: the body, if it is held in memory.
    """

    __slots__ = ("complete", "length", "truncated")

    def __init__(self, length: int, truncated: str | None, complete: bytes | None) -> None:
        self.length = length
        self.truncated = truncated
        self.complete = complete

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self.complete is not None:
            yield self.complete

    async def read(self) -> bytes:
        """Return the body in one piece."""
        return b"".join([part async for part in self])

    async def aclose(self) -> None:
        """Free what holds it."""


class FiledResult(Result):
    """A whole answer in a file without a name, which is freed once it has been read."""

    __slots__ = ("_file",)

    def __init__(self, length: int, truncated: str | None, file: int) -> None:
        super().__init__(length, truncated, None)
        self._file: int | None = file

    async def __aiter__(self) -> AsyncIterator[bytes]:
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
    request["deadline"] = deadline
    body = orjson.dumps(request)
    try:
        kind, cut, _, length, content, file = await door.ask(
            wire.LENGTH.pack(len(body)) + body, deadline
        )
    except Silent:
        raise _ended(timeout_seconds, deadline) from None
    except TimeoutError:
        raise _deadline(timeout_seconds) from None
    if kind == wire.ERROR:
        raise _refusal(orjson.loads(content))
    if file is not None:
        return FiledResult(length, wire.CUTS[cut], file)
    return Result(length, wire.CUTS[cut], content)


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
        return from_record(refusal["error"])
    if code == "malformed":
        return malformed(message)
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
