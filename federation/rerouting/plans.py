"""A plan: one transfer with its steps there and back, as frozen data.

In: a candidate, its `Verified` numbers and its `Verdict`. Out: `Plan`; `sheet` gives its sixteen
fields as plain values.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from federation.rerouting.faultlevel import FaultLevel
from federation.rerouting.grid import Gap, Grid
from federation.rerouting.thresholds import Thresholds
from federation.rerouting.transfers import Candidate
from federation.rerouting.verdicts import Verdict
from federation.rerouting.verification import Verified

NOT_VERIFIED = "not verified by load flow yet; ask for more plans to be verified"
TIME_ASSUMED = "minutes per operation"


@dataclass(frozen=True)
class Step:
    """One operation and the state after it."""

    number: int
    action: str
    switch: str
    state: str


@dataclass(frozen=True)
class Plan:
    """One transfer. ``identifier`` depends only on what is switched."""

    identifier: str
    candidate: Candidate
    verified: Verified | None
    verdict: Verdict
    steps: tuple[Step, ...]
    return_steps: tuple[Step, ...]
    parallel_minutes: float
    fault_level: FaultLevel | None = None
    window: tuple[int, ...] | None = None
    assumed: tuple[Gap, ...] = ()

    def with_window(self, half_hours: Sequence[int]) -> Plan:
        """Return the plan with the half-hours in which it holds."""
        return replace(self, window=tuple(half_hours))


def make_plan(
    grid: Grid,
    candidate: Candidate,
    verified: Verified | None,
    verdict: Verdict,
    thresholds: Thresholds,
) -> Plan:
    """Return the plan of a candidate."""
    point = candidate.point
    closing = (point.switch, *point.also)
    forward = [("close", switch) for switch in closing]
    forward += [("open", switch) for switch in candidate.open]
    back = [("close", switch) for switch in reversed(candidate.open)]
    back += [("open", switch) for switch in reversed(closing)]
    fault_level = verified.fault_level if verified else None
    assumed = [Gap("", TIME_ASSUMED, f"{thresholds.minutes_per_operation:g} min")]
    if fault_level is not None:
        assumed += fault_level.assumed
    return Plan(
        identifier=plan_id(candidate),
        candidate=candidate,
        verified=verified,
        verdict=verdict,
        steps=_forward(grid, candidate, forward, verified),
        return_steps=_back(grid, candidate, back),
        parallel_minutes=thresholds.minutes_per_operation * len(candidate.open),
        fault_level=fault_level,
        assumed=tuple(assumed),
    )


def plan_id(candidate: Candidate) -> str:
    """Return an identifier that is the same whenever the same switches are operated."""
    switched = [candidate.point.switch, *sorted(candidate.point.also), "|", *sorted(candidate.open)]
    return hashlib.sha256("\n".join(switched).encode()).hexdigest()[:16]


def _forward(
    grid: Grid,
    candidate: Candidate,
    operations: Sequence[tuple[str, str]],
    verified: Verified | None,
) -> tuple[Step, ...]:
    steps: list[Step] = []
    closing = 1 + len(candidate.point.also)
    for number, (action, switch) in enumerate(operations, 1):
        if number < closing:
            words = "section between made live"
        elif number == closing:
            words = f"{candidate.giver} and {candidate.receiver} in parallel"
        elif number < len(operations):
            words = "still in parallel"
        else:
            words = f"{len(candidate.loads)} loads fed from {candidate.receiver}"
        if verified is not None and number <= len(verified.steps):
            state = verified.steps[number - 1]
            if not state.converged:
                words += "; load flow does not converge"
            elif not math.isnan(state.loading.percent):
                asset = grid.name(state.loading.asset)
                words += f"; {state.loading.percent:.0f} % at {asset}, {state.unfed} loads unfed"
        steps.append(Step(number, action, switch, words))
    return tuple(steps)


def _back(
    grid: Grid, candidate: Candidate, operations: Sequence[tuple[str, str]]
) -> tuple[Step, ...]:
    steps: list[Step] = []
    for number, (action, switch) in enumerate(operations, 1):
        if number == 1:
            words = f"{candidate.giver} and {candidate.receiver} in parallel"
        elif number < len(operations):
            words = "still in parallel" if action == "close" else "section between made dead"
        else:
            words = "as before the transfer"
        steps.append(Step(number, action, switch, words))
    return tuple(steps)
