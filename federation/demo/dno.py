"""A generated distribution network that takes the place of lumped loads.

In: the grid supply points of one DNO, where they are attached, a seed. Out: for each an area of
132, 33 and 11 kV: bulk supply points, primaries, loads, embedded generation. Loads less running
generation equal the replaced demand exactly. The design values are assumptions, stated here.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from federation.demo.emit import Term
from federation.demo.equipment import (
    Rating,
    Taps,
    Winding,
    bay,
    busbar,
    line,
    load,
    load_group,
    switch,
    transformer,
)
from federation.demo.grid import Grid, Level
from federation.demo.machines import Output, machine
from federation.demo.source import Gsp
from federation.demo.transmission import TAIL, TAIL_KM, Attachment

BSP_MW, PRIMARY_MW = 62.0, 13.0
"""Demand that one bulk supply point, one primary is built for."""
OHM_PER_KM = {132.0: (0.08, 0.40, 2.8e-6), 33.0: (0.12, 0.36, 3.2e-6), 11.0: (0.16, 0.35, 3.4e-6)}
"""r, x in ohm and b in siemens of one km of line."""
AMPERES = {132.0: 650.0, 33.0: 500.0, 11.0: 400.0}
BULK = (90.0, 24.0, 30.0, 33.6)
"""Transformers 132/33: MVA, x in percent, x over r, voltage held in kV."""
PRIMARY = (24.0, 22.0, 25.0, 11.1)
"""Transformers 33/11: MVA, x in percent, x over r, voltage held in kV."""
FIRST_STEP = 8
"""Tap position before any control has moved it (10 is neutral)."""
EMBEDDED = {"Wind": (18.0, (6.0, 9.0)), "Solar": (12.0, (0.0, 0.0)), "Thermal": (5.0, (4.0, 4.0))}
"""Per grid supply point: installed MW, and the range it runs at on a December evening."""
QUANTUM = 10_000
"""Powers are whole multiples of 1/10,000 MW, so that sums are exact."""


@dataclass(frozen=True)
class Bar:
    """A busbar to connect to: its level, its node, its position."""

    level: Level
    node: str
    name: str
    x: float
    y: float


@dataclass(frozen=True)
class Primary:
    """A primary substation: its bar at 33 kV, the first of two 11 kV sections, its loads."""

    substation: str
    name: str
    high: Bar
    low: Bar
    loads: tuple[str, ...]
    mw: float


@dataclass(frozen=True)
class Bulk:
    """A bulk supply point: its bars at 132 and 33 kV and its primaries."""

    name: str
    high: Bar
    low: Bar
    primaries: tuple[Primary, ...]
    transformers: tuple[str, ...]


@dataclass
class Area:
    """The normal supply area of one grid supply point."""

    gsp: Gsp
    sub_region: str
    substation: str
    bulks: list[Bulk] = field(default_factory=list)
    machines: list[str] = field(default_factory=list)

    @property
    def primaries(self) -> list[Primary]:
        """All primaries of the area."""
        return [primary for bulk in self.bulks for primary in bulk.primaries]


class Distribution:
    """One DNO's model and its areas."""

    def __init__(self, grid: Grid, names: Iterator[str], seed: str) -> None:
        self.grid, self.names, self.seed = grid, names, seed
        self.region = grid.region(f"{grid.place.owner} (invented)")
        self.areas: dict[str, Area] = {}

    def add(self, gsp: Gsp, attached: Sequence[Attachment], x: float, y: float) -> Area:
        """Build the area of a grid supply point around a position and keep it."""
        area = _AreaBuilder(self, gsp, random.Random(f"{self.seed}/{gsp.ident}")).build(  # noqa: S311
            attached, x, y
        )
        self.areas[gsp.ident] = area
        return area


def impedance(kv: float, length_km: float) -> tuple[float, float, float]:
    """Return r, x in ohm and b in siemens of a line."""
    r, x, b = OHM_PER_KM[kv]
    return (r * length_km, x * length_km, b * length_km)


def shares(total: float, weights: Sequence[float]) -> list[float]:
    """Split a power by weights into multiples of 1/10,000 that add up to it exactly.

    >>> sum(round(part * 10_000) for part in shares(10.0, [1, 1, 1])) == 100_000
    True
    """
    whole = round(total * QUANTUM)
    parts = [math.floor(whole * weight / sum(weights)) for weight in weights]
    parts[-1] += whole - sum(parts)
    return [part / QUANTUM for part in parts]


class _AreaBuilder:
    def __init__(self, distribution: Distribution, gsp: Gsp, chance: random.Random) -> None:
        self.grid, self.names, self.chance = distribution.grid, distribution.names, chance
        self.gsp = gsp
        sub_region = self.grid.sub_region(
            distribution.region, f"{gsp.name} supply area", f"Normal supply area of {gsp.ident}"
        )
        self.sub_region = sub_region
        self.group = load_group(self.grid, f"{gsp.name} demand")
        self.substation = self._substation(f"{gsp.name} 132 kV")
        self.area = Area(gsp, sub_region, self.substation)

    def build(self, attached: Sequence[Attachment], x: float, y: float) -> Area:
        self.grid.position(self.substation, x, y)
        bars = self._double_bar()
        level = bars[0].level
        for number, attachment in enumerate(attached, 1):
            name = f"{self.gsp.name} SGT{number} intake"
            outer, _ = bay(self.grid, level, bars[number % 2].node, name)
            rating = Rating(round(attachment.rated_mva / (3**0.5 * 132.0) * 1000, 1))
            line(
                self.grid,
                f"{name} tail",
                132.0,
                (attachment.point.node, outer),
                TAIL,
                rating,
                length_km=TAIL_KM,
            )
        running = self._running()
        gross = self.gsp.mw + sum(running.values())
        count = max(1, round(self.gsp.mw / BSP_MW))
        weights = [self.chance.uniform(0.9, 1.1) for _ in range(count)]
        powers = zip(shares(gross, weights), shares(self.gsp.mvar, weights), strict=True)
        for number, power in enumerate(powers):
            angle = 2 * math.pi * (number + 0.25) / count
            bulk = self._bulk(bars, power, x + 0.26 * math.cos(angle), y + 0.16 * math.sin(angle))
            self.area.bulks.append(bulk)
        self._embedded(running)
        return self.area

    def _substation(self, name: str) -> str:
        return self.grid.substation(name, self.sub_region, {"gs:basis": Term("gs:invented")})

    def _bar(self, substation: str, place: str, kv: float, x: float, y: float) -> Bar:
        level = self.grid.level(substation, f"{place} {kv:g} kV", kv)
        name = f"{place} {kv:g}"
        return Bar(level, busbar(self.grid, level, f"{name} busbar"), name, x, y)

    def _double_bar(self) -> tuple[Bar, Bar]:
        name = f"{self.gsp.name} 132"
        level = self.grid.level(self.substation, f"{name} kV", 132.0)
        first, second = (
            Bar(level, busbar(self.grid, level, f"{name} busbar {part}"), f"{name} {part}", 0, 0)
            for part in ("A", "B")
        )
        switch(self.grid, level, "Breaker", f"{name} coupler", (first.node, second.node))
        return first, second

    def _circuit(self, name: str, kv: float, ends: tuple[Bar, Bar], length_km: float) -> None:
        outer = [
            bay(self.grid, bar.level, bar.node, f"{name} {end}")[0]
            for bar, end in zip(ends, "AB", strict=True)
        ]
        line(
            self.grid,
            name,
            kv,
            (outer[0], outer[1]),
            impedance(kv, length_km),
            Rating(AMPERES[kv]),
            length_km=length_km,
        )

    def _pair(
        self,
        place: str,
        substation: str,
        high: Bar,
        lows: tuple[Bar, Bar],
        design: tuple[float, float, float, float],
    ) -> tuple[str, ...]:
        """Put two like transformers on a bar, each on its own low-voltage section."""
        mva, x_percent, x_over_r, target = design
        x = x_percent / 100 * high.level.kv**2 / mva
        kv = (high.level.kv, lows[0].level.kv)
        winding = Winding(x / x_over_r, x, kv, mva)
        made = []
        for number, low in enumerate(lows, 1):
            name = f"{place} T{number}"
            ends = (
                bay(self.grid, high.level, high.node, f"{name} HV")[0],
                bay(self.grid, low.level, low.node, f"{name} LV")[0],
            )
            made.append(
                transformer(
                    self.grid,
                    name,
                    substation,
                    kv,
                    ends,
                    winding,
                    Taps(FIRST_STEP, target),
                )
            )
        return tuple(made)

    def _bulk(self, bars: tuple[Bar, Bar], power: tuple[float, float], x: float, y: float) -> Bulk:
        place = next(self.names)
        substation = self._substation(f"{place} BSP")
        self.grid.position(substation, x, y)
        high = self._bar(substation, f"{place} BSP", 132.0, x, y)
        low = self._bar(substation, f"{place} BSP", 33.0, x, y)
        length_km = round(self.chance.uniform(6, 14), 2)
        for number, bar in enumerate(bars, 1):
            self._circuit(f"{self.gsp.name} - {place} {number}", 132.0, (bar, high), length_km)
        pair = self._pair(f"{place} BSP", substation, high, (low, low), BULK)
        count = max(2, round(power[0] / PRIMARY_MW))
        weights = [self.chance.uniform(0.85, 1.15) for _ in range(count)]
        parts = list(zip(shares(power[0], weights), shares(power[1], weights), strict=True))
        primaries: list[Primary] = []
        for number, part in enumerate(parts):
            angle = 2 * math.pi * number / count + 0.3
            spot = (x + 0.10 * math.cos(angle), y + 0.062 * math.sin(angle))
            primaries.append(self._primary(part, *spot))
        self._feed(low, primaries)
        return Bulk(place, high, low, tuple(primaries), pair)

    def _feed(self, bar: Bar, primaries: list[Primary]) -> None:
        """Feed primaries by two circuits each; the last two share a closed ring."""
        for primary in primaries[:-2]:
            length_km = round(self.chance.uniform(2, 6), 2)
            for number in (1, 2):
                name = f"{bar.name} - {primary.name} {number}"
                self._circuit(name, 33.0, (bar, primary.high), length_km)
        first, last = primaries[-2:]
        for ends in ((bar, first.high), (first.high, last.high), (last.high, bar)):
            name = f"{ends[0].name} - {ends[1].name} ring"
            self._circuit(name, 33.0, ends, round(self.chance.uniform(2, 5), 2))

    def _primary(self, power: tuple[float, float], x: float, y: float) -> Primary:
        place = next(self.names)
        substation = self._substation(place)
        self.grid.position(substation, x, y)
        high = self._bar(substation, place, 33.0, x, y)
        low = self._bar(substation, place, 11.0, x, y)
        other = busbar(self.grid, low.level, f"{low.name} busbar B")
        section = Bar(low.level, other, f"{low.name} B", x, y)
        switch(self.grid, low.level, "Breaker", f"{low.name} section CB", (low.node, other))
        self._pair(place, substation, high, (low, section), PRIMARY)
        weights = [1.2, 1.0]
        parts = zip(shares(power[0], weights), shares(power[1], weights), strict=True)
        loads = []
        for number, (part, bar) in enumerate(zip(parts, (low, section), strict=True), 1):
            name = f"{place} feeders {number}"
            outer, _ = bay(self.grid, low.level, bar.node, name)
            loads.append(load(self.grid, low.level, outer, name, part, self.group))
        return Primary(substation, place, high, low, tuple(loads), power[0])

    def _running(self) -> dict[str, float]:
        return {
            kind: shares(self.chance.uniform(*span), [1.0])[0]
            for kind, (_, span) in EMBEDDED.items()
        }

    def _embedded(self, running: dict[str, float]) -> None:
        hosts = {
            "Wind": self.area.bulks[0].low,
            "Solar": self.area.bulks[-1].low,
            "Thermal": self.area.primaries[0].low,
        }
        for kind, mw in running.items():
            bar = hosts[kind]
            name = f"{self.gsp.name} {kind.lower()}"
            outer, _ = bay(self.grid, bar.level, bar.node, name)
            output = Output(mw, 0.0, (0.0, EMBEDDED[kind][0]), (0.0, 0.0))
            self.area.machines.append(machine(self.grid, bar.level, outer, name, kind, output))
