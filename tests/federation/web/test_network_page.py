"""The page that draws the network, seen by a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from federation.demo.scenario import Scenario
from tests.federation.cluster import Cluster, Fault

AREAS = ("#1f77b4", "#2a9d3a", "#0fa3b8", "#d62728")
OPEN, ACROSS, KV400, PLAN = "#C1121F", "#FFC53D", "#005EA5", "#00703C"
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


def painted(page: Any) -> dict[str, int]:
    """The colours of the close view once what was asked is painted."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    found: dict[str, int] = page.eval_on_selector("#areas", COUNT_COLOURS)
    return found


def standing(page: Any, place: str) -> list[dict[str, Any]]:
    """What stands in a place, as the page asks for it."""
    things: list[dict[str, Any]] = page.evaluate(
        "(place) => fetch('/network/things?place=' + place).then((reply) => reply.json())", place
    )["things"]
    return things


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
    assert "not geographic" in page.inner_text("#basis")
    picture = page.screenshot(path=str(tmp_path / "network.png"), full_page=True)
    assert len(picture) > 50_000


def test_every_area_and_both_kinds_of_tie_are_visible_on_the_canvas(
    browser: Any, gateway: str, small: Scenario
) -> None:
    page = opened(browser, gateway, bypass_csp=True)
    for canvas in ("#whole", "#areas"):
        found = page.eval_on_selector(canvas, COUNT_COLOURS)
        for colour in (*AREAS[: len(small.facts.gsps)], OPEN, ACROSS, KV400):
            assert near(found, colour) > 5, (canvas, colour)
    assert near(page.eval_on_selector("#areas", COUNT_COLOURS), "#00ff00") == 0


def test_keys_move_and_reset_the_drawing(browser: Any, gateway: str) -> None:
    page = opened(browser, gateway, bypass_csp=True)
    area = page.locator("#areas")
    area.focus()
    before = painted(page)
    area.press("+")
    area.press("ArrowLeft")
    moved = painted(page)
    assert moved != before
    area.press("0")
    assert painted(page) == before


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
    painted(page)
    for canvas in ("#whole", "#areas"):
        assert near(page.eval_on_selector(canvas, COUNT_COLOURS), PLAN, 40) > 5, canvas
    page.screenshot(path=str(tmp_path / "plan.png"), full_page=True)
    page.goto(f"{gateway}/network?study=s&plan=gone")
    page.wait_for_selector("body[data-drawn=yes]", timeout=60_000)
    assert "The plan is not shown" in page.inner_text("#transfer")
    assert near(page.eval_on_selector("#areas", COUNT_COLOURS), PLAN, 20) == 0


def test_a_lost_member_is_said_on_the_page(browser: Any, gateway: str, nodes: Cluster) -> None:
    nodes.nodes["DNOA"].fault = lambda _: Fault(status=403)
    try:
        page = opened(browser, gateway)
    finally:
        nodes.nodes["DNOA"].fault = lambda _: None
    assert page.inner_text("#status") in ("incomplete", "unsound")


def test_search_and_tables_need_no_mouse_and_say_whose_a_substation_is(
    browser: Any, gateway: str, small: Scenario
) -> None:
    page = opened(browser, gateway)
    page.click("#all-places summary")
    row = page.locator("#place-rows tr", has_text="BSP").first
    name, member = row.locator("td").nth(0).inner_text(), row.locator("td").nth(3).inner_text()
    page.focus("#find")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.wait_for_selector("#picked table")
    picked = page.inner_text("#picked")
    assert name in picked
    assert f"({member})" in picked and member.startswith("DNO")
    states = page.locator("#picked td:nth-child(3)").all_inner_texts()
    assert "closed" in states
    assert page.said == []


def test_equipment_that_is_not_drawn_is_found_where_it_stands(browser: Any, gateway: str) -> None:
    page = opened(browser, gateway)
    page.fill("#find", "T1 HV CB")
    page.wait_for_selector("#hits button")
    hit = page.locator("#hits button").first
    site = hit.inner_text().partition(" T1")[0]
    hit.click()
    page.wait_for_selector("#picked table")
    assert site in page.inner_text("#picked h3")
    page.fill("#find", "nothing is called so")
    page.wait_for_selector("#search-said:has-text('Nothing')")


def test_an_open_tie_of_the_table_is_picked_with_its_switch_and_both_owners(
    browser: Any, gateway: str
) -> None:
    page = opened(browser, gateway)
    row = page.locator("#tie-rows tr", has_text="DNOA and DNOB").first
    row.locator("button").focus()
    page.keyboard.press("Enter")
    picked = page.inner_text("#picked")
    assert "across distributors" in picked and "CB" in picked
    assert "(DNOA)" in picked and "(DNOB)" in picked


def test_a_planned_transfer_is_laid_over_the_drawing(browser: Any, gateway: str) -> None:
    page = opened(browser, gateway)
    drawing = page.evaluate("fetch('/network/data').then((reply) => reply.json())")
    switch, tie, things, place = next(
        (switch, tie, things, place)
        for switch in drawing["switches"]
        for tie in [drawing["lines"][switch["line"]]]
        for place in [drawing["places"][end] for end in tie["ends"]]
        for things in [standing(page, place["id"])]
        if any(one["kind"].endswith("Load") for one in things)
    )
    breaker = next(one for one in things if one["open"] is False)
    plan = {
        "from": "GSP20",
        "to": "GSP21",
        "close": {"id": switch["id"], "name": switch["name"]},
        "open": [{"id": breaker["iri"], "name": breaker["name"]}],
        "path": list(tie["ids"]),
        "moved": {"net_mw": 4.5, "substations": [place["substation"]]},
        "verdict": "not_assessable",
    }
    page.route("**/studies/s1/plans/p1", lambda route: route.fulfill(json=plan))
    page.goto(f"{gateway}/network?study=s1&plan=p1")
    page.wait_for_selector("body[data-drawn]")
    said = page.inner_text("#transfer")
    assert switch["name"] in said and breaker["name"] in said and "not assessable" in said
    assert "what a plan moves" in page.inner_text("#legend")
    assert near(painted(page), PLAN, 40) > 20
    page.goto(f"{gateway}/network?study=none&plan=none")
    page.wait_for_selector("body[data-drawn]")
    assert "is not shown" in page.inner_text("#transfer")


def test_what_an_owner_withholds_is_said_in_words(
    browser: Any, gateway: str, nodes: Cluster
) -> None:
    entry = {"iri": "urn:x", "id": "x", "title": "X", "withheld": "some"}
    nodes.nodes["DNOA"].documents["catalogue"] = [entry]
    try:
        page = opened(browser, gateway)
    finally:
        nodes.nodes["DNOA"].documents.clear()
    assert "DNOA withholds some of it from you" in page.inner_text("#withheld")
    assert "not drawn" in page.inner_text("#withheld")
