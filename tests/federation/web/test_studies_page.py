"""The pages of studies: whose they are, what they list, and what a form may ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from federation.rerouting.studies import Studies
from federation.web.app import build
from tests.federation.test_gateway import home, running

__all__ = ["home", "running"]
PAGE = {"Accept": "text/html"}
SWITCH = {"id": "urn:s", "name": "Tie <1>", "owner": "A"}
PLAN: dict[str, Any] = {
    "id": "p1",
    "from": "North",
    "to": "South",
    "verdict": "red",
    "verified": True,
    "reasons": ["voltage step of 9 %"],
    "moved": {"net_mw": 40.0},
    "close": SWITCH,
    "open": [SWITCH],
}
GREEN = {**PLAN, "id": "p2", "verdict": "green", "reasons": [], "moved": {"net_mw": 12.0}}
STUDY: dict[str, Any] = {
    "from": "North",
    "to": None,
    "made": "2026-11-29T18:00:00+00:00",
    "areas": [{"gsp": "North", "owners": ["A"], "loads": 3, "demand_mw": 40.0}],
    "interconnected": [],
    "candidates": [PLAN, GREEN],
    "missing": [{"owner": None, "what": "a rating", "assumed": "17.5 kA"}],
}


@pytest.fixture
def client(home: Path) -> Iterator[TestClient]:
    with TestClient(build(home)) as running_client:
        yield running_client


def test_a_study_lists_its_plans_best_first_with_ways_to_the_plan_and_the_network(
    home: Path, client: TestClient
) -> None:
    kept = Studies(home / "studies").keep("public", {}, STUDY)
    listed = client.get("/studies", headers=PAGE).text
    assert f'href="/studies/{kept.id}">North to any' in listed
    assert "1 green" in listed and "1 red" in listed
    page = client.get(f"/studies/{kept.id}", headers=PAGE).text
    assert page.index(">green<") < page.index(">red<")
    assert "Tie &lt;1&gt;" in page and "Tie <1>" not in page
    assert f"/studies/{kept.id}/plans/p2.html" in page
    assert f"/network?study={kept.id}&amp;plan=p2" in page
    assert "nobody known: a rating, assumed 17.5 kA" in page
    assert client.get(f"/studies/{kept.id}").json()["id"] == kept.id
    assert {"id": kept.id} == {"id": client.get("/studies").json()["studies"][0]["id"]}


def test_the_study_of_another_is_not_there(home: Path, client: TestClient) -> None:
    kept = Studies(home / "studies").keep("somebody-else", {}, STUDY)
    answer = client.get(f"/studies/{kept.id}", headers=PAGE)
    assert answer.status_code == 404 and "<h1>" in answer.text
    assert kept.id not in client.get("/studies", headers=PAGE).text


def test_a_page_of_another_site_makes_no_study(client: TestClient) -> None:
    elsewhere = {**PAGE, "Sec-Fetch-Site": "same-site"}
    assert client.post("/studies", data={"from": "X"}, headers=elsewhere).status_code == 403


def test_a_bad_wish_is_told_on_a_page(client: TestClient) -> None:
    answer = client.post("/studies", data={"from": "X", "n1": "sometimes"}, headers=PAGE)
    assert answer.status_code == 400
    assert "must be none, reduced or full" in answer.text.replace("&#39;", "'")
