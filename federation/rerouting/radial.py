"""Demand that hangs on one branch: what its loss leaves without supply.

In: a `Grid`, its `Areas` and switches moved by a candidate. Out: per branch the loads that have no
way to a supergrid transformer without it, found in one depth-first search as articulation points
(Hopcroft and Tarjan, 1973): every branch is a vertex of its own, so that lines, transformers of two
and three windings and boundary lines are alike. Transmission above the supergrid transformers is
taken as firm; embedded generation feeds nobody alone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from federation.rerouting.areas import Areas
from federation.rerouting.footprint import BRANCHES
from federation.rerouting.grid import BoundaryPoint, Grid, links
from federation.rerouting.transfers import Candidate

_ROOT = -1


@dataclass(frozen=True)
class Hanging:
    """Loads that would lose their supply with any one of some branches in series.

    Attributes:
        branches: by IRI, sorted.
        loads: by IRI, sorted; demand_mw is the sum of what is told.
    """

    branches: tuple[str, ...]
    loads: tuple[str, ...]
    demand_mw: float


class Radial:
    """Finds what hangs on one branch, before and after a transfer.

    Args:
        grid: the network.
        areas: its supply areas, found with the same ``without``.
        without: equipment out of service.
    """

    def __init__(self, grid: Grid, areas: Areas, without: Collection[str] = ()) -> None:
        self.grid, self.areas = grid, areas
        self._without = frozenset(without)
        self._now: dict[str, Mapping[str, frozenset[str]]] = {}

    def new(self, candidate: Candidate) -> tuple[Hanging, ...]:
        """Return what hangs on one branch after a transfer and does not now, largest first."""
        keys = (candidate.giver, candidate.receiver)
        closed = (candidate.point.switch, *candidate.point.also)
        for key in keys:
            if key not in self._now:
                self._now[key] = self.lost((key,))
        together: dict[frozenset[str], list[str]] = {}
        for branch, loads in self.lost(keys, close=closed, open=candidate.open).items():
            known = (self._now[key].get(branch, frozenset()) for key in keys)
            gained = loads.difference(*known)
            if gained:
                together.setdefault(gained, []).append(branch)
        found = [
            Hanging(
                tuple(sorted(branches)),
                tuple(sorted(loads)),
                sum(self.grid.loads[load].p_mw or 0.0 for load in loads),
            )
            for loads, branches in together.items()
        ]
        return tuple(sorted(found, key=lambda one: (-one.demand_mw, one.branches)))

    def lost(
        self, keys: Collection[str], *, close: Collection[str] = (), open: Collection[str] = ()
    ) -> dict[str, frozenset[str]]:
        """Return branch -> loads of some areas that its loss leaves unfed, where there are any.

        Args:
            keys: of the areas.
            close: switches that are closed first.
            open: switches that are opened first.
        """
        grid = self.grid
        extra: dict[int, list[int]] = {_ROOT: []}
        for iri in close:
            one, other = grid.switches[iri].nodes
            extra.setdefault(one, []).append(other)
            extra.setdefault(other, []).append(one)
        areas = [area for area in map(self.areas.area, keys) if area is not None]
        for source in {source for area in areas for source in self._sources[area.key]}:
            extra[_ROOT].append(source)
            extra.setdefault(source, []).append(_ROOT)
        order, cuts = _articulations(self._graph, extra, frozenset(open))
        met = sorted(
            (order[grid.loads[load].node], load)
            for area in areas
            for load in area.loads
            if grid.loads[load].node in order
        )
        numbers = [number for number, _ in met]
        found: dict[str, set[str]] = {}
        for vertex, first, last in cuts:
            inside = met[bisect_left(numbers, first) : bisect_right(numbers, last)]
            if inside and vertex >= len(grid.nodes):
                found.setdefault(self._graph.name(vertex), set()).update(iri for _, iri in inside)
        return {branch: frozenset(loads) for branch, loads in found.items()}

    @cached_property
    def _graph(self) -> _Graph:
        """Distribution, and transmission up to the supergrid transformers."""
        graph = _Graph(self.grid)
        for one, other, iri in links(self.grid, self._without):
            if self.grid.equipment[iri].owner not in self.areas.transmission:
                graph.join(one, other, iri)
        for tails in self._above.values():
            for one, other, iri in tails.links:
                graph.join(one, other, iri)
        return graph

    @cached_property
    def _sources(self) -> Mapping[str, list[int]]:
        """Area key -> vertices that transmission feeds: transformers, or nodes with a machine."""
        graph, found = self._graph, {}
        for area in self.areas.areas:
            tails = [self._above[p] for g in area.gsps for p in self.areas.gsps[g].fed]
            fed = [graph.vertex(iri) for one in tails for iri in one.transformers]
            found[area.key] = fed + [node for one in tails for node in one.sources]
        return found

    @cached_property
    def _above(self) -> Mapping[BoundaryPoint, _Tails]:
        """What lies above each boundary point that is fed, up to live transformers."""
        owners = self.areas.transmission
        upper: dict[int, list[tuple[int, str]]] = {}
        for one, other, iri in links(self.grid, self._without):
            if self.grid.equipment[iri].owner in owners:
                upper.setdefault(one, []).append((other, iri))
                upper.setdefault(other, []).append((one, iri))
        points = [point for gsp in self.areas.gsps.values() for point in gsp.fed]
        climbed = {point: _climb(self.grid, upper, point.node) for point in points}
        crossed = {iri for tails in climbed.values() for iri in tails.transformers}
        machines = {m.node for m in self.grid.machines.values() if m.owner in owners}
        live = _live(upper, crossed, machines)
        return {point: tails.fed(live, machines) for point, tails in climbed.items()}


class _Graph:
    """Vertices for nodes and, from the number of nodes on, for branches; edges may be switches."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.ends: dict[int, list[tuple[int, str]]] = {}
        self._vertices: dict[str, int] = {}
        self._names: list[str] = []

    def vertex(self, branch: str) -> int:
        """Return the vertex of a branch, made when first asked for."""
        if branch not in self._vertices:
            self._vertices[branch] = len(self.grid.nodes) + len(self._names)
            self._names.append(branch)
        return self._vertices[branch]

    def name(self, vertex: int) -> str:
        """Return the branch of a vertex."""
        return self._names[vertex - len(self.grid.nodes)]

    def join(self, one: int, other: int, iri: str) -> None:
        """Join two nodes, over the vertex of the branch where one lies between."""
        if self.grid.equipment[iri].kind in BRANCHES:
            middle = self.vertex(iri)
            self._edge(one, middle, "")
            self._edge(middle, other, "")
        else:
            self._edge(one, other, iri if iri in self.grid.switches else "")

    def _edge(self, one: int, other: int, switch: str) -> None:
        self.ends.setdefault(one, []).append((other, switch))
        self.ends.setdefault(other, []).append((one, switch))


@dataclass(frozen=True)
class _Tails:
    """Transmission between a boundary point and the transformers above it.

    Attributes:
        links: what conducts, with each transformer as a link from its lower node to itself.
        transformers: by IRI, with the node above.
        sources: nodes that are fed without a transformer.
    """

    links: tuple[tuple[int, int, str], ...]
    transformers: Mapping[str, int]
    sources: frozenset[int]

    def fed(self, live: Collection[int], machines: Collection[int]) -> _Tails:
        """Keep the transformers whose upper node is live, and the nodes with a machine."""
        alive = {iri: node for iri, node in self.transformers.items() if node in live}
        return replace(self, transformers=alive, sources=self.sources.intersection(machines))


def _climb(grid: Grid, upper: Mapping[int, Sequence[tuple[int, str]]], start: int) -> _Tails:
    """Walk up from a boundary point to the transformers, not through them."""
    joined: list[tuple[int, int, str]] = []
    transformers: dict[str, int] = {}
    seen, queue = {start}, [start]
    for node in queue:
        for other, iri in upper.get(node, ()):
            if grid.equipment[iri].kind == "PowerTransformer":
                transformers[iri] = other
                joined.append((node, node, iri))
                continue
            joined.append((node, other, iri))
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return _Tails(tuple(joined), transformers, frozenset(seen))


def _live(
    upper: Mapping[int, Sequence[tuple[int, str]]], crossed: set[str], machines: set[int]
) -> set[int]:
    """Return the transmission nodes joined to a machine by other ways than through areas.

    Where no machine is told, the largest part of transmission counts as live.
    """
    parts: list[set[int]] = []
    seen: set[int] = set()
    for start in upper:
        if start in seen:
            continue
        part, queue = {start}, [start]
        for node in queue:
            for other, iri in upper[node]:
                if iri not in crossed and other not in part:
                    part.add(other)
                    queue.append(other)
        seen |= part
        parts.append(part)
    told = [part for part in parts if not part.isdisjoint(machines)]
    return set().union(*told) if told else max(parts, key=len, default=set())


def _articulations(
    graph: _Graph, extra: Mapping[int, Sequence[int]], opened: frozenset[str]
) -> tuple[dict[int, int], list[tuple[int, int, int]]]:
    """Search from the root; say when each vertex was met, and what hangs on which vertex.

    What hangs is told as the first and last number of the vertices below an articulation point.
    """

    def ends(vertex: int) -> Iterator[int]:
        yield from extra.get(vertex, ())
        yield from (other for other, switch in graph.ends.get(vertex, ()) if switch not in opened)

    order, low = {_ROOT: 0}, {_ROOT: 0}
    cuts: list[tuple[int, int, int]] = []
    stack = [(_ROOT, _ROOT, ends(_ROOT))]
    while stack:
        vertex, above, beside = stack[-1]
        other = next(beside, None)
        if other is None:
            stack.pop()
            if above != vertex:
                low[above] = min(low[above], low[vertex])
                if low[vertex] >= order[above] and above != _ROOT:
                    cuts.append((above, order[vertex], len(order) - 1))
        elif other not in order:
            order[other] = low[other] = len(order)
            stack.append((other, vertex, ends(other)))
        elif other != above:
            low[vertex] = min(low[vertex], order[other])
    return order, cuts
