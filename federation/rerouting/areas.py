"""Supply areas by the actual state of the switches.

In: a `Grid`. Out: `Areas`: the grid supply points, the area each load is in, interconnected groups
(one closed network fed by several grid supply points), islands, switches not in normal position
and the open points between areas. The network is cut at the boundary points between transmission
and distribution; what hangs together below the cut is one area.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from federation.rerouting.grid import BoundaryPoint, Grid, links
from federation.rerouting.openpoints import OpenPoint, open_points

TRANSMISSION_KV = 275.0
"""An organisation with a level of this voltage or above is taken for a transmission owner where
the membership document does not say (assumed; 132 kV is transmission in Scotland)."""


@dataclass(frozen=True)
class SupplyPoint:
    """A grid supply point: a transmission owner's substation with boundary points below it.

    Attributes:
        points: its boundary points to distribution networks.
        fed: those of them that are live on the transmission side.
        owner: the transmission owner.
    """

    iri: str
    name: str
    owner: str
    points: tuple[BoundaryPoint, ...]
    fed: tuple[BoundaryPoint, ...]


@dataclass(frozen=True)
class Area:
    """A closed distribution network and what feeds it.

    Attributes:
        key: names of its grid supply points joined by `` + ``; ``island n`` where there is none.
        demand_mw: sum of the demand that is told; generation_mw of embedded machines.
        unknown: loads whose demand is not told.
        owners: organisations that own loads in it, by falling number.
    """

    number: int
    key: str
    gsps: tuple[str, ...]
    loads: tuple[str, ...]
    demand_mw: float
    generation_mw: float
    unknown: tuple[str, ...]
    owners: tuple[str, ...]


@dataclass(frozen=True)
class Areas:
    """The supply areas of a grid.

    Attributes:
        of_node: area number of each node's distribution side, -1 for transmission.
        not_normal: switches whose actual position is not the normal one.
    """

    areas: tuple[Area, ...]
    gsps: Mapping[str, SupplyPoint]
    of_node: tuple[int, ...]
    of_load: Mapping[str, str]
    interconnected: tuple[tuple[str, ...], ...]
    islands: tuple[str, ...]
    not_normal: tuple[str, ...]
    open_points: tuple[OpenPoint, ...]
    transmission: frozenset[str]

    def area(self, key: str) -> Area | None:
        """Return the area of a key, or the one that a grid supply point of that name feeds."""
        for area in self.areas:
            if key == area.key or key in area.gsps:
                return area
        return None


def transmission_owners(grid: Grid, roles: Mapping[str, str] | None = None) -> frozenset[str]:
    """Return the transmission owners: by licence role, else by their highest voltage."""
    if roles:
        named = frozenset(org for org, role in roles.items() if role in ("TNO", "TO"))
        if named:
            return named
    high = [(level.kv or 0.0, level.owner) for level in grid.levels.values()]
    return frozenset(owner for kv, owner in high if kv >= TRANSMISSION_KV)


def supply_areas(
    grid: Grid, *, roles: Mapping[str, str] | None = None, without: Collection[str] = ()
) -> Areas:
    """Return the supply areas of a grid.

    Args:
        grid: the whole network.
        roles: member id -> licence role, from the membership document.
        without: equipment that is out of service besides what the models say (an outage).
    """
    owners = transmission_owners(grid, roles)
    cut = _cut_points(grid, owners)
    labels, below = _components(grid, owners, cut, frozenset(without))
    gsps = _supply_points(grid, owners, cut, labels, frozenset(without))
    areas, of_component = _areas(grid, gsps, labels, below)
    of_node = tuple(
        of_component.get(int(labels[below.get(n, n)]), -1) for n in range(len(grid.nodes))
    )
    of_load = {load: area.key for area in areas for load in area.loads}
    return Areas(
        areas=areas,
        gsps=gsps,
        of_node=of_node,
        of_load=of_load,
        interconnected=tuple(area.gsps for area in areas if len(area.gsps) > 1),
        islands=tuple(area.key for area in areas if not area.gsps and area.loads),
        not_normal=tuple(sorted(s.iri for s in grid.switches.values() if s.open != s.normal_open)),
        open_points=tuple(
            open_points(
                grid,
                [area.key for area in areas],
                {area.number for area in areas if area.gsps},
                of_node,
                frozenset(without),
            )
        ),
        transmission=owners,
    )


def _cut_points(grid: Grid, owners: frozenset[str]) -> tuple[BoundaryPoint, ...]:
    return tuple(
        point
        for point in grid.boundary
        if any(side in owners for side in point.found)
        and any(side not in owners for side in point.found)
    )


def _components(
    grid: Grid, owners: frozenset[str], cut: tuple[BoundaryPoint, ...], without: frozenset[str]
) -> tuple[np.ndarray, dict[int, int]]:
    """Return component numbers of all nodes, and the node that stands for the lower side."""
    count = len(grid.nodes)
    below = {point.node: count + i for i, point in enumerate(cut)}
    pairs: list[tuple[int, int]] = []
    for one, other, iri in links(grid, without):
        if grid.equipment[iri].owner not in owners:
            pairs.append((below.get(one, one), below.get(other, other)))
        else:
            pairs.append((one, other))
    size = count + len(below)
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(size, size))
    return connected_components(graph, directed=False)[1], below


def _supply_points(
    grid: Grid,
    owners: frozenset[str],
    cut: tuple[BoundaryPoint, ...],
    labels: np.ndarray,
    without: frozenset[str],
) -> dict[str, SupplyPoint]:
    """Group boundary points by the transmission substation above them."""
    sources = {int(labels[m.node]) for m in grid.machines.values() if m.owner in owners}
    if not sources and cut:
        counts = np.bincount([labels[point.node] for point in cut])
        sources = {int(counts.argmax())}
    reach = _neighbours(grid, owners)
    grouped: dict[str, list[BoundaryPoint]] = {}
    for point in cut:
        station = _station_above(grid, point.node, reach) or point.iri
        grouped.setdefault(station, []).append(point)
    found: dict[str, SupplyPoint] = {}
    for station, points in sorted(grouped.items()):
        fed = tuple(p for p in points if int(labels[p.node]) in sources)
        owner = next(side for side in points[0].found if side in owners)
        name = grid.substations.get(station) or points[0].name
        if name in found:  # two substations of one name stay two
            name = f"{name} ({station.rpartition(':')[2]})"
        found[name] = SupplyPoint(station, name, owner, tuple(points), fed)
    return found


def _neighbours(grid: Grid, owners: frozenset[str]) -> dict[int, list[int]]:
    """Return nodes reached over one line or switch of a transmission owner, in any position."""
    reach: dict[int, list[int]] = {}
    for part in grid.equipment.values():
        if part.owner in owners and part.kind != "PowerTransformer" and len(part.nodes) == 2:
            one, other = part.nodes
            reach.setdefault(one, []).append(other)
            reach.setdefault(other, []).append(one)
    return reach


def _station_above(grid: Grid, start: int, reach: Mapping[int, list[int]]) -> str | None:
    """Return the first transmission substation met from a boundary node upwards."""
    seen, queue = {start}, deque([start])
    while queue:
        node = queue.popleft()
        station = grid.substation(node)
        if station is not None:
            return station
        for other in reach.get(node, ()):
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return None


def _areas(
    grid: Grid,
    gsps: Mapping[str, SupplyPoint],
    labels: np.ndarray,
    below: Mapping[int, int],
) -> tuple[tuple[Area, ...], dict[int, int]]:
    feeding: dict[int, set[str]] = {}
    for name, gsp in gsps.items():
        for point in gsp.points:
            feeding.setdefault(int(labels[below[point.node]]), set())
        for point in gsp.fed:
            feeding[int(labels[below[point.node]])].add(name)
    upper = {int(labels[p.node]) for gsp in gsps.values() for p in gsp.points}
    loads: dict[int, list[str]] = {}
    for load in grid.loads.values():
        component = int(labels[below.get(load.node, load.node)])
        if component not in upper:
            loads.setdefault(component, []).append(load.iri)
    generation: dict[int, float] = {}
    for machine in grid.machines.values():
        component = int(labels[below.get(machine.node, machine.node)])
        generation[component] = generation.get(component, 0.0) - (machine.p_mw or 0.0)
    areas: list[Area] = []
    of_component: dict[int, int] = {}
    ordered = sorted(feeding.keys() | loads.keys(), key=lambda c: (sorted(feeding.get(c, ())), c))
    for component in ordered:
        names = tuple(sorted(feeding.get(component, ())))
        inside = tuple(sorted(loads.get(component, ())))
        owners = [grid.loads[load].owner for load in inside]
        number = len(areas)
        of_component[component] = number
        areas.append(
            Area(
                number=number,
                key=" + ".join(names) or f"island {number}",
                gsps=names,
                loads=inside,
                demand_mw=sum(grid.loads[load].p_mw or 0.0 for load in inside),
                generation_mw=generation.get(component, 0.0),
                unknown=tuple(load for load in inside if grid.loads[load].p_mw is None),
                owners=tuple(sorted(set(owners), key=lambda o: (-owners.count(o), o))),
            )
        )
    return tuple(areas), of_component
