"""A connection of uvicorn that waits for a request's head with patience, but not for ever.

In: a connection. Out: the same as uvicorn's own, but that it is closed where no head came whole for
as long as an idle connection is kept, or where a head has no end (RFC 9110 section 15.5, RFC 6585
section 5). Without this a thousand silent clients, or one that sends headers for ever, hold a node.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES = 262_144
"""Longest head of a request that comes in pieces."""


class Patient(HttpToolsProtocol):
    """A connection that ends if its client only ever begins."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._within = False
        self._awaited: float | None = None
        self._head_bytes = 0
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self.awaiting()
        self._look = self.loop.call_later(self.timeout_keep_alive, self._lose_patience)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless a head has no end."""
        before = self._within and self._awaited is not None
        super().data_received(data)
        if before and self._within and self._awaited is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self.transport.close()

    def on_message_begin(self) -> None:
        """Note that a message has begun."""
        self._within = True
        self.awaiting()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that its head is whole."""
        self._awaited = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that all of it has come."""
        super().on_message_complete()
        self._within = False

    def on_response_complete(self) -> None:
        """Wait for the next head."""
        super().on_response_complete()
        if not self._within:
            self.awaiting()

    def awaiting(self) -> None:
        """Begin to wait for a head now."""
        self._awaited = self.loop.time()
        self._head_bytes = 0

    def served(self) -> None:
        """Stop waiting: a head has come by another way."""
        self._awaited = None

    def _lose_patience(self) -> None:
        waited = 0.0 if self._awaited is None else self.loop.time() - self._awaited
        if waited >= self.timeout_keep_alive:
            self.transport.close()
        else:
            left = self.timeout_keep_alive - waited
            self._look = self.loop.call_later(left, self._lose_patience)
