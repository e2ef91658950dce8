"""The three questions that only a study answers, asked of the members with the study published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyoxigraph as ox
import pytest

from federation.answer import Ask
from federation.demo.scenario import Scenario, build
from federation.rerouting import questions as asking
from federation.rerouting.extract import ask_all as ask_questions
from federation.rerouting.network import load_files
from federation.rerouting.request import Request, Told
from federation.rerouting.study import run_study
from federation.rerouting.turtle import plan_iri, study_turtle
from tests.federation.cluster import Cluster
from tests.federation.demo.cluster import running
from tests.federation.oracle import ask_all, union
from tests.federation.rerouting.conftest import ask
from tests.federation.rerouting.test_competency import _rows

pytestmark = pytest.mark.demo

FOLDER = asking.FOLDER.parent / "competency" / "study"
FILES = sorted(FOLDER.glob("*.rq"))
JSON = "application/sparql-results+json"
STUDY = "study1"
OUTAGE = "Bramley SGT1 maintenance"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    return build("small", 1, tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def nodes(small: Scenario) -> Iterator[Cluster]:
    with running(small) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def study(
    small: Scenario, nodes: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """A study for an outage, put into the system operator's node as if published there."""
    archive = tmp_path_factory.mktemp("network") / "small.biidm"
    load_files(list(small.network_files)).save(str(archive), format="BIIDM")
    answers = ask_questions({org: ask(node.store) for org, node in nodes.nodes.items()})
    withheld = {org: {"network": "none"} for org in answers}
    told = Told(answers=answers, withheld=withheld, archive=archive)
    request = Request(giver="Bramley", outage=OUTAGE, verify=4)
    made: dict[str, Any] = run_study(told, request).to_json()
    node = nodes.nodes["NESO"]
    node.store.load(study_turtle(STUDY, made), format=ox.RdfFormat.TURTLE)
    node.cache.clear()
    return made


@pytest.fixture(scope="module")
def answers(nodes: Cluster, study: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Each answer of the federation, once it is seen to be that of one store of everything."""
    one = union(node.store for node in nodes.nodes.values())
    found = {}
    asked = [Ask(path.read_text(), accept=JSON) for path in FILES]
    for path, answer in zip(FILES, ask_all(nodes.members(), asked), strict=True):
        assert answer.status == "complete"
        result = one.query(path.read_text())
        expected = _rows(result.serialize(format=ox.QueryResultsFormat.JSON))  # type: ignore[union-attr,call-arg,arg-type]
        assert sorted(_rows(answer.body), key=str) == sorted(expected, key=str)
        found[path.stem] = [
            {name: term["value"] for name, term in row.items()}
            for row in orjson.loads(answer.body)["results"]["bindings"]
        ]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_question_states_its_assumption_and_its_columns(path: Path) -> None:
    asked = asking.read_question(path)
    assert asked.title.endswith("?") and asked.assumes.endswith(".")
    for column in asked.columns:
        assert f"?{column.name}" in asked.text
        assert column.unit or column.type != "double"


def test_transfers_for_an_outage_come_ranked_as_in_the_study(
    study: dict[str, Any], answers: dict[str, list[dict[str, Any]]]
) -> None:
    rows = answers["06_ranked_transfers"]
    plans = [plan for plan in study["candidates"] if not plan["also_close"]]
    ranks = [1 + study["candidates"].index(plan) for plan in plans]
    told = [row for row in rows if int(row["rank"]) in ranks]
    assert [int(row["rank"]) for row in told] == ranks and len(ranks) > 5
    for row, plan in zip(told, plans, strict=True):
        assert (row["outage"], row["giver"], row["receiver"]) == (OUTAGE, "Bramley", plan["to"])
        assert float(row["net_mw"]) == plan["moved"]["net_mw"]
        assert row["verdict"].endswith(f"#{plan['verdict']}")
        assert row["close"] == plan["close"]["name"]


def test_every_branch_of_a_path_has_its_loading_and_one_limits_it(
    study: dict[str, Any], answers: dict[str, list[dict[str, Any]]]
) -> None:
    proven = [p for p in study["candidates"] if p["verified"] and p["thermal"]["after"]]
    assert proven
    for plan in proven:
        iri = plan_iri(STUDY, plan)
        rows = [row for row in answers["07_limiting_asset"] if row["plan"] == iri]
        along = [part for part in plan["thermal"]["along"] if part["after"] is not None]
        assert [row["name"] for row in rows] == [part["name"] for part in along]
        assert [float(row["after_percent"]) for row in rows] == [part["after"] for part in along]
        highest = max(part["after"] for part in along)
        for row, part in zip(rows, along, strict=True):
            assert (row["limiting"] == "true") == (part["after"] == highest)


def test_the_fault_level_stands_against_its_rating(
    study: dict[str, Any], answers: dict[str, list[dict[str, Any]]]
) -> None:
    checked = {
        plan_iri(STUDY, plan): plan["fault_level"]
        for plan in study["candidates"]
        if plan["fault_level"]
    }
    rows = {row["plan"]: row for row in answers["08_fault_level"]}
    assert rows.keys() == checked.keys() and rows
    for iri, level in checked.items():
        row = rows[iri]
        assert (row["busbar"], row["name"]) == (level["busbar"], level["name"])
        assert float(row["current_ka"]) == level["ka"]
        margin = level["rating_ka"] - level["ka"]
        assert float(row["margin_ka"]) == pytest.approx(margin, abs=1e-9)
        assert row["rating_told"] == "false"
