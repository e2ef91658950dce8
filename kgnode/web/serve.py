"""Serving a home: the network address and the home's own socket, in one process.

In: an open node, host and port. Out: nothing until it is told to stop (SIGINT, SIGTERM); then the
views' processes are ended and the socket is removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import importlib
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Literal, cast

import uvicorn
from starlette.types import ASGIApp

from kgnode.errors import PortInUse
from kgnode.node import Node
from kgnode.web.app import PATHS, create_app, endpoint
from kgnode.web.control import create_control
from kgnode.web.front import Front
from kgnode.web.lane import lane
from kgnode.web.patience import Patient

GRACE_SECONDS = 5
"""How long answers under way may take after a stop was asked for."""


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Raises:
        PortInUse: the port is taken, or may not be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # accepted sockets inherit it; without it every answer waits for a delayed acknowledgement
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        made.bind((host, port))
    except (OSError, OverflowError) as error:
        made.close()
        taken = getattr(error, "errno", None) == errno.EADDRINUSE
        why = "is used by another process" if taken else f"cannot be used: {error}"
        raise PortInUse(
            f"Port {port} of {host} {why}.", hint="Choose another with --port."
        ) from error
    made.listen(512)
    made.set_inheritable(False)
    return made


class _Server(uvicorn.Server):
    """A server that leaves signals to the one who runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server(
    app: ASGIApp,
    lifespan: Literal["on", "off"] = "off",
    connection: Callable[..., Patient] | None = None,
) -> uvicorn.Server:
    """Return a quiet server of an application; sockets are given when it serves.

    Args:
        app: what is served.
        lifespan: whether the application is told of start and end.
        connection: makes what speaks HTTP; one without a short way if None.
    """
    return _Server(
        uvicorn.Config(
            app,
            http=cast("Any", connection or Patient),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan=lifespan,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=75,
        )
    )


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a serving coroutine on uvloop, which takes half the time per request; else asyncio."""
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


async def serve_until_told(
    servers: dict[uvicorn.Server, socket.socket], stopping: Callable[[], None] = lambda: None
) -> None:
    """Run servers until SIGINT or SIGTERM, or until one fails; ``stopping`` is called then."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopping()
        for one in servers:
            one.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    tasks = [asyncio.ensure_future(one.serve([sock])) for one, sock in servers.items()]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        stop()
        await asyncio.gather(*tasks)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def serve(
    node: Node, host: str, port: int, ready: Callable[[str], None] = lambda _address: None
) -> None:
    """Serve a node until told to stop.

    Args:
        node: the open home.
        host: address to listen on.
        port: port, or 0 for a free one.
        ready: told the node's address once it listens.

    Raises:
        PortInUse: the port is taken.
    """
    listener = listen(host, port)
    own = node.home.socket
    own.unlink(missing_ok=True)
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        control.bind(str(own))
        own.chmod(0o600)
        control.listen(64)
        run(_serve(node, listener, control, ready))
    finally:
        own.unlink(missing_ok=True)
        listener.close()
        control.close()


async def _serve(
    node: Node, listener: socket.socket, control: socket.socket, ready: Callable[[str], None]
) -> None:
    front = Front(node, PATHS)
    try:
        sparql = endpoint(front)
        short = lane(sparql, front.metrics.observe)
        servers = {
            server(create_app(front, sparql), connection=short): listener,
            server(create_control(front)): control,
        }
        gc.collect()
        gc.freeze()  # what serves for the life of the process need not be looked at again
        host, port = listener.getsockname()[:2]
        ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")
        await serve_until_told(servers, node.leases.end)
    finally:
        await front.views.close()
