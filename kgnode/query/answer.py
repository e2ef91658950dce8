"""One SPARQL request answered from exactly the permitted cells.

In: a request, its caller and the node's ``Desk``. Out: ``SparqlAnswer``. The flow is: parse ->
guard -> decide -> narrow -> view -> evaluate -> audit; every step hands on a frozen record, and an
error of any step is an exception of ``kgnode.errors``.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from kgnode.errors import BadRequest, GridspineError, NotFound
from kgnode.policy.caller import Caller
from kgnode.policy.decide import Policies, Visible, visible
from kgnode.query.cache import AnswerCache, Key
from kgnode.query.guard import guard
from kgnode.query.narrow import Reach, narrow, whole
from kgnode.query.parse import ParsedQuery, parse
from kgnode.query.protocol import SparqlRequest
from kgnode.query.serialise import engine_format, negotiate
from kgnode.settings import Settings
from kgnode.store.cells import Cell, Manifest
from kgnode.store.record import Record
from kgnode.store.view import Limits, View, Views

LONG_TEXT = 65_536
"""Queries of more characters are parsed in a thread, so that others do not wait for them."""


REMEMBERED = 256
"""How many distinct sets of cells are kept in mind between requests."""


class AuditLog(Protocol):
    """Where entries go; raising means that the answer must not leave."""

    def record(self, entry: Mapping[str, Any]) -> object:
        """Keep one entry."""


@dataclass(frozen=True)
class SparqlAnswer:
    """What goes back: ``content`` where the whole body is at hand, else ``body``."""

    status: int
    headers: tuple[tuple[str, str], ...]
    media_type: str
    body: AsyncIterator[bytes]
    content: bytes | None = None


@dataclass
class Desk:
    """Everything one node needs to answer; made once per process.

    Attributes:
        policies: returns the policies in force now.
        audit: None only where nothing leaves the process (tests, commands on the owner's home).
    """

    record: Record
    views: Views
    policies: Callable[[], Policies]
    org: str
    settings: Settings
    audit: AuditLog | None = None
    cache: AnswerCache = field(init=False)
    _reaches: dict[int, tuple[Visible, Reach]] = field(init=False, default_factory=dict)
    _graphs_asked: set[frozenset[Cell]] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.cache = AnswerCache(self.settings.answer_cache_bytes)

    def see(self, caller: Caller, at: datetime | None) -> Visible:
        """Return what the caller sees now, in the versions current at ``at``."""
        manifests: tuple[Manifest, ...] = self.record.datasets()
        if at is not None:
            then = (self.record.at(manifest.dataset, at) for manifest in manifests)
            manifests = tuple(manifest for manifest in then if manifest is not None)
        return visible(caller, manifests, self.policies(), org=self.org, now=datetime.now(UTC))

    def reach(self, seen: Visible) -> Reach:
        """Return the cells of a query that names no graph, worked out once per decision."""
        kept = self._reaches.get(id(seen))
        if kept is None or kept[0] is not seen:
            if len(self._reaches) >= REMEMBERED:
                self._reaches.clear()
            kept = (seen, whole(seen, self.settings.view_named_graphs))
            self._reaches[id(seen)] = kept
        return kept[1]

    async def view(self, reach: Reach, *, graphs: bool) -> View:
        """Return a view that answers from a reach.

        Named graphs double a view's memory, so they are held only from the first query on that
        asks for them (``graphs``).

        Raises:
            NotFound: a version was replaced meanwhile; decide again.
        """
        if graphs and reach.named:
            if len(self._graphs_asked) >= REMEMBERED:
                self._graphs_asked.clear()
            self._graphs_asked.add(reach.cells)
        held = reach.named if reach.cells in self._graphs_asked else frozenset()
        return await self.views.get(reach.cells, held)

    def limits(self, request: SparqlRequest, caller: Caller) -> Limits:
        """Return the limits of the caller's class; a request can only tighten them."""
        own = self.settings
        seconds = (
            own.query_timeout_public_seconds if caller.is_public else own.query_timeout_seconds
        )
        if request.timeout_seconds is not None:
            seconds = min(seconds, request.timeout_seconds)
        return Limits(seconds, own.query_max_rows, own.query_max_bytes, request.limit_cut)


async def answer(request: SparqlRequest, caller: Caller, desk: Desk) -> SparqlAnswer:
    """Answer one query.

    Raises:
        MalformedQuery, RefusedQuery, NotAcceptable, BadRequest: it cannot be answered as it is.
        Deadline, ResultTooLarge, Overloaded: it takes too much; nothing has been sent.
    """
    started = time.perf_counter()
    entry: dict[str, Any] = {"action": "query", "query": request.query, "at": request.at}
    try:
        try:
            result = await _answer(request, caller, desk, entry)
        except NotFound:  # a publish replaced a version between decision and view
            result = await _answer(request, caller, desk, entry)
    except GridspineError as error:
        entry["outcome"] = error.code
        _audit(desk, caller, entry, started)
        raise
    except asyncio.CancelledError:
        entry["outcome"] = "cancelled"
        _audit(desk, caller, entry, started)
        raise
    entry["outcome"] = "ok"
    _audit(desk, caller, entry, started)
    return result


async def _answer(
    request: SparqlRequest, caller: Caller, desk: Desk, entry: dict[str, Any]
) -> SparqlAnswer:
    parsed = await _parsed(request)
    guard(parsed)
    if request.mappings:
        raise BadRequest("This node applies no mapping sets to queries yet.")
    media_type = negotiate(request.accept, parsed.form)
    seen = desk.see(caller, request.at)
    reach = narrow(seen, request, parsed) or desk.reach(seen)
    limits = desk.limits(request, caller)
    entry["version"], entry["policy"] = reach.version, seen.digest
    key = (
        reach.version,
        parsed.without_dataset(),
        engine_format(media_type, parsed.form),
        limits.max_rows,
        limits.max_bytes,
        limits.cut,
    )
    tag = entity_tag(key, media_type) if parsed.repeatable else None
    headers = [("Gridspine-Version", reach.version), ("Gridspine-Policy", seen.digest)]
    if tag is not None:
        headers.append(("ETag", tag))
        if request.if_none_match and matches(request.if_none_match, tag):
            return SparqlAnswer(304, tuple(headers), media_type, _once(b""), b"")
        content = desk.cache.get(key) if desk.cache.room_bytes else None
        if content is not None:
            entry["bytes"] = len(content)
            return SparqlAnswer(200, tuple(headers), media_type, _once(content), content)
    view = await desk.view(reach, graphs=parsed.asks_graphs)
    return await _evaluated(view, key, limits, headers, media_type, desk, entry)


async def _evaluated(
    view: View,
    key: Key,
    limits: Limits,
    headers: list[tuple[str, str]],
    media_type: str,
    desk: Desk,
    entry: dict[str, Any],
) -> SparqlAnswer:
    result = await view.evaluate(str(key[1]), str(key[2]), limits)
    entry["bytes"] = result.length
    if result.truncated is not None:
        entry["truncated"] = result.truncated
        headers = [*(pair for pair in headers if pair[0] != "ETag")]
        headers.append(("Gridspine-Truncated", result.truncated))
    elif result.complete is not None and headers[-1][0] == "ETag":
        desk.cache.put(key, result.complete)
    if result.complete is not None:
        return SparqlAnswer(
            200, tuple(headers), media_type, _once(result.complete), result.complete
        )
    return SparqlAnswer(200, tuple(headers), media_type, aiter(result))


async def _parsed(request: SparqlRequest) -> ParsedQuery:
    if request.query is None:
        raise BadRequest("The request has no query.", hint="Send it in the parameter query.")
    if len(request.query) > LONG_TEXT:
        return await asyncio.to_thread(parse, request.query)
    return parse(request.query)


def entity_tag(key: Key, media_type: str) -> str:
    """Return the weak entity tag of an answer: row order may differ from run to run.

    It covers the caller's own view, never what is hidden (RFC 9110 section 8.8.3).
    """
    text = "\x00".join([media_type, *map(str, key)])
    return f'W/"{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"'


def matches(if_none_match: str, tag: str) -> bool:
    """Tell whether a client already has the answer (weak comparison, RFC 9110 section 13.1.2)."""
    bare = tag.removeprefix("W/")
    known = (part.strip().removeprefix("W/") for part in if_none_match.split(","))
    return any(part in ("*", bare) for part in known)


def _audit(desk: Desk, caller: Caller, entry: dict[str, Any], started: float) -> None:
    if desk.audit is not None:
        entry["caller"] = caller
        entry["milliseconds"] = round((time.perf_counter() - started) * 1000, 3)
        desk.audit.record(entry)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
