"""What planners publish beside the network: outages, demand forecasts, the register.

In: the answers of the members. Out: a frozen `Planning`. All of it is optional; what is not there
is said in a plan as assumed (demand constant over the day).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import cast

from federation.rerouting.grid import Grid
from federation.rerouting.questions import Columns
from kgnode.errors import BadRequest

HALF_HOURS = 48


@dataclass(frozen=True)
class Outage:
    """A planned outage of one asset; times are ISO 8601, the end is not part of it."""

    asset: str
    owner: str
    start: str
    end: str
    name: str = ""


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

    def during(self, start: str, minutes: int = 0) -> tuple[Outage, ...]:
        """Return the outages under way at a time, or in some minutes that begin with it.

        An outage whose own times are none counts always: it is not known when it ends.
        """
        first = moment(start)
        last = first + timedelta(minutes=minutes)
        return tuple(o for o in self.outages if _overlaps(o, first, last))

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
        for values in zip(*_columns(table, "asset", "owner", "start", "end", "name"), strict=True):
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


def moment(text: str) -> datetime:
    """Return a time; one without a zone is taken for UTC.

    Raises:
        BadRequest: it is no ISO 8601 time.

    >>> moment("2026-12-01T17:30:00Z").hour
    17
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or not 1900 <= found.year <= 2999:
        raise BadRequest(f"{text[:40]!r} is no time.", hint="Write it as 2026-12-01T17:30:00Z.")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def latest(times: Iterable[str]) -> str:
    """Return the latest of some times as it was written; what is no time is left out."""
    found: list[tuple[datetime, str]] = []
    for text in times:
        with suppress(BadRequest):
            found.append((moment(text), text))
    return max(found)[1] if found else ""


def at_half_hour(grid: Grid, planning: Planning, time: str, reference: str) -> Grid:
    """Return the grid with demand carried from the models' half-hour to that of another time.

    Demand without a shape, and embedded generation, stay as they are.
    """
    wanted = half_hour_of(in_utc(time))
    known = half_hour_of(in_utc(reference)) if reference else wanted
    loads = dict(grid.loads)
    for iri, load in grid.loads.items():
        factor = planning.factor(grid, iri, wanted, known)
        if factor is not None and load.p_mw is not None and load.q_mvar is not None:
            loads[iri] = replace(load, p_mw=load.p_mw * factor, q_mvar=load.q_mvar * factor)
    return replace(grid, loads=loads)


def in_utc(time: str) -> str:
    """Return a time as ISO 8601 in UTC (errors as `moment`)."""
    return moment(time).astimezone(UTC).isoformat()


def _overlaps(outage: Outage, first: datetime, last: datetime) -> bool:
    try:
        start, end = moment(outage.start), moment(outage.end)
    except BadRequest:
        return True
    return start <= first < end or first < start < last


def _columns(table: Columns, *names: str) -> list[list[object]]:
    """Return columns of one length; a column that was not told is empty."""
    rows = len(table.get(names[0], []))
    return [list(table.get(name, [None] * rows)) for name in names]
