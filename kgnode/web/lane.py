"""The short way of a SPARQL request: from the connection to the endpoint without what lies between.

In: a connection. Out: answers. A request that arrives in one piece and in the plainest form goes
straight to the endpoint and back in one write; anything else is uvicorn's, as if this were not
here. What may be asked and answered is decided in the same place either way
(``kgnode.web.sparql``).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from kgnode.query.head import Head, Pair, read_head
from kgnode.web.errand import Errand
from kgnode.web.patience import Patient
from kgnode.web.sparql import PATH, Asked, Send, SparqlEndpoint

Observe = Callable[[str, int, float], None]

_LINE = re.compile(rb"(GET|POST) /sparql(?:\?([\x21\x22\x24-\x7e]*+))? HTTP/1\.1\r\n", re.ASCII)
_BLOCK = re.compile(rb"(?:[A-Za-z][A-Za-z0-9\-]*+:[\x20\t]*+[\x20-\x7e]*+\r\n)*+")
_FRAMING = frozenset(
    {b"connection", b"expect", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
"""Headers that change how a message ends or what follows it: uvicorn's to understand."""

HEADS_KEPT = 256
HEAD_MAX_BYTES = 2048
"""Blocks of headers kept, and the longest that is: what sends the same again is read once."""


class Heads:
    """Blocks of headers and what they say, for all connections; none that may tell who calls."""

    def __init__(self) -> None:
        self._kept: dict[bytes, tuple[Head, int]] = {}

    def read(self, block: bytes) -> tuple[Head, int] | None:
        """Return what a block says and the length of the body; None if uvicorn is to read it."""
        found = self._kept.get(block)
        if found is None:
            found = _read(block)
            if found is not None and len(block) <= HEAD_MAX_BYTES and found[0].names_nobody:
                if len(self._kept) >= HEADS_KEPT:
                    self._kept.clear()
                self._kept[block] = found
        return found


def _read(block: bytes) -> tuple[Head, int] | None:
    if _BLOCK.fullmatch(block) is None:
        return None
    pairs: list[Pair] = []
    length: bytes | None = None
    for line in block.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip()
        if name in _FRAMING and (name, value.lower()) != (b"connection", b"keep-alive"):
            return None
        if name == b"content-length":
            if length is not None or not value.isdigit() or len(value) > 9:
                return None
            length = value
        pairs.append((name, value))
    return read_head(pairs), int(length or 0)


class Lane(Patient):
    """A connection of uvicorn with a short way.

    Args:
        endpoint: answers SPARQL requests.
        observe: told path, status and seconds of each answer.
        heads: headers that were read before.
    """

    def __init__(
        self,
        *args: Any,
        endpoint: SparqlEndpoint,
        observe: Observe,
        heads: Heads,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._endpoint = endpoint
        self._observe = observe
        self._heads = heads
        self._errand: Errand | None = None
        self._always: tuple[object, bytes] = (None, b"")
        self._left = self._last = False
        self._held = b""
        self._used = 0.0

    def data_received(self, data: bytes) -> None:
        """Take what came: the short way if it can, else uvicorn's."""
        if self._errand is not None:
            self._held += data
            self.flow.pause_reading()
        elif self._within or not self._free() or not self._short(data):
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the query of a client that has gone."""
        if self._errand is not None:
            self._left = True
            self._errand.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close the connection as soon as nothing is under way on it."""
        self._last = True
        if self._errand is None:
            super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection once it has been idle for long: the timer outlives requests."""
        idle = 0.0 if self._errand is not None else self.loop.time() - self._used
        if idle < self.timeout_keep_alive:
            self._wait_for_more(self.timeout_keep_alive - idle)
        else:
            super().timeout_keep_alive_handler()

    def _free(self) -> bool:
        """Tell whether uvicorn has nothing under way."""
        complete = getattr(self.cycle, "response_complete", True)  # None before the first
        return bool(complete) and not self.pipeline

    def _short(self, data: bytes) -> bool:
        """Begin a request if it is one of the short kind; tell whether it is."""
        line = _LINE.match(data)
        if line is None:
            return False
        start = line.end()
        end = data.find(b"\r\n\r\n", start - 2) + 2
        read = self._heads.read(data[start:end]) if end > 1 else None
        if read is None:
            return False
        head, length = read
        method, query = line.groups()
        body = data[end + 2 :]
        if len(body) != length or (body and method == b"GET"):
            return False
        asked = Asked(method.decode(), head, query or b"", self.scheme or "http")
        self.served()
        self._errand = Errand(self._serve(asked, body), self._done)
        self.tasks.add(self._errand)  # type: ignore[arg-type] # it can be cancelled as one
        self._errand.start()
        return True

    async def _serve(self, asked: Asked, body: bytes) -> None:
        """Answer a request."""
        started = time.perf_counter()
        reply = await self._endpoint.reply(asked, body)
        if reply.content is not None:
            parts = [STATUS_LINE[reply.status], self._default_lines(), reply.shared.lines]
            for header in reply.own:
                parts.append(b"%b: %b\r\n" % header)
            parts += (b"\r\n", reply.content)
            self.transport.write(b"".join(parts))
            if self.flow.write_paused:
                await self.flow.drain()
        else:
            cycle = self.cycle = self._cycle(asked)
            await reply.stream(cast("Send", cycle.send))
            if not cycle.response_complete:
                self.transport.close()  # no client may take it for whole
        self._observe(PATH, reply.status, time.perf_counter() - started)

    def _default_lines(self) -> bytes:
        """Return uvicorn's own headers: the date, which it sets anew each second."""
        headers = self.server_state.default_headers
        if self._always[0] is not headers:
            self._always = (headers, b"".join([b"%b: %b\r\n" % header for header in headers]))
        return self._always[1]

    def _cycle(self, asked: Asked) -> RequestResponseCycle:
        """Return uvicorn's means to send an answer part by part."""
        return RequestResponseCycle(
            scope={"type": "http", "method": asked.method, "path": PATH},  # type: ignore[typeddict-item]
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=True,
            on_response=lambda: None,
        )

    def _done(self, errand: Errand, well: bool) -> None:
        """Go on with what came meanwhile, or wait for more."""
        self.tasks.discard(errand)
        self._errand = None
        self.server_state.total_requests += 1
        if self._left or self.transport.is_closing():
            return
        if not well or self._last:
            self.transport.close()
            return
        self._used = self.loop.time()
        self.awaiting()
        if self._held:
            held, self._held = self._held, b""
            self.flow.resume_reading()
            self.data_received(held)
        elif self.timeout_keep_alive_task is None:
            self._wait_for_more(self.timeout_keep_alive)

    def _wait_for_more(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )


def lane(endpoint: SparqlEndpoint, observe: Observe) -> Callable[..., Lane]:
    """Return what uvicorn makes connections with."""
    return partial(Lane, endpoint=endpoint, observe=observe, heads=Heads())
