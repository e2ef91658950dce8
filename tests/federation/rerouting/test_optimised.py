"""What makes verification fast, against the plain way: equal numbers, whatever was kept before."""

from __future__ import annotations

import pytest

from federation.rerouting import contingencies, taps
from federation.rerouting.bench import Bench
from federation.rerouting.contingencies import Contingencies
from federation.rerouting.footprint import Footprints
from federation.rerouting.grid import Grid
from federation.rerouting.loadflow import EVERYTHING, JUDGED, Pinned, load_flow, slack_of
from federation.rerouting.transfers import Candidate, find_candidates
from federation.rerouting.verification import Verification
from tests.federation.rerouting import plain
from tests.federation.rerouting.conftest import Fresh


@pytest.fixture(scope="module")
def some(four_bench: Bench) -> list[Candidate]:
    """Three that converge at 132 and 33 kV with two and one openings, one that does not."""
    found = find_candidates(four_bench.grid, four_bench.areas).candidates
    return [found[place] for place in (0, 20, 30, 40)]


@pytest.mark.parametrize("place", range(4))
def test_verification_gives_what_the_plain_way_gives(
    fresh_four: Fresh, four_bench: Bench, some: list[Candidate], place: int
) -> None:
    verification = Verification(four_bench)
    candidate = some[place]
    footprint = verification.footprints.of(candidate)
    fast = verification.verify(candidate, n1="none")
    slow = plain.verify(fresh_four, four_bench, footprint, candidate)
    assert fast.failed == slow.failed
    assert {k: s.percent for k, s in fast.thermal.items()} == pytest.approx(slow.thermal, 1e-5)
    assert fast.voltage.keys() == slow.voltage.keys()
    for state, seen in fast.voltage.items():
        assert (seen.min_pu, seen.max_pu) == pytest.approx(slow.voltage[state], abs=1e-6)
    assert [s.unfed for s in fast.steps if s.converged] == slow.unfed
    assert fast.step_percent == pytest.approx(slow.step_percent, abs=1e-5)
    assert (fast.spread, set(fast.worse)) == (slow.spread, set(slow.worse))
    if slow.fault_ka:
        assert fast.fault_level is not None
        assert fast.fault_level.ka == pytest.approx(slow.fault_ka[fast.fault_level.busbar], 1e-6)


def test_the_order_of_candidates_does_not_matter(four_bench: Bench, some: list[Candidate]) -> None:
    """A variant is a copy of the base, and what is kept of N-1 belongs to the base."""
    one, other = Verification(four_bench), Verification(four_bench)
    forward = [one.verify(c) for c in some[1:3]]
    backward = [other.verify(c) for c in reversed(some[1:3])][::-1]
    for first, second in zip(forward, backward, strict=True):
        assert first.failed == second.failed and first.n1 == second.n1
        if not first.failed:
            assert first.thermal["after"].percent == pytest.approx(second.thermal["after"].percent)


def test_base_contingencies_kept_are_those_run_anew(
    four_bench: Bench, some: list[Candidate]
) -> None:
    footprints = Footprints(four_bench.grid, four_bench.areas)
    branches = [footprints.of(c).contingencies for c in some[1:3]]
    kept = Contingencies(four_bench)
    for wanted in branches:
        kept.new(wanted)
    anew = Contingencies(four_bench)
    anew.new({iri: None for wanted in branches for iri in wanted})
    assert kept._kept[frozenset()].outcomes.failed == anew._kept[frozenset()].outcomes.failed
    assert kept._kept[frozenset()].outcomes.overloads == pytest.approx(
        anew._kept[frozenset()].outcomes.overloads
    )
    assert (
        kept._kept[frozenset()].outcomes.voltages.keys()
        == anew._kept[frozenset()].outcomes.voltages.keys()
    )


@pytest.mark.parametrize("place", [1, 5, 12, 20])
def test_trying_only_doubtful_losses_in_the_base_changes_nothing(
    four_bench: Bench, four_grid: Grid, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = find_candidates(four_grid, four_bench.areas).candidates[place]
    fast = Verification(four_bench).verify(candidate)
    monkeypatch.setattr(contingencies, "_doubtful", lambda after, _: _Everything())
    slow = Verification(four_bench).verify(candidate)
    assert fast.failed == slow.failed
    assert fast.n1 == slow.n1


class _Everything(set[str]):
    def __contains__(self, _: object) -> bool:
        return True


def test_threads_share_contingencies_without_changing_an_outcome(
    four_bench: Bench, some: list[Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Footprints(four_bench.grid, four_bench.areas).of(some[1]).contingencies
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(contingencies, "THREADS", threads)
        tried = Contingencies(four_bench)
        found.append(tried._run(tried._elements(wanted)))
    assert found[0].failed == found[1].failed
    assert found[0].overloads == pytest.approx(found[1].overloads)
    assert found[0].voltages.keys() == found[1].voltages.keys()


def test_the_columns_that_are_judged_are_those_of_the_whole_tables(four_bench: Bench) -> None:
    pinned = Pinned(tap_control=False)
    whole = load_flow(four_bench.network, pinned, EVERYTHING).tables
    part = load_flow(four_bench.network, pinned, JUDGED).tables
    for name, table in part.items():
        for column in set(table.columns) & set(whole[name].columns):
            assert whole[name][column].equals(table[column]), (name, column)


def test_a_slack_named_before_is_found_without_searching(four_bench: Bench) -> None:
    searched = slack_of(four_bench.network, None)
    assert slack_of(four_bench.network, searched[0]) == searched
    assert slack_of(four_bench.network, "no such machine") == searched


def test_a_slack_that_switching_has_parted_from_the_rest_is_replaced_by_the_largest(
    four_bench: Bench,
) -> None:
    """The load flow itself says that its slack is not the one named: then it is searched for."""
    network = four_bench.network
    units = network.get_generators(attributes=["max_p", "voltage_level_id"]).sort_values("max_p")
    parted, level = str(units.index[0]), units["voltage_level_id"].iloc[0]
    with four_bench.switched():
        for read, update in (
            (network.get_lines, network.update_lines),
            (network.get_2_windings_transformers, network.update_2_windings_transformers),
        ):
            ends = read(attributes=["voltage_level1_id", "voltage_level2_id"])
            beside = ends.index[(ends == level).any(axis=1)]
            update(id=list(beside), connected1=[False] * len(beside))
        component = network.get_generators(attributes=["bus_id"])["bus_id"].map(
            network.get_buses(attributes=["connected_component"])["connected_component"]
        )
        assert component[parted] != 0
        searched = load_flow(network, Pinned(tap_control=False))
        named = load_flow(network, Pinned(tap_control=False, slack_generator=parted))
    assert searched.converged and named.converged
    assert searched.slack == named.slack != parted
    voltages = [flow.tables["buses"]["v_mag"] for flow in (searched, named)]
    assert voltages[0].equals(voltages[1])


def test_taps_moved_area_by_area_come_to_what_all_at_once_come_to(
    fresh_four: Fresh, four_bench: Bench, some: list[Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At national size not all may move at once; areas hardly act on each other's taps."""
    monkeypatch.setattr(taps, "MOVED_AT_ONCE", 30)
    bench = Bench(fresh_four(), four_bench.grid, four_bench.areas)
    assert not bench.taps.all_at_once and len(list(bench.taps.groups())) == 4
    assert bench.base.converged and bench.spread <= 1
    tap = four_bench.network.get_ratio_tap_changers(attributes=["tap"])["tap"]
    other = bench.network.get_ratio_tap_changers(attributes=["tap"])["tap"]
    assert abs(tap - other).max() <= 1
    slow, fast = (Verification(b).verify(some[1], n1="reduced") for b in (four_bench, bench))
    assert slow.n1 is not None and fast.n1 is not None and slow.failed == fast.failed == ""
    assert fast.thermal["after"].percent == pytest.approx(slow.thermal["after"].percent, rel=0.02)
    assert fast.voltage["after"].min_pu == pytest.approx(slow.voltage["after"].min_pu, abs=0.015)
    assert bench.network.get_ratio_tap_changers(attributes=["regulating"])["regulating"].sum() == 0
