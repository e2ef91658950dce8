"""One candidate proven by load flow: base, in parallel, opened with taps frozen, taps free, N-1.

In: a `Bench` and a candidate. Out: `Verified`, numbers only; what they mean is said in `verdicts`.
Tap control is off in parallel and just after switching, where the voltage step is read, and on
afterwards and in N-1. The states follow the order of the switching steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from federation.rerouting.bench import Bench, Voltage
from federation.rerouting.contingencies import Contingencies, NewViolations
from federation.rerouting.faultlevel import FaultLevel, Impedances, worst_in_parallel
from federation.rerouting.footprint import Footprint, Footprints
from federation.rerouting.grid import Grid
from federation.rerouting.loadflow import LoadFlow
from federation.rerouting.radial import Hanging, Radial
from federation.rerouting.ratings import Loading
from federation.rerouting.thresholds import Thresholds
from federation.rerouting.transfers import Candidate

NO_LOADING = Loading(math.nan, "")
NO_VOLTAGE = Voltage(math.nan, math.nan)


@dataclass(frozen=True)
class StepState:
    """The state after one switching operation; unfed counts loads that lost their supply."""

    action: str
    switch: str
    converged: bool
    loading: Loading
    unfed: int


@dataclass(frozen=True)
class Across:
    """Conditions across the open point before closing, and what flows when it is closed."""

    angle_degrees: float
    voltage_percent: float
    redistributed_mw: float


@dataclass(frozen=True)
class Headroom:
    """Firm capacity left at both ends after the transfer, MVA, and whether flow reverses."""

    from_mva: float
    to_mva: float
    reverse: bool


@dataclass(frozen=True)
class Verified:
    """Numbers of one candidate.

    Attributes:
        failed: the first state whose load flow did not converge, or "".
        along: state -> asset of the tie and the path -> percent of its rating.
        worse: assets above rating afterwards and worse than before -> percent.
        hanging: demand that one loss leaves unfed afterwards and does not now, largest first.
        spread: largest tap difference of parallel transformers afterwards.
    """

    footprint: Footprint
    failed: str
    thermal: Mapping[str, Loading]
    voltage: Mapping[str, Voltage]
    step_percent: float
    across: Across
    headroom: Headroom
    steps: tuple[StepState, ...]
    along: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    worse: Mapping[str, float] = field(default_factory=dict)
    n1: NewViolations | None = None
    hanging: tuple[Hanging, ...] = ()
    spread: int = 0
    fault_level: FaultLevel | None = None


class Verification:
    """Verifies candidates on one bench."""

    def __init__(
        self,
        bench: Bench,
        footprints: Footprints | None = None,
        thresholds: Thresholds | None = None,
    ) -> None:
        self.bench = bench
        self.footprints = footprints or Footprints(bench.grid, bench.areas)
        self.thresholds = thresholds or Thresholds()
        self.contingencies = Contingencies(bench, self.thresholds)
        self.impedances = Impedances(bench)
        self.radial = Radial(bench.grid, bench.areas, bench.without)

    def verify(self, candidate: Candidate, *, n1: str = "reduced") -> Verified:
        """Run all states of a candidate.

        Args:
            candidate: what to verify.
            n1: ``none``, ``reduced`` (path, tie, supergrid, moved circuits) or ``full`` (both
                areas).
        """
        run = _Run(self.bench, candidate, self.footprints, self.impedances)
        areas = (candidate.giver, candidate.receiver)
        with self.bench.switched(areas):
            flow = run.through()
            if flow is not None and n1 != "none":
                wanted = run.footprint.contingencies if n1 == "reduced" else run.everything()
                run.n1 = self.contingencies.new(wanted, areas)
                run.hanging = self.radial.new(candidate)
        return run.verified()


class _Run:
    """The states of one candidate, in order."""

    def __init__(
        self, bench: Bench, candidate: Candidate, footprints: Footprints, impedances: Impedances
    ) -> None:
        self.bench, self.candidate, self.impedances = bench, candidate, impedances
        self.footprint = footprints.of(candidate)
        self.supergrid = footprints.supergrid
        self.base = bench.base
        self.unfed = self._unfed(self.base) if self.base.converged else set()
        self.steps: list[StepState] = []
        self.flows: dict[str, LoadFlow] = {"before": self.base}
        self.failed = "" if self.base.converged else "base"
        self.step = 0.0
        self.n1: NewViolations | None = None
        self.hanging: tuple[Hanging, ...] = ()
        self.spread = 0
        self.fault_level: FaultLevel | None = None

    def through(self) -> LoadFlow | None:
        """Go through all states; None where one does not converge."""
        if self.failed:
            return None
        flow = self._close()
        for switch in self.candidate.open if flow is not None else ():
            flow = self._operate("open", switch, flow)
            if flow is None:
                return None
        if flow is None:
            return None
        self.flows["just after"] = flow
        after = self.bench.settle()
        if not after.converged:
            self.failed = "after, taps free"
            return None
        self.flows["after"] = after
        self.spread = self.bench.taps.spread()
        return after

    def everything(self) -> tuple[str, ...]:
        """Return the full set of contingencies: all branches of both areas."""
        return tuple(sorted(self.footprint.assets))

    def _close(self) -> LoadFlow | None:
        point = self.candidate.point
        flow: LoadFlow | None = self.base
        for switch in (point.switch, *point.also):
            flow = self._operate("close", switch, flow)
            if flow is None:
                return None
        assert flow is not None  # noqa: S101 - there is always one switch to close
        self.flows["parallel"] = flow
        buses = flow.tables["buses"]
        self.fault_level = worst_in_parallel(self.impedances, buses, self._busbars())
        return flow

    def _busbars(self) -> set[str]:
        """Return the busbars at the open point and along the path."""
        grid = self.bench.grid
        nodes = set(self.candidate.point.ends)
        for iri in (*self.footprint.path, *self.footprint.tie):
            nodes.update(grid.equipment[iri].nodes)
        near = {self.bench.busbars.nearest(node) for node in nodes}
        return {iri for iri in near if iri and grid.equipment[iri].kind == "BusbarSection"}

    def _operate(self, action: str, switch: str, before: LoadFlow | None) -> LoadFlow | None:
        if action == "close":
            self.bench.operate(close=[switch])
        else:
            self.bench.operate(open=[switch])
        flow = self.bench.run(frozen=True)
        loading = NO_LOADING
        if flow.converged:
            loading = self.bench.loading(flow, self.footprint.assets)
            if before is not None:
                self.step = max(self.step, self._largest_step(before, flow))
        else:
            self.failed = "in parallel" if action == "close" else "opening"
        unfed = len(self._unfed(flow) - self.unfed) if flow.converged else 0
        self.steps.append(StepState(action, switch, flow.converged, loading, unfed))
        return flow if flow.converged else None

    def _largest_step(self, before: LoadFlow, after: LoadFlow) -> float:
        """Return the largest voltage change at a load of both areas, percent of nominal."""
        one, other = self._load_voltages(before), self._load_voltages(after)
        return max((abs(other[k] - v) * 100.0 for k, v in one.items() if k in other), default=0.0)

    def _load_voltages(self, flow: LoadFlow) -> dict[str, float]:
        """Return per-unit voltage by load: loads keep their names when buses split and merge."""
        per_unit = self.bench.per_unit(flow)
        buses = flow.tables["loads"]["bus_id"].to_dict()
        return {own: per_unit[buses[own]] for own in self.loads if buses[own] in per_unit}

    @cached_property
    def loads(self) -> tuple[str, ...]:
        """Loads of both areas, by PowSyBl id."""
        bench, levels = self.bench, self.footprint.levels
        return tuple(
            bench.id(iri)
            for iri in bench.grid.loads
            if bench.has(iri) and _level(bench.grid, iri) in levels
        )

    def _unfed(self, flow: LoadFlow) -> set[str]:
        loads, buses = flow.tables["loads"], flow.tables["buses"]
        component = dict(
            zip(buses.index.tolist(), buses["synchronous_component"].tolist(), strict=True)
        )
        columns = (loads.index.tolist(), loads["bus_id"].tolist(), loads["connected"].tolist())
        return {
            own
            for own, bus, connected in zip(*columns, strict=True)
            if not connected or component.get(bus) != 0
        }

    def verified(self) -> Verified:
        """Return the numbers of all states gone through."""
        bench, footprint = self.bench, self.footprint
        thermal = (
            {name: bench.loading(flow, footprint.assets) for name, flow in self.flows.items()}
            if self.base.converged
            else {}
        )
        voltage = (
            {name: bench.voltage(flow, footprint.levels) for name, flow in self.flows.items()}
            if self.base.converged
            else {}
        )
        return Verified(
            footprint=footprint,
            failed=self.failed,
            thermal=thermal,
            voltage=voltage,
            step_percent=self.step,
            across=self._across(),
            headroom=self._headroom(),
            steps=tuple(self.steps),
            along=self._along(),
            worse=self._worse(),
            n1=self.n1,
            hanging=self.hanging,
            spread=self.spread,
            fault_level=self.fault_level,
        )

    def _along(self) -> dict[str, dict[str, float]]:
        """Return the loading of what carries the moved demand, before and after."""
        assets = {*self.footprint.tie, *self.footprint.path}
        found = {"before": {a: p for a, p in self.bench.base_loadings.items() if a in assets}}
        if "after" in self.flows:
            found["after"] = self.bench.loadings(self.flows["after"], assets)
        return found if self.base.converged else {}

    def _worse(self) -> dict[str, float]:
        after = self.flows.get("after")
        if after is None:
            return {}
        before = self.bench.base_loadings
        return {
            asset: percent
            for asset, percent in self.bench.above(after, 100.0).items()
            if percent > before.get(asset, 0.0) + 1.0
        }

    def _across(self) -> Across:
        if not self.base.converged:
            return Across(math.nan, math.nan, math.nan)
        one, other = (self.bench.at_base(node) for node in self.candidate.point.ends)
        parallel = self.flows.get("parallel")
        flow = math.nan
        if parallel is not None:
            receiver = self.candidate.receiver
            flow = self._import(parallel, receiver)[0] - self._import(self.base, receiver)[0]
        return Across(abs(one[1] - other[1]), abs(one[0] - other[0]) * 100.0, flow)

    def _headroom(self) -> Headroom:
        after = self.flows.get("after")
        if after is None:
            return Headroom(math.nan, math.nan, False)
        left: list[float] = []
        reverse = False
        for key in (self.candidate.giver, self.candidate.receiver):
            p_mw, q_mvar = self._import(after, key)
            left.append(self._firm(key) - math.hypot(p_mw, q_mvar))
            reverse = reverse or any(
                self._import(flow, key)[0] < -0.1 for flow in self.flows.values()
            )
        return Headroom(left[0], left[1], reverse)

    def _import(self, flow: LoadFlow, key: str) -> tuple[float, float]:
        """Return MW and MVAr that an area takes from transmission at its boundary points."""
        area = self.bench.areas.area(key)
        table = flow.tables["boundary_lines"]
        p_mw = q_mvar = 0.0
        for gsp in area.gsps if area is not None else ():
            for point in self.bench.areas.gsps[gsp].points:
                for own in self.bench.upper_tails(point.node):
                    p_mw += float(table.loc[own, "p"])
                    q_mvar += float(table.loc[own, "q"])
        return p_mw, q_mvar

    def _firm(self, key: str) -> float:
        """Return the rating left when the largest supergrid transformer is lost, MVA."""
        ratings = []
        for transformer in self.supergrid.get(key, frozenset()):
            ends = self.bench.grid.windings.get(transformer, ())
            ratings.append(max((end.rated_mva or 0.0 for end in ends), default=0.0))
        if not ratings or min(ratings) <= 0.0:
            return math.nan
        return sum(ratings) - max(ratings)


def _level(grid: Grid, load: str) -> str:
    return grid.node_level[grid.loads[load].node] or ""
