"""The gateway's routes for studies.

In: HTTP requests, the gateway in the application's state. Out: ``POST /reroute`` makes and keeps a
study; ``GET /studies/{id}`` opens it again for the same identity, ``/studies/{id}/plans/{plan}``
one plan as JSON, page, RDF or CIM difference model, ``/studies/{id}/compare/{other}`` what changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from federation.members.identity import authenticate, identity_key
from federation.members.pool import Member, MemberPool
from federation.rerouting.documents import difference_model
from federation.rerouting.page import plan_page
from federation.rerouting.planning import moment
from federation.rerouting.service import Rerouting
from federation.rerouting.studies import Kept, Studies, compare
from federation.rerouting.study import Request
from federation.rerouting.turtle import plan_turtle, study_turtle
from kgnode.errors import BadRequest, NotFound
from kgnode.policy.caller import Caller

if TYPE_CHECKING:
    from federation.gateway import Gateway

COOKIE = "gridspine_token"
_MAX_BODY_BYTES = 65536
_MAX_VERIFY = 500
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
    "form-action 'self'; base-uri 'none'"
)


class StudyRoutes:
    """Handlers that share one worker and one folder of studies."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.service = Rerouting(gateway.home.path / "networks")
        self.studies = Studies(
            gateway.home.path / "studies",
            most=gateway.settings.studies_per_caller,
            days=gateway.settings.studies_days,
        )

    def routes(self) -> list[Route]:
        """Return the routes to add to the gateway's table."""
        return [
            Route("/reroute", self.make, methods=["POST"]),
            Route("/reroute/model.zip", self.model),
            Route("/studies", self.list),
            Route("/studies/{id}", self.open),
            Route("/studies/{id}/rerun", self.rerun, methods=["POST"]),
            Route("/studies/{id}/compare/{other}", self.compare),
            Route("/studies/{id}/plans/{plan}", self.plan),
        ]

    def close(self) -> None:
        """End the worker."""
        self.service.close()

    async def make(self, http: HttpRequest) -> Response:
        """Make a study of what is asked."""
        caller = self._caller(http)
        return await self._run(caller, read_request(await _body(http)))

    async def model(self, http: HttpRequest) -> Response:
        """Give the assembled model as the caller may see it, as a CIM zip."""
        members, pool = self._members()
        body = await self.service.model_zip(
            members,
            pool,
            self.gateway.exchanger.identity(self._caller(http)),
        )
        return Response(body, 200, _PRIVATE, "application/zip")

    async def rerun(self, http: HttpRequest) -> Response:
        """Make the same study again on the models as they are now."""
        caller = self._caller(http)
        kept = self._kept(http.path_params["id"], caller)
        return await self._run(caller, kept.request)

    async def list(self, http: HttpRequest) -> Response:
        """List the caller's studies."""
        own = self.studies.mine(identity_key(self._caller(http)))
        rows = [
            {"id": k.id, "made": k.study["made"], "from": k.study["from"], "to": k.study["to"]}
            for k in own
        ]
        return JSONResponse({"studies": rows}, headers=_PRIVATE)

    async def open(self, http: HttpRequest) -> Response:
        """Open a study, as JSON or RDF (ttl)."""
        name, _, form = http.path_params["id"].partition(".")
        kept = self._kept(name, self._caller(http))
        if form == "ttl":
            return Response(study_turtle(kept.id, kept.study), 200, _PRIVATE, "text/turtle")
        return JSONResponse({"id": kept.id, **kept.study}, headers=_PRIVATE)

    async def compare(self, http: HttpRequest) -> Response:
        """Say what changed from one study to another."""
        caller = self._caller(http)
        old = self._kept(http.path_params["id"], caller)
        new = self._kept(http.path_params["other"], caller)
        return JSONResponse(compare(old.study, new.study), headers=_PRIVATE)

    async def plan(self, http: HttpRequest) -> Response:
        """Give one plan as JSON, page (html), RDF (ttl) or CIM difference model (xml)."""
        kept = self._kept(http.path_params["id"], self._caller(http))
        name, _, form = http.path_params["plan"].partition(".")
        plan = next((p for p in kept.study["candidates"] if p["id"] == name), None)
        if plan is None:
            raise NotFound("There is no such plan in this study.")
        if form == "html":
            headers = {**_PRIVATE, "Content-Security-Policy": _PAGE_POLICY}
            page = plan_page(kept.id, kept.study, plan)
            return Response(page, 200, headers, "text/html; charset=utf-8")
        if form == "ttl":
            return Response(plan_turtle(kept.id, kept.study, plan), 200, _PRIVATE, "text/turtle")
        if form == "xml":
            headers = {
                **_PRIVATE,
                "Content-Disposition": f'attachment; filename="{name}_DIFF.xml"',
            }
            return Response(difference_model(kept.study, plan), 200, headers, "application/xml")
        return JSONResponse(plan, headers=_PRIVATE)

    async def _run(self, caller: Caller, asked: dict[str, Any]) -> Response:
        kept = await self.keep(caller, asked)
        return JSONResponse({"id": kept.id, **kept.study}, headers=_PRIVATE)

    async def keep(self, caller: Caller, asked: dict[str, Any]) -> Kept:
        """Make a study of what is asked, and keep it for its caller."""
        identity = self.gateway.exchanger.identity(caller)
        members, pool = self._members()
        study = await self.service.study(members, pool, identity, to_request(asked))
        return self.studies.keep(identity_key(caller), asked, study)

    def _members(self) -> tuple[Sequence[Member], MemberPool]:
        """Return the members that have a node: a plain endpoint publishes no network models."""
        federation = self.gateway.refresh()
        return [m for m in federation.members.values() if not m.plain], federation.pool

    def _caller(self, http: HttpRequest) -> Caller:
        token = http.cookies.get(COOKIE)
        header = http.headers.get("authorization") or (f"Bearer {token}" if token else None)
        return authenticate(self.gateway.verifier)(header)

    def _kept(self, identifier: str, caller: Caller) -> Kept:
        return self.studies.get(identifier, identity_key(caller))


_PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


async def _body(http: HttpRequest) -> bytes:
    body = bytearray()
    async for chunk in http.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise BadRequest("The request is too long.", hint="Send what is asked, as JSON.")
    return bytes(body)


def read_request(body: bytes) -> dict[str, Any]:
    """Return what is asked, checked.

    Raises:
        BadRequest: it is no JSON object, has unknown members or wrong types.
    """
    try:
        asked = orjson.loads(body or b"{}")
    except ValueError as error:
        raise BadRequest("The request is not JSON.", hint='Send {"from": "GSP"}.') from error
    known = {"from": str, "to": str, "outage": str, "at": str, "verify": int, "n1": str}
    known["window"] = bool
    if not isinstance(asked, dict):
        raise BadRequest("The request is no JSON object.", hint='Send {"from": "GSP"}.')
    for name, value in asked.items():
        if name not in known:
            raise BadRequest(f"{name!r} is not known.", hint=f"Known are: {', '.join(known)}.")
        if value is not None and type(value) is not known[name]:
            raise BadRequest(f"{name!r} must be of type {known[name].__name__}.")
    if asked.get("n1") not in (None, "none", "reduced", "full"):
        raise BadRequest("'n1' must be none, reduced or full.")
    if asked.get("at"):
        moment(asked["at"])
    if not 0 <= (asked.get("verify") or 0) <= _MAX_VERIFY:
        raise BadRequest(f"'verify' must lie between 0 and {_MAX_VERIFY}.")
    return asked


def to_request(asked: dict[str, Any]) -> Request:
    """Return the study's request of what was asked."""
    verify = asked.get("verify")
    return Request(
        giver=asked.get("from"),
        receiver=asked.get("to"),
        outage=asked.get("outage"),
        at=asked.get("at"),
        verify=10 if verify is None else verify,
        n1=asked.get("n1") or "reduced",
        window=bool(asked.get("window")),
    )
