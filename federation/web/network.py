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
from federation.members.pool import Identity
from federation.web.asked import Told, ask_all
from federation.web.drawing import NAMES, Row, draw, query
from federation.web.frame import HEADERS, gateway_of, identity_of, who
from federation.web.frame import page as framed
from federation.web.things import by_iri, by_name, of_place, served
from kgnode.errors import BadRequest

_RESULTS = "application/sparql-results+json"
_WORST = ("complete", "incomplete", "unsound")


async def page(request: Request) -> Response:
    """Show the drawing; the script beside it asks for the data."""
    return framed(request, "network.html", title="Network", wide=True)


async def data(request: Request) -> Response:
    """Return the drawing for this caller as JSON."""
    caller, _ = who(request)
    document = await collect(gateway_of(request).refresh(), identity_of(request, caller))
    return Response(
        orjson.dumps(document),
        media_type="application/json",
        headers={**HEADERS, "Cache-Control": "private, no-store"},
    )


async def things(request: Request) -> Response:
    """Return what stands in a place, what things are, or what is called so, as JSON."""
    caller, _ = who(request)
    federation, identity = gateway_of(request).refresh(), identity_of(request, caller)
    asked = request.query_params
    if "place" in asked:
        found = await of_place(federation, identity, asked["place"])
    elif "name" in asked:
        found = await by_name(federation, identity, asked["name"])
    elif "iri" in asked:
        found = await by_iri(federation, identity, asked.getlist("iri"))
    else:
        raise BadRequest("Nothing is asked for.", hint="Give place=IRI, iri=IRI or name=TEXT.")
    headers = {**HEADERS, "Cache-Control": "private, no-store"}
    return Response(orjson.dumps(found.to_json()), 200, headers, "application/json")


async def collect(federation: Federation, identity: Identity) -> dict[str, object]:
    """Ask the members all questions of a drawing and return it with the worst status."""
    start = time.monotonic()
    told, owners, catalogues = await asyncio.gather(
        asyncio.gather(*(_rows(federation, identity, name) for name in NAMES)),
        served(federation, identity),
        ask_all(federation.pool, federation.members.values(), identity, "/catalogue"),
    )
    rows = dict(zip(NAMES, (found for found, _ in told), strict=True))
    status = max((status for _, status in told), key=_WORST.index)
    return {
        "status": status,
        "milliseconds": round((time.monotonic() - start) * 1000, 1),
        "members": {member.id: member.name for member in federation.members.values()},
        "withheld": [_withheld(one) for one in catalogues],
        **draw(rows, owners).to_json(),
    }


def _withheld(told: Told) -> dict[str, str]:
    """Return what an owner says that it hides from this caller: the worst over its data sets."""
    listed = told.document if isinstance(told.document, list) else []
    words = [str(one.get("withheld")) for one in listed if isinstance(one, dict)]
    word = next((one for one in ("some", "undisclosed") if one in words), "none")
    if told.outcome != "ok":
        word = told.outcome
    elif not words:
        word = "everything"
    return {"member": told.member.id, "withheld": word}


async def _rows(federation: Federation, identity: Identity, name: str) -> tuple[list[Row], str]:
    got = await answer(Ask(query(name), identity, _RESULTS, partial=True), federation)
    bindings = orjson.loads(got.body)["results"]["bindings"]
    rows: list[Row] = [{key: str(term["value"]) for key, term in row.items()} for row in bindings]
    return rows, str(got.status)
