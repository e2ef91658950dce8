"""A finished study, and its form as plain JSON values, as it is answered, kept and compared.

In: what the parts of a study came to. Out: a `Study`; its ``to_json`` has the members that
docs/rerouting.md names under "A study". Names stand beside identifiers; what is not known is null.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from federation.rerouting.areas import Area, Areas
from federation.rerouting.grid import Gap, Grid
from federation.rerouting.mismatches import Mismatch
from federation.rerouting.openpoints import OpenPoint
from federation.rerouting.planning import Outage
from federation.rerouting.plans import Plan
from federation.rerouting.proof import Setting
from federation.rerouting.request import Request, Told
from federation.rerouting.sheet import number, plan_sheet
from federation.rerouting.transfers import Search
from kgnode import __version__


@dataclass(frozen=True)
class Study:
    """A finished study; ``told`` keeps what it was made of, without the answers."""

    request: Request
    setting: Setting
    search: Search
    plans: tuple[Plan, ...]
    mismatches: tuple[Mismatch, ...]
    missing: tuple[Gap, ...]
    told: Told
    made: str

    @property
    def grid(self) -> Grid:
        """The graph that was studied."""
        return self.setting.grid

    @property
    def areas(self) -> Areas:
        """Its supply areas."""
        return self.setting.areas

    def to_json(self) -> dict[str, Any]:
        """Return the study as plain JSON values (docs/rerouting.md, "A study")."""
        return _study(self)


def _study(study: Study) -> dict[str, Any]:
    """Return a study as plain JSON values."""
    grid, areas = study.grid, study.areas
    applied = set(study.setting.applied)
    return {
        "from": study.request.giver,
        "to": study.request.receiver,
        "outage": study.request.outage,
        "outage_asset": study.setting.asked,
        "at": study.setting.time or None,
        "made": study.made,
        "thresholds": asdict(study.request.thresholds),
        **_provenance(study),
        "outages": [_outage(grid, o, o in applied) for o in study.setting.planning.outages],
        "areas": [_area(area) for area in areas.areas],
        "interconnected": [list(group) for group in areas.interconnected],
        "islands": list(areas.islands),
        "not_normal": list(areas.not_normal),
        "open_points": [_open_point(grid, point) for point in areas.open_points],
        "candidates": [plan_sheet(plan, grid) for plan in study.plans],
        "rejected": dict(study.search.rejected),
        "mismatches": [
            {"kind": m.kind, "subject": m.subject, "owners": list(m.owners), "message": m.message}
            for m in study.mismatches
        ],
        "missing": [_gap(gap) for gap in study.missing],
    }


def _provenance(study: Study) -> dict[str, Any]:
    """Return what the study was made of: views, policies, mapping sets, models, tools."""
    told, grid = study.told, study.grid
    return {
        "model_versions": dict(told.versions) or _versions(grid),
        "policies": dict(told.policies),
        "mappings": {org: list(sets) for org, sets in told.mappings.items() if sets},
        "withheld": {org: dict(said) for org, said in told.withheld.items()},
        "tools": {"gridspine": __version__, "pypowsybl": version("pypowsybl")},
        "models": [
            {
                "iri": m.iri,
                "owner": m.owner,
                "profiles": list(m.profiles),
                "version": m.version,
                "scenario_time": m.scenario_time,
            }
            for m in grid.models
        ],
    }


def _outage(grid: Grid, outage: Outage, applied: bool) -> dict[str, Any]:
    return {
        "asset": outage.asset,
        "name": outage.name or grid.name(outage.asset),
        "owner": outage.owner,
        "start": outage.start,
        "end": outage.end,
        "applied": applied,
    }


def _area(area: Area) -> dict[str, Any]:
    return {
        "gsp": area.key,
        "gsps": list(area.gsps),
        "owners": list(area.owners),
        "demand_mw": number(area.demand_mw),
        "generation_mw": number(area.generation_mw),
        "loads": len(area.loads),
        "unknown_demand": len(area.unknown),
    }


def _open_point(grid: Grid, point: OpenPoint) -> dict[str, Any]:
    return {
        "switch": point.switch,
        "also": list(point.also),
        "name": grid.name(point.switch),
        "kv": point.kv,
        "owner": point.owner,
        "areas": list(point.areas),
        "cross_owner": point.cross_owner,
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "owner": gap.owner or None,
        "what": gap.what,
        "assumed": gap.assumed,
        "count": len(gap.subjects),
    }


def _versions(grid: Grid) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for model in grid.models:
        found.setdefault(model.owner, []).append(model.iri)
    return {owner: " ".join(iris) for owner, iris in found.items()}
