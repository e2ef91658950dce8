"""A plan: one transfer with its sixteen fields, as frozen data and as JSON.

In: a candidate, its `Verified` numbers and its `Verdict`. Out: `Plan`; ``to_json`` gives the form
that docs/rerouting.md describes under "A plan". What is not known is null, never a made-up number.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from federation.rerouting.faultlevel import FaultLevel
from federation.rerouting.grid import Gap, Grid
from federation.rerouting.radial import Hanging
from federation.rerouting.thresholds import Thresholds
from federation.rerouting.transfers import Candidate
from federation.rerouting.verdicts import Verdict
from federation.rerouting.verification import Verified

NOT_VERIFIED = "not verified by load flow yet; ask for more plans to be verified"
NO_PROTECTION_DATA = "no protection settings are published; sign off by hand before switching"
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

    def to_json(self, grid: Grid) -> dict[str, Any]:
        """Return the plan as plain JSON values, names beside identifiers."""
        return _json(self, grid)


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


def number(value: float | None, digits: int = 3) -> float | None:
    """Return a rounded number, or None where it is not known."""
    return None if value is None or math.isnan(value) else round(value, digits)


def _json(plan: Plan, grid: Grid) -> dict[str, Any]:
    candidate, verified = plan.candidate, plan.verified
    point = candidate.point
    return {
        "id": plan.identifier,
        "from": candidate.giver,
        "to": candidate.receiver,
        "close": _switch(grid, point.switch),
        "also_close": [_switch(grid, iri) for iri in point.also],
        "open": [_switch(grid, iri) for iri in candidate.open],
        "path": list(verified.footprint.path) if verified else [],
        "kv": point.kv,
        "moved": {
            "net_mw": number(candidate.net_mw),
            "gross_mw": number(candidate.gross_mw),
            "mvar": number(candidate.mvar),
            "loads": list(candidate.loads),
            "demand_points": len(candidate.loads),
            "unknown": list(candidate.unknown),
        },
        "thermal": _thermal(verified, grid),
        "voltage": _voltage(verified),
        "n1": _n1(verified, grid),
        "fault_level": plan.fault_level.to_json(grid) if plan.fault_level else None,
        "headroom": _headroom(verified),
        "across": _across(verified),
        "steps": [_step(grid, step) for step in plan.steps],
        "parallel_minutes": plan.parallel_minutes,
        "return_steps": [_step(grid, step) for step in plan.return_steps],
        "window": None if plan.window is None else list(plan.window),
        "approvals": _approvals(candidate, verified),
        "protection": {"verdict": "manual", "note": NO_PROTECTION_DATA},
        "missing": _missing(plan),
        "verdict": plan.verdict.colour.value,
        "reasons": list(plan.verdict.reasons),
        "verified": verified is not None,
    }


def _switch(grid: Grid, iri: str) -> dict[str, Any]:
    return {"id": iri, "name": grid.name(iri), "owner": grid.switches[iri].owner}


def _step(grid: Grid, step: Step) -> dict[str, Any]:
    return {
        "n": step.number,
        "action": step.action,
        "switch": _switch(grid, step.switch),
        "state": step.state,
    }


def _thermal(verified: Verified | None, grid: Grid) -> dict[str, Any]:
    states: Mapping[str, Any] = verified.thermal if verified else {}
    return {
        name: {
            "percent": number(states[name].percent, 1),
            "asset": states[name].asset or None,
            "name": grid.name(states[name].asset) if states[name].asset else None,
        }
        if name in states
        else None
        for name in ("before", "parallel", "after")
    }


def _voltage(verified: Verified | None) -> dict[str, Any]:
    states: Mapping[str, Any] = verified.voltage if verified else {}
    found: dict[str, Any] = {
        name: {
            "min_pu": number(states[name].min_pu, 4),
            "max_pu": number(states[name].max_pu, 4),
        }
        if name in states
        else None
        for name in ("before", "parallel", "after")
    }
    stepped = verified is not None and len(verified.steps) > 0
    found["step_percent"] = number(verified.step_percent) if verified and stepped else None
    return found


def _n1(verified: Verified | None, grid: Grid) -> dict[str, Any] | None:
    if verified is None or verified.n1 is None:
        return None
    worst = verified.n1.overloads[0] if verified.n1.overloads else None
    return {
        "contingencies": verified.n1.tried,
        "new_overloads": len(verified.n1.overloads),
        "new_voltage": len(verified.n1.voltages),
        "not_converged": [grid.name(iri) for iri in verified.n1.failed],
        "lost_demand": [_hanging(one, grid) for one in verified.hanging],
        "worst": {
            "contingency": grid.name(worst[0]),
            "asset": grid.name(worst[1]),
            "percent": number(worst[2], 1),
        }
        if worst
        else None,
    }


def _hanging(hanging: Hanging, grid: Grid) -> dict[str, Any]:
    return {
        "mw": number(hanging.demand_mw),
        "demand_points": len(hanging.loads),
        "branches": [grid.name(iri) for iri in hanging.branches],
    }


def _headroom(verified: Verified | None) -> dict[str, Any] | None:
    if verified is None:
        return None
    return {
        "from_mva": number(verified.headroom.from_mva, 1),
        "to_mva": number(verified.headroom.to_mva, 1),
        "reverse": verified.headroom.reverse,
    }


def _across(verified: Verified | None) -> dict[str, Any] | None:
    if verified is None:
        return None
    return {
        "angle_degrees": number(verified.across.angle_degrees),
        "voltage_percent": number(verified.across.voltage_percent),
        "redistributed_mw": number(verified.across.redistributed_mw),
    }


def _approvals(candidate: Candidate, verified: Verified | None) -> list[dict[str, Any]]:
    if verified is None:
        return [{"owner": owner, "why": ["switches or demand"]} for owner in candidate.owners]
    owners = verified.footprint.owners
    return [{"owner": owner, "why": list(why)} for owner, why in owners.items()]


def _missing(plan: Plan) -> list[dict[str, Any]]:
    return [
        {"owner": gap.owner or None, "what": gap.what, "assumed": gap.assumed}
        for gap in (*plan.verdict.missing, *plan.assumed)
    ]
