"""A verb on a home, whoever has it open.

In: a home, a verb of ``kgnode.operations`` and its arguments. Out: its result. A home that is being
served is spoken to over ``HOME/run/node.sock``; one that nobody serves is opened here.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import orjson

from kgnode.alignment.apply import Rewriter
from kgnode.errors import HomeInUse
from kgnode.home import Home
from kgnode.node import Node
from kgnode.operations import LOOKING, perform
from kgnode.problems import from_problem
from kgnode.query.desk import Desk
from kgnode.settings import load_settings
from kgnode.stewardship.mappings import caller_of
from kgnode.stewardship.weighing import WEIGHING
from kgnode.store.view import Views

SOCKET_SECONDS = 3600.0
"""How long a verb on a served home may take."""


class SocketConnection(HTTPConnection):
    """HTTP over a home's own socket."""

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        super().__init__("home", timeout=timeout_seconds)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.settimeout(self.timeout)
            made.connect(str(self._path))
        except OSError:
            made.close()
            raise
        self.sock = made


def served(home: Home) -> bool:
    """Tell whether a process answers on the home's socket."""
    connection = SocketConnection(home.socket, 5.0)
    try:
        connection.connect()
    except OSError:
        return False
    connection.close()
    return True


def on_home(path: Path, verb: str, arguments: dict[str, Any], step: Callable[[str], None]) -> Any:
    """Do a verb on a home and return its result.

    Raises:
        HomeMissing: no home there.
        HomeInUse: another process has it open and does not answer.
        GridspineError: what the verb raised, with the same code in both cases.
    """
    home = Home(path)
    if served(home):
        step(f"{verb} by the process that serves the home")
        return _asked(home, verb, arguments)
    node = Node(home, load_settings())
    try:
        result = perform(node, verb, arguments, step)
        if verb not in LOOKING:
            node.leases.wait_out()
        return result
    finally:
        node.close()


def weigh_on_home(path: Path, what: str, arguments: dict[str, Any]) -> Any:
    """Weigh mappings on a home, by the process that serves it or in this one.

    Raises:
        GridspineError: what was raised, with the same code in both cases.
    """
    home = Home(path)
    if served(home):
        return _asked(home, f"weigh/{what}", arguments)
    return asyncio.run(_weighed(home, what, arguments))


async def _weighed(home: Home, what: str, arguments: dict[str, Any]) -> Any:
    async with desk_of(home) as (node, desk):
        return await WEIGHING[what](node, desk, caller_of(node, arguments), arguments)


@contextlib.asynccontextmanager
async def desk_of(home: Home) -> AsyncIterator[tuple[Node, Desk]]:
    """Open a home that nobody serves, with all that answers queries.

    Raises:
        HomeInUse: another process has it open.
    """
    settings = load_settings()
    node = Node(home, settings)
    views = Views(node.record, settings, home.path / "run")
    try:
        sets = Rewriter(node.mappings)
        yield (
            node,
            Desk(node.record, views, node.policies, node.org, settings, node.audit, sets),
        )
    finally:
        await views.close()
        node.close()


def _asked(home: Home, verb: str, arguments: dict[str, Any]) -> Any:
    connection = SocketConnection(home.socket, SOCKET_SECONDS)
    try:
        connection.request(
            "POST",
            f"/control/{verb}",
            orjson.dumps(arguments),
            {"Content-Type": "application/json", "Accept": "application/json"},
        )
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, HTTPException) as error:
        raise HomeInUse(
            f"The process that serves {home.path} does not answer: {error}.",
            hint="Stop it, or try again.",
        ) from error
    finally:
        connection.close()
    if answer.status != 200:
        raise from_problem(content)
    return orjson.loads(content)
