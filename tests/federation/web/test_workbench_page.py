"""The workbench seen by a browser: samples, the editor, the answer, downloads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.federation.cluster import Cluster, Fault

PUT = "(at) => document.getElementById('query').setSelectionRange(at, at)"

pytestmark = [pytest.mark.demo, pytest.mark.browser]


def opened(browser: Any, url: str, path: str = "/workbench", **options: Any) -> Any:
    page = browser.new_context(viewport={"width": 1440, "height": 900}, **options).new_page()
    page.said = []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.goto(f"{url}{path}")
    return page


def test_an_answer_says_status_members_and_names_and_leads_to_assets(
    browser: Any, gateway: str
) -> None:
    page = opened(browser, gateway)
    page.press("#query", "Control+Enter")
    page.wait_for_selector("section.answer")
    answer = page.inner_text("section.answer")
    assert "complete" in answer and "of 4 members asked" in answer
    assert "urn:uuid:" not in page.inner_text(".rows")
    link = page.locator(".rows td a").first
    assert "urn%3Auuid%3A" in link.get_attribute("href")
    plan = page.locator("section.answer details")
    assert plan.get_attribute("open") is None
    assert page.said == []


def test_completion_knows_what_the_caller_may_see_and_declares_the_prefix(
    browser: Any, gateway: str
) -> None:
    page = opened(browser, gateway)
    with page.expect_response("**/workbench/terms"):
        page.focus("#query")
    page.fill("#query", "")
    page.keyboard.type("SELECT * { ?level a cim:voltagel")
    page.wait_for_selector(".proposals:not([hidden])")
    chosen = page.get_attribute("#query", "aria-activedescendant")
    assert "cim:VoltageLevel" in page.inner_text(f"#{chosen}")
    page.keyboard.press("Enter")
    page.keyboard.type(" ; nominal")
    page.keyboard.press("Escape")
    assert page.locator(".proposals:not([hidden])").count() == 0
    text = page.input_value("#query")
    assert text.startswith("PREFIX cim: <http://iec.ch/TC57/CIM100#>\n")
    assert text.endswith("?level a cim:VoltageLevel ; nominal")
    page.keyboard.press("Control+Space")
    page.wait_for_selector(".proposals:not([hidden])")
    assert "cim:BaseVoltage.nominalVoltage" in page.inner_text(".proposals")
    page.keyboard.press("Tab")
    assert "cim:BaseVoltage.nominalVoltage" in page.input_value("#query")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "run"
    page.focus("#query")
    page.keyboard.press("Control+z")
    assert page.input_value("#query") == text


def test_colours_and_brackets_follow_the_text(browser: Any, gateway: str) -> None:
    page = opened(browser, gateway)
    page.fill("#query", "SELECT ?x { ?x a <urn:t> # not { this\n FILTER(?x != 'a}') }")
    kinds = {one: page.locator(f".editor pre .{one}").count() for one in ("keyword", "variable")}
    assert kinds == {"keyword": 3, "variable": 3}
    assert page.inner_text(".editor pre .comment") == "# not { this"
    page.press("#query", "ArrowLeft")
    assert page.locator(".editor pre .partner").count() in (0, 2)
    page.evaluate(PUT, 11)
    page.wait_for_selector(".editor pre .partner")
    assert page.locator(".editor pre .partner").all_inner_texts() == ["{", "}"]
    page.fill("#query", "SELECT * { ?s ?p ?o ")
    page.evaluate(PUT, 9)
    page.wait_for_selector(".editor pre .alone")


def test_a_typo_is_told_where_it_is_and_the_text_is_kept(browser: Any, gateway: str) -> None:
    page = opened(browser, gateway)
    page.fill("#query", "SELECT ?x WHERE { ?x a }")
    page.click("#run")
    page.wait_for_selector("#error")
    assert "line 1" in page.inner_text("#error")
    assert page.input_value("#query") == "SELECT ?x WHERE { ?x a }"


def test_csv_has_whole_identifiers_and_works_without_scripts(
    browser: Any, gateway: str, tmp_path: Path
) -> None:
    page = opened(browser, gateway, java_script_enabled=False)
    page.select_option("#sample", "4_substations")
    page.click("#choose button")
    with page.expect_download() as begun:
        page.click("button[value=csv]")
    path = tmp_path / "answer.csv"
    begun.value.save_as(path)
    head, *rows = path.read_text().splitlines()
    assert head == "name,substation,region" and len(rows) > 40
    assert all("urn:uuid:" in row for row in rows)


def test_a_lost_member_is_an_answer_that_is_not_complete_with_its_plan_open(
    browser: Any, gateway: str, nodes: Cluster
) -> None:
    nodes.nodes["DNOA"].fault = lambda action: Fault(status=403) if action == "sparql" else None
    try:
        page = opened(browser, gateway)
        page.click("#run")
        page.wait_for_selector("section.answer")
        answer = page.inner_text("section.answer")
        assert "withheld" in answer and "HTTP status 403" in answer
        assert page.inner_text("#answer") in ("Answer incomplete", "Answer unsound")
        assert page.get_attribute("section.answer details", "open") is not None
        page.check("input[name=partial]")
        page.click("#run")
        page.wait_for_selector(".rows")
        assert page.inner_text("#answer") in ("Answer incomplete", "Answer unsound")
    finally:
        nodes.nodes["DNOA"].fault = lambda _: None
