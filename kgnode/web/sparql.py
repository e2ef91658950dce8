"""The SPARQL endpoint of a node and of a gateway: a plain ASGI application.

In: HTTP. Out: what an answerer says, as SPARQL 1.1 Protocol wants it: GET, POST, HEAD, OPTIONS,
CORS, gzip, entity tags and problem documents. A client that goes away cancels its query; an answer
that breaks after its first byte is never ended properly, so no client takes it for whole.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import structlog

from kgnode.errors import BadMethod, BadRequest, GridspineError, QueryTooLong
from kgnode.policy.caller import Caller
from kgnode.query.answer import SparqlAnswer
from kgnode.query.head import Head, read_head
from kgnode.query.protocol import SparqlRequest, address, read_request
from kgnode.query.serialise import content_type
from kgnode.web.problems import problem_answer

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

_log = structlog.get_logger("kgnode.web")
PATH = "/sparql"
METHODS = "GET, HEAD, POST, OPTIONS"
GZIP_FROM_BYTES = 1_400
"""Smaller bodies fit one network packet; packing them costs more than it saves."""
WATCH_AFTER_SECONDS = 0.05
"""A query that takes longer is watched for its client going away."""

_ALWAYS: tuple[Header, ...] = (
    (b"vary", b"Accept, Accept-Encoding, Authorization, Cookie"),
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"ETag, Gridspine-Version, Gridspine-Policy, Gridspine-Mappings, Gridspine-Status, "
        b"Gridspine-Report, Gridspine-Truncated, Gridspine-Mapping-Warnings",
    ),
    (b"x-content-type-options", b"nosniff"),
)
_PRIVATE: Header = (b"cache-control", b"private, no-cache")


@dataclass(frozen=True)
class _Parts:
    """A body of unknown length: its first part, the others, whether they are to be packed."""

    first: bytes
    others: AsyncIterator[bytes]
    zipped: bool


class Asked(NamedTuple):
    """A request as the endpoint takes it, whichever way it came.

    Attributes:
        in_parts: whether its HTTP knows bodies in parts, which 1.0 does not.
    """

    method: str
    head: Head
    query_string: bytes = b""
    scheme: str = "http"
    path: str = PATH
    in_parts: bool = True

    @property
    def address(self) -> str:
        """Where it was sent to, as the client spelled it."""
        return address(self.scheme, self.head.host, self.path)


class Shared:
    """Headers that one answer after another carries, made once, and as they go out."""

    __slots__ = ("headers", "lines")

    def __init__(self, headers: Iterable[Header]) -> None:
        self.headers = tuple(headers)
        self.lines = b"".join(b"%b: %b\r\n" % header for header in self.headers)


_OPEN = Shared(_ALWAYS)
_PREFLIGHT = Shared(
    (
        (b"allow", METHODS.encode()),
        (b"access-control-allow-methods", METHODS.encode()),
        (b"access-control-allow-headers", b"Authorization, Accept, Content-Type, If-None-Match"),
        (b"access-control-max-age", b"86400"),
        (b"content-length", b"0"),
        *_ALWAYS,
    )
)


class Reply(NamedTuple):
    """What goes back; ``content`` is None where the body comes in parts.

    Attributes:
        shared: headers that other answers carry too.
        own: headers of this one.
    """

    status: int
    shared: Shared
    own: tuple[Header, ...]
    content: bytes | None
    parts: _Parts | None = None

    @property
    def headers(self) -> list[Header]:
        """All headers."""
        return [*self.shared.headers, *self.own]

    async def stream(self, send: Send) -> None:
        """Send a body in parts; if it breaks, leave the transfer without its end."""
        if self.parts is None:
            return
        packer = zlib.compressobj(1, zlib.DEFLATED, 31) if self.parts.zipped else None
        packed = [(b"content-encoding", b"gzip")] if packer else []
        headers = [*self.headers, *packed]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        try:
            first = self.parts.first
            await _part(send, packer.compress(first) if packer else first)
            async for part in self.parts.others:
                await _part(send, packer.compress(part) if packer else part)
        except Exception as error:
            _log.warning("answer broken off", error=type(error).__name__)
            return  # the server closes the connection without the last chunk
        finally:
            await _close(self.parts.others)
        end = packer.flush() if packer else b""
        await send({"type": "http.response.body", "body": end, "more_body": False})


class SparqlEndpoint:
    """An ASGI application.

    Args:
        answerer: answers a request of a caller.
        authenticate: the caller behind an ``Authorization`` header (None where there is none).
        describe: the service description, for a GET without a query.
        max_text_bytes: longest query; a body may be three times that, as forms are encoded.
        cookie: name of a cookie that carries a token where there is no header.
    """

    def __init__(
        self,
        answerer: Callable[[SparqlRequest, Caller], Awaitable[SparqlAnswer]],
        authenticate: Callable[[str | None], Caller],
        *,
        describe: Callable[[SparqlRequest, Caller, str], Awaitable[SparqlAnswer]] | None = None,
        max_text_bytes: int = 4 << 20,
        cookie: str | None = None,
    ) -> None:
        self._answerer = answerer
        self._authenticate = authenticate
        self._describe = describe
        self._max_text_bytes = max_text_bytes
        self._cookie = cookie.encode() if cookie else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        watch = _Watch(receive)
        asked = Asked(
            scope["method"],
            read_head(scope["headers"]),
            scope["query_string"],
            scope.get("scheme", "http"),
            scope.get("path", "/"),
            scope.get("http_version") != "1.0",
        )
        try:
            body = await self._body(receive) if asked.method == "POST" else b""
            watch.start()
            reply = await self.reply(asked, body)
            if reply.content is None:
                await reply.stream(send)
            else:
                await _whole(send, reply)
        except GridspineError as error:
            await _whole(send, _problem(asked.method, error))
        except asyncio.CancelledError:
            if not watch.left:
                raise
        finally:
            watch.stop()

    async def reply(self, asked: Asked, body: bytes) -> Reply:
        """Return what goes back to a request; an error is a reply too."""
        method = asked.method
        if method == "OPTIONS":
            return Reply(204, _PREFLIGHT, (), b"")
        try:
            if method not in ("GET", "HEAD", "POST"):
                raise BadMethod(
                    f"{method} is no method of a SPARQL endpoint.", hint=f"Use one of {METHODS}."
                )
            head = asked.head
            request = read_request(method, asked.query_string, head, body, base=asked.address)
            if request.query is not None and len(request.query) > self._max_text_bytes:
                raise _too_long(self._max_text_bytes)
            caller = self._authenticate(None if head.names_nobody else self._token(head))
            if request.query is None and self._describe is not None:
                answer = await self._describe(request, caller, asked.address)
            else:
                answer = await self._answerer(request, caller)
            if answer.content is None:
                return await _in_parts(answer, asked)
            return _in_one(answer, answer.content, asked)
        except Exception as error:
            return _problem(method, error)

    def _token(self, head: Head) -> str | None:
        if head.authorization is not None or self._cookie is None:
            return head.authorization
        token = head.cookie(self._cookie)
        return None if token is None else f"Bearer {token}"

    async def _body(self, receive: Receive) -> bytes:
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise BadRequest("The request ended before its body did.")
            part = message.get("body", b"")
            size += len(part)
            if size > 3 * self._max_text_bytes + 65_536:
                raise _too_long(self._max_text_bytes)
            parts.append(part)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)


@lru_cache(maxsize=256)
def _shared(headers: tuple[tuple[str, str], ...], media_type: str | None) -> Shared:
    """Return the headers of all answers that say the same of themselves."""
    kind = [] if media_type is None else [(b"content-type", content_type(media_type).encode())]
    return Shared((*_encoded(headers), *_ALWAYS, _PRIVATE, *kind))


def _in_one(answer: SparqlAnswer, content: bytes, asked: Asked) -> Reply:
    """Return an answer whose whole body is at hand, packed if the client takes that."""
    own: tuple[Header, ...] = ()
    if answer.etag is not None:
        own = ((b"etag", answer.etag.encode()),)
    if answer.status == 304:
        return Reply(304, _shared(answer.headers, None), own, b"")
    if asked.head.gzip and len(content) >= GZIP_FROM_BYTES:
        own += ((b"content-encoding", b"gzip"),)
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        content = packer.compress(content) + packer.flush()
    own += ((b"content-length", b"%d" % len(content)),)
    shared = _shared(answer.headers, answer.media_type)
    return Reply(answer.status, shared, own, b"" if asked.method == "HEAD" else content)


async def _in_parts(answer: SparqlAnswer, asked: Asked) -> Reply:
    """Return an answer whose body comes by and by, once its first part is there."""
    if answer.body is None:
        return _in_one(answer, b"", asked)
    parts = aiter(answer.body)
    first = await anext(parts, b"")  # an error before the first byte is still a clean problem
    own: tuple[Header, ...] = () if answer.etag is None else ((b"etag", answer.etag.encode()),)
    shared = _shared(answer.headers, answer.media_type)
    if asked.method == "HEAD":
        await _close(parts)
        return Reply(answer.status, shared, own, b"")
    if asked.in_parts:
        return Reply(answer.status, shared, own, None, _Parts(first, parts, asked.head.gzip))
    content = first + b"".join([part async for part in parts])
    own += ((b"content-length", b"%d" % len(content)),)
    return Reply(answer.status, shared, own, content)


async def _part(send: Send, part: bytes) -> None:
    if part:
        await send({"type": "http.response.body", "body": part, "more_body": True})


async def _close(body: AsyncIterator[bytes]) -> None:
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()


async def _whole(send: Send, reply: Reply) -> None:
    start = {"type": "http.response.start", "status": reply.status, "headers": reply.headers}
    await send(start)
    await send({"type": "http.response.body", "body": reply.content})


def _problem(method: str, error: Exception) -> Reply:
    status, headers, body = problem_answer(error)
    own = (*_encoded(headers), (b"content-length", b"%d" % len(body)))
    if isinstance(error, BadMethod):
        own += ((b"allow", METHODS.encode()),)
    return Reply(status, _OPEN, own, b"" if method == "HEAD" else body)


def _encoded(headers: Iterable[tuple[str, str]]) -> list[Header]:
    """Return headers as bytes; what is no printable text never gets into an answer's head."""
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in headers
        if value.isprintable()
    ]


def _too_long(max_text_bytes: int) -> QueryTooLong:
    return QueryTooLong(
        f"The query is longer than {max_text_bytes} bytes.",
        hint="Send values in smaller batches; the setting is query_max_text_bytes.",
    )


class _Watch:
    """Cancels the current request once its client has gone away."""

    def __init__(self, receive: Receive) -> None:
        self.left = False
        self._receive = receive
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        request = asyncio.current_task()
        if request is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(WATCH_AFTER_SECONDS, self._begin, request)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self, request: asyncio.Task[Any]) -> None:
        self._task = asyncio.ensure_future(self._wait(request))

    async def _wait(self, request: asyncio.Task[Any]) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.left = True
                request.cancel()
                return
