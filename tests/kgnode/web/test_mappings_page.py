"""The steward's page by keyboard, with what a screen reader is told."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kgnode.web.app import PATHS, create_app
from kgnode.web.front import COOKIE, Front
from tests.kgnode.alignment.product import product_set
from tests.kgnode.mapping_world import R1, R2, R3, World, make_world
from tests.kgnode.node import served

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--no-first-run", "--disable-component-update", "--disable-sync"),
]
SHIPPED = len(product_set("cim-ies4").mappings)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM.exists() and os.environ.get("CI") != "true", reason="needs /usr/bin/chromium"
    ),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_world(tmp_path_factory.mktemp("page"))
    yield made
    made.node.close()


@pytest.fixture(scope="module")
def url(world: World) -> Iterator[str]:
    front = Front(world.node, PATHS)
    with served(create_app(front), front.views.close) as sparql:
        yield sparql.removesuffix("/sparql")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield running
        running.close()


def opened(
    browser: Any, url: str, world: World, who: str, path: str = "/mappings/small?pile=open"
) -> Any:
    """A page as a steward sees it; what its console says is kept."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    sub, _, org = who.partition("@")
    context.add_cookies([{"name": COOKIE, "value": world.token(org, sub), "url": url}])
    page = context.new_page()
    page.said = []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.goto(f"{url}{path}")
    return page


def pressed(page: Any, key: str) -> str:
    """Press a key and return what the page then says."""
    page.evaluate("document.getElementById('said').textContent = ''")
    page.keyboard.press(key)
    for _ in range(600):
        said = str(page.inner_text("#said"))
        if said and said != "Looking…":
            return said
        page.wait_for_timeout(25)
    raise AssertionError(f"{key}: the page says nothing")


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.dataset.id"))


def test_a_steward_decides_without_a_mouse(browser: Any, url: str, world: World) -> None:
    page = opened(browser, url, world, "anna@NESO")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.focus(".claim")
    assert focused(page) == R1
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    assert focused(page) == R3
    page.keyboard.press("k")
    assert focused(page) == R2
    assert pressed(page, "e").startswith("Evidence: label")
    assert page.inner_text(f"[data-id='{R2}'] .found th") == "Evidence"
    assert "another organisation must accept" in pressed(page, "a")
    assert focused(page) == R2
    assert world.node.mappings.working("small").find(R2).approvals[0].sub == "anna"
    assert pressed(page, "a").startswith("NESO has approved") or "anna" in page.inner_text("#said")
    assert page.evaluate("document.getElementById('said').classList.contains('bad')")
    assert pressed(page, "z").startswith("Undone")
    assert not world.node.mappings.working("small").find(R2).approvals
    assert pressed(page, "n").startswith("Changed")
    assert world.node.mappings.working("small").find(R2).status == "withdrawn"
    assert pressed(page, "z").startswith("Undone")
    page.focus(f"[data-id='{R3}']")
    assert pressed(page, "u").startswith("Marked as unsure")
    page.keyboard.press("c")
    page.keyboard.type("arju <b>")
    assert pressed(page, "Enter").startswith("Commented")
    assert "arju <b>" in page.inner_text(f"[data-id='{R3}'] .remark")
    assert world.node.mappings.working("small").find(R3).approvals == ()
    assert [said for said in page.said if "403" not in said] == []


def test_what_one_has_accepted_makes_room_for_the_next(
    browser: Any, url: str, world: World
) -> None:
    page = opened(browser, url, world, "omar@DNOA", "/mappings/cim-ies4")
    assert page.inner_text("nav [aria-current='page'] .count") == str(SHIPPED)
    page.focus(".claim")
    first = focused(page)
    assert "another organisation must accept" in pressed(page, "a")
    assert focused(page) not in (first, "")
    assert page.inner_text("nav [aria-current='page'] .count") == str(SHIPPED - 1)
    assert page.locator(f"[data-id='{first}']").count() == 0
    assert pressed(page, "z").startswith("Undone")
    assert focused(page) == first
    assert page.said == []


def test_letters_decide_nothing_while_somebody_writes_or_nothing_has_the_focus(
    browser: Any, url: str, world: World
) -> None:
    page = opened(browser, url, world, "dora@DNOA")
    before = len(world.node.mappings.working("small").entries)
    page.focus("#search")
    page.keyboard.type("arubnz")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("a")
    page.wait_for_timeout(200)
    assert len(world.node.mappings.working("small").entries) == before
    assert page.said == []


def test_a_screen_reader_finds_its_way(browser: Any, url: str, world: World) -> None:
    page = opened(browser, url, world, "anna@NESO", "/mappings/cim-ies4?pile=all")
    assert page.get_attribute("html", "lang") == "en"
    assert page.get_attribute("#said", "role") == "status"
    assert page.locator("main h1").count() == 1
    levels = page.eval_on_selector_all(
        "main :is(h1,h2,h3)", "all => all.map(one => Number(one.tagName[1]))"
    )
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    unnamed = page.eval_on_selector_all(
        "button, a, input:not([type=hidden])",
        "all => all.filter(one => !(one.innerText.trim() || one.ariaLabel || one.labels?.length))"
        ".map(one => one.outerHTML)",
    )
    assert unnamed == []
    names = page.eval_on_selector_all(".claim", "all => all.map(one => one.ariaLabel)")
    assert len(names) == 25
    assert all("Match" in name for name in names)
    assert page.locator(".claim[tabindex='0']").count() == 1
    assert page.eval_on_selector("ol.claims", "one => one.scrollWidth <= one.clientWidth")


def test_the_page_fits_a_narrow_screen(browser: Any, url: str, world: World) -> None:
    page = opened(browser, url, world, "anna@NESO", "/mappings/cim-ies4")
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
