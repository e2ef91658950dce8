"""Half-hours of a day in which a transfer holds.

In: a verification, a candidate, planning data and the time of the study. Out: the half-hours (0 to
47, UTC) of that day in which the state after the transfer converges and no thermal or voltage limit
is passed, and in which no further planned outage of an asset the plan touches has begun. Loads
follow the shape of their substation; those without one, and embedded generation, stay as they are.
N-1 is not repeated for each half-hour.
"""

from __future__ import annotations

from federation.rerouting.bench import Bench
from federation.rerouting.footprint import Footprint
from federation.rerouting.planning import HALF_HOURS, Outage, Planning, half_hour_of, in_utc
from federation.rerouting.thresholds import Thresholds
from federation.rerouting.transfers import Candidate
from federation.rerouting.verification import Verification


def holding_half_hours(
    verification: Verification, candidate: Candidate, planning: Planning, time: str
) -> tuple[int, ...]:
    """Return the half-hours in which the transfer holds.

    Args:
        verification: its bench's base is the network at ``time``.
        candidate: the transfer.
        planning: demand shapes and outages.
        time: time of the study, ISO 8601; "" where it is not known.
    """
    bench, limits = verification.bench, verification.thresholds
    footprint = verification.footprints.of(candidate)
    reference = half_hour_of(in_utc(time)) if time else 0
    shut = blocked(planning, footprint, time)
    held: list[int] = []
    with bench.switched((candidate.giver, candidate.receiver), "window"):
        bench.operate(close=(candidate.point.switch, *candidate.point.also), open=candidate.open)
        for half_hour in range(HALF_HOURS):
            if half_hour not in shut:
                bench.set_demand(_demand(bench, planning, half_hour, reference))
                if _holds(bench, footprint, limits):
                    held.append(half_hour)
    return tuple(held)


def blocked(planning: Planning, footprint: Footprint, time: str) -> frozenset[int]:
    """Return the half-hours with an outage on the plan's assets that is not yet there at a time."""
    if not time:
        return frozenset()
    day = in_utc(time)[:10]
    touched = footprint.assets | set(footprint.tie)
    now = set(planning.during(time))

    def new(half_hour: int) -> list[Outage]:
        start = f"{day}T{half_hour // 2:02d}:{half_hour % 2 * 30:02d}:00Z"
        return [o for o in planning.during(start, 30) if o.asset in touched and o not in now]

    return frozenset(half_hour for half_hour in range(HALF_HOURS) if new(half_hour))


def _demand(
    bench: Bench, planning: Planning, half_hour: int, reference: int
) -> dict[str, tuple[float | None, float | None]]:
    found: dict[str, tuple[float | None, float | None]] = {}
    for iri, load in bench.grid.loads.items():
        factor = planning.factor(bench.grid, iri, half_hour, reference)
        if factor is not None and load.p_mw is not None and load.q_mvar is not None:
            found[iri] = (load.p_mw * factor, load.q_mvar * factor)
    return found


def _holds(bench: Bench, footprint: Footprint, limits: Thresholds) -> bool:
    flow = bench.settle()
    if not flow.converged:
        return False
    loading = bench.loading(flow, footprint.assets)
    voltage = bench.voltage(flow, footprint.levels)
    return (
        loading.percent <= limits.final_percent
        and voltage.min_pu >= limits.low_pu
        and voltage.max_pu <= limits.high_pu
    )
