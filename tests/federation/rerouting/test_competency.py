"""The twelve competency questions: the federation answers each as one store of everything does."""

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
from tests.federation.cluster import Cluster
from tests.federation.demo.cluster import running
from tests.federation.oracle import ask_all, union

pytestmark = pytest.mark.demo

FOLDER = asking.FOLDER.parent / "competency"
FILES = sorted(FOLDER.glob("*.rq"))
JSON = "application/sparql-results+json"
NONE_IN_NORMAL_RUNNING = {"02_not_normal"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    return build("small", 1, tmp_path_factory.mktemp("competency"))


@pytest.fixture(scope="module")
def nodes(small: Scenario) -> Iterator[Cluster]:
    with running(small) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def one(nodes: Cluster) -> ox.Store:
    return union(node.store for node in nodes.nodes.values())


@pytest.fixture(scope="module")
def federated(nodes: Cluster) -> dict[str, Any]:
    answers = ask_all(nodes.members(), [Ask(p.read_text(), accept=JSON) for p in FILES])
    return dict(zip((path.stem for path in FILES), answers, strict=True))


def _rows(body: bytes) -> list[tuple[tuple[str, str | float], ...]]:
    def value(term: dict[str, str]) -> str | float:
        if term.get("datatype", "").endswith(("#double", "#decimal", "#integer")):
            return round(float(term["value"]), 6)
        return term["value"]

    found = orjson.loads(body)["results"]["bindings"]
    return [tuple(sorted((k, value(v)) for k, v in row.items())) for row in found]


def test_there_are_twelve() -> None:
    assert len(FILES) == 12


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_competency_question_states_its_assumption_and_its_columns(path: Path) -> None:
    asked = asking.read_question(path)
    assert asked.title.endswith("?") and asked.assumes.endswith(".")
    for column in asked.columns:
        assert f"?{column.name}" in asked.text
        if column.type == "double":
            assert column.unit


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_federation_answers_a_competency_question_as_one_store_does(
    path: Path, one: ox.Store, federated: dict[str, Any]
) -> None:
    answer = federated[path.stem]
    assert answer.status == "complete"
    result = one.query(path.read_text())
    body = result.serialize(format=ox.QueryResultsFormat.JSON)  # type: ignore[union-attr,call-arg]
    assert body is not None
    expected = _rows(body)
    assert sorted(_rows(answer.body), key=str) == sorted(expected, key=str)
    assert expected or path.stem in NONE_IN_NORMAL_RUNNING
    names = {column.name for column in asking.read_question(path).columns}
    assert {name for row in expected for name, _ in row} <= names


def test_open_points_between_areas_are_those_of_the_facts(
    small: Scenario, federated: dict[str, Any]
) -> None:
    found = {dict(row)["switch"] for row in _rows(federated["03_open_points"].body)}
    assert len(found) == len(small.facts.ties_between_gsps)


def test_declared_demand_is_the_sum_of_the_nodes(federated: dict[str, Any]) -> None:
    rows = [dict(row) for row in _rows(federated["12_declared_demand"].body)]
    assert len(rows) == 4
    assert all(abs(float(row["gap_mw"])) < 1e-6 for row in rows)


def test_questions_span_at_least_three_nodes(nodes: Cluster) -> None:
    needed: set[str] = set()
    for path in FILES:
        alone = {
            name: len(list(node.store.query(path.read_text())))  # type: ignore[arg-type]
            for name, node in nodes.nodes.items()
        }
        needed |= {name for name, count in alone.items() if count}
    assert len(needed) >= 3
