"""The home's own socket: the same verbs as the command line, done by the process that serves.

In: requests on ``HOME/run/node.sock``, which only the operating system's owner of the home can
open. Out: the results of ``kgnode.operations``, and the node's whole interface with the caller
being the owner. The verbs never listen on the network.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response

from kgnode.errors import NotFound
from kgnode.stewardship.mappings import caller_of
from kgnode.stewardship.weighing import WEIGHING
from kgnode.web.api import front, json_answer
from kgnode.web.app import create_app
from kgnode.web.front import Front


def create_control(shared: Front) -> FastAPI:
    """Return the application of the socket, beside the one of the network."""
    app = create_app(shared.on_socket())
    app.add_api_route("/control/weigh/{what}", weigh, methods=["POST"], response_model=None)
    app.add_api_route("/control/{verb}", verb, methods=["POST"], response_model=None)
    return app


async def weigh(request: Request, what: str) -> Response:
    """Weigh mappings with the arguments of the body, over the view of whom the token names."""
    here = front(request)
    arguments: dict[str, Any] = await request.json()
    if what not in WEIGHING:
        raise NotFound(f"There is nothing called {what} to weigh.", hint="Use a newer node.")
    caller = caller_of(here.node, arguments)
    return json_answer(await WEIGHING[what](here.node, here.desk, caller, arguments))


async def verb(request: Request, verb: str) -> Response:
    """Do one verb with the arguments of the body."""
    arguments: dict[str, Any] = await request.json()
    return json_answer(await front(request).perform(verb, arguments))
