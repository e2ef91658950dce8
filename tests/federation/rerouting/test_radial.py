"""Demand that hangs on one branch, against the buses that PowSyBl makes of the same switching."""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx
import pytest

from federation.rerouting.areas import Areas
from federation.rerouting.bench import Bench
from federation.rerouting.footprint import Footprints
from federation.rerouting.grid import Grid
from federation.rerouting.radial import Hanging, Radial
from federation.rerouting.thresholds import Thresholds
from federation.rerouting.transfers import Candidate, find_candidates
from federation.rerouting.verdicts import Colour, judge
from federation.rerouting.verification import Verification

Lost = Mapping[str, frozenset[str]]


@pytest.fixture(scope="module")
def candidates(four_grid: Grid, four_areas: Areas) -> tuple[Candidate, ...]:
    return find_candidates(four_grid, four_areas).candidates


def _lost_in_powsybl(bench: Bench, candidate: Candidate | None, branches: list[str]) -> Lost:
    """Take each branch out of the graph of buses and see which loads part from the slack."""
    closed = (candidate.point.switch, *candidate.point.also) if candidate else ()
    with bench.switched():
        bench.operate(close=closed, open=candidate.open if candidate else ())
        network = bench.network
        graph = nx.MultiGraph()
        graph.add_nodes_from(network.get_buses().index)
        for table in (network.get_lines(), network.get_2_windings_transformers()):
            for own, row in table.iterrows():
                graph.add_edge(row["bus1_id"], row["bus2_id"], own)
        halves = network.get_boundary_lines()["bus_id"]
        of_half: dict[str, str] = {}
        for own, row in network.get_tie_lines().iterrows():
            pair = row["boundary_line1_id"], row["boundary_line2_id"]
            graph.add_edge(halves[pair[0]], halves[pair[1]], own)
            of_half |= dict.fromkeys(pair, own)
        graph.remove_nodes_from([""] if "" in graph else [])
        slack = network.get_generators().loc[bench.base.slack, "bus_id"]
        at = {bench.iris[own]: bus for own, bus in network.get_loads()["bus_id"].items()}
    whole = nx.node_connected_component(graph, slack)
    found: dict[str, frozenset[str]] = {}
    for iri in branches:
        own = of_half.get(bench.id(iri), bench.id(iri))
        edges = [(a, b) for a, b, key in graph.edges(keys=True) if key == own]
        if not edges:
            continue
        graph.remove_edge(*edges[0], own)
        left = nx.node_connected_component(graph, slack)
        graph.add_edge(*edges[0], own)
        lost = frozenset(load for load, bus in at.items() if bus in whole and bus not in left)
        if lost:
            found[iri] = lost
    return found


@pytest.mark.parametrize("place", [0, 5, 15, 25, 35, 48])
def test_what_a_loss_leaves_unfed_is_what_powsybl_leaves_on_no_bus_of_the_slack(
    four_bench: Bench, candidates: tuple[Candidate, ...], place: int
) -> None:
    candidate = candidates[place]
    branches = sorted(Footprints(four_bench.grid, four_bench.areas).of(candidate).assets)
    keys = (candidate.giver, candidate.receiver)
    closed = (candidate.point.switch, *candidate.point.also)
    radial = Radial(four_bench.grid, four_bench.areas)
    before, after = radial.lost(keys), radial.lost(keys, close=closed, open=candidate.open)
    assert before == _lost_in_powsybl(four_bench, None, branches)
    plain = _lost_in_powsybl(four_bench, candidate, branches)
    assert after == plain
    gained = {iri: loads - before.get(iri, frozenset()) for iri, loads in plain.items()}
    told = {iri: frozenset(one.loads) for one in radial.new(candidate) for iri in one.branches}
    assert told == {iri: loads for iri, loads in gained.items() if loads}


def test_a_dead_transformer_feeds_nobody(four_grid: Grid, four_areas: Areas) -> None:
    """With one of two supergrid transformers out, all of its area hangs on the other."""
    key = next(area.key for area in four_areas.areas if area.gsps)
    transformers = sorted(Footprints(four_grid, four_areas).supergrid[key])
    assert len(transformers) == 2
    whole = Radial(four_grid, four_areas).lost((key,))
    assert not whole.keys() & set(transformers)
    left = Radial(four_grid, four_areas, without={transformers[0]}).lost((key,))
    area = four_areas.area(key)
    assert area is not None and left[transformers[1]] == frozenset(area.loads)


def test_a_plan_says_what_hangs_on_one_circuit_and_judges_it(
    four_bench: Bench, candidates: tuple[Candidate, ...]
) -> None:
    verified = Verification(four_bench).verify(candidates[20])
    (worst, *_) = verified.hanging
    assert isinstance(worst, Hanging) and set(worst.loads) <= set(candidates[20].loads)
    assert worst.demand_mw == pytest.approx(
        sum(four_bench.grid.loads[load].p_mw or 0.0 for load in worst.loads)
    )
    shown = {org: {"network": "none"} for org in four_bench.grid.owners}
    text = f"leaves {worst.demand_mw:.0f} MW unfed, today none of it"
    kind, strict = (
        judge(candidates[20], verified, (), shown, Thresholds(n1_lost_mw=limit), {})
        for limit in (worst.demand_mw, worst.demand_mw - 1.0)
    )
    assert any(text in reason for reason in kind.reasons)
    assert any(text in reason for reason in strict.reasons)
    assert strict.colour is not Colour.GREEN
