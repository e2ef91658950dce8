"""Mapping sets over HTTP: lists, single sets, documents, what to decide by, and changing them.

In: requests. Out: pages for browsers, JSON or SSSOM for programs, from the same verbs as the
command line. A change is a JSON body by a proven steward; a form of another site cannot send one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse

from kgnode.alignment.sssom_tsv import MOST_BYTES
from kgnode.alignment.standing import RELATIONS, STEWARD, steward
from kgnode.errors import BadRequest, Forbidden, NotFound, UnsupportedMedia
from kgnode.policy.caller import Caller
from kgnode.stewardship.lifecycle import CHANGING
from kgnode.stewardship.mappings import FORMS, READING, YOURS
from kgnode.stewardship.releasing import RELEASING
from kgnode.stewardship.weighing import WEIGHING
from kgnode.web.api import front, json_answer
from kgnode.web.pages import fragment, render, wants_page

WORDS = {
    YOURS: "For you",
    "open": "Open",
    "proposed": "Proposed",
    "review": "In review",
    "approved": "Approved",
    "ended": "Ended",
    "all": "All",
}
"""The piles as the page calls them."""

GIVEN = frozenset(
    {
        *("set", "id", "ids", "subject", "object", "relation", "negative", "confidence"),
        *("justification", "text", "comment", "replaced_by", "all", "number", "version"),
        *("reasoner", "notice", "content", "form"),
    }
)
"""What a request may say; it names no file of the node and not who acts."""
PAGE_ROWS = 25
FOR_STEWARDS = frozenset({"suggest", "evidence", "impact"})
"""What costs more than reading, and is no use to anybody else."""

Name = Annotated[str, Query(max_length=100)]


def _caller(request: Request) -> Caller:
    here = front(request)
    return here.caller_of_page(request) if wants_page(request) else here.caller(request)


async def _read(request: Request, verb: str, **arguments: Any) -> dict[str, Any]:
    """Do a reading verb for the caller of a request."""
    given = {**arguments, "caller": _caller(request)}
    node = front(request).node
    return await run_in_threadpool(READING[f"mappings-{verb}"], node, given, lambda _: None)


async def all_sets(request: Request) -> Response:
    """All mapping sets: a page or JSON."""
    found = await _read(request, "list")
    if not wants_page(request):
        return json_answer(found)
    return render(request, "mappings.html", _caller(request), title="Mappings", **found)


async def one_set(
    request: Request,
    name: str,
    pile: Name = "",
    search: Name = "",
    start: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int | None, Query(ge=1, le=1000)] = None,
    id: Annotated[str | None, Query(max_length=400)] = None,
    part: Annotated[str | None, Query(max_length=10)] = None,
) -> Response:
    """The claims of a set: the steward's page, JSON, or SSSOM in the format asked for."""
    accept = request.headers.get("accept", "")
    for form, (media, _) in FORMS.items():
        if form != "json" and media in accept:
            return await document(request, name, form)
    caller = _caller(request)
    decides = STEWARD in caller.roles and caller.act is None
    found = await _read(
        request,
        "show",
        set=name,
        pile=pile or (YOURS if decides and wants_page(request) else "open"),
        search=search,
        start=start,
        limit=limit or (PAGE_ROWS if wants_page(request) else None),
        id=id,
    )
    if not wants_page(request):
        return json_answer(found)
    context = {
        **found,
        "words": {pile: word for pile, word in WORDS.items() if decides or pile != YOURS},
        "search": search,
        "steward": decides,
        "relations": tuple(RELATIONS),
        "most": PAGE_ROWS,
    }
    if part == "claims":
        return HTMLResponse(fragment("claims.html", **context))
    title = f"{found['title'] or name}"
    return render(request, "mapping_set.html", caller, **{**context, "title": title})


async def document(
    request: Request,
    name: str,
    form: Annotated[str, Query(alias="as", max_length=10)] = "tsv",
    version: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """A set as a document: SSSOM as tsv, json or ttl, or a signed release."""
    found = await _read(request, "export", set=name, version=version, **{"as": form})
    ending = {"tsv": "sssom.tsv", "json": "sssom.json", "ttl": "ttl"}.get(form, "release.json")
    kept = f"{found['set']}.{ending}"
    return Response(
        found["content"],
        media_type=found["media"],
        headers={"Content-Disposition": f'attachment; filename="{kept}"'},
    )


async def history(
    request: Request, name: str, id: Annotated[str | None, Query(max_length=400)] = None
) -> Response:
    """What was done to a set, or to one claim: a page or JSON."""
    return await _told(request, "history", "mapping_history.html", set=name, id=id)


async def check(request: Request, name: str) -> Response:
    """The conflicts of a set: a page or JSON."""
    return await _told(request, "check", "mapping_conflicts.html", set=name)


async def released(request: Request, name: str) -> Response:
    """The released versions of a set with what each attests, and its structural maps."""
    return await _told(request, "released", "mapping_released.html", set=name)


async def _told(request: Request, verb: str, template: str, **arguments: Any) -> Response:
    found = await _read(request, verb, **arguments)
    if not wants_page(request):
        return json_answer(found)
    caller = _caller(request)
    return render(request, template, caller, title=f"{found['set']}: {verb}", **found)


async def weigh(
    request: Request,
    name: str,
    what: str,
    target: Name = "",
    term: Annotated[str, Query(max_length=400)] = "",
    id: Annotated[str | None, Query(max_length=400)] = None,
    ids: Annotated[list[str] | None, Query()] = None,
    without: Annotated[list[str] | None, Query()] = None,
    limit: Annotated[int | None, Query(ge=1, le=1000)] = None,
    form: Annotated[str | None, Query(alias="as", max_length=10)] = None,
) -> Response:
    """What to decide by, over the caller's own view: queue, suggest, evidence, coverage, impact."""
    if what not in WEIGHING:
        raise NotFound(f"There is nothing at {request.url.path}.", hint="See /openapi.json.")
    here = front(request)
    caller = _caller(request)
    if what in FOR_STEWARDS:
        steward(caller)
    arguments = {
        "set": name,
        "target": target,
        "term": term,
        "id": id,
        "ids": ids,
        "without": without,
        "limit": limit,
        "as": form,
    }
    found = await WEIGHING[what](here.node, here.desk, caller, arguments)
    if form and "content" in found:
        media = {"html": "text/html; charset=utf-8"}.get(form, "text/plain; charset=utf-8")
        return Response(found["content"], media_type=media)
    if not wants_page(request) or what not in ("queue", "suggest", "coverage"):
        return json_answer(found)
    context = {**found, "set": name, "target": target, "steward": STEWARD in caller.roles}
    context["title"] = f"{name}: {what}"
    return render(request, f"mapping_{what}.html", caller, **context)


async def change(request: Request) -> Response:
    """Change a set: a JSON body ``{"do": verb, "set": name, ...}`` by a steward."""
    here = front(request)
    caller = here.caller(request)
    try:
        steward(caller)
    except Forbidden as error:
        here.node.audit.record(
            {"action": "mappings", "org": caller.org, "sub": caller.sub, "outcome": error.code}
        )
        raise
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise UnsupportedMedia("The body is not JSON.", hint="Send application/json.")
    asked = await _json(request)
    verb = f"mappings-{asked.get('do')}"
    if verb not in CHANGING and verb not in RELEASING:
        known = sorted(one.removeprefix("mappings-") for one in (*CHANGING, *RELEASING))
        raise BadRequest(f"{asked.get('do')!r} changes nothing.", hint=f"Use {', '.join(known)}.")
    arguments = {key: value for key, value in asked.items() if key in GIVEN}
    for key in ("ids",):
        if not isinstance(arguments.get(key, []), list):
            raise BadRequest(f"{key} is no list.", hint="Send a list of ids.")
    found = await here.perform(verb, {**arguments, "caller": caller})
    return json_answer(found)


async def _json(request: Request) -> Mapping[str, Any]:
    """Return the object a body holds, which is read only once a steward sends it."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise BadRequest(f"The body is longer than {MOST_BYTES} bytes.", hint="Send less.")
        parts.append(part)
    try:
        found = orjson.loads(b"".join(parts))
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not JSON: {error}.", hint="Send an object.") from error
    if not isinstance(found, dict):
        raise BadRequest("The body is no JSON object.", hint='For example {"do": "approve"}.')
    return found
