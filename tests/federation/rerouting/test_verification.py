"""Load-flow states of a transfer, and the traps met on the way, each as a test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from federation.rerouting.areas import Areas, supply_areas
from federation.rerouting.bench import Bench
from federation.rerouting.contingencies import NO_LOSS, Contingencies, Outcomes, Outside
from federation.rerouting.grid import Grid
from federation.rerouting.loadflow import Pinned, parameters, slack_of
from federation.rerouting.transfers import Candidate, find_candidates
from federation.rerouting.verification import Verification
from federation.rerouting.verify import equal, snapshot
from kgnode.errors import NotFound
from tests.federation.rerouting.conftest import Fresh


@pytest.fixture
def bench(four_bench: Bench) -> Bench:
    return four_bench


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
    fresh_four: Fresh, four_grid: Grid, four_areas: Areas
) -> None:
    network = fresh_four()
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
    fresh_four: Fresh, four_grid: Grid, four_areas: Areas, known: Candidate
) -> None:
    bench = Bench(fresh_four(), four_grid, four_areas)
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
    per_unit, angle = bench.at_base(node)
    assert 0.9 < per_unit < 1.1 and not np.isnan(angle)


@pytest.fixture(scope="module")
def strained(fresh_four: Fresh, four_grid: Grid, four_areas: Areas) -> Bench:
    """A base case with violations of its own, before and after losses."""
    demand = {
        iri: replace(load, p_mw=1.7 * (load.p_mw or 0), q_mvar=1.7 * (load.q_mvar or 0))
        for iri, load in four_grid.loads.items()
    }
    bench = Bench(fresh_four(), four_grid, four_areas, demand=demand)
    assert bench.base.converged
    return bench


def _lines(bench: Bench, owner: str) -> list[str]:
    parts = bench.grid.equipment.values()
    return [p.iri for p in parts if p.kind == "ACLineSegment" and p.owner == owner]


def test_contingencies_are_read_as_the_change_against_the_base(strained: Bench) -> None:
    contingencies = Contingencies(strained)
    branches = _lines(strained, "DNOA")
    assert contingencies.new(branches).overloads == ()
    assert contingencies.new(branches).voltages == ()
    found = contingencies._run(contingencies._elements(branches))
    assert found.voltages or found.overloads  # the base itself has some, and they do not count


def test_what_is_violated_before_any_loss_is_not_new_after_one(strained: Bench) -> None:
    """A loss without effect in the base reports nothing there: the state before it must count."""
    contingencies = Contingencies(strained)
    branches = _lines(strained, "DNOA")[:3]
    contingencies.new(branches)
    level = next(iter(strained.nominal))
    own = contingencies._elements(branches)[0]
    after = Outcomes({}, {(own, level): Outside(0.0, 4.0)}, frozenset())
    base = contingencies._kept[frozenset()]
    contingencies._run = lambda _: after  # type: ignore[method-assign]
    base.outcomes = Outcomes({}, {}, frozenset())
    assert len(contingencies.new(branches).voltages) == 1
    base.outcomes = Outcomes({}, {(NO_LOSS, level): Outside(0.0, 3.8)}, frozenset())
    assert contingencies.new(branches).voltages == ()  # within the tolerance of 0.5 percent
    base.outcomes = Outcomes({}, {(NO_LOSS, level): Outside(0.0, 3.0)}, frozenset())
    assert len(contingencies.new(branches).voltages) == 1  # but it may not get much worse


def test_a_contingency_on_a_boundary_line_is_one_on_its_tie_line(bench: Bench) -> None:
    contingencies = Contingencies(bench)
    tails = [p.iri for p in bench.grid.equipment.values() if "GSP003 SGT1 tail" in p.name]
    assert len(tails) == 2
    elements = contingencies._elements(tails)
    assert len(elements) == 1 and " + " in elements[0]


def test_parallel_transformers_apart_are_brought_in_step(
    fresh_four: Fresh, four_grid: Grid, four_areas: Areas
) -> None:
    bench = Bench(fresh_four(), four_grid, four_areas)
    group = next(
        g for g in bench.taps.twins() if four_grid.equipment[bench.iris[g[0]]].owner == "DNOA"
    )
    with bench.switched():
        bench.network.update_ratio_tap_changers(id=group, tap=[8, 14])
        assert bench.taps.spread() == 6
        bench.taps.align()
        assert bench.taps.spread() <= 1


def test_an_asset_the_network_does_not_have_is_named(bench: Bench) -> None:
    with pytest.raises(NotFound, match="urn:uuid:nothing"):
        bench.id("urn:uuid:nothing")


def test_taking_a_boundary_line_out_by_its_flag_does_nothing_but_removing_it_does(
    fresh_four: Fresh, four_grid: Grid
) -> None:
    network = fresh_four()
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
    fresh_four: Fresh, four_grid: Grid, four_areas: Areas
) -> None:
    bench = Bench(fresh_four(), four_grid, four_areas)
    load = next(iter(four_grid.loads.values()))
    near = [s.iri for s in four_grid.switches.values() if load.node in s.nodes]

    def fed_mw() -> float:
        return float(bench.network.get_loads(attributes=["p"]).loc[bench.id(load.iri), "p"])

    bench.operate(open=near)
    assert bench.run(frozen=True).converged and np.isnan(fed_mw())
    bench.operate(close=near)
    assert bench.run(frozen=True).converged and fed_mw() == pytest.approx(load.p_mw)


def test_previous_values_fail_where_a_dead_part_is_made_live_and_a_dc_start_does_not(
    fresh_four: Fresh, four_grid: Grid, four_areas: Areas
) -> None:
    import pypowsybl.loadflow as lf
    from pypowsybl import PyPowsyblError

    bench = Bench(fresh_four(), four_grid, four_areas)
    assert bench.base.slack is not None
    switches = four_grid.switches.values()
    near = [s for s in switches if s.name.startswith("GSP003") and s.breaks_load]
    closed = [s.iri for s in near if not s.open]
    bench.operate(open=closed)
    assert bench.run(frozen=True).converged
    bench.operate(close=closed)
    _, bus = slack_of(bench.network, bench.base.slack)
    warm = parameters(Pinned(tap_control=False), bus)
    warm.voltage_init_mode = lf.VoltageInitMode.PREVIOUS_VALUES
    with pytest.raises(PyPowsyblError, match="Voltage magnitude is undefined"):
        lf.run_ac(bench.network, warm)
    assert bench.run(frozen=True).converged


def test_default_tap_control_drives_parallel_transformers_apart_and_the_pinned_one_does_not(
    fresh_four: Fresh, four_bench: Bench
) -> None:
    import pypowsybl.loadflow as lf

    network = fresh_four()
    lf.run_ac(network, lf.Parameters(transformer_voltage_control_on=True))
    taps = network.get_ratio_tap_changers(attributes=["solved_tap_position"])
    solved = [taps["solved_tap_position"][group] for group in four_bench.taps.twins()]
    assert max(group.max() - group.min() for group in solved) > 1
    assert four_bench.taps.spread() <= 1
