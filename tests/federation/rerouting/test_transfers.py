"""Candidates of the four-authority set, against PowSyBl and against networkx."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import pytest

from federation.rerouting.areas import Areas, supply_areas
from federation.rerouting.confirm import Confirmation
from federation.rerouting.grid import BoundaryPoint, Equipment, Grid, Injection, Switch
from federation.rerouting.transfers import Candidate, Zones, find_candidates
from tests.federation.rerouting.conftest import Fresh


@pytest.fixture(scope="module")
def candidates(four_grid: Grid, four_areas: Areas) -> tuple[Candidate, ...]:
    return find_candidates(four_grid, four_areas).candidates


def _names(grid: Grid, candidate: Candidate) -> tuple[str, set[str]]:
    return grid.name(candidate.point.switch), {grid.name(iri) for iri in candidate.open}


def test_the_known_transfer_of_27_mw_is_found(
    four_grid: Grid, candidates: tuple[Candidate, ...]
) -> None:
    known = [
        c
        for c in candidates
        if four_grid.name(c.point.switch) == "TIE132 002-003.0 a CB"
        and c.giver.startswith("GSP003")
        and abs(c.net_mw - 27.1) < 0.05
    ]
    assert len(known) == 1
    assert known[0].receiver.startswith("GSP002")
    assert all("GSP003 BSP0" in four_grid.name(iri) for iri in known[0].open)
    assert len(known[0].open) == 2 and len(known[0].loads) == 4


def test_candidates_are_ranked_by_net_power_then_operations(
    candidates: tuple[Candidate, ...],
) -> None:
    keys = [(-c.net_mw, c.operations, len(c.owners)) for c in candidates]
    assert keys == sorted(keys)
    assert all(len(c.open) <= 3 for c in candidates)


def test_moved_loads_of_every_candidate_are_confirmed_by_switching_in_powsybl(
    fresh_four: Fresh, four_grid: Grid, four_areas: Areas, candidates: tuple[Candidate, ...]
) -> None:
    confirmation = Confirmation(fresh_four(), four_grid, four_areas)
    before = confirmation.areas_by_load()
    assert {load: " + ".join(sorted(g)) for load, g in before.items()} == four_areas.of_load
    assert len(candidates) == 49
    for candidate in candidates:
        assert confirmation.moved(candidate) == set(candidate.loads), candidate


def test_a_wrong_proposal_is_not_confirmed(
    fresh_four: Fresh, four_grid: Grid, four_areas: Areas, candidates: tuple[Candidate, ...]
) -> None:
    confirmation = Confirmation(fresh_four(), four_grid, four_areas)
    two = next(c for c in candidates if len(c.open) == 2)
    half = replace(two, open=two.open[:1])
    assert confirmation.moved(half) != set(two.loads)


def test_each_set_of_openings_is_a_minimum_cut_of_networkx(
    four_grid: Grid, four_areas: Areas, candidates: tuple[Candidate, ...]
) -> None:
    zones = Zones(four_grid, four_areas, ())
    graph = nx.Graph()
    for zone, ends in zones.graph.items():
        for other, _ in ends:
            graph.add_edge(zone, other, capacity=graph.get_edge_data(zone, other, {}).get("c", 0))
    for data in graph.edges.values():
        data["capacity"] = 0
    for zone, ends in zones.graph.items():
        for other, _ in ends:
            graph[zone][other]["capacity"] += 0.5
    for candidate in candidates:
        slow = graph.copy()
        for load in candidate.loads:
            slow.add_edge("moved", zones.of_node[four_grid.loads[load].node])
        side = candidate.point.areas.index(candidate.giver)
        slow.add_edge("moved", zones.of_node[candidate.point.ends[side]])
        for zone in zones.sinks[candidate.giver]:
            slow.add_edge(zone, "supply")
        value, _ = nx.minimum_cut(slow, "moved", "supply")
        assert value == len(candidate.open)


def test_an_interconnected_group_gives_only_what_the_receiver_then_feeds(
    fresh_four: Fresh, four_grid: Grid
) -> None:
    tie = next(s for s in four_grid.switches.values() if s.name == "TIE132 002-003.0 a CB")
    closed = {**four_grid.switches, tie.iri: replace(tie, open=False)}
    grid = replace(four_grid, switches=closed)
    areas = supply_areas(grid)
    (group,) = areas.interconnected
    found = find_candidates(grid, areas, giver=" + ".join(group)).candidates
    network = fresh_four()
    network.update_switches(id=f"_{tie.iri.removeprefix('urn:uuid:')}", open=False)
    confirmation = Confirmation(network, grid, areas)
    assert found
    for candidate in found:
        assert confirmation.moved(candidate) == set(candidate.loads)


def test_a_limit_on_openings_rejects_and_says_so(four_grid: Grid, four_areas: Areas) -> None:
    search = find_candidates(four_grid, four_areas, max_openings=1)
    assert all(len(c.open) == 1 for c in search.candidates)
    assert search.rejected["needs more than 1 openings"] > 0


def test_a_search_from_one_supply_point_to_another_keeps_to_them(
    four_grid: Grid, four_areas: Areas
) -> None:
    names = [area.key for area in four_areas.areas]
    search = find_candidates(four_grid, four_areas, giver=names[3], receiver=names[2])
    assert search.candidates
    assert {(c.giver, c.receiver) for c in search.candidates} == {(names[3], names[2])}


def test_an_outage_changes_the_search(four_grid: Grid) -> None:
    tie = next(
        e.iri
        for e in four_grid.equipment.values()
        if e.kind == "ACLineSegment" and e.name.startswith("TIE132 002-003")
    )
    areas = supply_areas(four_grid, without={tie})
    search = find_candidates(four_grid, areas, without={tie})
    assert not [c for c in search.candidates if "TIE132 002-003" in _names(four_grid, c)[0]]
    assert len(search.candidates) < 49


def test_demand_that_is_not_told_is_marked_and_counts_as_nothing(
    four_grid: Grid, four_areas: Areas, candidates: tuple[Candidate, ...]
) -> None:
    one = candidates[-1].loads[0]
    hidden = replace(
        four_grid, loads={**four_grid.loads, one: replace(four_grid.loads[one], p_mw=None)}
    )
    found = find_candidates(hidden, supply_areas(hidden)).candidates
    touched = [c for c in found if one in c.loads]
    assert touched and all(c.unknown == (one,) for c in touched)


def _small(closed: list[tuple[int, int]], loads: tuple[int, ...], tie: tuple[int, int]) -> Grid:
    """Two supply points at nodes 0 and 1 of a transmission owner, breakers, loads of 1 MW."""
    ends = [*closed, tie]
    parts = {
        f"b{i}": Equipment(f"b{i}", "Breaker", f"b{i}", "DNO", None, pair, (True, True))
        for i, pair in enumerate(ends)
    }
    for node in (0, 1):
        above = (node, 100 + node)
        parts[f"g{node}"] = Equipment(f"g{node}", "Breaker", "", "TNO", None, above, (True, True))
        ends_at = (100 + node,)
        parts[f"m{node}"] = Equipment(
            f"m{node}", "SynchronousMachine", "", "TNO", None, ends_at, (True,)
        )
    for node in loads:
        parts[f"l{node}"] = Equipment(
            f"l{node}", "EnergyConsumer", "", "DNO", None, (node,), (True,)
        )
    switches = {
        iri: Switch(iri, "Breaker", iri, part.owner, None, part.nodes[:2], is_tie, is_tie, True)  # type: ignore[arg-type]
        for iri, part in parts.items()
        if part.kind == "Breaker"
        for is_tie in (part.nodes == tie,)
    }
    return Grid(
        nodes=tuple(str(i) for i in range(102)),
        node_level=(None,) * 102,
        levels={},
        substations={},
        equipment=parts,
        switches=switches,
        loads={f"l{n}": Injection(f"l{n}", "", "DNO", n, 1.0, 0.0) for n in loads},
        machines={f"m{n}": Injection(f"m{n}", "", "TNO", 100 + n, -9.0, 0.0) for n in (0, 1)},
        windings={},
        rated=frozenset(),
        base_kv={},
        boundary=tuple(
            BoundaryPoint(f"p{n}", f"p{n}", n, ("TNO", "DNO"), ("DNO", "TNO")) for n in (0, 1)
        ),
        models=(),
        owners=("TNO", "DNO"),
    )


def test_of_cuts_of_one_size_that_which_keeps_the_load_together_is_taken() -> None:
    """Cutting two groups off one by one takes as many breakers as cutting them off together."""
    closed = [(0, 2), (0, 2), (0, 2), (2, 3), (2, 3), (2, 4), (1, 5)]
    grid = _small(closed, loads=(3, 4, 5), tie=(3, 5))
    areas = supply_areas(grid, roles={"TNO": "TNO"})
    found = find_candidates(grid, areas).candidates
    moved = {(c.loads, c.open) for c in found if c.giver == areas.of_load["l3"]}
    assert (("l3", "l4"), ("b0", "b1", "b2")) in moved
    assert (("l3",), ("b3", "b4")) in moved
