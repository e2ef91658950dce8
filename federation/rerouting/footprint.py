"""What a plan touches: areas, supergrid transformers, the path of the moved load, owners.

In: a `Grid`, its `Areas` and a candidate. Out: a `Footprint`. The path is all that lies on simple
paths from the open point to the receiver's grid supply point: what carries the moved load, and
what a reduced set of contingencies is made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from federation.rerouting.areas import Areas
from federation.rerouting.grid import Grid, links
from federation.rerouting.mincut import core
from federation.rerouting.transfers import Candidate

BRANCHES = frozenset({"ACLineSegment", "PowerTransformer", "SeriesCompensator", "EquivalentBranch"})


@dataclass(frozen=True)
class Footprint:
    """What a plan touches, by IRI.

    Attributes:
        assets: branches of both areas and the supergrid transformers above them.
        levels: voltage levels of both distribution areas.
        path: branches between the open point and the receiver's supply point, nearest first.
        tie: branches of the circuit that the open point closes.
        contingencies: branches whose loss is tried in the reduced set.
        owners: every organisation whose network is touched -> why.
    """

    assets: frozenset[str]
    levels: frozenset[str]
    path: tuple[str, ...]
    tie: tuple[str, ...]
    contingencies: tuple[str, ...]
    owners: Mapping[str, tuple[str, ...]]


class Footprints:
    """Makes footprints; keeps per area what many candidates share."""

    def __init__(self, grid: Grid, areas: Areas) -> None:
        self.grid, self.areas = grid, areas
        self._paths: dict[tuple[int, str], tuple[str, ...]] = {}

    def of(self, candidate: Candidate) -> Footprint:
        """Return the footprint of a candidate."""
        giver, receiver = candidate.giver, candidate.receiver
        side = candidate.point.areas.index(receiver)
        path = self._path(candidate.point.ends[side], receiver)
        tie = self.tie(candidate)
        moved = self._branches_at(candidate.nodes)
        supply = self.supergrid[giver] | self.supergrid[receiver]
        assets = self.branches[giver] | self.branches[receiver] | supply
        contingencies = dict.fromkeys((*tie, *path, *sorted(self.supergrid[receiver]), *moved))
        return Footprint(
            assets=assets | set(tie),
            levels=self.levels[giver] | self.levels[receiver],
            path=path,
            tie=tie,
            contingencies=tuple(contingencies),
            owners=self._owners(candidate, path, tie),
        )

    def tie(self, candidate: Candidate) -> tuple[str, ...]:
        """Return the branches of the circuit between the open point and the next busbars."""
        found: dict[str, None] = {}
        for start in candidate.point.ends:
            seen, queue = {start}, [start]
            while queue:
                node = queue.pop()
                for other, iri in self._adjacent.get(node, ()):
                    if iri in self.grid.switches or other in seen:
                        continue
                    if self.grid.equipment[iri].kind != "ACLineSegment":
                        continue
                    found[iri] = None
                    seen.add(other)
                    queue.append(other)
        return tuple(found)

    @cached_property
    def supergrid(self) -> Mapping[str, frozenset[str]]:
        """Area key -> the transmission owner's transformers right above its boundary points."""
        reach: dict[int, list[tuple[tuple[int, ...], str]]] = {}
        for part in self.grid.equipment.values():
            if part.owner in self.areas.transmission and len(part.nodes) > 1:
                for node in part.nodes:
                    reach.setdefault(node, []).append((part.nodes, part.iri))
        found: dict[str, frozenset[str]] = {}
        for area in self.areas.areas:
            transformers: set[str] = set()
            for gsp in area.gsps:
                for point in self.areas.gsps[gsp].points:
                    transformers |= self._transformers_above(point.node, reach)
            found[area.key] = frozenset(transformers)
        return found

    def _transformers_above(
        self, start: int, reach: Mapping[int, list[tuple[tuple[int, ...], str]]]
    ) -> set[str]:
        found: set[str] = set()
        seen, queue = {start}, [start]
        while queue:
            for nodes, iri in reach.get(queue.pop(), ()):
                if self.grid.equipment[iri].kind == "PowerTransformer":
                    found.add(iri)
                    continue
                new = [node for node in nodes if node not in seen]
                seen.update(new)
                queue += new
        return found

    @cached_property
    def branches(self) -> Mapping[str, frozenset[str]]:
        """Area key -> its distribution branches, with the tails up to its boundary points."""
        found: dict[int, set[str]] = {}
        for part in self.grid.equipment.values():
            if part.kind in BRANCHES and part.owner not in self.areas.transmission:
                for node in part.nodes if part.iri not in self.dead_ends else ():
                    found.setdefault(self.areas.of_node[node], set()).add(part.iri)
        tails: dict[str, set[str]] = {area.key: set() for area in self.areas.areas}
        points = {p.node: gsp.name for gsp in self.areas.gsps.values() for p in gsp.points}
        for part in self.grid.equipment.values():
            if part.kind in BRANCHES and part.owner in self.areas.transmission:
                for node in part.nodes:
                    area = self.areas.area(points[node]) if node in points else None
                    if area is not None:
                        tails[area.key].add(part.iri)
        return {
            area.key: frozenset(found.get(area.number, set()) | tails[area.key])
            for area in self.areas.areas
        }

    @cached_property
    def dead_ends(self) -> frozenset[str]:
        """Branches that end at an open switch and carry nobody's power, such as open ties.

        They are judged only in a plan that closes them.
        """
        graph, names = self._numbered
        kept = {injection.node for injection in self.grid.loads.values()}
        kept |= {machine.node for machine in self.grid.machines.values()}
        kept |= {p.node for gsp in self.areas.gsps.values() for p in gsp.points}
        degree = {node: len(ends) for node, ends in graph.items()}
        gone: set[int] = set()
        queue = [node for node, count in degree.items() if count == 1 and node not in kept]
        for node in queue:
            for other, edge in graph[node]:
                if edge not in gone:
                    gone.add(edge)
                    degree[other] -= 1
                    if degree[other] == 1 and other not in kept:
                        queue.append(other)
        return frozenset(names[edge] for edge in gone)

    @cached_property
    def levels(self) -> Mapping[str, frozenset[str]]:
        """Area key -> its voltage levels."""
        found: dict[int, set[str]] = {}
        for node, level in enumerate(self.grid.node_level):
            if level is not None and level in self.grid.levels:
                found.setdefault(self.areas.of_node[node], set()).add(level)
        return {a.key: frozenset(found.get(a.number, ())) for a in self.areas.areas}

    @cached_property
    def _adjacent(self) -> Mapping[int, list[tuple[int, str]]]:
        found: dict[int, list[tuple[int, str]]] = {}
        for one, other, iri in links(self.grid):
            if self.grid.equipment[iri].owner not in self.areas.transmission:
                found.setdefault(one, []).append((other, iri))
                found.setdefault(other, []).append((one, iri))
        return found

    @cached_property
    def _numbered(self) -> tuple[Mapping[int, list[tuple[int, int]]], list[str]]:
        numbers: dict[int, list[tuple[int, int]]] = {}
        names: list[str] = []
        for one, other, iri in links(self.grid):
            if self.grid.equipment[iri].owner not in self.areas.transmission:
                numbers.setdefault(one, []).append((other, len(names)))
                numbers.setdefault(other, []).append((one, len(names)))
                names.append(iri)
        return numbers, names

    def _path(self, start: int, key: str) -> tuple[str, ...]:
        known = self._paths.get((start, key))
        if known is None:
            area = self.areas.area(key)
            assert area is not None  # noqa: S101 - keys come from the areas themselves
            sinks = {p.node for gsp in area.gsps for p in self.areas.gsps[gsp].fed}
            graph, names = self._numbered
            inside = core(graph, start, sinks) | sinks
            ordered: dict[str, None] = {}
            seen, queue = {start}, [start]
            for node in queue:
                for other, edge in graph.get(node, ()):
                    if other in inside:
                        if self.grid.equipment[names[edge]].kind in BRANCHES:
                            ordered[names[edge]] = None
                        if other not in seen:
                            seen.add(other)
                            queue.append(other)
            known = self._paths[start, key] = tuple(ordered)
        return known

    def _branches_at(self, nodes: frozenset[int]) -> list[str]:
        found = {
            iri: None
            for node in nodes
            for _, iri in self._adjacent.get(node, ())
            if self.grid.equipment[iri].kind in BRANCHES
            and (self.grid.kv(node) or 0.0) >= 33.0 * 0.9
        }
        return sorted(found)

    def _owners(
        self, candidate: Candidate, path: tuple[str, ...], tie: tuple[str, ...]
    ) -> dict[str, tuple[str, ...]]:
        """Return who must agree, and why: from both areas and the path, not only the switches."""
        why: dict[str, list[str]] = {}

        def note(owner: str, reason: str) -> None:
            if reason not in why.setdefault(owner, []):
                why[owner].append(reason)

        for iri in (candidate.point.switch, *candidate.point.also, *candidate.open):
            note(self.grid.switches[iri].owner, "operates a switch")
        for load in candidate.loads:
            note(self.grid.loads[load].owner, "its demand moves")
        for machine in candidate.machines:
            note(self.grid.machines[machine].owner, "embedded generation moves")
        for iri in (*path, *tie):
            note(self.grid.equipment[iri].owner, "its circuits carry the moved demand")
        for key, reason in ((candidate.giver, "gives"), (candidate.receiver, "takes")):
            area = self.areas.area(key)
            if area is not None:
                for gsp in area.gsps:
                    note(self.areas.gsps[gsp].owner, f"{gsp} {reason} demand")
                for owner in area.owners:
                    note(owner, f"feeds demand from {key}")
        return {owner: tuple(reasons) for owner, reasons in sorted(why.items())}
