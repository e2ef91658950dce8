"""The demo's nodes, a gateway over them and a browser, for the pages."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from federation.home import GatewayHome
from federation.scheme import Scheme
from federation.web.app import build
from kgnode import trust
from tests.federation.cluster import Cluster
from tests.federation.demo.conftest import nodes, small

__all__ = ["nodes", "small"]

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def served(nodes: Cluster, folder: Path) -> Iterator[str]:
    """A gateway over the nodes of a cluster; yields its address."""
    scheme = Scheme.create(folder, "test")
    for member in nodes.members():
        scheme.add(
            trust.Member(
                id=member.id,
                name=member.name,
                status="active",
                licence_role="other",
                node=member.node,
                gateway="http://testserver" if member.id == "NESO" else None,
                jwks={"keys": []},
                datasets=(),
            )
        )
    home = folder / "gateway"
    GatewayHome.create(home, "NESO", scheme.sign())
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(build(home), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def gateway(nodes: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(nodes, tmp_path_factory.mktemp("scheme")) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists() and os.environ.get("CI") != "true":
        pytest.skip(f"{CHROMIUM} is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield running
        running.close()
