"""The gateway's pages of what the members hold, each also as JSON.

In: a request; who calls decides what the members show. Out: overview, members, catalogue, mapping
sets, one asset or a report, as HTML for browsers and as JSON for programs; and the doors of
signing in and out. No script is needed to use them.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from federation.web.asked import Told, ask_all, malformed
from federation.web.frame import (
    COOKIE,
    form_of,
    gateway_of,
    identity_of,
    local_path,
    page,
    personas,
    wants_page,
    who,
)
from federation.web.personas import COOKIE as PERSONA
from kgnode.errors import BadRequest, IdentityError, MemberError, NotFound
from kgnode.policy.caller import Caller
from kgnode.web.front import own_page

_TOKEN_SECONDS = 300


async def overview(request: Request) -> Response:
    """Say what this gateway joins, who is asking, and where to go."""
    caller, _ = who(request)
    listed = await _members(request, caller)
    if not wants_page(request):
        return JSONResponse({"members": listed})
    return page(request, "overview.html", title="Overview", members=listed)


async def members(request: Request) -> Response:
    """List the members of the document in force with the state of each for this caller."""
    caller, _ = who(request)
    listed = await _members(request, caller)
    if not wants_page(request):
        return JSONResponse({"members": listed})
    return page(request, "members.html", title="Members", members=listed)


async def _members(request: Request, caller: Caller) -> list[dict[str, Any]]:
    federation = gateway_of(request).refresh()
    known = await federation.summaries.of(
        federation.members.values(), identity_of(request, caller), time.monotonic() + 5
    )
    return [
        {
            "id": member.id,
            "name": member.name,
            "licence_role": member.licence_role,
            "node": member.node,
            "gateway": member.gateway,
            "state": known[member.id].reply.outcome,
            "detail": known[member.id].reply.detail,
            "triples": summary.triples if (summary := known[member.id].summary) else None,
            "version": summary.version if summary else None,
        }
        for member in federation.members.values()
    ]


async def _told(
    request: Request, path: str, *, only: str | None = None, known_by_few: bool = False
) -> list[Told]:
    caller, _ = who(request)
    federation = gateway_of(request).refresh()
    members = [one for one in federation.members.values() if only in (None, one.id)]
    return await ask_all(
        federation.pool, members, identity_of(request, caller), path, known_by_few=known_by_few
    )


async def catalogue(request: Request) -> Response:
    """Merge the catalogues that the members show this caller."""
    found: list[dict[str, Any]] = []
    told = []
    for one in await _told(request, "/catalogue"):
        listed = one.document if isinstance(one.document, list) else None
        if one.outcome == "ok" and (listed is None or not all(map(_is_entry, listed))):
            one = malformed(one, "catalogue")
        elif listed is not None:
            found += [
                {**entry, "member": one.member.id, "node": one.member.node} for entry in listed
            ]
        told.append(one.source())
    if not wants_page(request):
        return JSONResponse({"datasets": found, "sources": told})
    return page(request, "catalogue.html", title="Catalogue", datasets=found, sources=told)


async def dataset(request: Request) -> Response:
    """Show one data set of a member, as its node describes it to this caller."""
    member, wanted = request.path_params["member"], request.path_params["id"]
    for one in await _told(request, "/catalogue", only=member):
        if one.outcome != "ok":
            raise MemberError(
                f"{member} could not be asked: {one.outcome} {one.detail}.",
                hint="Try again in a moment; the page Members says how each one is.",
            )
        for entry in one.document if isinstance(one.document, list) else ():
            if _is_entry(entry) and entry["id"] == wanted:
                found = {**entry, "member": member, "node": one.member.node}
                if not wants_page(request):
                    return JSONResponse(found)
                return page(request, "member_dataset.html", title=entry["title"], entry=found)
    raise NotFound(
        f"There is no data set {wanted} of {member}.",
        hint="It does not exist, or is not shown to you; see /catalogue.",
    )


def _is_entry(entry: Any) -> bool:
    """Tell whether a member's entry has what the page shows, in the types it shows."""
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), str) for name in ("iri", "id", "title"))
        and isinstance(entry.get("triples"), int)
        and isinstance(entry.get("models"), list)
    )


async def mappings(request: Request) -> Response:
    """List the mapping sets of all members; each is kept at its member's node."""
    found: list[dict[str, Any]] = []
    told = []
    for one in await _told(request, "/mappings"):
        listed = one.document.get("sets") if isinstance(one.document, dict) else None
        if one.outcome == "ok" and not isinstance(listed, list):
            one = malformed(one, "list of mapping sets")
        for entry in listed or ():
            if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                found.append({**entry, "member": one.member.id, "node": one.member.node})
        told.append(one.source())
    if not wants_page(request):
        return JSONResponse({"sets": found, "sources": told})
    kept: dict[str, list[dict[str, Any]]] = {}
    for entry in found:
        kept.setdefault(entry["name"], []).append(entry)
    return page(request, "sets.html", title="Mappings", kept=kept, sources=told)


async def asset(request: Request) -> Response:
    """Put together what each member says of one asset."""
    iri = request.query_params.get("iri", "").strip()
    if not iri or len(iri) > 2000:
        raise BadRequest("No asset is named.", hint="Give its IRI: /asset?iri=urn:uuid:...")
    told = await _told(request, f"/asset?iri={quote(iri, safe='')}", known_by_few=True)
    found, sources = [], []
    for one in told:
        if one.document is not None and not _is_asset(one.document):
            one = malformed(one, "asset")
        elif one.document is not None:
            found.append({**one.document, "member": one.member.id, "owner": one.member.name})
        sources.append(one.source())
    if not found:
        lost = ", ".join(one["id"] for one in sources if one["outcome"] != "ok")
        raise NotFound(
            f"No member shows you anything of {iri}.",
            hint=f"It may be with those that did not answer: {lost}."
            if lost
            else "It does not exist, or its owner does not show it to you.",
        )
    found.sort(key=lambda one: -len(one["properties"]))
    if not wants_page(request):
        return JSONResponse({"iri": iri, "told": found, "sources": sources})
    name = next((one["name"] for one in found if one["name"]), None) or iri
    return page(request, "member_asset.html", title=name, iri=iri, told=found, sources=sources)


def _is_asset(document: Any) -> bool:
    return isinstance(document, dict) and all(
        isinstance(document.get(name), list) for name in ("classes", "properties", "references")
    )


async def report(request: Request) -> Response:
    """Show the report of an earlier answer."""
    found = gateway_of(request).reports.get(request.path_params["name"])
    if wants_page(request):
        return page(request, "report.html", title="Report", report=found)
    return JSONResponse(found)


async def sign_in(request: Request) -> Response:
    """Say who is asking, and take a token."""
    return page(request, "gateway_signin.html", title="Sign in")


async def session(request: Request) -> Response:
    """Keep a token in a cookie that no script can read, or forget it.

    Raises:
        IdentityError: the token proves nothing; what was there before is kept.
        Forbidden: a page of another site sends the form.
    """
    own_page(request)
    form = await form_of(request)
    back = RedirectResponse(local_path(request, form.get("back", "/")), 303)
    token, persona = form.get("token", "").strip(), form.get("persona", "")
    back.delete_cookie(COOKIE)
    back.delete_cookie(PERSONA)
    secure = request.url.scheme == "https"
    if persona and persona in personas(request):
        back.set_cookie(PERSONA, persona, httponly=True, samesite="strict", secure=secure)
    elif token:
        gateway = gateway_of(request)
        try:
            gateway.verifier.caller(f"Bearer {token}")
        except IdentityError as error:
            error.hint = error.hint or f"It must be made for {gateway.home.identity.url}."
            raise
        back.set_cookie(
            COOKIE, token, max_age=_TOKEN_SECONDS, httponly=True, samesite="strict", secure=secure
        )
    return back


async def health(_: Request) -> Response:
    """Say that the process is there."""
    return JSONResponse({"ok": True})
