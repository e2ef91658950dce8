"""A load of HTTP requests over kept connections, light enough to leave the cores to the servers.

In: an address, the request targets. Out: seconds from the first byte out to the last byte in, and
every body that is wanted for comparison.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import uvloop


def targets(path: str, queries: Sequence[str]) -> list[str]:
    """Return request targets that send queries by GET."""
    return [f"{path}?query={quote(query)}" for query in queries]


def run(port: int, paths: Sequence[str], connections: int = 16) -> tuple[float, list[bytes]]:
    """Send all requests, each connection one after another; return seconds and bodies."""
    return uvloop.run(_run(port, paths, connections))


async def _run(port: int, paths: Sequence[str], connections: int) -> tuple[float, list[bytes]]:
    head = f"Host: localhost:{port}\r\nAccept: application/sparql-results+json\r\n\r\n"
    requests = iter([(i, f"GET {p} HTTP/1.1\r\n{head}".encode()) for i, p in enumerate(paths)])
    bodies = [b""] * len(paths)
    loop = asyncio.get_running_loop()
    finished = [loop.create_future() for _ in range(connections)]
    start = time.perf_counter()
    for end in finished:
        await loop.create_connection(
            lambda end=end: _Client(requests, bodies, end), "127.0.0.1", port
        )
    await asyncio.gather(*finished)
    return time.perf_counter() - start, bodies


class _Client(asyncio.Protocol):
    """One connection: the next request goes out when the last answer is in."""

    def __init__(
        self,
        requests: Iterator[tuple[int, bytes]],
        bodies: list[bytes],
        end: asyncio.Future[None],
    ) -> None:
        self.requests, self.bodies, self.end = requests, bodies, end
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self._next()

    def data_received(self, data: bytes) -> None:
        self.received += data
        split = self.received.find(b"\r\n\r\n")
        if split < 0:
            return
        head, body = self.received[:split].lower(), self.received[split + 4 :]
        place = head.find(b"content-length:")
        if place < 0:
            if not body.endswith(b"0\r\n\r\n"):
                return
            body = _unchunked(body)
        elif len(body) < int(head[place + 15 :].split(b"\r", 1)[0]):
            return
        if not head.startswith(b"http/1.1 200"):
            self.end.set_exception(RuntimeError(self.received[:500].decode()))
            return
        self.bodies[self.number] = body
        self.received = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.end.done():
            self.end.set_exception(error or ConnectionError("closed by the server"))

    def _next(self) -> None:
        following = next(self.requests, None)
        if following is None:
            self.end.set_result(None)
            self.transport.close()
            return
        self.number, request = following
        self.transport.write(request)


def _unchunked(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        whole, body = whole + body[:length], body[length + 2 :]
    return whole
