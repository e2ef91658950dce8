"""Candidates: which demand could move over which open point, by opening which breakers.

In: a `Grid` and its `Areas`. Out: `Candidate` records, ranked, and what was rejected and why. For
each open point and side, the load to move is grown from the busbar at the point: for every group
of loads on the way to the feeding grid supply point, the minimum cut on closed breakers that keeps
the point and the group together. Disconnectors, lines and transformers are never opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from federation.rerouting.areas import Areas
from federation.rerouting.grid import Grid, links
from federation.rerouting.mincut import core, minimum_cut, neighbours, side_of
from federation.rerouting.openpoints import OpenPoint

MAX_OPENINGS = 3
"""More openings than this are no candidate: too many hands at once (assumed, configurable)."""


@dataclass(frozen=True)
class Candidate:
    """One way to move demand.

    Attributes:
        point: the open point to close.
        giver, receiver: keys of the areas.
        open: breakers to open, by IRI.
        loads: loads that change area; ``unknown`` are those whose demand is not told.
        gross_mw, mvar: their demand; net_mw less the embedded generation that moves along.
        owners: organisations that own something switched or moved.
    """

    point: OpenPoint
    giver: str
    receiver: str
    open: tuple[str, ...]
    loads: tuple[str, ...]
    machines: tuple[str, ...]
    unknown: tuple[str, ...]
    gross_mw: float
    net_mw: float
    mvar: float
    nodes: frozenset[int]
    owners: tuple[str, ...]

    @property
    def operations(self) -> int:
        """How many switches are operated."""
        return 1 + len(self.point.also) + len(self.open)


@dataclass(frozen=True)
class Search:
    """Outcome of a candidate search; ``rejected`` counts the reasons."""

    candidates: tuple[Candidate, ...]
    rejected: Mapping[str, int] = field(default_factory=dict)


def find_candidates(
    grid: Grid,
    areas: Areas,
    *,
    giver: str | None = None,
    receiver: str | None = None,
    without: Collection[str] = (),
    max_openings: int = MAX_OPENINGS,
) -> Search:
    """Return all candidates, largest net MW first, then fewest operations, then fewest owners.

    Args:
        grid: the network.
        areas: its supply areas, found with the same ``without``.
        giver: only from this area or grid supply point.
        receiver: only to this one.
        without: equipment out of service (an outage).
        max_openings: how many breakers may be opened.
    """
    zones = Zones(grid, areas, without)
    found: list[Candidate] = []
    rejected: Counter[str] = Counter()
    for point in areas.open_points:
        for side in (0, 1):
            if not _wanted(areas, point.areas[side], giver):
                continue
            if not _wanted(areas, point.areas[1 - side], receiver):
                continue
            found += _side(zones, point, side, max_openings, rejected)
    found.sort(key=lambda c: (-c.net_mw, c.operations, len(c.owners), c.point.switch, c.open))
    return Search(tuple(found), dict(rejected))


def _wanted(areas: Areas, key: str, asked: str | None) -> bool:
    area = areas.area(asked) if asked is not None else None
    return asked is None or (area is not None and area.key == key)


class Zones:
    """The closed network with everything but load-breaking switches drawn together."""

    def __init__(self, grid: Grid, areas: Areas, without: Collection[str]) -> None:
        self.grid, self.areas = grid, areas
        distribution = [
            (one, other, iri)
            for one, other, iri in links(grid, without)
            if grid.equipment[iri].owner not in areas.transmission
        ]
        breakers = [
            (one, other, iri)
            for one, other, iri in distribution
            if iri in grid.switches and grid.switches[iri].breaks_load
        ]
        kept = {iri for _, _, iri in breakers}
        pairs = [(one, other) for one, other, iri in distribution if iri not in kept]
        ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        size = len(grid.nodes)
        matrix = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(size, size))
        self.of_node: list[int] = connected_components(matrix, directed=False)[1].tolist()
        self._nodes: dict[int, list[int]] = {}
        for node, zone in enumerate(self.of_node):
            self._nodes.setdefault(zone, []).append(node)
        self.switch = [iri for _, _, iri in breakers]
        self.graph = neighbours((self.of_node[a], self.of_node[b]) for a, b, _ in breakers)
        self.loads = self._at(grid.loads)
        self.machines = self._at(grid.machines)
        self.points = {
            self.of_node[point.node] for gsp in areas.gsps.values() for point in gsp.points
        }
        self.sinks = self._sinks()

    def _at(self, table: Mapping[str, object]) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for injection in (*self.grid.loads.values(), *self.grid.machines.values()):
            if injection.iri in table and injection.owner not in self.areas.transmission:
                found.setdefault(self.of_node[injection.node], []).append(injection.iri)
        return found

    def _sinks(self) -> dict[str, frozenset[int]]:
        return {
            area.key: frozenset(
                self.of_node[point.node]
                for name in area.gsps
                for point in self.areas.gsps[name].fed
                if self.areas.of_node[point.node] == area.number
            )
            for area in self.areas.areas
            if area.gsps
        }

    def nodes_of(self, side: frozenset[int]) -> frozenset[int]:
        """Return the nodes of some zones."""
        return frozenset(node for zone in side for node in self._nodes.get(zone, ()))


def groups_of(zones: Zones, point: OpenPoint, side: int) -> list[Sequence[int]]:
    """Return the groups of zones for which a cut is sought at one side of an open point."""
    start, sinks = zones.of_node[point.ends[side]], zones.sinks[point.areas[side]]
    if start in sinks:
        return []
    return list(_groups(zones, start, core(zones.graph, start, sinks), sinks))


def _side(
    zones: Zones, point: OpenPoint, side: int, limit: int, rejected: Counter[str]
) -> list[Candidate]:
    """Return the candidates of one open point that take load from the area on one side."""
    start = zones.of_node[point.ends[side]]
    sinks = zones.sinks[point.areas[side]]
    if start in sinks:
        rejected["the point stands at the grid supply point's own bar"] += 1
        return []
    inner = core(zones.graph, start, sinks)
    best: dict[frozenset[str], Candidate] = {}
    for wanted in _groups(zones, start, inner, sinks):
        cut = minimum_cut(zones.graph, inner | sinks, wanted, sinks, limit)
        if cut is None:
            rejected[f"needs more than {limit} openings"] += 1
            continue
        moved = side_of(zones.graph, {start}, cut)
        if not moved.issuperset(wanted):  # of cuts of one size, that at the supply keeps together
            cut = minimum_cut(zones.graph, inner | sinks, sinks, wanted, limit) or cut
            moved = side_of(zones.graph, {start}, cut)
        reason = _refusal(zones, wanted, moved)
        if reason:
            rejected[reason] += 1
            continue
        candidate = _candidate(zones, point, side, cut, moved)
        key = frozenset(candidate.loads)
        if key not in best or candidate.operations < best[key].operations:
            best[key] = candidate
    return list(best.values())


def _groups(
    zones: Zones, start: int, inner: frozenset[int], sinks: frozenset[int]
) -> Iterator[Sequence[int]]:
    """Yield what to keep together: the start, then it with each zone that loads hang on."""
    yield (start,)
    for zone in sorted(inner - {start}):
        if zone in sinks:
            continue
        hanging = _hanging(zones.graph, zone, inner | sinks)
        if any(other in zones.loads for other in hanging):
            yield (start, zone)


def _hanging(
    graph: Mapping[int, Sequence[tuple[int, int]]], zone: int, inside: frozenset[int]
) -> set[int]:
    """Return a zone of the core and the zones that hang on it alone."""
    seen, queue = {zone}, [zone]
    while queue:
        for other, _ in graph.get(queue.pop(), ()):
            if other not in seen and other not in inside:
                seen.add(other)
                queue.append(other)
    return seen


def _refusal(zones: Zones, wanted: Sequence[int], moved: frozenset[int]) -> str:
    if not moved.issuperset(wanted):
        return "the load to move is not connected"
    if not moved.isdisjoint(zones.points):
        return "contains a boundary point to transmission"
    if not any(zone in zones.loads for zone in moved):
        return "moves no load"
    return ""


def _candidate(
    zones: Zones, point: OpenPoint, side: int, cut: tuple[int, ...], moved: frozenset[int]
) -> Candidate:
    grid = zones.grid
    opened = tuple(zones.switch[edge] for edge in cut)
    loads = tuple(sorted(load for zone in moved for load in zones.loads.get(zone, ())))
    machines = tuple(sorted(m for zone in moved for m in zones.machines.get(zone, ())))
    gross = sum(grid.loads[load].p_mw or 0.0 for load in loads)
    mvar = sum(grid.loads[load].q_mvar or 0.0 for load in loads)
    embedded = -sum(grid.machines[machine].p_mw or 0.0 for machine in machines)
    switched = (point.switch, *point.also, *opened)
    owners = {grid.switches[iri].owner for iri in switched} | {grid.loads[i].owner for i in loads}
    return Candidate(
        point=point,
        giver=point.areas[side],
        receiver=point.areas[1 - side],
        open=opened,
        loads=loads,
        machines=machines,
        unknown=tuple(load for load in loads if grid.loads[load].p_mw is None),
        gross_mw=gross,
        net_mw=gross - embedded,
        mvar=mvar,
        nodes=zones.nodes_of(moved),
        owners=tuple(sorted(owners)),
    )
