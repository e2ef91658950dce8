"""The frame of the gateway's pages: menu, who is asking, safe headers, errors as pages.

In: a request with the gateway in the application's state. Out: HTML from the templates beside this
module and those of a node; a problem as a page for browsers and as RFC 9457 JSON for programs.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, quote

import jinja2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from federation.gateway import Gateway
from federation.members.identity import authenticate
from federation.members.pool import Identity
from kgnode import __version__
from kgnode.errors import BadRequest, GridspineError, IdentityError, NotFound
from kgnode.names import PREFIXES, shorten
from kgnode.policy.caller import Caller
from kgnode.web.problems import problem_answer

COOKIE = "gridspine_token"
FORM_BYTES = 65_536
_FORM_FIELDS = 20
MENU = (
    {"path": "/", "label": "Overview"},
    {"path": "/workbench", "label": "Workbench"},
    {"path": "/network", "label": "Network"},
    {"path": "/studies", "label": "Studies"},
    {"path": "/catalogue", "label": "Catalogue"},
    {"path": "/mappings", "label": "Mappings"},
    {"path": "/members", "label": "Members"},
)
POLICY = (
    "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "object-src 'none'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}

templates = jinja2.Environment(
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
templates.filters["shorten"] = shorten


def gateway_of(request: Request) -> Gateway:
    """Return the gateway that serves a request."""
    found: Gateway = request.app.state.gateway
    return found


def root_of(request: Request) -> str:
    """Return the path below which the gateway is served, '' at the top."""
    return str(request.scope.get("root_path", ""))


def wants_json(request: Request) -> bool:
    """Tell whether the client is a program that wants JSON."""
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept


def wants_page(request: Request) -> bool:
    """Tell whether the client is a browser that wants HTML."""
    return "text/html" in request.headers.get("accept", "")


def authenticated(request: Request) -> Caller:
    """Return the caller.

    Raises:
        IdentityError: the token is no good.
    """
    token = request.cookies.get(COOKIE)
    header = request.headers.get("authorization") or (f"Bearer {token}" if token else None)
    return authenticate(gateway_of(request).verifier)(header)


def who(request: Request) -> tuple[Caller, str]:
    """Return the caller, and what is wrong with the token where it is no good."""
    try:
        return authenticated(request), ""
    except IdentityError as error:
        return Caller.public(), error.message


def identity_of(request: Request, caller: Caller) -> Identity:
    """Return for whom members are asked."""
    return gateway_of(request).exchanger.identity(caller)


def personas(request: Request) -> dict[str, str]:
    """Return the personas that a demonstration offers, id and title; none otherwise."""
    return dict(getattr(request.app.state, "personas", {}))


async def form_of(request: Request, most_bytes: int = FORM_BYTES) -> dict[str, str]:
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


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """Return a page of the gateway for whoever asks."""
    caller, refused = who(request)
    path = request.scope["path"].removeprefix(root_of(request)) or "/"
    query = request.url.query if request.method == "GET" else ""
    given = {
        "site": {
            "name": f"{gateway_of(request).home.identity.org} gateway",
            "root": root_of(request),
            "version": __version__,
            "menu": MENU,
        },
        "here": path,
        "back": f"{path}?{query}" if query else path,
        "wide": False,
        "caller": caller,
        "refused": refused,
        "url": gateway_of(request).home.identity.url,
        "personas": personas(request),
        "prefixes": PREFIXES,
        **context,
    }
    text = templates.get_template(template).render(**given)
    return Response(text, status, HEADERS, "text/html; charset=utf-8")


def local_path(request: Request, wanted: str) -> str:
    """Return where a form leads back to: a path of this gateway, never another site.

    A browser reads a backslash as a slash and drops control characters, so neither may be there.
    """
    safe = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted
    if not safe or not wanted.isprintable() or len(wanted) > 2000:
        wanted = "/"
    return root_of(request) + quote(wanted, safe="/?&=%:+,;@~!$'()*#[]-._")


async def problem(request: Request, error: Any) -> Response:
    """Return an error as a page for browsers, else as a problem document."""
    status, headers, body = problem_answer(error)
    if wants_page(request) and isinstance(error, GridspineError):
        return page(request, "problem.html", status=status, title=error.title, error=error)
    return Response(body, status, dict(headers))


async def unrouted(request: Request, error: Any) -> Response:
    """Return what the router refuses (nothing there, wrong method) in the same forms."""
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 404:
        hint = "The menu above leads to every page." if wants_page(request) else "See docs/http.md."
        return await problem(
            request, NotFound(f"There is nothing at {request.url.path}.", hint=hint)
        )
    refused = BadRequest(f"{request.method} is not possible here: {error.detail}.")
    answer = await problem(request, refused)
    answer.status_code = error.status_code
    answer.headers.update(error.headers or {})
    return answer
