"""The transmission owner's model, made from a source network.

In: a ``Source`` and the boundary set. Out: a ``Grid`` and, for each grid supply point, where the
distribution network is attached: on its 132 kV bar as many feeders as supergrid transformers, each
a breaker, a short tail and a boundary point of its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from federation.demo.boundary import Boundary, Point
from federation.demo.emit import Term, Value
from federation.demo.equipment import (
    Rating,
    busbar,
    line,
    load,
    load_group,
    shunt,
    switch,
    transformer,
)
from federation.demo.grid import Grid, Level, Place
from federation.demo.machines import machine
from federation.demo.source import Gsp, Source, Unit

TAIL = (0.0102, 0.057, 4.35e-7)
"""r, x in ohm and b in siemens of the 150 m between bar and boundary."""
TAIL_KM = 0.15
BREAKERS_FROM_KV = 132.0


@dataclass(frozen=True)
class Attachment:
    """A feeder of a grid supply point with its transformer, breaker and boundary point."""

    point: Point
    transformer: str
    breaker: str
    substation: str
    rated_mva: float


@dataclass
class Transmission:
    """The model and what the others need to know of it."""

    grid: Grid
    attachments: dict[str, list[Attachment]] = field(default_factory=dict)
    circuits: dict[str, list[str]] = field(default_factory=dict)
    """mRIDs of the lines that end in each substation (by mRID)."""
    levels: dict[int, str] = field(default_factory=dict)
    """mRID of the voltage level of each bus of the source."""
    reference_machine: str = ""
    """mRID of the machine that the load flow takes as reference."""


def build(source: Source, place: Place, boundary: Boundary) -> Transmission:
    """Return the transmission owner's model."""
    grid = Grid(place, source.title, boundary.iri, source.crs)
    return _Builder(source, grid, boundary).build()


class _Builder:
    def __init__(self, source: Source, grid: Grid, boundary: Boundary) -> None:
        self.source, self.grid, self.boundary = source, grid, boundary
        self.made = Transmission(grid)
        self.levels: dict[int, Level] = {}
        self.bars: dict[int, str] = {}
        self.site: dict[int, tuple[str, str]] = {}
        self.replaced = {gsp.bus: gsp for gsp in source.gsps}
        self.used: Counter[str] = Counter()

    def build(self) -> Transmission:
        self._containers()
        for circuit in self.source.circuits:
            first, second = circuit.ends
            name = self._name(f"{self.site[first][0]} - {self.site[second][0]}")
            ends = tuple(
                self._bay(bus, f"{name} {end}") for bus, end in zip(circuit.ends, "AB", strict=True)
            )
            kv = max(self.levels[first].kv, self.levels[second].kv)
            mrid = line(
                self.grid,
                name,
                kv,
                (ends[0], ends[1]),
                (circuit.r, circuit.x, circuit.b),
                circuit.rating,
                length_km=1.0,
            )
            for bus in circuit.ends:
                self.made.circuits.setdefault(self.site[bus][1], []).append(mrid)
        for unit in self.source.units:
            self._transformer(unit)
        self._injections()
        return self.made

    def _containers(self) -> None:
        region = self.grid.region("GB transmission")
        sub_region = self.grid.sub_region(region, "Transmission", "All of the transmission network")
        kv = {bus.index: bus.kv for bus in self.source.buses}
        for site in self.source.sites:
            basis: dict[str, Value] = {"gs:basis": Term(f"gs:{site.basis}")} if site.basis else {}
            substation = self.grid.substation(site.name, sub_region, basis)
            self.grid.position(substation, site.x, site.y)
            for bus in site.buses:
                spot = self.source.spots.get(bus)
                place = spot[0] if spot else site.name
                self.site[bus] = (place, substation)
                name = self._name(f"{place} {kv[bus]:g} kV")
                self.levels[bus] = self.grid.level(substation, name, kv[bus])
                self.made.levels[bus] = self.levels[bus].mrid
                if spot and len(site.buses) > 1:
                    self.grid.position(self.levels[bus].mrid, spot[1], spot[2])
                self.bars[bus] = busbar(self.grid, self.levels[bus], f"{name} busbar")

    def _name(self, name: str) -> str:
        self.used[name] += 1
        return name if self.used[name] == 1 else f"{name} {self.used[name]}"

    def _bay(self, bus: int, name: str) -> str:
        """Return the node behind a breaker; below 132 kV the busbar itself."""
        level = self.levels[bus]
        if level.kv < BREAKERS_FROM_KV:
            return self.bars[bus]
        node = self.grid.node(level, f"{name} bay")
        switch(self.grid, level, "Breaker", f"{name} CB", (self.bars[bus], node))
        return node

    def _transformer(self, unit: Unit) -> None:
        high, low = unit.ends
        kv = (self.levels[high].kv, self.levels[low].kv)
        gsp = self.replaced.get(low)
        place, substation = self.site[high]
        name = self._name(f"{gsp.name} SGT" if gsp else f"{place} {kv[0]:g}/{kv[1]:g} T")
        mrid = transformer(
            self.grid,
            name,
            substation,
            kv,
            (self._bay(high, f"{name} HV"), self._bay(low, f"{name} LV")),
            unit.winding,
            unit.taps,
            unit.description,
        )
        if gsp is not None:
            self._feeder(gsp, f"{name} feeder", mrid, unit.winding.rated_mva)

    def _feeder(self, gsp: Gsp, name: str, sgt: str, rated_mva: float) -> None:
        """Define the circuit from the 132 kV bar to the distributor, one for each transformer."""
        level = self.levels[gsp.bus]
        outer = self.grid.node(level, f"{name} node")
        breaker = switch(self.grid, level, "Breaker", f"{name} CB", (self.bars[gsp.bus], outer))
        point = self.boundary.point(f"{name} boundary", ("TNO", gsp.owner))
        rating = Rating(round(rated_mva / (3**0.5 * level.kv) * 1000, 1))
        ends = (outer, point.node)
        line(self.grid, name, level.kv, ends, TAIL, rating, length_km=TAIL_KM)
        self.made.attachments.setdefault(gsp.ident, []).append(
            Attachment(point, sgt, breaker, level.substation, rated_mva)
        )

    def _injections(self) -> None:
        group = load_group(self.grid, "Transmission demand")
        for demand in self.source.demands:
            name = self._name(f"{self.site[demand.bus][0]} demand")
            load(
                self.grid,
                self.levels[demand.bus],
                self.bars[demand.bus],
                name,
                (demand.mw, demand.mvar),
                group,
            )
        for generator in self.source.generators:
            name = self._name(f"{self.site[generator.bus][0]} G")
            mrid = machine(
                self.grid,
                self.levels[generator.bus],
                self.bars[generator.bus],
                name,
                "",
                generator.output,
            )
            if generator.output.reference:
                self.made.reference_machine = mrid
        for row in self.source.shunts:
            name = self._name(f"{self.site[row.bus][0]} shunt")
            shunt(self.grid, self.levels[row.bus], self.bars[row.bus], name, (row.g, row.b))
