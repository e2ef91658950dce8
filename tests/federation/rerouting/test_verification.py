"""Load-flow states of a transfer, and the traps met on the way, each as a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from federation.rerouting.areas import Areas, supply_areas
from federation.rerouting.bench import Bench
from federation.rerouting.contingencies import Contingencies
from federation.rerouting.grid import Grid
from federation.rerouting.loadflow import Pinned, parameters
from federation.rerouting.network import load_files
from federation.rerouting.transfers import Candidate, find_candidates
from federation.rerouting.verification import Verification
from federation.rerouting.verify import equal, snapshot
from kgnode.errors import NotFound


@pytest.fixture(scope="module")
def bench(four_zip: Path, four_grid: Grid, four_areas: Areas) -> Bench:
    return Bench(load_files([four_zip]), four_grid, four_areas)


@pytest.fixture(scope="module")
def known(four_grid: Grid, four_areas: Areas) -> Candidate:
    return next(
        c
        for c in find_candidates(four_grid, four_areas).candidates
        if four_grid.name(c.point.switch) == "TIE132 002-003.0 a CB" and abs(c.net_mw - 27.1) < 0.05
    )


def test_supergrid_taps_stay_and_distribution_taps_move(bench: Bench) -> None:
    taps = bench.network.get_ratio_tap_changers(attributes=["regulating"])
    moving = set(taps.index[taps["regulating"]])
    owners = {bench.grid.equipment[bench.iris[own]].owner for own in moving}
    assert owners == {"DNOA", "DNOB"} and len(taps) - len(moving) == 8


def test_solved_taps_are_written_back_so_that_a_frozen_run_repeats_the_settled_one(
    four_zip: Path, four_grid: Grid, four_areas: Areas
) -> None:
    network = load_files([four_zip])
    as_loaded = network.get_ratio_tap_changers(attributes=["tap"])["tap"].copy()
    bench = Bench(network, four_grid, four_areas)
    settled = network.get_ratio_tap_changers(attributes=["tap"])["tap"]
    assert (settled != as_loaded).any()
    free = bench.run(frozen=False).tables["buses"]["v_mag"]
    frozen = bench.run(frozen=True).tables["buses"]["v_mag"]
    assert np.nanmax(np.abs(free - frozen[free.index])) < 1e-6
    network.update_ratio_tap_changers(id=list(as_loaded.index), tap=as_loaded.tolist())
    stale = bench.run(frozen=True).tables["buses"]["v_mag"]
    assert np.nanmax(np.abs(stale - frozen[stale.index])) > 1e-3


def test_close_and_open_then_reverse_gives_the_original_load_flow(
    four_zip: Path, four_grid: Grid, four_areas: Areas, known: Candidate
) -> None:
    bench = Bench(load_files([four_zip]), four_grid, four_areas)
    pinned = Pinned(tap_control=False)
    before = snapshot(bench.network, pinned)
    bench.operate(close=[known.point.switch])
    bench.operate(open=known.open)
    moved = snapshot(bench.network, pinned)
    assert not equal(before, moved).equal
    bench.operate(close=known.open)
    bench.operate(open=[known.point.switch])
    comparison = equal(before, snapshot(bench.network, pinned), 1e-6)
    assert comparison.equal, comparison.reason


def test_verifying_leaves_the_base_as_it_was(bench: Bench, known: Candidate) -> None:
    before = snapshot(bench.network, Pinned(tap_control=False))
    Verification(bench).verify(known)
    assert equal(before, snapshot(bench.network, Pinned(tap_control=False))).equal


def test_verified_numbers_of_the_known_plan(bench: Bench, known: Candidate) -> None:
    verified = Verification(bench).verify(known)
    assert verified.failed == "" and verified.worse == {}
    assert verified.step_percent < 3.0
    assert verified.across.angle_degrees < 5.0 and verified.across.redistributed_mw > 1.0
    assert verified.n1 is not None and verified.n1.tried > 10
    assert verified.fault_level is not None and 5.0 < verified.fault_level.ka < 20.0
    assert set(verified.thermal) == {"before", "parallel", "just after", "after"}
    change = verified.headroom.from_mva - verified.headroom.to_mva
    assert verified.headroom.to_mva < 240.0 and change > 0.0


def test_boundary_lines_are_checked_and_not_only_lines(bench: Bench) -> None:
    loadings = bench.loadings(bench.base)
    tails = [
        part.iri
        for part in bench.grid.equipment.values()
        if "tail" in part.name and part.kind == "ACLineSegment"
    ]
    assert len(tails) == 16
    assert all(iri in loadings for iri in tails)
    assert not set(bench.network.get_lines().index) & {bench.id(iri) for iri in tails}


def test_the_open_end_of_a_tie_is_read_at_the_nearest_live_busbar(
    bench: Bench, known: Candidate
) -> None:
    node = known.point.ends[0]
    per_unit, angle = bench.at(bench.base, node)
    assert 0.9 < per_unit < 1.1 and not np.isnan(angle)


def test_contingencies_are_read_as_the_change_against_the_base(
    four_zip: Path, four_grid: Grid, four_areas: Areas
) -> None:
    network = load_files([four_zip])
    loads = network.get_loads(attributes=["p0", "q0"]) * 1.7
    network.update_loads(id=list(loads.index), p0=loads["p0"].tolist(), q0=loads["q0"].tolist())
    bench = Bench(network, four_grid, four_areas)
    assert bench.base.converged
    contingencies = Contingencies(bench)
    parts = bench.grid.equipment.values()
    branches = [p.iri for p in parts if p.kind == "ACLineSegment" and p.owner == "DNOA"]
    assert contingencies.new(branches).overloads == ()
    assert contingencies.new(branches).voltages == ()
    found = contingencies._run(contingencies._elements(branches))
    assert found.voltages or found.overloads  # the base itself has some, and they do not count


def test_a_contingency_on_a_boundary_line_is_one_on_its_tie_line(bench: Bench) -> None:
    contingencies = Contingencies(bench)
    tails = [p.iri for p in bench.grid.equipment.values() if "GSP003 SGT1 tail" in p.name]
    assert len(tails) == 2
    elements = contingencies._elements(tails)
    assert len(elements) == 1 and " + " in elements[0]


def test_parallel_transformers_apart_are_brought_in_step(
    four_zip: Path, four_grid: Grid, four_areas: Areas
) -> None:
    bench = Bench(load_files([four_zip]), four_grid, four_areas)
    group = next(g for g in bench.twins() if four_grid.equipment[bench.iris[g[0]]].owner == "DNOA")
    with bench.switched():
        bench.network.update_ratio_tap_changers(id=group, tap=[8, 14])
        assert bench.tap_spread() == 6
        bench._align_twins()
        assert bench.tap_spread() <= 1


def test_an_asset_the_network_does_not_have_is_named(bench: Bench) -> None:
    with pytest.raises(NotFound, match="urn:uuid:nothing"):
        bench.id("urn:uuid:nothing")


def test_taking_a_boundary_line_out_by_its_flag_does_nothing_but_removing_it_does(
    four_zip: Path, four_grid: Grid
) -> None:
    network = load_files([four_zip])
    tail = next(p.iri for p in four_grid.equipment.values() if p.name == "GSP003 SGT1 tail T")
    own = f"_{tail.removeprefix('urn:uuid:')}"
    network.update_boundary_lines(id=own, connected=False)
    assert bool(network.get_boundary_lines().loc[own, "connected"])
    areas = supply_areas(four_grid, without={tail})
    bench = Bench(network, four_grid, areas, without={tail})
    assert own not in network.get_boundary_lines().index
    assert bench.base.converged and len(network.get_tie_lines()) == 10


def test_every_run_starts_from_a_dc_solution_with_the_slack_named() -> None:
    import pypowsybl.loadflow as lf

    pinned = parameters(Pinned(), "bus_1")
    assert pinned.voltage_init_mode == lf.VoltageInitMode.DC_VALUES
    assert pinned.distributed_slack and not pinned.read_slack_bus
    told = pinned.provider_parameters
    assert (told["slackBusSelectionMode"], told["slackBusesIds"]) == ("NAME", "bus_1")
    assert told["transformerVoltageControlMode"] == "INCREMENTAL_VOLTAGE_CONTROL"


def test_a_dead_bus_is_energised_again_and_the_load_flow_converges(
    four_zip: Path, four_grid: Grid, four_areas: Areas
) -> None:
    bench = Bench(load_files([four_zip]), four_grid, four_areas)
    load = next(iter(four_grid.loads.values()))
    near = [s.iri for s in four_grid.switches.values() if load.node in s.nodes]
    bench.operate(open=near)
    dead = bench.run(frozen=True)
    assert dead.converged and np.isnan(dead.tables["loads"].loc[bench.id(load.iri), "p"])
    bench.operate(close=near)
    alive = bench.run(frozen=True)
    assert alive.tables["loads"].loc[bench.id(load.iri), "p"] == pytest.approx(load.p_mw)
