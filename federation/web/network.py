"""The page that draws the network, and its data.

In: a request; who calls decides what the members show. Out: HTML, or the drawing as JSON with the
status of each question: a drawing that rests on lost sources says so.
"""

from __future__ import annotations

import asyncio
import time

import orjson
from starlette.requests import Request
from starlette.responses import Response

from federation.answer import Ask, Federation, answer
from federation.gateway import Gateway
from federation.members.pool import Identity
from federation.web.drawing import NAMES, Row, draw, query
from federation.web.pages import _page, _who

_RESULTS = "application/sparql-results+json"
_WORST = ("complete", "incomplete", "unsound")


async def page(request: Request) -> Response:
    """Show the drawing; the script beside it asks for the data."""
    caller, refused = _who(request)
    return _page(
        request,
        "network.html",
        "/network",
        title="Network",
        wide=True,
        caller=caller,
        refused=refused,
    )


async def data(request: Request) -> Response:
    """Return the drawing for this caller as JSON."""
    gateway: Gateway = request.app.state.gateway
    caller, _ = _who(request)
    document = await collect(gateway.refresh(), gateway.exchanger.identity(caller))
    return Response(
        orjson.dumps(document),
        media_type="application/json",
        headers={"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"},
    )


async def collect(federation: Federation, identity: Identity) -> dict[str, object]:
    """Ask the members all questions of a drawing and return it with the worst status."""
    start = time.monotonic()
    told = await asyncio.gather(*(_rows(federation, identity, name) for name in NAMES))
    rows = dict(zip(NAMES, (found for found, _ in told), strict=True))
    status = max((status for _, status in told), key=_WORST.index)
    return {
        "status": status,
        "milliseconds": round((time.monotonic() - start) * 1000, 1),
        **draw(rows).to_json(),
    }


async def _rows(federation: Federation, identity: Identity, name: str) -> tuple[list[Row], str]:
    got = await answer(Ask(query(name), identity, _RESULTS, partial=True), federation)
    bindings = orjson.loads(got.body)["results"]["bindings"]
    rows: list[Row] = [{key: str(term["value"]) for key, term in row.items()} for row in bindings]
    return rows, str(got.status)
