"""An HTTP answer that is read piece by piece.

In: a connection whose answer's head was read. Out: ``Opened``: the body's parts, decoded, to their
proper end (RFC 9112 section 6.3), or an error that says how it broke. The connection is used again
only after a whole body.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable

from federation.members.http import BrokenAnswer, Connection, TooLarge

_PART_BYTES = 256 << 10


class Opened:
    """One answer under way; ``done`` is told once whether the connection can be used again."""

    def __init__(
        self,
        connection: Connection,
        status: int,
        headers: dict[str, str],
        done: Callable[[bool], None],
        most_bytes: int,
    ) -> None:
        self.status, self.headers = status, headers
        self._connection, self._done = connection, done
        self._left = self._most = most_bytes
        self._closed = True
        coding = headers.get("content-encoding", "identity").lower()
        if coding not in ("", "identity", "gzip"):
            raise BrokenAnswer("a content coding that was not asked for")
        self._unpacker = zlib.decompressobj(wbits=31) if coding == "gzip" else None
        if headers.get("transfer-encoding", "").lower() == "chunked":
            self._length: int | None = None
        elif "transfer-encoding" in headers or "content-length" not in headers:
            raise BrokenAnswer("the end of the answer cannot be known")
        else:
            self._length = int(headers["content-length"])
        self._closed = False

    async def read(self) -> bytes:
        """Return the next part, empty at the proper end.

        Raises:
            BrokenAnswer, TooLarge: as for a whole answer.
        """
        while not self._closed:
            raw = await self._raw()
            if not raw:
                if self._unpacker is not None and not self._unpacker.eof:
                    raise BrokenAnswer("gzip that breaks off")
                self._finish(self.headers.get("connection", "").lower() != "close")
                return b""
            part = self._plain(raw)
            self._left -= len(part)
            if self._left < 0:
                raise TooLarge(f"more than {self._most} bytes")
            if part:
                return part
        return b""

    def _plain(self, raw: bytes) -> bytes:
        if self._unpacker is None:
            return raw
        try:
            part = self._unpacker.decompress(raw, self._left + 1)
        except zlib.error as error:
            raise BrokenAnswer("gzip that cannot be unpacked") from error
        if self._unpacker.unused_data:
            raise BrokenAnswer("something behind the gzip")
        if self._unpacker.unconsumed_tail:
            raise TooLarge(f"more than {self._most} bytes unpacked")
        return part

    async def _raw(self) -> bytes:
        reader = self._connection.reader
        try:
            if self._length is None:
                return await self._chunk(reader)
            if self._length == 0:
                return b""
            part = await reader.read(min(_PART_BYTES, self._length))
            if not part:
                raise BrokenAnswer("the answer broke off")
            self._length -= len(part)
            return part
        except (asyncio.IncompleteReadError, OSError) as error:
            raise BrokenAnswer("the answer broke off") from error

    async def _chunk(self, reader: asyncio.StreamReader) -> bytes:
        try:
            line = await reader.readuntil(b"\r\n")
            size = int(line[:-2].partition(b";")[0], 16) if len(line) < 64 else -1
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise BrokenAnswer("a chunk without a size") from error
        if size < 0:
            raise BrokenAnswer("a chunk without a size")
        if size > self._most:
            raise TooLarge(f"a chunk of {size} bytes")
        body = await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise BrokenAnswer("a chunk without an end")
        return body

    def close(self) -> None:
        """Let go of the connection; one whose body was not read whole is closed."""
        self._finish(False)

    def __del__(self) -> None:
        self.close()

    def _finish(self, whole: bool) -> None:
        if not self._closed:
            self._closed = True
            self._done(whole)
