"""The gateway's pages, each also as JSON.

In: a request; the gateway in the application's state. Out: HTML from the templates beside this
module, or the same as JSON where the client asks for that. No script is needed to use them.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import jinja2
import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from federation.answer import Ask, answer
from federation.gateway import Gateway
from federation.members.identity import authenticate
from federation.members.pool import JSON, Identity, Reply
from federation.web.personas import COOKIE as PERSONA
from kgnode import __version__
from kgnode.errors import BadRequest, GridspineError, IdentityError, NotComplete
from kgnode.names import shorten
from kgnode.policy.caller import Caller
from kgnode.problems import problem
from kgnode.query.parse import parse

COOKIE = "gridspine_token"
_SHOWN_ROWS = 500
_FORM_BYTES = 65_536
_FORM_FIELDS = 20
_POLICY = (
    "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
)
_RESULTS = "application/sparql-results+json"
_MENU = [
    {"path": "/", "label": "Workbench"},
    {"path": "/network", "label": "Network"},
    {"path": "/catalogue", "label": "Catalogue"},
    {"path": "/members", "label": "Members"},
]
_EXAMPLE = """PREFIX cim: <http://iec.ch/TC57/CIM100#>
SELECT ?substation ?name WHERE {
  ?substation a cim:Substation ; cim:IdentifiedObject.name ?name .
}
ORDER BY ?name
LIMIT 50"""

_templates = jinja2.Environment(
    loader=jinja2.ChoiceLoader(
        [
            jinja2.PackageLoader("federation.web", "templates"),
            jinja2.PackageLoader("kgnode.web", "templates"),
        ]
    ),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["short"] = shorten


@dataclass(frozen=True)
class Shown:
    """One answer as the page shows it."""

    status: str
    reason: str
    report: dict[str, Any] | None
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[dict[str, str], ...], ...] = ()
    total: int = 0
    text: str = ""
    boolean: bool | None = None
    milliseconds: float = 0.0


def _page(request: Request, name: str, here: str, status: int = 200, **context: Any) -> Response:
    gateway: Gateway = request.app.state.gateway
    site = {
        "name": f"{gateway.home.identity.org} gateway",
        "root": request.scope.get("root_path", ""),
        "version": __version__,
        "menu": _MENU,
    }
    text = _templates.get_template(name).render(
        **{"site": site, "here": here, "wide": False, **context}
    )
    headers = {
        "Content-Security-Policy": _POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "private, no-cache",
    }
    return Response(text, status, headers, "text/html; charset=utf-8")


async def _form(request: Request, most_bytes: int) -> dict[str, str]:
    """Return the fields of a posted form, which anybody may send.

    Raises:
        BadRequest: it is too long, or no form.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most_bytes:
            raise BadRequest(
                f"The body is longer than {most_bytes} bytes.", hint="Send only the form's fields."
            )
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FORM_FIELDS)
    except ValueError as error:
        raise BadRequest("The body is no form.", hint="Use the page's own form.") from error
    return dict(pairs)


def _wants_json(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept


def _caller(request: Request) -> Caller:
    gateway: Gateway = request.app.state.gateway
    token = request.cookies.get(COOKIE)
    header = request.headers.get("authorization") or (f"Bearer {token}" if token else None)
    return authenticate(gateway.verifier)(header)


def _who(request: Request) -> tuple[Caller, str]:
    """The caller, and what is wrong with the token if it is no good."""
    try:
        return _caller(request), ""
    except IdentityError as error:
        return Caller.public(), error.message


async def workbench(request: Request) -> Response:
    """Show the query box, and the answer of a query that was sent."""
    gateway: Gateway = request.app.state.gateway
    most = 3 * gateway.settings.query_max_text_bytes + _FORM_BYTES
    posted = request.method == "POST"
    form = await _form(request, most) if posted else dict(request.query_params)
    text = str(form.get("query", _EXAMPLE))
    partial = form.get("partial") == "allow"
    caller, refused = _who(request)
    shown = error = None
    if request.method == "POST":
        try:
            shown = await _run(gateway, text, gateway.exchanger.identity(caller), partial)
        except NotComplete as lost:
            report = lost.detail["report"]
            shown = Shown(lost.detail["answer_status"], lost.message, report)
        except GridspineError as failed:
            error = problem(failed)
    return _page(
        request,
        "workbench.html",
        "/",
        error["status"] if error else 200,
        title="Workbench",
        query=text,
        partial=partial,
        shown=shown,
        error=error,
        caller=caller,
        refused=refused,
        members=list(gateway.refresh().members.values()),
        personas=_personas(request),
    )


async def _run(gateway: Gateway, text: str, identity: Identity, partial: bool) -> Shown:
    start = time.monotonic()
    form = parse(text).form
    graph = form in ("CONSTRUCT", "DESCRIBE")
    media = "text/turtle" if graph else _RESULTS
    got = await answer(Ask(text, identity, media, partial), gateway.refresh())
    spent = (time.monotonic() - start) * 1000
    report = got.report.to_json()
    base: dict[str, Any] = {"status": got.status, "reason": got.report.reason, "report": report}
    if graph:
        return Shown(**base, text=got.body.decode()[:400_000], milliseconds=spent)
    document = orjson.loads(got.body)
    if "boolean" in document:
        return Shown(**base, boolean=document["boolean"], milliseconds=spent)
    columns = tuple(document["head"]["vars"])
    bindings = document["results"]["bindings"]
    rows = tuple(
        tuple(_cell(binding.get(name)) for name in columns) for binding in bindings[:_SHOWN_ROWS]
    )
    return Shown(**base, columns=columns, rows=rows, total=len(bindings), milliseconds=spent)


def _cell(term: dict[str, Any] | None) -> dict[str, str]:
    if term is None:
        return {"text": "", "title": "", "kind": "unbound"}
    if term["type"] == "uri":
        return {"text": shorten(term["value"]), "title": term["value"], "kind": "iri"}
    note = term.get("xml:lang") or shorten(term.get("datatype", ""))
    return {"text": str(term["value"]), "title": note, "kind": "literal"}


async def members(request: Request) -> Response:
    """List the members of the document in force with the state of each for this caller."""
    gateway: Gateway = request.app.state.gateway
    federation = gateway.refresh()
    caller, refused = _who(request)
    known = await federation.summaries.of(
        federation.members.values(), gateway.exchanger.identity(caller), time.monotonic() + 5
    )
    listed = [
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
    if _wants_json(request):
        return JSONResponse({"members": listed})
    return _page(
        request,
        "members.html",
        "/members",
        title="Members",
        members=listed,
        caller=caller,
        refused=refused,
    )


async def catalogue(request: Request) -> Response:
    """Merge the catalogues that the members show this caller."""
    gateway: Gateway = request.app.state.gateway
    federation = gateway.refresh()
    caller, refused = _who(request)
    identity = gateway.exchanger.identity(caller)
    replies = await asyncio.gather(
        *(
            federation.pool.ask(
                member, identity, "GET", "/catalogue", JSON, time.monotonic() + 8,
                max_bytes=8 << 20,
            )
            for member in federation.members.values()
        )
    )  # fmt: skip
    found = [_entries(reply) for reply in replies]
    document: dict[str, Any] = {
        "datasets": [entry for entries, _ in found for entry in entries],
        "sources": [source for _, source in found],
    }
    if _wants_json(request):
        return JSONResponse(document)
    return _page(
        request,
        "catalogue.html",
        "/catalogue",
        title="Catalogue",
        caller=caller,
        refused=refused,
        **document,
    )


def _entries(reply: Reply) -> tuple[list[dict[str, Any]], dict[str, str]]:
    source = {"id": reply.member, "outcome": str(reply.outcome), "detail": reply.detail}
    if not reply.ok:
        return [], source
    try:
        listed = orjson.loads(reply.body)["datasets"]
        return [{**dict(entry), "member": reply.member} for entry in listed], source
    except (ValueError, KeyError, TypeError):
        return [], {**source, "outcome": "protocol", "detail": "no catalogue"}


async def report(request: Request) -> Response:
    """Show the report of an earlier answer."""
    gateway: Gateway = request.app.state.gateway
    found = gateway.reports.get(request.path_params["name"])
    if not _wants_json(request) and "text/html" in request.headers.get("accept", ""):
        caller, refused = _who(request)
        return _page(
            request, "report.html", "", title="Report", report=found, caller=caller, refused=refused
        )
    return JSONResponse(found)


async def session(request: Request) -> Response:
    """Keep a token in a cookie that no script can read, or forget it."""
    form = await _form(request, _FORM_BYTES)
    back = RedirectResponse(f"{request.scope.get('root_path', '')}/", 303)
    token, persona = str(form.get("token", "")).strip(), str(form.get("persona", ""))
    back.delete_cookie(COOKIE)
    back.delete_cookie(PERSONA)
    secure = request.url.scheme == "https"
    if persona and persona in _personas(request):
        back.set_cookie(PERSONA, persona, httponly=True, samesite="strict", secure=secure)
    elif token:
        gateway: Gateway = request.app.state.gateway
        gateway.verifier.caller(f"Bearer {token}")
        back.set_cookie(COOKIE, token, max_age=300, httponly=True, samesite="strict", secure=secure)
    return back


def _personas(request: Request) -> dict[str, str]:
    """The personas that a demonstration offers, id and title; none otherwise."""
    return dict(getattr(request.app.state, "personas", {}))


async def health(_: Request) -> Response:
    """Say that the process is there."""
    return JSONResponse({"ok": True})
