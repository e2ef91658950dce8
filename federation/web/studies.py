"""The pages of studies: the caller's own, a form for a new one, and one study with its plans.

In: requests of browsers; programs get what the study routes give. Out: HTML. A study is made by a
form, so no script is needed; the work itself stands in ``federation.rerouting``.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from federation.answer import Ask, answer
from federation.members.identity import identity_key
from federation.rerouting.routes import StudyRoutes, read_request
from federation.web.drawing import query
from federation.web.frame import (
    authenticated,
    form_of,
    gateway_of,
    identity_of,
    page,
    root_of,
    wants_page,
    who,
)
from kgnode.web.front import own_page

_FIELDS = ("from", "to", "at", "outage", "n1")
_ORDER = ("green", "amber", "not_assessable", "red")


class StudyPages:
    """Pages over the routes of studies."""

    def __init__(self, routes: StudyRoutes) -> None:
        self._routes = routes

    def routes(self) -> list[Route]:
        """Return the routes to put before those of studies."""
        return [
            Route("/studies", self.index),
            Route("/studies", self.make, methods=["POST"]),
            Route("/studies/{id}", self.study),
        ]

    async def index(self, request: Request) -> Response:
        """List the caller's studies, with a form for a new one."""
        if not wants_page(request):
            return await self._routes.list(request)
        caller, _ = who(request)
        kept = self._routes.studies.mine(identity_key(caller))
        own = [{"id": one.id, **one.study, "verdicts": _verdicts(one.study)} for one in kept]
        points = await _supply_points(request)
        return page(request, "studies.html", title="Studies", studies=own, points=points)

    async def make(self, request: Request) -> Response:
        """Make a study of what the form asks, and go there.

        Raises:
            Forbidden: the form is of another site's page.
        """
        own_page(request)
        form = await form_of(request)
        asked: dict[str, Any] = {name: form[name].strip() for name in _FIELDS if form.get(name)}
        asked = read_request(orjson.dumps({k: v for k, v in asked.items() if v}))
        kept = await self._routes.keep(authenticated(request), asked)
        return RedirectResponse(f"{root_of(request)}/studies/{kept.id}", 303)

    async def study(self, request: Request) -> Response:
        """Show a study: what was asked, the areas, the plans from best to worst."""
        if not wants_page(request):
            return await self._routes.open(request)
        kept = self._routes.studies.get(
            request.path_params["id"], identity_key(authenticated(request))
        )
        plans = sorted(kept.study["candidates"], key=_rank)
        verdicts = _verdicts(kept.study)
        title = f"{kept.study['from'] or 'Any'} to {kept.study['to'] or 'any'}"
        return page(
            request,
            "study.html",
            title=title,
            id=kept.id,
            study={"outage": None, "at": None, **kept.study},
            plans=plans,
            verdicts=verdicts,
        )


def _rank(plan: dict[str, Any]) -> tuple[int, bool, float]:
    return _ORDER.index(plan["verdict"]), not plan["verified"], -float(plan["moved"]["net_mw"] or 0)


def _verdicts(study: dict[str, Any]) -> dict[str, int]:
    counts = Counter(plan["verdict"] for plan in study["candidates"])
    return {verdict: counts[verdict] for verdict in _ORDER if counts[verdict]}


async def _supply_points(request: Request) -> list[dict[str, str]]:
    """Return the grid supply points that members show the caller, to choose from."""
    caller, _ = who(request)
    media = "application/sparql-results+json"
    ask = Ask(query("supply_points"), identity_of(request, caller), media, partial=True)
    got = await answer(ask, gateway_of(request).refresh())
    rows = orjson.loads(got.body)["results"]["bindings"]
    named = {row["code"]["value"]: row["name"]["value"] for row in rows}
    return [{"code": code, "name": name} for code, name in sorted(named.items())]
