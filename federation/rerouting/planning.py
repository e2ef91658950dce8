"""What planners publish beside the network: outages, demand forecasts, the register.

In: the answers of the members. Out: a frozen `Planning`. All of it is optional; what is not there
is said in a plan as assumed (demand constant over the day).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from federation.rerouting.grid import Grid
from federation.rerouting.questions import Columns

HALF_HOURS = 48


@dataclass(frozen=True)
class Outage:
    """A planned outage of one asset."""

    asset: str
    owner: str
    start: str
    end: str


@dataclass(frozen=True)
class Planning:
    """Forecasts, outages and the register.

    Attributes:
        factors: substation -> 48 factors of the day's peak.
        declared_mw: name of a grid supply point's substation IRI -> declared net demand.
    """

    factors: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    outages: tuple[Outage, ...] = ()
    declared_mw: Mapping[str, float] = field(default_factory=dict)

    def factor(self, grid: Grid, load: str, half_hour: int, reference: int) -> float | None:
        """Return demand of a load at a half-hour over that at the reference half-hour."""
        station = grid.substation(grid.loads[load].node)
        shape = self.factors.get(station or "")
        if shape is None or shape[reference] <= 0:
            return None
        return shape[half_hour] / shape[reference]


def read_planning(answers: Mapping[str, Mapping[str, Columns]]) -> Planning:
    """Return the planning data of all members."""
    shapes: dict[str, dict[int, float]] = {}
    of_station: dict[str, str] = {}
    outages: list[Outage] = []
    declared: dict[str, float] = {}
    for answer in answers.values():
        table = answer.get("shapes", {})
        for shape, number, factor in zip(
            *_columns(table, "shape", "half_hour", "factor"), strict=True
        ):
            shapes.setdefault(cast("str", shape), {})[cast("int", number)] = cast("float", factor)
        table = answer.get("forecasts", {})
        for station, shape in zip(*_columns(table, "substation", "shape"), strict=True):
            of_station[cast("str", station)] = cast("str", shape)
        table = answer.get("outages", {})
        for values in zip(*_columns(table, "asset", "owner", "start", "end"), strict=True):
            outages.append(Outage(*(cast("str", value) or "" for value in values)))
        table = answer.get("register", {})
        for station, mw in zip(*_columns(table, "substation", "declared_mw"), strict=True):
            if isinstance(mw, float):
                declared[cast("str", station)] = mw
    whole = {
        shape: tuple(points[n] for n in range(HALF_HOURS))
        for shape, points in shapes.items()
        if points.keys() >= set(range(HALF_HOURS))
    }
    factors = {station: whole[shape] for station, shape in of_station.items() if shape in whole}
    return Planning(factors, tuple(sorted(outages, key=lambda o: (o.start, o.asset))), declared)


def half_hour_of(time: str) -> int:
    """Return the half-hour of the day (UTC) that a time lies in.

    >>> half_hour_of("2026-12-01T17:30:00Z")
    35
    """
    clock = time.partition("T")[2]
    if len(clock) < 5:
        return 0
    return (int(clock[:2]) * 2 + (1 if int(clock[3:5]) >= 30 else 0)) % HALF_HOURS


def _columns(table: Columns, *names: str) -> list[list[object]]:
    return [list(table.get(name, [])) for name in names]
