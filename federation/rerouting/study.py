"""One re-routing study: from a grid and its network to plans with verdicts.

In: what the members told (`Told`) and a `Request`. Out: a `Study`, whose ``to_json`` is the result
of the command: areas, interconnected groups, open points, candidates as plans, mismatches, what is
missing. Every step is in the parts beside this file; here is only their order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from federation.rerouting.areas import Areas, supply_areas
from federation.rerouting.bench import Bench
from federation.rerouting.extract import Answers, build
from federation.rerouting.footprint import Footprints
from federation.rerouting.gaps import IMPEDANCE
from federation.rerouting.grid import Gap, Grid
from federation.rerouting.mismatches import Mismatch, find_mismatches
from federation.rerouting.network import Network, load_files, quiet_import
from federation.rerouting.planning import Planning, half_hour_of, read_planning
from federation.rerouting.plans import NOT_VERIFIED, Plan, make_plan, number
from federation.rerouting.thresholds import Thresholds
from federation.rerouting.transfers import Candidate, Search, find_candidates
from federation.rerouting.verdicts import Colour, Verdict, judge
from federation.rerouting.verification import Verification, Verified
from federation.rerouting.window import holding_half_hours
from kgnode.errors import BadRequest, GridspineError


@dataclass(frozen=True)
class Request:
    """What a planner asks.

    Attributes:
        giver, receiver: areas or grid supply points by name; None is any.
        outage: an asset out of service, by IRI or name, as the reason for the search.
        at: time of the study, ISO 8601; the models' own where None.
        verify: how many candidates, from the top, are proven by load flow.
        n1: ``none``, ``reduced`` or ``full``.
        window: also find the half-hours in which each verified plan holds.
    """

    giver: str | None = None
    receiver: str | None = None
    outage: str | None = None
    at: str | None = None
    verify: int = 10
    n1: str = "reduced"
    window: bool = False
    thresholds: Thresholds = field(default_factory=Thresholds)


@dataclass(frozen=True)
class Told:
    """What the members told.

    Attributes:
        answers: organisation -> question -> columns.
        roles: organisation -> licence role.
        versions: organisation -> digest of the view asked.
        withheld: organisation -> ``none``, ``some`` or ``undisclosed``.
        lost: gaps of members that could not be asked.
        archive: zip of the models, or a PowSyBl file made of them earlier; None where not fetched.
    """

    answers: Answers
    roles: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    withheld: Mapping[str, str] = field(default_factory=dict)
    lost: tuple[Gap, ...] = ()
    archive: Path | None = None


@dataclass(frozen=True)
class Study:
    """A finished study."""

    request: Request
    grid: Grid
    areas: Areas
    search: Search
    plans: tuple[Plan, ...]
    mismatches: tuple[Mismatch, ...]
    missing: tuple[Gap, ...]
    versions: Mapping[str, str]
    made: str

    def to_json(self) -> dict[str, Any]:
        """Return the study as plain JSON values (docs/rerouting.md, "A study")."""
        return _json(self)


def run_study(told: Told, request: Request) -> Study:
    """Make a study.

    Raises:
        BadRequest: a named supply point or asset is not there.
    """
    grid = build(told.answers)
    outage = _asset(grid, request.outage)
    without = frozenset({outage} if outage else ())
    areas = supply_areas(grid, roles=told.roles or None, without=without)
    for name in (request.giver, request.receiver):
        if name is not None and areas.area(name) is None:
            known = ", ".join(sorted(areas.gsps))
            raise BadRequest(f"There is no supply point {name!r}.", hint=f"Known are: {known}.")
    search = find_candidates(
        grid, areas, giver=request.giver, receiver=request.receiver, without=without
    )
    missing = (*told.lost, *grid.gaps)
    planning = read_planning(told.answers)
    proof = _Proof(grid, areas, planning, told, request, missing, without)
    ordered = sorted(search.candidates, key=lambda candidate: bool(proof.screened(candidate)))
    plans = tuple(
        proof.plan(candidate, verify=place < request.verify)
        for place, candidate in enumerate(ordered)
    )
    return Study(
        request=request,
        grid=grid,
        areas=areas,
        search=search,
        plans=plans,
        mismatches=find_mismatches(grid),
        missing=(*missing, *proof.failures),
        versions=told.versions,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    )


class _Proof:
    """Makes plans, with a bench where a load flow is possible at all."""

    def __init__(
        self,
        grid: Grid,
        areas: Areas,
        planning: Planning,
        told: Told,
        request: Request,
        missing: tuple[Gap, ...],
        without: frozenset[str],
    ) -> None:
        self.grid, self.areas, self.planning = grid, areas, planning
        self.told, self.request, self.missing = told, request, missing
        self.failures: tuple[Gap, ...] = ()
        self.names = _Names(grid)
        self.verification: Verification | None = None
        if told.archive is not None and request.verify > 0:
            self._prepare(told.archive, without)

    def _prepare(self, archive: Path, without: frozenset[str]) -> None:
        if any(gap.what == IMPEDANCE for gap in self.missing):
            return
        try:
            network = load_network(archive)
            bench = Bench(network, self.grid, self.areas, without=without)
        except GridspineError as error:
            self.failures = (Gap("", f"a network: {error.message}", "no load flow"),)
            return
        if bench.base.converged:
            self.verification = Verification(bench, Footprints(self.grid, self.areas))
        else:
            text = f"a base case that converges ({bench.base.message})"
            self.failures = (Gap("", text, "no load flow"),)

    def screened(self, candidate: Candidate) -> str:
        """Return why a candidate is proven last: more power than its circuit may carry, or "".

        A screen never decides a verdict; it only puts what is hopeless behind the rest.
        """
        if self.verification is None:
            return ""
        bench = self.verification.bench
        kv = candidate.point.kv or 0.0
        limits = [
            limit
            for iri in self.verification.footprints.tie(candidate)
            if bench.has(iri)
            for side in ("ONE", "TWO", "NONE")
            if (limit := bench.limit_a(bench.id(iri), side)) is not None
        ]
        moved_mva = math.hypot(candidate.net_mw, candidate.mvar)
        rating_mva = math.sqrt(3.0) * kv * min(limits, default=math.inf) / 1000.0
        if moved_mva <= rating_mva:
            return ""
        return f"screen: {moved_mva:.0f} MVA over a circuit of {rating_mva:.0f} MVA"

    def plan(self, candidate: Candidate, *, verify: bool) -> Plan:
        """Return the plan of a candidate."""
        limits = self.request.thresholds
        verified: Verified | None = None
        if verify and self.verification is not None:
            verified = self.verification.verify(candidate, n1=self.request.n1)
        gaps = (*self.missing, *self.failures)
        verdict = judge(candidate, verified, gaps, self.told.withheld, limits, self.names)
        if not verify:
            reasons = tuple(filter(None, (self.screened(candidate), NOT_VERIFIED)))
            verdict = Verdict(Colour.NOT_ASSESSABLE, reasons, verdict.missing)
        plan = make_plan(self.grid, candidate, verified, verdict, limits)
        if verified is not None and self.request.window and not verified.failed:
            plan = plan.with_window(self._window(candidate))
        return plan

    def _window(self, candidate: Candidate) -> tuple[int, ...]:
        assert self.verification is not None  # noqa: S101 - called for verified plans only
        times = [model.scenario_time for model in self.grid.models if model.scenario_time]
        return holding_half_hours(
            self.verification.bench,
            self.verification.footprints,
            candidate,
            self.planning,
            self.request.thresholds,
            reference=half_hour_of(max(times, default="")),
        )


class _Names(dict[str, str]):
    """IRI -> name of anything in the grid."""

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.grid = grid

    def get(self, key: str, default: str | None = None) -> str:  # type: ignore[override]
        """Return the name of an asset, else the default."""
        return self.grid.name(key) or default or key


def load_network(archive: Path) -> Network:
    """Return the network of a zip of CIM models, or of a PowSyBl file made of them earlier."""
    if archive.suffix != ".biidm":
        return load_files([archive])
    quiet_import()
    import pypowsybl.network

    return pypowsybl.network.load(str(archive))


def _asset(grid: Grid, wanted: str | None) -> str | None:
    if wanted is None or wanted in grid.equipment:
        return wanted
    found = [part.iri for part in grid.equipment.values() if part.name == wanted]
    if len(found) != 1:
        words = "no asset" if not found else f"{len(found)} assets"
        raise BadRequest(f"There is {words} named {wanted!r}.", hint="Give the IRI of one asset.")
    return found[0]


def _json(study: Study) -> dict[str, Any]:
    grid, areas = study.grid, study.areas
    times = sorted({model.scenario_time for model in grid.models if model.scenario_time})
    return {
        "from": study.request.giver,
        "to": study.request.receiver,
        "outage": study.request.outage,
        "at": study.request.at or (times[-1] if times else None),
        "made": study.made,
        "model_versions": dict(study.versions) or _versions(grid),
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
        "areas": [
            {
                "gsp": area.key,
                "gsps": list(area.gsps),
                "owners": list(area.owners),
                "demand_mw": number(area.demand_mw),
                "generation_mw": number(area.generation_mw),
                "loads": len(area.loads),
                "unknown_demand": len(area.unknown),
            }
            for area in areas.areas
        ],
        "interconnected": [list(group) for group in areas.interconnected],
        "islands": list(areas.islands),
        "not_normal": list(areas.not_normal),
        "open_points": [
            {
                "switch": point.switch,
                "also": list(point.also),
                "name": grid.name(point.switch),
                "kv": point.kv,
                "owner": point.owner,
                "areas": list(point.areas),
                "cross_owner": point.cross_owner,
            }
            for point in areas.open_points
        ],
        "candidates": [plan.to_json(grid) for plan in study.plans],
        "rejected": dict(study.search.rejected),
        "mismatches": [
            {"kind": m.kind, "subject": m.subject, "owners": list(m.owners), "message": m.message}
            for m in study.mismatches
        ],
        "missing": [
            {
                "owner": g.owner or None,
                "what": g.what,
                "assumed": g.assumed,
                "count": len(g.subjects),
            }
            for g in study.missing
        ],
    }


def _versions(grid: Grid) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for model in grid.models:
        found.setdefault(model.owner, []).append(model.iri)
    return {owner: " ".join(iris) for owner, iris in found.items()}
