"""N-1 as the change against the base case.

In: a bench in some switching state and a set of branches. Out: per contingency and asset, loading
in percent of the permanent rating, and voltage violations. A contingency on a boundary line is one
on the tie line it is part of. Base results are kept: each contingency is tried once there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from federation.rerouting.bench import Bench
from federation.rerouting.loadflow import parameters


@dataclass(frozen=True)
class Outcomes:
    """Results of a set of contingencies.

    Attributes:
        overloads: (contingency, asset) -> percent, where above 100 %.
        voltages: (contingency, voltage level) -> kV, where outside the level's limits.
        failed: contingencies whose load flow did not converge.
    """

    overloads: Mapping[tuple[str, str], float]
    voltages: Mapping[tuple[str, str], float]
    failed: frozenset[str]


@dataclass(frozen=True)
class NewViolations:
    """What a plan adds to the base case's N-1 results.

    Attributes:
        overloads: new or worse by more than one point: (contingency, asset, percent).
        voltages: voltage violations the base case has not: (contingency, level, kV).
        failed: contingencies that no longer converge.
    """

    overloads: tuple[tuple[str, str, float], ...]
    voltages: tuple[tuple[str, str, float], ...]
    failed: tuple[str, ...]
    tried: int

    @property
    def worst_percent(self) -> float:
        """Highest new loading, 0 where there is none."""
        return max((percent for _, _, percent in self.overloads), default=0.0)


class Contingencies:
    """Runs contingencies on a bench and keeps those of the base case."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        network = bench.network
        self._tie: dict[str, str] = {}
        ties = network.get_tie_lines(attributes=["boundary_line1_id", "boundary_line2_id"])
        for own, one, other in ties.itertuples():
            self._tie[one] = self._tie[other] = own
        self._halves = {own: one for own, one, _ in ties.itertuples()}
        self._base: dict[str, Outcomes] = {}

    def new(self, branches: Iterable[str]) -> NewViolations:
        """Compare the working variant with the base for the loss of each branch (IRIs)."""
        wanted = self._elements(branches)
        missing = [own for own in wanted if own not in self._base]
        if missing:
            self._run_base(missing)
        after = self._run(wanted)
        overloads: list[tuple[str, str, float]] = []
        voltages: list[tuple[str, str, float]] = []
        for own in wanted:
            base = self._base[own]
            overloads += [
                (self._iri(own), self._iri(asset), percent)
                for (contingency, asset), percent in after.overloads.items()
                if contingency == own and percent > base.overloads.get((own, asset), 0.0) + 1.0
            ]
            voltages += [
                (self._iri(own), self._iri(level), kv)
                for (contingency, level), kv in after.voltages.items()
                if contingency == own and (own, level) not in base.voltages
            ]
        failed = [own for own in wanted if own in after.failed - self._base[own].failed]
        return NewViolations(
            tuple(sorted(overloads, key=lambda v: -v[2])),
            tuple(sorted(voltages)),
            tuple(self._iri(own) for own in failed),
            len(wanted),
        )

    def _elements(self, branches: Iterable[str]) -> list[str]:
        owns = [self.bench.id(iri) for iri in branches if self.bench.has(iri)]
        return list(dict.fromkeys(self._tie.get(own, own) for own in owns))

    def _iri(self, own: str) -> str:
        return self.bench.iris.get(self._halves.get(own, own), own)

    def _run_base(self, elements: list[str]) -> None:
        network = self.bench.network
        working = network.get_working_variant_id()
        network.set_working_variant("base")
        try:
            outcomes = self._run(elements)
        finally:
            network.set_working_variant(working)
        for own in elements:
            self._base[own] = Outcomes(
                {k: v for k, v in outcomes.overloads.items() if k[0] == own},
                {k: v for k, v in outcomes.voltages.items() if k[0] == own},
                outcomes.failed & {own},
            )

    def _run(self, elements: list[str]) -> Outcomes:
        import pypowsybl.security

        analysis = pypowsybl.security.create_analysis()
        analysis.add_single_element_contingencies(elements)
        network = self.bench.network
        slack = network.get_generators(attributes=["bus_id"]).loc[self.bench.base.slack, "bus_id"]
        result = analysis.run_ac(network, parameters(self.bench.pinned, str(slack)))
        failed = frozenset(
            own
            for own, outcome in result.post_contingency_results.items()
            if outcome.status.name not in ("CONVERGED", "NO_IMPACT")
        )
        overloads: dict[tuple[str, str], float] = {}
        voltages: dict[tuple[str, str], float] = {}
        for row in result.limit_violations.reset_index().itertuples():
            key = (row.contingency_id, row.subject_id)
            if not row.contingency_id:
                continue
            if row.limit_type == "CURRENT":
                percent = self._percent(row)
                overloads[key] = max(percent, overloads.get(key, 0.0))
            elif row.limit_type in ("LOW_VOLTAGE", "HIGH_VOLTAGE"):
                voltages[key] = float(row.value)
        return Outcomes({k: v for k, v in overloads.items() if v > 100.0}, voltages, failed)

    def _percent(self, row: Any) -> float:
        limit = self.bench.limit_a(row.subject_id, row.side) or self.bench.limit_a(
            self._halves.get(row.subject_id, row.subject_id), "NONE"
        )
        return 100.0 * float(row.value) / (limit or float(row.limit))
