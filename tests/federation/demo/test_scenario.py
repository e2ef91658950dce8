"""The files of a demo are one network that PowSyBl pairs, feeds and solves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from federation.demo.scenario import Scenario, build
from kgnode.errors import BadRequest
from tests.federation.demo.powsybl import load, solve

pytestmark = pytest.mark.demo


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module", params=["small", pytest.param("gb", marks=pytest.mark.nightly)])
def scenario(request: pytest.FixtureRequest) -> Scenario:
    made: Scenario = request.getfixturevalue(request.param)
    return made


@pytest.fixture(scope="module")
def network(scenario: Scenario) -> Any:
    return load(scenario.network_files)


def test_two_builds_with_one_seed_are_byte_equal(small: Scenario, tmp_path: Path) -> None:
    build("small", 1, tmp_path)
    assert contents(tmp_path) == contents(small.folder)


def test_another_seed_gives_other_names_and_identifiers(small: Scenario, tmp_path: Path) -> None:
    other = build("small", 2, tmp_path)
    ours = {load for gsp in small.facts.gsps for load in gsp.loads}
    theirs = {load for gsp in other.facts.gsps for load in gsp.loads}
    assert ours.isdisjoint(theirs)


def test_every_boundary_point_pairs_and_no_load_is_unfed(scenario: Scenario, network: Any) -> None:
    assert len(network.get_tie_lines()) == scenario.facts.boundary_points >= 16
    assert solve(network) == "CONVERGED"
    loads = network.get_loads(attributes=["p", "connected"])
    assert len(loads) > 80
    assert loads["connected"].all()
    assert not loads["p"].isna().any()


@pytest.mark.parametrize(
    ("size", "ties", "between", "across"),
    [("small", 18, 16, 8), pytest.param("gb", 41, 24, 8, marks=pytest.mark.nightly)],
)
def test_ties_join_and_cross_as_designed(
    size: str, ties: int, between: int, across: int, request: pytest.FixtureRequest
) -> None:
    facts = request.getfixturevalue(size).facts
    assert len(facts.ties) == ties
    assert len(facts.ties_between_gsps) == between
    assert len(facts.ties_across_owners) == across


@pytest.mark.nightly
def test_the_gb_demo_replaces_1435_mw_at_six_gsps(gb: Scenario) -> None:
    assert len(gb.facts.gsps) == 6
    assert gb.facts.replaced_mw == pytest.approx(1435.55)
    assert gb.facts.boundary_points == 23


def test_opening_a_gsps_breakers_leaves_exactly_its_loads_dark(
    scenario: Scenario, network: Any
) -> None:
    for gsp in scenario.facts.gsps:
        for breaker in gsp.breakers:
            assert network.open_switch(breaker)
        try:
            loads = network.get_loads(attributes=["bus_id"])
            buses = network.get_buses(attributes=["connected_component"])
            main = set(buses.index[buses["connected_component"] == 0])
            dark = {str(index) for index, bus in loads["bus_id"].items() if bus not in main}
            assert dark == set(gsp.loads)
        finally:
            for breaker in gsp.breakers:
                network.close_switch(breaker)


def test_loads_less_running_machines_equal_the_replaced_demand(
    scenario: Scenario, network: Any
) -> None:
    loads = network.get_loads(attributes=["p0", "q0"])
    machines = network.get_generators(attributes=["target_p"])
    for gsp in scenario.facts.gsps:
        net = loads.loc[list(gsp.loads), "p0"].sum()
        net -= machines.loc[list(gsp.machines), "target_p"].sum()
        assert net == pytest.approx(gsp.mw, abs=1e-6)
        assert loads.loc[list(gsp.loads), "q0"].sum() == pytest.approx(gsp.mvar, abs=1e-6)


def test_no_branch_of_a_distribution_network_is_overloaded(
    scenario: Scenario, network: Any
) -> None:
    assert solve(network) == "CONVERGED"
    flows = network.get_branches(attributes=["i1", "voltage_level1_id"])
    nominal = network.get_voltage_levels(attributes=["nominal_v"])["nominal_v"]
    flows = flows[flows["voltage_level1_id"].map(nominal) <= 132]
    limits = network.get_loading_limits().reset_index()
    limits = limits[(limits["acceptable_duration"] == -1) & (limits["side"] == "ONE")]
    permanent = limits.groupby("element_id")["value"].min()
    loading = (flows["i1"] / permanent.reindex(flows.index)).dropna()
    assert len(loading) > 100
    assert loading.max() < 1.0


def test_an_unknown_size_is_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(BadRequest) as caught:
        build("huge", 1, tmp_path)  # type: ignore[arg-type]
    assert "--size small" in caught.value.hint


@pytest.mark.nightly
def test_two_builds_of_the_gb_demo_are_byte_equal(gb: Scenario, tmp_path: Path) -> None:
    build("gb", 1, tmp_path)
    assert contents(tmp_path) == contents(gb.folder)
