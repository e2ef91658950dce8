"""Personas at the gateway's door, where a demonstration offers some.

In: a request with a persona's cookie. Out: the same request with that persona's token, got from the
persona's own node as if they had signed in, and renewed before it expires. Without personas in the
application's state this does nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "gridspine_persona"
_RENEWED_AFTER_SECONDS = 120.0


class Personas:
    """An ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._tokens: dict[str, tuple[str | None, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as the persona if there is one."""
        if scope["type"] == "http":
            name = _persona(scope)
            state = scope["app"].state
            if name is not None and name in getattr(state, "personas", {}):
                token = await self._token(name, state.token_of)
                if token is not None:
                    headers = [pair for pair in scope["headers"] if pair[0] != b"authorization"]
                    headers.append((b"authorization", f"Bearer {token}".encode()))
                    scope = {**scope, "headers": headers}
        await self.app(scope, receive, send)

    async def _token(self, name: str, token_of: Callable[[str], str | None]) -> str | None:
        token, until = self._tokens.get(name, (None, 0.0))
        if until <= time.monotonic():
            token = await asyncio.to_thread(token_of, name)
            self._tokens[name] = (token, time.monotonic() + _RENEWED_AFTER_SECONDS)
        return token


def _persona(scope: Scope) -> str | None:
    if any(name == b"authorization" for name, _ in scope["headers"]):
        return None
    for name, value in scope["headers"]:
        if name == b"cookie":
            try:
                found = SimpleCookie(value.decode("latin-1")).get(COOKIE)
            except CookieError:
                return None
            if found is not None:
                return found.value
    return None
