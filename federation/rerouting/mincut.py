"""Minimum cut between a busbar and a grid supply point, on breakers of capacity one.

In: an undirected multigraph of zones whose edges are breakers. Out: the fewest breakers that part
the wanted zones from the sinks, those nearest to the wanted zones. Only the *core* is searched: the
zones on a simple path between the two, which is the biconnected block of an edge added between
them (Hopcroft and Tarjan 1973); whatever hangs on one zone moves with it. Flow by shortest
augmenting paths (Edmonds and Karp 1972), given up at the first unit beyond the limit. Cost: one
depth-first search per start and limit + 1 breadth-first searches of the core per wanted set.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence

Neighbours = Mapping[int, Sequence[tuple[int, int]]]
"""Zone -> (other zone, edge number)."""


def neighbours(edges: Iterable[tuple[int, int]]) -> dict[int, list[tuple[int, int]]]:
    """Return the adjacency of edges numbered by their order; loops are left out."""
    found: dict[int, list[tuple[int, int]]] = {}
    for number, (one, other) in enumerate(edges):
        if one != other:
            found.setdefault(one, []).append((other, number))
            found.setdefault(other, []).append((one, number))
    return found


_SINK = -1
"""All sinks taken together, joined to the start by the added edge."""


def core(graph: Neighbours, start: int, sinks: Collection[int]) -> frozenset[int]:
    """Return the zones on simple paths from ``start`` to any sink, the sinks left out.

    Where there is no path the answer is the start alone.
    """
    joined = set(sinks)
    order, low = {start: 0}, {start: 0}
    came_by = {start: -1}
    path = [start]
    stack = [(start, iter(_ends(graph, start, joined, start)))]
    while stack:
        zone, ends = stack[-1]
        step = next(((other, edge) for other, edge in ends if edge != came_by[zone]), None)
        if step is None:
            stack.pop()
            if stack:
                above = stack[-1][0]
                low[above] = min(low[above], low[zone])
                if low[zone] >= order[above]:
                    block = _pop_block(path, zone)
                    if zone == _SINK:
                        return frozenset(block | {start}) - {_SINK}
            continue
        other, edge = step
        if other in order:
            low[zone] = min(low[zone], order[other])
        else:
            order[other] = low[other] = len(order)
            came_by[other] = edge
            path.append(other)
            stack.append((other, iter(_ends(graph, other, joined, start))))
    return frozenset({start})


def _pop_block(path: list[int], zone: int) -> set[int]:
    """Take the zones found after ``zone``, and it, off the path."""
    block: set[int] = set()
    while zone not in block:
        block.add(path.pop())
    return block


def _ends(
    graph: Neighbours, zone: int, sinks: Collection[int], start: int
) -> list[tuple[int, int]]:
    """Return the ends at a zone, with the sinks as one zone and an edge from it to the start."""
    if zone == _SINK:
        ends = [end for sink in sinks for end in graph.get(sink, ()) if end[0] not in sinks]
        return [(start, -2), *ends]
    ends = [(_SINK if other in sinks else other, edge) for other, edge in graph.get(zone, ())]
    return [(_SINK, -2), *ends] if zone == start else ends


def minimum_cut(
    graph: Neighbours,
    inside: Collection[int],
    wanted: Collection[int],
    sinks: Collection[int],
    limit: int,
) -> tuple[int, ...] | None:
    """Return the edges of the minimum cut nearest to the wanted zones, None beyond the limit.

    Args:
        graph: the multigraph.
        inside: zones to search, normally the core together with the sinks.
        wanted: zones on one side.
        sinks: zones on the other.
        limit: the largest number of edges.
    """
    if not set(wanted).isdisjoint(sinks):
        return None
    flow: dict[int, int] = {}  # edge -> the zone its one unit comes from
    while True:
        came, end = _search(graph, inside, wanted, sinks, flow)
        if end is None:
            return tuple(
                sorted(
                    {
                        edge
                        for zone in came
                        for other, edge in graph.get(zone, ())
                        if other in inside and other not in came
                    }
                )
            )
        if limit == 0:
            return None
        limit -= 1
        while (step := came[end]) is not None:
            before, edge = step
            if flow.get(edge, before) != before:
                del flow[edge]
            else:
                flow[edge] = before
            end = before


def _search(
    graph: Neighbours,
    inside: Collection[int],
    wanted: Collection[int],
    sinks: Collection[int],
    flow: Mapping[int, int],
) -> tuple[dict[int, tuple[int, int] | None], int | None]:
    """Breadth-first search over edges with room left; says where each zone was reached from."""
    came: dict[int, tuple[int, int] | None] = dict.fromkeys(wanted)
    queue = deque(came)
    while queue:
        zone = queue.popleft()
        for other, edge in graph.get(zone, ()):
            if other in came or other not in inside or flow.get(edge) == zone:
                continue
            came[other] = (zone, edge)
            if other in sinks:
                return came, other
            queue.append(other)
    return came, None


def side_of(graph: Neighbours, start: Iterable[int], cut: Collection[int]) -> frozenset[int]:
    """Return all zones joined to the start without the cut edges."""
    seen = set(start)
    queue = deque(seen)
    while queue:
        for other, edge in graph.get(queue.popleft(), ()):
            if edge not in cut and other not in seen:
                seen.add(other)
                queue.append(other)
    return frozenset(seen)
