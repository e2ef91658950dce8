"""The page that draws the network, seen by a browser."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from federation.demo.scenario import Scenario
from federation.home import GatewayHome
from federation.scheme import Scheme
from federation.web.app import build
from kgnode import trust
from tests.federation.cluster import Cluster, Fault

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
AREAS = ("#3d8fd1", "#39a845", "#27c3d4", "#e5484d")
COUNT_COLOURS = """(canvas) => {
  const { width, height } = canvas;
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const found = {};
  for (let at = 0; at < data.length; at += 4) {
    const key = [data[at], data[at + 1], data[at + 2]].join(",");
    found[key] = (found[key] || 0) + 1;
  }
  return found;
}"""

pytestmark = [pytest.mark.demo, pytest.mark.browser]


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
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield running
        running.close()


def opened(browser: Any, url: str, **options: Any) -> Any:
    page = browser.new_context(viewport={"width": 1400, "height": 1000}, **options).new_page()
    page.said = []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.goto(f"{url}/network")
    page.wait_for_selector("body[data-drawn]", timeout=60_000)
    return page


def near(found: dict[str, int], colour: str, within: int = 60) -> int:
    """Pixels about a colour; edges of lines are blended with what lies below."""
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return sum(
        count
        for key, count in found.items()
        if sum(abs(int(one) - two) for one, two in zip(key.split(","), wanted, strict=True))
        < within
    )


def test_the_network_is_drawn_without_a_complaint_of_the_browser(
    browser: Any, gateway: str, small: Scenario, tmp_path: Path
) -> None:
    page = opened(browser, gateway)
    assert page.said == []
    assert page.get_attribute("body", "data-drawn") == "yes"
    said = page.inner_text("#said")
    assert f"{len(small.facts.gsps)} supply areas" in said
    assert f"{len(small.facts.ties)} open ties" in said
    assert f"{len(small.facts.ties_across_owners)} across distributors" in said
    assert page.locator("#area-rows tr").count() == len(small.facts.gsps)
    assert page.locator("#tie-rows tr").count() == len(small.facts.ties_between_gsps)
    assert "invented" in page.inner_text("#basis")
    assert "not geographic" in page.inner_text("#system")
    picture = page.screenshot(path=str(tmp_path / "network.png"), full_page=True)
    assert len(picture) > 50_000


def test_every_area_and_both_kinds_of_tie_are_visible_on_the_canvas(
    browser: Any, gateway: str, small: Scenario
) -> None:
    page = opened(browser, gateway, bypass_csp=True)
    ties = ("#ff5a76", "#ffd84d")
    for canvas in ("#whole", "#areas"):
        found = page.eval_on_selector(canvas, COUNT_COLOURS)
        for colour in (*AREAS[: len(small.facts.gsps)], *ties, "#6f9bf5"):
            assert near(found, colour) > 5, (canvas, colour)
    assert near(page.eval_on_selector("#areas", COUNT_COLOURS), "#ff00ff") == 0


def test_keys_move_and_reset_the_drawing(browser: Any, gateway: str) -> None:
    page = opened(browser, gateway, bypass_csp=True)
    area = page.locator("#areas")
    before = page.eval_on_selector("#areas", COUNT_COLOURS)
    area.focus()
    area.press("+")
    area.press("ArrowLeft")
    moved = page.eval_on_selector("#areas", COUNT_COLOURS)
    assert moved != before
    area.press("0")
    assert page.eval_on_selector("#areas", COUNT_COLOURS) == before


def test_a_plan_is_lit_up_and_told(browser: Any, gateway: str, tmp_path: Path) -> None:
    import httpx2

    drawing = httpx2.get(f"{gateway}/network/data", timeout=60).json()
    tie = next(line for line in drawing["lines"] if line["crosses"] == "owners")
    place = drawing["places"][tie["ends"][0]]
    switch = {"id": "urn:1", "name": "Tie CB <i>", "owner": "DNOA"}
    plan = {
        "from": "Northgate",
        "to": "Southgate",
        "verdict": "not_assessable",
        "close": switch,
        "also_close": [],
        "open": [{**switch, "name": "Feeder CB"}],
        "moved": {"net_mw": 12.34, "substations": [place["substation"]]},
        "thermal": {"along": [{"asset": iri} for iri in tie["ids"]]},
    }
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, bypass_csp=True)
    page = context.new_page()
    page.route("**/studies/s/plans/p", lambda route: route.fulfill(json=plan))
    page.goto(f"{gateway}/network?study=s&plan=p")
    page.wait_for_selector("body[data-drawn=yes]", timeout=60_000)
    told = page.inner_text("#transfer")
    assert told == (
        "Move 12.3 MW from Northgate to Southgate: not assessable. "
        "Close Tie CB <i>; open Feeder CB."
    )
    assert page.get_attribute("#transfer a", "href").endswith("/studies/s/plans/p.html")
    for canvas in ("#whole", "#areas"):
        assert near(page.eval_on_selector(canvas, COUNT_COLOURS), "#b6ff3b") > 5, canvas
    page.screenshot(path=str(tmp_path / "plan.png"), full_page=True)
    page.goto(f"{gateway}/network?study=s&plan=gone")
    page.wait_for_selector("body[data-drawn=yes]", timeout=60_000)
    assert "The plan is not shown" in page.inner_text("#transfer")
    assert near(page.eval_on_selector("#areas", COUNT_COLOURS), "#b6ff3b") == 0


def test_a_lost_member_is_said_on_the_page(browser: Any, gateway: str, nodes: Cluster) -> None:
    nodes.nodes["DNOA"].fault = lambda _: Fault(raw=b"")
    try:
        page = opened(browser, gateway)
    finally:
        nodes.nodes["DNOA"].fault = lambda _: None
    said = page.inner_text("#said")
    assert "incomplete" in said or "unsound" in said
