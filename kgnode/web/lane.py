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

from kgnode.web.patience import Patient
from kgnode.web.sparql import PATH, Header, Scope, Send, SparqlEndpoint

Observe = Callable[[str, int, float], None]

_REQUEST = re.compile(
    rb"(GET|POST) /sparql(?:\?([\x21\x22\x24-\x7e]*+))? HTTP/1\.1\r\n"
    rb"((?:[A-Za-z][A-Za-z0-9\-]*+:[\x20\t]*+[\x20-\x7e]*+\r\n)*+)\r\n"
)
_FRAMING = frozenset(
    {b"connection", b"expect", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
"""Headers that change how a message ends or what follows it: uvicorn's to understand."""


class Lane(Patient):
    """A connection of uvicorn with a short way.

    Args:
        endpoint: answers SPARQL requests.
        observe: told path, status and seconds of each answer.
    """

    def __init__(
        self, *args: Any, endpoint: SparqlEndpoint, observe: Observe, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._endpoint = endpoint
        self._observe = observe
        self._task: asyncio.Task[None] | None = None
        self._left = self._last = False
        self._held = b""
        self._used = 0.0

    def data_received(self, data: bytes) -> None:
        """Take what came: the short way if it can, else uvicorn's."""
        if self._task is not None:
            self._held += data
            self.flow.pause_reading()
        elif self._within or not self._free() or not self._short(data):
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the query of a client that has gone."""
        if self._task is not None:
            self._left = True
            self._task.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close the connection as soon as nothing is under way on it."""
        self._last = True
        if self._task is None:
            super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection once it has been idle for long: the timer outlives requests."""
        idle = 0.0 if self._task is not None else self.loop.time() - self._used
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
        match = _REQUEST.match(data)
        if match is None:
            return False
        method, query, block = match.groups()
        headers: list[Header] = []
        length = b"0"
        for line in block.split(b"\r\n")[:-1]:
            name, _, value = line.partition(b":")
            name, value = name.lower(), value.strip()
            if name in _FRAMING and (name, value.lower()) != (b"connection", b"keep-alive"):
                return False
            if name == b"content-length":
                if length != b"0" or not value.isdigit():
                    return False
                length = value
            headers.append((name, value))
        body = data[match.end() :]
        if len(length) > 9 or len(body) != int(length) or (body and method == b"GET"):
            return False
        scope: Scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method.decode(),
            "scheme": self.scheme,
            "path": PATH,
            "query_string": query or b"",
            "headers": headers,
        }
        self.served()
        self._task = self.loop.create_task(self._serve(scope, body))
        self.tasks.add(self._task)
        self._task.add_done_callback(self._done)
        return True

    async def _serve(self, scope: Scope, body: bytes) -> None:
        """Answer a request."""
        started = time.perf_counter()
        reply = await self._endpoint.reply(scope, body)
        if reply.content is not None:
            headers = [*self.server_state.default_headers, *reply.headers]
            lines = [b"%b: %b\r\n" % header for header in headers]
            self.transport.write(
                b"".join((STATUS_LINE[reply.status], *lines, b"\r\n", reply.content))
            )
            if self.flow.write_paused:
                await self.flow.drain()
        else:
            cycle = self.cycle = self._cycle(scope)
            await reply.stream(cast("Send", cycle.send))
            if not cycle.response_complete:
                self.transport.close()  # no client may take it for whole
        self._observe(PATH, reply.status, time.perf_counter() - started)

    def _cycle(self, scope: Scope) -> RequestResponseCycle:
        """Return uvicorn's means to send an answer part by part."""
        return RequestResponseCycle(
            scope=scope,  # type: ignore[arg-type]
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

    def _done(self, task: asyncio.Task[None]) -> None:
        """Go on with what came meanwhile, or wait for more."""
        self.tasks.discard(task)
        self._task = None
        self.server_state.total_requests += 1
        failed = task.cancelled() or task.exception() is not None
        if self._left or self.transport.is_closing():
            return
        if failed or self._last:
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
    return partial(Lane, endpoint=endpoint, observe=observe)
