"""A lean HTTP/1.1 client with kept connections.

In: a request with a deadline and a byte limit. Out: a ``Response`` read to its proper end, or an
error that says how the other side failed. It follows no redirect, keeps no cookie, and takes only
answers whose end is certain (RFC 9112 section 6.3: a length or chunks, never "until it closes"), so
that a cut answer cannot pass for a whole one.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import zlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

_HEAD_LIMIT_BYTES = 32 << 10
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Unreachable(Exception):
    """No connection, or it broke before the answer began."""


class BrokenAnswer(Exception):
    """The answer is not HTTP, breaks off, or has no certain end."""


class TooLarge(Exception):
    """The answer has more bytes than it may."""


@dataclass(frozen=True)
class Response:
    """One whole answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One open connection and how often it was used."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.used = False

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError, RuntimeError):
            self.writer.transport.abort()


class HttpPool:
    """Connections to many hosts, at most ``per_host`` at a time to each."""

    def __init__(self, per_host: int = 8, tls: ssl.SSLContext | None = None) -> None:
        self._idle: dict[tuple[str, str, int], list[Connection]] = defaultdict(list)
        self._gates: dict[tuple[str, str, int], asyncio.Semaphore] = {}
        self._per_host = per_host
        self._tls = tls

    async def request(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes = b"",
        *,
        max_bytes: int,
    ) -> Response:
        """Send one request; the caller bounds the time with ``asyncio.timeout_at``.

        Raises:
            Unreachable: no connection, or none that answered, also on a second, fresh one.
            BrokenAnswer: what came back is no proper answer.
            TooLarge: more than ``max_bytes`` of body.
        """
        parts = urlsplit(url)
        host = (parts.scheme, parts.hostname or "", parts.port or _default_port(parts))
        gate = self._gates.setdefault(host, asyncio.Semaphore(self._per_host))
        message = _message(method, parts, headers, body)
        async with gate:
            connection, head = await self._sent(host, message)
            return await self._finish(host, connection, method, head, max_bytes)

    async def begin(
        self, method: str, url: str, headers: dict[str, str], body: bytes = b""
    ) -> tuple[Connection, int, dict[str, str], Callable[[bool], None]]:
        """Send one request and read the answer's head.

        Returns:
            the connection, status, headers, and what to call when done with the connection:
            whether the body was read whole, so that it can be used again.

        Raises:
            Unreachable, BrokenAnswer: as for ``request``.
        """
        parts = urlsplit(url)
        host = (parts.scheme, parts.hostname or "", parts.port or _default_port(parts))
        gate = self._gates.setdefault(host, asyncio.Semaphore(self._per_host))
        await gate.acquire()
        connection: Connection | None = None

        def done(whole: bool) -> None:
            gate.release()
            if connection is not None and whole:
                connection.used = True
                self._idle[host].append(connection)
            elif connection is not None:
                connection.close()

        try:
            connection, head = await self._sent(host, _message(method, parts, headers, body))
            status, found = _parse_head(head)
        except BaseException:
            done(False)
            raise
        return connection, status, found, done

    async def _sent(self, host: tuple[str, str, int], message: bytes) -> tuple[Connection, bytes]:
        """Send a message on a connection, again on a fresh one if a kept one had gone."""
        while True:
            connection = await self._take(host)
            reused = connection.used
            try:
                connection.writer.write(message)
                return connection, await _head(connection.reader)
            except (OSError, asyncio.IncompleteReadError) as error:
                connection.close()
                if reused:
                    continue
                raise Unreachable(f"closed without an answer ({_word(error)})") from error
            except BaseException:
                connection.close()
                raise

    async def _finish(
        self,
        host: tuple[str, str, int],
        connection: Connection,
        method: str,
        head: bytes,
        max_bytes: int,
    ) -> Response:
        whole = False
        try:
            status, headers = _parse_head(head)
            body = b""
            if method != "HEAD" and status not in (204, 304):
                body = await _body(connection.reader, headers, max_bytes)
            whole = headers.get("connection", "").lower() != "close"
            return Response(status, headers, body)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise BrokenAnswer("the answer broke off") from error
        finally:
            if whole:
                connection.used = True
                self._idle[host].append(connection)
            else:
                connection.close()

    async def _take(self, host: tuple[str, str, int]) -> Connection:
        idle = self._idle[host]
        while idle:
            connection = idle.pop()
            if not connection.reader.at_eof() and not connection.writer.is_closing():
                return connection
            connection.close()
        scheme, name, port = host
        try:
            tls = (self._tls or ssl.create_default_context()) if scheme == "https" else None
            opened = await asyncio.open_connection(name, port, ssl=tls, limit=1 << 20)
        except OSError as error:
            raise Unreachable(f"no connection ({_word(error)})") from error
        return Connection(*opened)

    def close(self) -> None:
        """Close all idle connections."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()


def _default_port(parts: SplitResult) -> int:
    return 443 if parts.scheme == "https" else 80


def _word(error: BaseException) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _message(method: str, parts: SplitResult, headers: dict[str, str], body: bytes) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}"]
    if parts.hostname not in _LOOPBACK:
        lines.append("Accept-Encoding: gzip")
    else:
        lines.append("Accept-Encoding: identity")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if any("\r" in line or "\n" in line for line in lines):
        raise BrokenAnswer("a header has a line break")
    if method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("ascii", "replace") + body


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise BrokenAnswer("the head of the answer has no end") from error
    if len(head) > _HEAD_LIMIT_BYTES:
        raise BrokenAnswer("the head of the answer is too long")
    return head


def _parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    lines = head[:-4].split(b"\r\n")
    start = lines[0].split(b" ", 2)
    if len(start) < 2 or start[0] != b"HTTP/1.1" or not (len(start[1]) == 3 and start[1].isdigit()):
        raise BrokenAnswer("not HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        key = name.decode("latin-1").lower()
        if not colon or not key or key.strip() != key or _CONTROL.search(value):
            raise BrokenAnswer("a header line that is none")
        if key in ("content-length", "transfer-encoding") and key in headers:
            raise BrokenAnswer("two lengths")
        if key == "content-length" and not _LENGTH.fullmatch(value.strip()):
            raise BrokenAnswer("a length that is none")
        headers[key] = value.strip().decode("latin-1")
    return int(start[1]), headers


async def _body(reader: asyncio.StreamReader, headers: dict[str, str], limit: int) -> bytes:
    if "transfer-encoding" in headers:
        if headers["transfer-encoding"].lower() != "chunked" or "content-length" in headers:
            raise BrokenAnswer("a transfer coding that is not understood")
        body = await _chunks(reader, limit)
    else:
        length = headers.get("content-length", "")
        if not length:
            raise BrokenAnswer("the end of the answer cannot be known")
        if int(length) > limit:
            raise TooLarge(f"{length} bytes announced, {limit} allowed")
        body = await reader.readexactly(int(length))
    coding = headers.get("content-encoding", "identity").lower()
    if coding == "gzip":
        return _unzip(body, limit)
    if coding not in ("", "identity"):
        raise BrokenAnswer("a content coding that was not asked for")
    return body


async def _chunks(reader: asyncio.StreamReader, limit: int) -> bytes:
    parts: list[bytes] = []
    total = 0
    while True:
        try:
            line = await reader.readuntil(b"\r\n")
            size = int(line[:-2].partition(b";")[0], 16) if len(line) < 64 else -1
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise BrokenAnswer("a chunk without a size") from error
        if size < 0:
            raise BrokenAnswer("a chunk without a size")
        if size == 0:
            if await reader.readexactly(2) != b"\r\n":
                raise BrokenAnswer("trailers were not asked for")
            return b"".join(parts)
        total += size
        if total > limit:
            raise TooLarge(f"more than {limit} bytes")
        parts.append(await reader.readexactly(size))
        if await reader.readexactly(2) != b"\r\n":
            raise BrokenAnswer("a chunk without an end")


def _unzip(body: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise BrokenAnswer("gzip that cannot be unpacked") from error
    if len(plain) > limit:
        raise TooLarge(f"more than {limit} bytes unpacked")
    if not unpacker.eof or unpacker.unused_data:
        raise BrokenAnswer("gzip that breaks off, or something behind it")
    return plain
