"""One re-routing study: from a grid and its network to plans with verdicts.

In: what the members told (`Told`) and a `Request`. Out: a `Study`, whose ``to_json`` is the result
of the command: areas, interconnected groups, open points, candidates as plans, mismatches, what is
missing. Every step is in the parts beside this file; here is only their order.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from federation.rerouting.areas import supply_areas
from federation.rerouting.extract import build
from federation.rerouting.grid import Gap, Grid
from federation.rerouting.mismatches import find_mismatches
from federation.rerouting.planning import Outage, Planning, at_half_hour, latest, read_planning
from federation.rerouting.proof import Proof, Setting
from federation.rerouting.record import Study
from federation.rerouting.request import Request, Told
from federation.rerouting.transfers import find_candidates
from kgnode.errors import BadRequest

__all__ = ["Request", "Study", "Told", "run_study"]


def run_study(told: Told, request: Request) -> Study:
    """Make a study.

    Raises:
        BadRequest: a named supply point or asset is not there, or the time is none.
    """
    setting = _setting(told, request)
    grid, areas = setting.grid, setting.areas
    for name in (request.giver, request.receiver):
        if name is not None and areas.area(name) is None:
            known = ", ".join(sorted(areas.gsps))
            raise BadRequest(f"There is no supply point {name!r}.", hint=f"Known are: {known}.")
    search = find_candidates(
        grid, areas, giver=request.giver, receiver=request.receiver, without=setting.without
    )
    proof = Proof(setting, told, request)
    ordered = sorted(search.candidates, key=lambda candidate: bool(proof.screened(candidate)))
    plans = tuple(
        proof.plan(candidate, verify=place < request.verify)
        for place, candidate in enumerate(ordered)
    )
    return Study(
        request=request,
        setting=setting,
        search=search,
        plans=plans,
        mismatches=find_mismatches(grid),
        missing=(*setting.missing, *proof.failures),
        told=replace(told, answers={}),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _setting(told: Told, request: Request) -> Setting:
    """Return the grid at the time asked for, without what is then out of service."""
    grid, planning = build(told.answers), read_planning(told.answers)
    models_time = latest(model.scenario_time for model in grid.models)
    applied: tuple[Outage, ...] = ()
    if request.at:
        applied = planning.during(request.at)
        grid = at_half_hour(grid, planning, request.at, models_time)
    out = {outage.asset for outage in applied}
    asked = _asset(grid, planning, request.outage)
    without = frozenset((out & grid.equipment.keys()) | ({asked} if asked else set()))
    unknown = tuple(
        Gap(o.owner, f"the asset of the planned outage {o.name or o.asset}", "in service")
        for o in applied
        if o.asset not in grid.equipment
    )
    return Setting(
        grid=grid,
        areas=supply_areas(grid, roles=told.roles or None, without=without),
        planning=planning,
        missing=(*told.lost, *grid.gaps, *unknown),
        without=without,
        asked=asked,
        applied=applied,
        time=request.at or models_time,
        moved_in_time=bool(request.at),
    )


def _asset(grid: Grid, planning: Planning, wanted: str | None) -> str | None:
    if wanted is None or wanted in grid.equipment:
        return wanted
    found = {part.iri for part in grid.equipment.values() if part.name == wanted}
    found |= {o.asset for o in planning.outages if o.name == wanted and o.asset in grid.equipment}
    if len(found) != 1:
        words = "no asset" if not found else f"{len(found)} assets"
        raise BadRequest(f"There is {words} named {wanted!r}.", hint="Give the IRI of one asset.")
    return found.pop()
