"""The web application of a node, and the one table of its routes.

In: an open ``Node``. Out: an ASGI application. ``/sparql`` is a plain ASGI application mounted
beside FastAPI; everything else stands in ``ROUTES``, read top to bottom. Every error becomes a
problem document here and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kgnode import __version__
from kgnode.errors import BadRequest, GridspineError, NotFound
from kgnode.policy.caller import Caller
from kgnode.query.answer import SparqlAnswer, answer
from kgnode.query.describe import describe
from kgnode.query.protocol import SparqlRequest
from kgnode.web import api, judging, leases, mappings, pages
from kgnode.web.front import COOKIE, Front
from kgnode.web.problems import problem_answer
from kgnode.web.sparql import PATH, SparqlEndpoint

CONTENT_SECURITY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)

SECURITY_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)

SMALL_BODIES = {"/token": 1 << 16, "/leases": 1 << 10, "/signin": 1 << 16, "/signout": 1 << 10}
"""Forms that anybody may send, with the most bytes each may have."""

UPLOADS = {"/datasets/": api.PUBLISHERS, "/validate": judging.CHECKERS}
"""Where bodies of any length may come, with the owner's roles that are looked at before one is."""


class Route(NamedTuple):
    """One line of the table; ``page`` marks what only browsers ask for."""

    method: str
    path: str
    handler: Callable[..., Any]
    page: bool = False


ROUTES = (
    Route("GET", "/", pages.home, page=True),
    Route("GET", "/query", pages.query, page=True),
    Route("GET", "/signin", pages.sign_in_form, page=True),
    Route("POST", "/signin", pages.sign_in, page=True),
    Route("POST", "/signout", pages.sign_out, page=True),
    Route("GET", "/catalogue", pages.catalogue),
    Route("GET", "/catalogue/{id}", pages.dataset),
    Route("GET", "/asset", pages.asset),
    Route("GET", "/summary", api.summary),
    Route("GET", "/summary/terms", api.summary_terms),
    Route("POST", "/summary/shared", api.summary_shared),
    Route("GET", "/policy/why", api.policy_why),
    Route("POST", "/token", api.token),
    Route("POST", "/leases", leases.open_session),
    Route("POST", "/leases/{session}", leases.keep_session),
    Route("POST", "/datasets/{id}", api.publish),
    Route("GET", "/validate", judging.validate_view),
    Route("POST", "/validate", judging.check),
    Route("GET", "/gaps", judging.gaps),
    Route("GET", "/packs", judging.packs),
    Route("GET", "/mappings", mappings.all_sets),
    Route("POST", "/mappings", mappings.change),
    Route("GET", "/mappings/{name}", mappings.one_set),
    Route("GET", "/mappings/{name}/document", mappings.document),
    Route("GET", "/mappings/{name}/history", mappings.history),
    Route("GET", "/mappings/{name}/check", mappings.check),
    Route("GET", "/mappings/{name}/released", mappings.released),
    Route("GET", "/mappings/{name}/{what}", mappings.weigh),
    Route("GET", "/healthz", api.healthz),
    Route("GET", "/readyz", api.readyz),
    Route("GET", "/metrics", api.metrics),
)
PATHS = (PATH, *(route.path for route in ROUTES))


def create_app(front: Front, sparql: SparqlEndpoint | None = None) -> FastAPI:
    """Return the application of a node; whoever made ``front`` closes its views."""
    node = front.node
    app = FastAPI(
        title=f"Gridspine node of {node.home.identity.name}",
        version=__version__,
        docs_url=None,
        redoc_url=None,
    )
    app.state.front = front
    for route in ROUTES:
        app.add_api_route(
            route.path,
            route.handler,
            methods=[route.method],
            include_in_schema=not route.page,
            response_class=Response,
            response_model=None,
        )
    app.mount("/static", StaticFiles(directory=pages.STATIC))
    app.add_exception_handler(GridspineError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unrouted)
    app.add_exception_handler(Exception, _problem)
    app.add_middleware(Secured, sparql=sparql or endpoint(front), front=front)
    return app


def endpoint(front: Front) -> SparqlEndpoint:
    """Return what answers ``/sparql``."""

    def answerer(request: SparqlRequest, caller: Caller) -> Awaitable[SparqlAnswer]:
        return answer(request, caller, front.desk)

    async def describer(request: SparqlRequest, caller: Caller, address: str) -> SparqlAnswer:
        return await describe(request, caller, address, front.desk)

    return SparqlEndpoint(
        answerer,
        front.authenticate,
        describe=describer,
        max_text_bytes=front.node.settings.query_max_text_bytes,
        cookie=COOKIE,
    )


class Secured:
    """Sends ``/sparql`` past FastAPI, gives all else its security headers, counts every answer."""

    def __init__(self, app: ASGIApp, sparql: SparqlEndpoint, front: Front) -> None:
        self.app = app
        self.sparql = sparql
        self.front = front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status, size = 500, 0
        of_sparql = scope["path"] == PATH

        async def sending(message: Any) -> None:
            nonlocal status, size
            size += len(message.get("body", b""))
            if message["type"] == "http.response.start":
                status = message["status"]
                if not of_sparql:
                    message["headers"] = [*message["headers"], *SECURITY_HEADERS]
            await send(message)

        bounded = _bounded(receive, SMALL_BODIES.get(scope["path"]))
        try:
            refused = None if of_sparql else await self._refused(scope)
            await (self.sparql if of_sparql else refused or self.app)(scope, bounded, sending)
        finally:
            route = scope["path"] if of_sparql else getattr(scope.get("route"), "path", "")
            seconds = time.perf_counter() - started
            self.front.metrics.observe(route, status, seconds)
            self.front.note(scope, status, size, seconds)

    async def _refused(self, scope: Scope) -> Response | None:
        """The answer to an upload of somebody who may send none: its body is not read."""
        for path, roles in UPLOADS.items():
            if scope["method"] == "POST" and scope["path"].startswith(path):
                request = Request(scope)
                try:
                    self.front.owner(request, *roles)
                except GridspineError as error:
                    return await _problem(request, error)
        return None


def _bounded(receive: Receive, most_bytes: int | None) -> Receive:
    """A body that breaks off with an error beyond its bound; None leaves it to the handler."""
    if most_bytes is None:
        return receive
    size = 0

    async def counting() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most_bytes:
            raise BadRequest(
                f"The body is longer than {most_bytes} bytes.", hint="Send only the form's fields."
            )
        return message

    return counting


async def _problem(request: Request, error: Exception) -> Response:
    status, headers, body = problem_answer(error)
    api.front(request).metrics.refused(getattr(error, "code", "unexpected"))
    if isinstance(error, GridspineError) and pages.wants_page(request):
        return pages.problem_page(request, error, status)
    return Response(body, status_code=status, headers=dict(headers))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:]) or "the request"
    return await _problem(
        request,
        BadRequest(f"{name}: {first['msg']}.", hint="The document /openapi.json has the forms."),
    )


async def _unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 404:
        return await _problem(
            request, NotFound(f"There is nothing at {request.url.path}.", hint="See /openapi.json.")
        )
    refused = BadRequest(f"{request.method} is not possible here: {error.detail}.")
    _, headers, body = problem_answer(refused)
    return Response(
        body, status_code=error.status_code, headers={**dict(headers), **(error.headers or {})}
    )
