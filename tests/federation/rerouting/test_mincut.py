"""The core and the cut against networkx, on random multigraphs."""

from __future__ import annotations

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from federation.rerouting.mincut import core, minimum_cut, neighbours, side_of

ZONES = st.integers(0, 9)
EDGES = st.lists(st.tuples(ZONES, ZONES), min_size=1, max_size=22)


def _weighted(edges: list[tuple[int, int]]) -> nx.Graph:
    graph = nx.Graph()
    graph.add_nodes_from(range(10))
    for one, other in edges:
        if one != other:
            known = graph.get_edge_data(one, other, {"capacity": 0})["capacity"]
            graph.add_edge(one, other, capacity=known + 1)
    return graph


@given(EDGES, ZONES, st.sets(ZONES, min_size=1, max_size=2))
def test_the_core_is_what_lies_on_simple_paths(
    edges: list[tuple[int, int]], start: int, sinks: set[int]
) -> None:
    if start in sinks:
        return
    graph = nx.Graph(_weighted(edges))
    joined = nx.Graph()
    joined.add_nodes_from([start, "sink"])
    for one, other in graph.edges:
        ends = ["sink" if zone in sinks else zone for zone in (one, other)]
        if ends[0] != ends[1]:
            joined.add_edge(*ends)
    on_paths = {zone for path in nx.all_simple_paths(joined, start, "sink") for zone in path}
    assert core(neighbours(edges), start, sinks) == (on_paths | {start}) - {"sink"}


@given(EDGES, ZONES, ZONES, st.sets(ZONES, min_size=1, max_size=2))
def test_the_cut_is_minimum_and_nearest_to_the_wanted_zones(
    edges: list[tuple[int, int]], start: int, other: int, sinks: set[int]
) -> None:
    if start in sinks or other in sinks:
        return
    graph = neighbours(edges)
    inside = core(graph, start, sinks) | sinks
    if other not in inside:
        return
    slow = _weighted(edges)
    slow.add_node("source")
    slow.add_node("sink")
    for zone in (start, other):
        slow.add_edge("source", zone)
    for zone in sinks:
        slow.add_edge(zone, "sink")
    value, (near, _) = nx.minimum_cut(slow, "source", "sink")
    cut = minimum_cut(graph, inside, (start, other), sinks, limit=30)
    assert cut is not None and len(cut) == value
    moved = side_of(graph, {start, other}, cut)
    assert moved.isdisjoint(sinks)
    residual = nx.algorithms.flow.edmonds_karp(slow, "source", "sink")
    nearest = _reached(residual)
    assert moved >= nearest - {"source"}
    assert {zone for zone in moved if zone in inside} == {z for z in nearest if z in inside}
    assert near


def _reached(residual: nx.DiGraph) -> set[object]:
    """Zones the source still reaches over edges with room: the side of the nearest minimum cut."""
    seen: set[object] = {"source"}
    queue: list[object] = ["source"]
    while queue:
        zone = queue.pop()
        for other, data in residual[zone].items():
            if other not in seen and data["flow"] < data["capacity"]:
                seen.add(other)
                queue.append(other)
    return seen


@given(EDGES, ZONES, st.sets(ZONES, min_size=1, max_size=2), st.integers(0, 3))
def test_no_cut_beyond_the_limit(
    edges: list[tuple[int, int]], start: int, sinks: set[int], limit: int
) -> None:
    if start in sinks:
        return
    graph = neighbours(edges)
    inside = core(graph, start, sinks) | sinks
    free = minimum_cut(graph, inside, (start,), sinks, limit=100)
    assert free is not None
    limited = minimum_cut(graph, inside, (start,), sinks, limit=limit)
    assert limited == (free if len(free) <= limit else None)


def test_a_wanted_zone_that_is_a_sink_cannot_be_cut_off() -> None:
    assert minimum_cut(neighbours([(0, 1)]), {0, 1}, (0, 1), {1}, 3) is None
