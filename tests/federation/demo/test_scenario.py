"""The files of a demo are one network that PowSyBl pairs, feeds and solves."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest

from federation.demo.scenario import Scenario, build
from kgnode.errors import BadRequest

pytestmark = pytest.mark.demo


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def network(small: Scenario) -> Any:
    return load(small)


def load(scenario: Scenario) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pypowsybl

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as stream:
        for file in scenario.network_files:
            stream.write(file, file.name)
    return pypowsybl.network.load_from_binary_buffer(
        archive, parameters={"iidm.import.cgmes.cgm-with-subnetworks": "true"}
    )


def solve(network: Any) -> str:
    import pypowsybl.loadflow as loadflow

    parameters = loadflow.Parameters(
        distributed_slack=True, voltage_init_mode=loadflow.VoltageInitMode.DC_VALUES
    )
    return str(loadflow.run_ac(network, parameters)[0].status.name)


def test_two_builds_with_one_seed_are_byte_equal(small: Scenario, tmp_path: Path) -> None:
    build("small", 1, tmp_path)
    assert contents(tmp_path) == contents(small.folder)


def test_another_seed_gives_other_names_and_identifiers(small: Scenario, tmp_path: Path) -> None:
    other = build("small", 2, tmp_path)
    ours = {load for gsp in small.facts.gsps for load in gsp.loads}
    theirs = {load for gsp in other.facts.gsps for load in gsp.loads}
    assert ours.isdisjoint(theirs)


def test_every_boundary_point_pairs_and_no_load_is_unfed(small: Scenario, network: Any) -> None:
    assert small.facts.boundary_points == 16
    assert len(network.get_tie_lines()) == 16
    assert solve(network) == "CONVERGED"
    loads = network.get_loads(attributes=["p", "connected"])
    assert len(loads) > 80
    assert loads["connected"].all()
    assert not loads["p"].isna().any()


def test_ties_join_and_cross_as_designed(small: Scenario) -> None:
    assert len(small.facts.ties_between_gsps) == 16
    assert len(small.facts.ties_across_owners) == 8


def test_opening_the_breakers_of_a_gsp_leaves_exactly_its_loads_dark(
    small: Scenario, network: Any
) -> None:
    for gsp in small.facts.gsps:
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
    small: Scenario, network: Any
) -> None:
    loads = network.get_loads(attributes=["p0", "q0"])
    machines = network.get_generators(attributes=["target_p"])
    for gsp in small.facts.gsps:
        net = loads.loc[list(gsp.loads), "p0"].sum()
        net -= machines.loc[list(gsp.machines), "target_p"].sum()
        assert net == pytest.approx(gsp.mw, abs=1e-6)
        assert loads.loc[list(gsp.loads), "q0"].sum() == pytest.approx(gsp.mvar, abs=1e-6)


def test_no_branch_of_a_distribution_network_is_overloaded(small: Scenario, network: Any) -> None:
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
