"""Plans made of candidates, with a bench where a load flow is possible at all.

In: a `Setting` (the grid, its areas, what is out of service) with what was told and asked. Out: a
`Plan` per candidate with its verdict; where there is no load flow, a gap says why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from federation.rerouting.areas import Areas
from federation.rerouting.bench import Bench
from federation.rerouting.footprint import Footprints
from federation.rerouting.gaps import IMPEDANCE
from federation.rerouting.grid import Gap, Grid
from federation.rerouting.network import Network, load_files, quiet_import
from federation.rerouting.planning import Outage, Planning
from federation.rerouting.plans import NOT_VERIFIED, Plan, make_plan
from federation.rerouting.request import Request, Told
from federation.rerouting.transfers import Candidate
from federation.rerouting.verdicts import Colour, Verdict, judge
from federation.rerouting.verification import Verification, Verified
from federation.rerouting.window import holding_half_hours
from kgnode.errors import GridspineError


@dataclass(frozen=True)
class Setting:
    """What a study is made in.

    Attributes:
        without: equipment out of service besides what the models say.
        asked: the asset whose outage is the reason for the search, None where there is none.
        applied: planned outages that were taken out for the time of the study.
        time: the time of the study, else of the models; "" where neither is known.
        moved_in_time: whether demand was carried to another half-hour than the models'.
    """

    grid: Grid
    areas: Areas
    planning: Planning
    missing: tuple[Gap, ...]
    without: frozenset[str]
    asked: str | None
    applied: tuple[Outage, ...]
    time: str
    moved_in_time: bool


class Proof:
    """Makes the plans of one study."""

    def __init__(self, setting: Setting, told: Told, request: Request) -> None:
        self.setting, self.told, self.request = setting, told, request
        self.grid, self.missing = setting.grid, setting.missing
        self.failures: tuple[Gap, ...] = ()
        self.names = _Names(setting.grid)
        self.verification: Verification | None = None
        if told.archive is not None and request.verify > 0:
            self._prepare(told.archive)

    def _prepare(self, archive: Path) -> None:
        if any(gap.what == IMPEDANCE for gap in self.missing):
            return
        grid, areas, without = self.grid, self.setting.areas, self.setting.without
        demand = grid.loads if self.setting.moved_in_time else {}
        try:
            network = load_network(archive, keep=not without)
            bench = Bench(network, grid, areas, without=without, demand=demand)
        except GridspineError as error:
            self.failures = (Gap("", f"a network: {error.message}", "no load flow"),)
            return
        if bench.base.converged:
            footprints = Footprints(grid, areas)
            self.verification = Verification(bench, footprints, self.request.thresholds)
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
        return holding_half_hours(
            self.verification, candidate, self.setting.planning, self.setting.time
        )


class _Names(dict[str, str]):
    """IRI -> name of anything in the grid."""

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.grid = grid

    def get(self, key: str, default: str | None = None) -> str:  # type: ignore[override]
        """Return the name of an asset, else the default."""
        return self.grid.name(key) or default or key


AS_LOADED = "InitialState"
"""PowSyBl's name of the variant that a network is loaded with."""

_kept: dict[tuple[Path, int], Network] = {}
"""The last network of this process, so that the next study on the same views need not load it."""


def load_network(archive: Path, *, keep: bool = False) -> Network:
    """Return the network of a zip of CIM models, or of a PowSyBl file made of them earlier.

    Args:
        archive: the file.
        keep: whether the caller changes nothing but variants of it, so that it may be used again.
    """
    if archive.suffix != ".biidm":
        return load_files([archive])
    quiet_import()
    import pypowsybl.network

    key = (archive, archive.stat().st_mtime_ns)
    network = _kept.get(key) if keep else None
    _kept.clear()
    if network is None:
        network = pypowsybl.network.load(str(archive))
    network.set_working_variant(AS_LOADED)
    for variant in network.get_variant_ids():
        if variant != AS_LOADED:
            network.remove_variant(variant)
    if keep:
        _kept[key] = network
    return network
