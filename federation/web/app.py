"""The gateway as one ASGI application: the one route table.

In: a gateway home. Out: the application that ``kgfed serve`` runs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from federation.gateway import Gateway
from federation.home import GatewayHome
from federation.members.identity import authenticate
from federation.rerouting.routes import StudyRoutes
from federation.web import network, pages, workbench
from federation.web.frame import COOKIE, problem, unrouted
from federation.web.personas import Personas
from federation.web.studies import StudyPages
from kgnode.errors import GridspineError
from kgnode.settings import Settings, load_settings
from kgnode.web.sparql import SparqlEndpoint


def build(home: Path, settings: Settings | None = None) -> FastAPI:
    """Return the application of a gateway home."""
    gateway = Gateway(GatewayHome(home), settings or load_settings())
    studies = StudyRoutes(gateway)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await gateway.federation.evaluators.start()
        yield
        studies.close()
        await gateway.federation.close()
        gateway.http.close()

    app = FastAPI(
        title="Gridspine gateway",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        exception_handlers={
            GridspineError: problem,
            HTTPException: unrouted,
            Exception: problem,
        },
    )
    app.state.gateway = gateway
    app.add_middleware(Personas)
    app.router.routes.extend(
        [
            Route("/sparql", endpoint=_endpoint(gateway)),
            Route("/", pages.overview),
            Route("/workbench", workbench.workbench, methods=["GET", "POST"]),
            Route("/workbench/terms", workbench.terms),
            Route("/members", pages.members),
            Route("/catalogue", pages.catalogue),
            Route("/catalogue/{member}/{id}", pages.dataset),
            Route("/mappings", pages.mappings),
            Route("/asset", pages.asset),
            Route("/network", network.page),
            Route("/network/data", network.data),
            Route("/network/things", network.things),
            Route("/reports/{name}", pages.report),
            Route("/signin", pages.sign_in),
            Route("/session", pages.session, methods=["POST"]),
            *StudyPages(studies).routes(),
            *studies.routes(),
            Route("/healthz", pages.health),
            Mount(
                "/static",
                app=StaticFiles(
                    directory=Path(__file__).parent / "static", packages=[("kgnode.web", "static")]
                ),
            ),
        ]
    )
    return app


def _endpoint(gateway: Gateway) -> SparqlEndpoint:
    return SparqlEndpoint(
        gateway.sparql,
        authenticate(gateway.verifier),
        max_text_bytes=gateway.settings.query_max_text_bytes,
        cookie=COOKIE,
    )
