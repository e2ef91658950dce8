"""One SPARQL request answered from exactly the permitted cells.

In: a request, its caller and the node's ``Desk``. Out: ``SparqlAnswer``. The flow is: parse ->
guard -> decide -> narrow -> view -> evaluate -> audit; every step hands on a frozen record, and an
error of any step is an exception of ``kgnode.errors``. No answer leaves without its audit entry.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import orjson

from kgnode.alignment.apply import Applied
from kgnode.alignment.notice import headers as told_by
from kgnode.alignment.notice import report
from kgnode.errors import BadRequest, GridspineError, NotFound
from kgnode.policy.caller import Caller
from kgnode.query.desk import Desk
from kgnode.query.guard import guard
from kgnode.query.narrow import Reach, narrow
from kgnode.query.parse import ParsedQuery, parse, with_base
from kgnode.query.protocol import SparqlRequest
from kgnode.query.serialise import JSON, engine_format, negotiate
from kgnode.store.view import Limits

__all__ = ["Desk", "SparqlAnswer", "answer", "matches"]

LONG_TEXT = 65_536
"""Queries of more characters are parsed in a thread, so that others do not wait for them."""
AUDITED_TEXT = 16_384
"""Characters of a query that its audit entry keeps; a longer one is known by its digest too."""


class SparqlAnswer(NamedTuple):
    """What goes back: ``content`` where the whole body is at hand, else ``body``.

    Attributes:
        etag: its entity tag, where it has one; not among ``headers``, which many answers share.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    media_type: str
    body: AsyncIterator[bytes] | None = None
    content: bytes | None = None
    etag: str | None = None

    async def read(self) -> bytes:
        """Return the body in one piece."""
        if self.content is not None or self.body is None:
            return self.content or b""
        return b"".join([part async for part in self.body])


class Task(NamedTuple):
    """A request that may run: what to evaluate, on which cells, and in which format."""

    parsed: ParsedQuery
    text: str
    reach: Reach
    policy: str
    media_type: str
    limits: Limits
    mappings: Applied | None

    @property
    def key(self) -> tuple[str | int | bool, ...]:
        """What makes an answer: equal keys have equal answers."""
        engine = engine_format(self.media_type, self.parsed.form)
        limits = self.limits
        return self.reach.version, self.text, engine, limits.max_rows, limits.max_bytes, limits.cut

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Whose view answers, by which decision, with which mappings."""
        always = (("Gridspine-Version", self.reach.version), ("Gridspine-Policy", self.policy))
        return always if self.mappings is None else (*always, *told_by(self.mappings))


async def answer(request: SparqlRequest, caller: Caller, desk: Desk) -> SparqlAnswer:
    """Answer one query.

    Raises:
        MalformedQuery, RefusedQuery, NotAcceptable, BadRequest: it cannot be answered as it is.
        Deadline, ResultTooLarge, TooCostly, Overloaded: it takes too much; nothing was sent.
        StoreFull: the audit log cannot be written, so nothing is answered.
    """
    if desk.audit is not None:
        desk.audit.require()
    started = time.perf_counter()
    entry: dict[str, Any] = {}
    try:
        try:
            found = await _answer(request, caller, desk, entry)
        except NotFound:  # a publish replaced a version between decision and view
            found = await _answer(request, caller, desk, entry)
    except BaseException as error:
        code = error.code if isinstance(error, GridspineError) else "unexpected"
        entry["outcome"] = "cancelled" if isinstance(error, asyncio.CancelledError) else code
        entry["status"] = error.status if isinstance(error, GridspineError) else 500
        _audit(request, caller, desk, entry, started)
        raise
    entry |= {"outcome": "ok", "status": found.status}
    _audit(request, caller, desk, entry, started)
    return found


async def _answer(
    request: SparqlRequest, caller: Caller, desk: Desk, entry: dict[str, Any]
) -> SparqlAnswer:
    if request.query is None:
        raise BadRequest("The request has no query.", hint="Send it in the parameter query.")
    text = with_base(request.query, request.base)
    read = _parse_and_guard(text) if len(text) <= LONG_TEXT else await _guarded(text)
    task = _task(request, read, caller, desk)
    if request.mappings:
        task = await _mapped(task, request.mappings, desk)
    parsed, reach, media_type, headers = task.parsed, task.reach, task.media_type, task.headers
    key = task.key
    entry["form"], entry["cells"] = parsed.form, len(reach.cells)
    entry["version"], entry["policy"] = reach.version, task.policy
    inline = request.parameters.get("report") == ("inline",)
    tag = entity_tag(key, media_type) if parsed.repeatable and not inline else None
    if tag is not None:
        if request.if_none_match and matches(request.if_none_match, tag):
            return SparqlAnswer(304, headers, media_type, content=b"", etag=tag)
        if (kept := desk.cache.get(key)) is not None:
            entry["bytes"] = len(kept)
            return SparqlAnswer(200, headers, media_type, content=kept, etag=tag)
    view = desk.ready(reach, graphs=parsed.asks_graphs)
    if view is None:
        view = await desk.view(reach, graphs=parsed.asks_graphs)
    result = await view.evaluate(task.text, str(key[2]), task.limits)
    entry["bytes"] = result.length
    if result.truncated is not None:
        entry["truncated"] = result.truncated
        headers, tag = (*headers, ("Gridspine-Truncated", result.truncated)), None
    content = result.complete
    if inline:
        told = {"mappings": None if task.mappings is None else report(task.mappings)}
        content = orjson.dumps({**orjson.loads(await result.read()), "report": told})
    if content is None:
        return SparqlAnswer(200, headers, media_type, aiter(result), etag=tag)
    if tag is not None:
        desk.cache.put(key, content)
    return SparqlAnswer(200, headers, media_type, content=content, etag=tag)


def _task(request: SparqlRequest, parsed: ParsedQuery, caller: Caller, desk: Desk) -> Task:
    """Return what is to be evaluated: decide, narrow."""
    media_type = negotiate(request.accept, parsed.form)
    if request.parameters.get("report") == ("inline",) and media_type != JSON:
        raise BadRequest(
            "report=inline goes with SPARQL JSON results only.", hint=f"Accept {JSON}."
        )
    seen = desk.see(caller, request.at)
    reach = narrow(seen, request, parsed) or desk.reach(seen)
    limits = desk.limits(request, caller)
    return Task(parsed, parsed.without_dataset(), reach, seen.digest, media_type, limits, None)


async def _mapped(task: Task, names: Sequence[str], desk: Desk) -> Task:
    """Return what is to be evaluated under mapping sets; what they make of a query is guarded."""
    applied = await desk.apply(task.parsed, names, task.reach)
    parsed = await _guarded(applied.text)
    reach = replace(task.reach, rules=applied.wanted.rules.digest, derived=applied.derived)
    text = parsed.without_dataset()
    return task._replace(parsed=parsed, text=text, reach=reach, mappings=applied)


async def _guarded(text: str) -> ParsedQuery:
    if len(text) > LONG_TEXT:
        return await asyncio.to_thread(_parse_and_guard, text)
    return _parse_and_guard(text)


def _parse_and_guard(text: str) -> ParsedQuery:
    parsed = parse(text)
    guard(parsed)
    return parsed


def entity_tag(key: tuple[str | int | bool, ...], media_type: str) -> str:
    """Return the weak entity tag of an answer: row order may differ from run to run.

    It covers the caller's own view, never what is hidden (RFC 9110 section 8.8.3).
    """
    version, asked, engine, rows, size, cut = key
    text = f"{media_type}\0{version}\0{asked}\0{engine}\0{rows}\0{size}\0{cut}"
    return f'W/"{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"'


def matches(if_none_match: str, tag: str) -> bool:
    """Tell whether a client already has the answer (weak comparison, RFC 9110 section 13.1.2)."""
    bare = tag.removeprefix("W/")
    known = (part.strip().removeprefix("W/") for part in if_none_match.split(","))
    return any(part in ("*", bare) for part in known)


def _audit(
    request: SparqlRequest, caller: Caller, desk: Desk, entry: dict[str, Any], started: float
) -> None:
    """Write one entry: who, for whom, why, what, and what came of it."""
    if desk.audit is None:
        return
    query = request.query or ""
    written: dict[str, Any] = {
        "org": caller.org,
        "sub": caller.sub,
        "roles": sorted(caller.roles),
        "act": caller.act,
        "action": "query",
        "purpose": caller.purpose,
        "query": query,
    }
    if len(query) > AUDITED_TEXT:
        written["query"] = query[:AUDITED_TEXT]
        written["query_sha256"] = hashlib.sha256(query.encode()).hexdigest()
    if request.at:
        written["at"] = request.at
    if request.default_graphs:
        written["default_graphs"] = request.default_graphs
    if request.named_graphs:
        written["named_graphs"] = request.named_graphs
    if request.mappings:
        written["mappings"] = request.mappings
    written |= entry
    written["milliseconds"] = round((time.perf_counter() - started) * 1000, 3)
    desk.audit.record(written)
