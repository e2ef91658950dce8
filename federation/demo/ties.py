"""Normally open ties: inside a supply area, between two of one DNO, and across two DNOs.

In: areas that are neighbours. Out: a ``Tie`` for each circuit that is drawn: at each end a bay,
one breaker of the two normally open; across DNOs two half circuits meet at a boundary point.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from federation.demo.boundary import Boundary
from federation.demo.dno import AMPERES, Area, Bar, Distribution, impedance
from federation.demo.equipment import Rating, bay, line

LENGTH_KM = {132.0: (3.0, 6.0), 33.0: (2.0, 5.0), 11.0: (0.6, 1.5)}
"""Range of lengths; assumed, as positions are invented and say nothing of distance."""
LONG_EVERY, LONG_TIMES = 5, 6.0
"""Every fifth tie is six times as long: one that few transfers can use."""


@dataclass(frozen=True)
class Tie:
    """A normally open tie: name, voltage, the two GSPs and owners, the open breaker's mRID."""

    name: str
    kv: float
    gsps: tuple[str, str]
    owners: tuple[str, str]
    switch: str


class Ties:
    """Draws ties and remembers which bars have one already."""

    def __init__(
        self, distributions: dict[str, Distribution], boundary: Boundary, seed: str
    ) -> None:
        self.distributions, self.boundary = distributions, boundary
        self.made: list[Tie] = []
        self._used: set[str] = set()
        self._chance = random.Random(f"{seed}/ties")  # noqa: S311 - a demo's lengths

    def inside(self, area: Area) -> None:
        """Draw a 33 kV tie between each bulk supply point and the next."""
        for first, second in zip(area.bulks, area.bulks[1:], strict=False):
            self._draw(
                area, area, [p.high for p in first.primaries], [p.high for p in second.primaries]
            )

    def between(self, first: Area, second: Area) -> None:
        """Draw one tie at 132 kV, two at 33 kV and one at 11 kV between two areas."""
        bars: list[Callable[[Area], list[Bar]]] = [
            lambda area: [bulk.high for bulk in area.bulks],
            lambda area: [primary.high for primary in area.primaries],
            lambda area: [primary.high for primary in area.primaries],
            lambda area: [primary.low for primary in area.primaries],
        ]
        for choice in bars:
            self._draw(first, second, choice(first), choice(second))

    def _draw(self, first: Area, second: Area, one: Sequence[Bar], two: Sequence[Bar]) -> None:
        a, b = self._nearest(one, two)
        kv = a.level.kv
        owners = (first.gsp.owner, second.gsp.owner)
        name = f"Tie {len(self.made) + 1:02d} {a.name} - {b.name}"
        length_km = self._length_km(kv)
        opened = len(self.made) % 2
        outer, breakers = [], []
        for end, (bar, owner) in enumerate(zip((a, b), owners, strict=True)):
            grid = self.distributions[owner].grid
            made = bay(grid, bar.level, bar.node, f"{name} {'AB'[end]}", closed=end != opened)
            outer.append(made[0])
            breakers.append(made[1])
        rating = Rating(AMPERES[kv])
        if owners[0] == owners[1]:
            line(
                grid,
                name,
                kv,
                (outer[0], outer[1]),
                impedance(kv, length_km),
                rating,
                length_km=length_km,
            )
        else:
            point = self.boundary.point(f"{name} boundary", owners)
            half = impedance(kv, length_km / 2)
            for node, owner in zip(outer, owners, strict=True):
                line(
                    self.distributions[owner].grid,
                    f"{name} {owner} half",
                    kv,
                    (node, point.node),
                    half,
                    rating,
                    length_km=length_km / 2,
                )
        gsps = (first.gsp.ident, second.gsp.ident)
        self.made.append(Tie(name, kv, gsps, owners, breakers[opened]))

    def _length_km(self, kv: float) -> float:
        length_km = self._chance.uniform(*LENGTH_KM[kv])
        is_long = len(self.made) % LONG_EVERY == LONG_EVERY - 1
        return round(length_km * (LONG_TIMES if is_long else 1), 2)

    def _nearest(self, one: Sequence[Bar], two: Sequence[Bar]) -> tuple[Bar, Bar]:
        def cost(pair: tuple[Bar, Bar]) -> tuple[int, float, str]:
            again = sum(bar.node in self._used for bar in pair)
            return (again, _distance(*pair), pair[0].name + pair[1].name)

        best = min(((a, b) for a in one for b in two), key=cost)
        self._used.update(bar.node for bar in best)
        return best


def _distance(a: Bar, b: Bar) -> float:
    return float(((a.x - b.x) ** 2 + (a.y - b.y) ** 2) ** 0.5)
