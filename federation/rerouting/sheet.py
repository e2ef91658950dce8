"""A plan as plain JSON values: the sixteen fields that docs/rerouting.md names under "A plan".

In: a `Plan` and the grid that knows the names. Out: a dictionary. What is not known is null, never
a made-up number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from federation.rerouting.grid import Grid
from federation.rerouting.plans import Plan, Step
from federation.rerouting.radial import Hanging
from federation.rerouting.transfers import Candidate
from federation.rerouting.verification import Verified

NO_PROTECTION_DATA = "no protection settings are published; sign off by hand before switching"


def number(value: float | None, digits: int = 3) -> float | None:
    """Return a rounded number, or None where it is not known."""
    return None if value is None or math.isnan(value) else round(value, digits)


def plan_sheet(plan: Plan, grid: Grid) -> dict[str, Any]:
    """Return the sixteen fields of a plan, names beside identifiers."""
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
            "substations": _substations(candidate, grid),
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


def _substations(candidate: Candidate, grid: Grid) -> list[str]:
    found = {grid.substation(grid.loads[load].node) for load in candidate.loads}
    return sorted(iri for iri in found if iri)


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
    found: dict[str, Any] = {
        name: {
            "percent": number(states[name].percent, 1),
            "asset": states[name].asset or None,
            "name": grid.name(states[name].asset) if states[name].asset else None,
        }
        if name in states
        else None
        for name in ("before", "parallel", "after")
    }
    return {**found, "along": _along(verified, grid)}


def _along(verified: Verified | None, grid: Grid) -> list[dict[str, Any]]:
    """Return what carries the moved demand, from the tie to the supply point, with its loading."""
    if verified is None:
        return []
    along = dict.fromkeys((*verified.footprint.tie, *verified.footprint.path))
    before, after = (verified.along.get(state, {}) for state in ("before", "after"))
    return [
        {
            "asset": iri,
            "name": grid.name(iri),
            "owner": grid.equipment[iri].owner,
            "before": number(before.get(iri), 1),
            "after": number(after.get(iri), 1),
        }
        for iri in along
    ]


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
