"""Open points: open switches whose sides are fed by different supply areas.

In: a `Grid` with the area of every node. Out: `OpenPoint` records: one open switch, or two in
series over a dead section, with the busbars' owners on both sides. Only what closing would join
counts; an open switch inside one area is none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from federation.rerouting.grid import LOADS, Grid, Switch, links


@dataclass(frozen=True)
class OpenPoint:
    """An open switch whose sides are fed by different areas.

    Attributes:
        switch: the switch to close; where a dead section lies between, ``also`` with it.
        ends: node numbers on the two sides, in the order of ``areas``.
        areas: keys of the areas on the two sides.
        cross_owner: whether the two sides belong to different organisations.
        sides: the organisations on the two sides.
    """

    switch: str
    also: tuple[str, ...]
    kv: float | None
    owner: str
    ends: tuple[int, int]
    areas: tuple[str, str]
    sides: tuple[str, str]

    @property
    def cross_owner(self) -> bool:
        """Whether closing it joins two organisations' networks."""
        return self.sides[0] != self.sides[1]


class Busbars:
    """Finds the busbar a node hangs on: the first one over closed switches and lines."""

    def __init__(self, grid: Grid, without: Collection[str] = ()) -> None:
        self.grid = grid
        self.next: dict[int, list[int]] = {}
        self.at: dict[int, str] = {}
        for part in grid.equipment.values():
            if part.kind == "BusbarSection" or part.kind in LOADS:
                for node in part.nodes:
                    self.at.setdefault(node, part.iri)
        for one, other, iri in links(grid, without):
            if grid.equipment[iri].kind != "PowerTransformer":
                self.next.setdefault(one, []).append(other)
                self.next.setdefault(other, []).append(one)

    def nearest(self, start: int) -> str | None:
        """Return the busbar section or load nearest to a node, by number of steps."""
        seen, queue = {start}, deque([start])
        while queue:
            node = queue.popleft()
            if node in self.at:
                return self.at[node]
            for other in self.next.get(node, ()):
                if other not in seen:
                    seen.add(other)
                    queue.append(other)
        return None

    def owner(self, start: int) -> str | None:
        """Return who owns the busbar nearest to a node."""
        nearest = self.nearest(start)
        return self.grid.equipment[nearest].owner if nearest else None


def open_points(
    grid: Grid,
    keys: Sequence[str],
    fed: set[int],
    of_node: tuple[int, ...],
    without: frozenset[str],
) -> Iterator[OpenPoint]:
    """Yield open switches, or two in series over a dead section, between different fed areas."""
    opened = [s for s in grid.switches.values() if s.open and s.iri not in without]
    dead: dict[int, list[Switch]] = {}
    section = _sections(grid, without)
    for switch in opened:
        for node in switch.nodes:
            if of_node[node] not in fed:
                dead.setdefault(int(section[node]), []).append(switch)
    seen: set[frozenset[str]] = set()
    bars = Busbars(grid, without)
    for switch in opened:
        for near, far in (switch.nodes, switch.nodes[::-1]):
            if of_node[near] not in fed:
                continue
            for ending, also in _through(grid, switch, far, of_node, fed, dead, section):
                key = frozenset({switch.iri, *also})
                if of_node[ending] != of_node[near] and key not in seen:
                    seen.add(key)
                    yield _point(grid, keys, of_node, bars, switch, also, (near, ending))


def _through(
    grid: Grid,
    switch: Switch,
    far: int,
    of_node: tuple[int, ...],
    fed: set[int],
    dead: Mapping[int, list[Switch]],
    section: np.ndarray,
) -> Iterator[tuple[int, tuple[str, ...]]]:
    if of_node[far] in fed:
        yield far, ()
        return
    for other in dead.get(int(section[far]), ()):
        if other.iri == switch.iri:
            continue
        for node in other.nodes:
            if of_node[node] in fed:
                yield node, (other.iri,)


def _sections(grid: Grid, without: frozenset[str]) -> np.ndarray:
    pairs = [(one, other) for one, other, _ in links(grid, without)]
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    size = len(grid.nodes)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(size, size))
    labels: np.ndarray = connected_components(graph, directed=False)[1]
    return labels


def _point(
    grid: Grid,
    keys: Sequence[str],
    of_node: tuple[int, ...],
    bars: Busbars,
    switch: Switch,
    also: tuple[str, ...],
    ends: tuple[int, int],
) -> OpenPoint:
    one, other = ends
    if keys[of_node[one]] > keys[of_node[other]]:
        one, other = other, one
    return OpenPoint(
        switch=switch.iri,
        also=also,
        kv=grid.kv(switch.nodes[0]) or grid.kv(switch.nodes[1]),
        owner=switch.owner,
        ends=(one, other),
        areas=(keys[of_node[one]], keys[of_node[other]]),
        sides=(bars.owner(one) or switch.owner, bars.owner(other) or switch.owner),
    )
