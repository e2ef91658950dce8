"""The gateway's pages for keys, screen readers, weak eyes and narrow screens."""

from __future__ import annotations

from typing import Any

import pytest

from tests.access import WIDE, faults, focus_faults

pytestmark = [pytest.mark.demo, pytest.mark.browser]
PATHS = (
    "/",
    "/workbench",
    "/network",
    "/studies",
    "/catalogue",
    "/mappings",
    "/members",
    "/signin",
    "/nothing/here",
)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_no_fault(browser: Any, gateway: str, path: str) -> None:
    page = browser.new_context(viewport=WIDE, bypass_csp=True).new_page()
    page.goto(f"{gateway}{path}")
    if path == "/network":
        page.wait_for_selector("body[data-drawn=yes]", timeout=60_000)
    assert focus_faults(page) == []
    assert faults(page) == []


def test_an_answer_has_no_fault(browser: Any, gateway: str) -> None:
    page = browser.new_context(viewport=WIDE, bypass_csp=True).new_page()
    page.goto(f"{gateway}/workbench")
    page.click("#run")
    page.wait_for_selector("section.answer")
    page.click("section.answer details summary")
    assert faults(page) == []


def test_the_checks_find_what_is_wrong(browser: Any) -> None:
    page = browser.new_context(viewport=WIDE).new_page()
    page.set_content(
        "<body><h1>One</h1><h3>Skipped</h3><h1>Two</h1><input><a href='/'></a><img src='x'>"
        "<p style='color:#999'>pale</p><table><tr><th>x</th></tr></table>"
        "<i id='a'></i><i id='a'></i><button style='outline:0;box-shadow:none'>go</button>"
        "<div style='width:2000px'>wide</div>"
    )
    told = " ".join(faults(page))
    for rule in ("no language", "not one h1", "no header", "no name", "no alt", "no scope"):
        assert rule in told, rule
    for rule in ("head skipped", "id twice", "contrast 2", "inline style", "wider than"):
        assert rule in told, rule
    assert "focus is not to be seen" in " ".join(focus_faults(page))
