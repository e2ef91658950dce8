"""The demo's questions: the federation answers as one store does, and as the facts say."""

from __future__ import annotations

from pathlib import Path

import orjson
import pyoxigraph as ox
import pytest

from federation.answer import Ask
from federation.demo.scenario import Scenario, questions
from tests.federation.cluster import Cluster
from tests.federation.oracle import ask_all, union

pytestmark = pytest.mark.demo

Row = dict[str, str | float]


def rows(body: bytes) -> list[Row]:
    """Numbers are rounded: sums of doubles differ in their last digits with the order."""

    def value(term: dict[str, str]) -> str | float:
        if term.get("datatype", "").endswith(("#double", "#decimal", "#integer")):
            return round(float(term["value"]), 6)
        return term["value"]

    found = orjson.loads(body)["results"]["bindings"]
    return [{name: value(term) for name, term in row.items()} for row in found]


def federated(nodes: Cluster, path: Path) -> list[Row]:
    (got,) = ask_all(nodes.members(), [Ask(path.read_text(), accept=JSON)])
    assert got.status == "complete"
    return rows(got.body)


JSON = "application/sparql-results+json"


def test_there_are_at_least_three_and_each_says_what_it_assumes() -> None:
    assert len(questions()) >= 3
    for path in questions():
        comment = [line for line in path.read_text().splitlines() if line.startswith("#")]
        assert any("Needs:" in line for line in comment)
        assert any("Assumes:" in line for line in comment)


@pytest.mark.parametrize("path", questions(), ids=lambda path: path.stem)
def test_the_federation_answers_as_one_store_does(nodes: Cluster, path: Path) -> None:
    one = union(node.store for node in nodes.nodes.values())
    result = one.query(path.read_text())
    expected = rows(result.serialize(format=ox.QueryResultsFormat.JSON))  # type: ignore[union-attr,call-arg]
    assert expected
    assert federated(nodes, path) == expected


@pytest.mark.parametrize("path", questions(), ids=lambda path: path.stem)
def test_no_single_member_can_answer(nodes: Cluster, path: Path) -> None:
    for node in nodes.nodes.values():
        assert not list(node.store.query(path.read_text()))


def test_demand_per_gsp_equals_the_replaced_load(small: Scenario, nodes: Cluster) -> None:
    found = {row["gsp"]: row for row in federated(nodes, questions()[0])}
    assert found.keys() == {gsp.ident for gsp in small.facts.gsps}
    for gsp in small.facts.gsps:
        assert found[gsp.ident]["demand_mw"] == pytest.approx(gsp.mw)
        assert found[gsp.ident]["declared_mw"] == pytest.approx(gsp.mw)
        assert found[gsp.ident]["items"] == len(gsp.loads) + len(gsp.machines)


def test_headroom_is_firm_capacity_less_apparent_demand(small: Scenario, nodes: Cluster) -> None:
    found = {row["gsp"]: row for row in federated(nodes, questions()[1])}
    for gsp in small.facts.gsps:
        row = found[gsp.ident]
        assert row["transformers"] == len(gsp.transformers)
        demand = (gsp.mw**2 + gsp.mvar**2) ** 0.5
        assert row["headroom_mva"] == pytest.approx(float(row["firm_mva"]) - demand, abs=1e-5)


def test_ties_are_those_that_were_drawn_with_both_owners(small: Scenario, nodes: Cluster) -> None:
    found = {row["switch"]: row for row in federated(nodes, questions()[2])}
    expected = {f"urn:uuid:{tie.switch}": tie for tie in small.facts.ties_between_gsps}
    assert found.keys() == expected.keys()
    for switch, tie in expected.items():
        row = found[switch]
        assert {row["gsp_a"], row["gsp_b"]} == set(tie.gsps)
        assert {row["owner_a"], row["owner_b"]} == set(tie.owners)
        assert ("meets" in row) == (tie.owners[0] != tie.owners[1])


def test_outages_on_anothers_path_leave_out_those_that_are_not(
    small: Scenario, nodes: Cluster
) -> None:
    found = federated(nodes, questions()[3])
    assert 0 < len(found) < small.facts.outages
    assert all(row["owner"] != row["affected"] for row in found)
