"""N-1 of a switching state, read as the change against the base case.

In: a bench whose working variant is the state after a transfer, branches by IRI. Out: what the
base case has not, be it before or after the same loss: overloads in percent of the permanent
rating, and voltage violations by how far outside its limits a level is. A contingency on a boundary
line is one on the tie line it is part of. In the base only those are tried, each once, that leave
anything outside limits afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from federation.rerouting.bench import BASE, Bench
from federation.rerouting.loadflow import parameters, slack_of
from federation.rerouting.thresholds import Thresholds

THREADS = 2
"""Threads that share the contingencies; the outcomes are the same for any number."""

NO_LOSS = ""
"""In place of a contingency: the state before any."""


@dataclass(frozen=True)
class Outside:
    """A voltage outside its level's limits: kV, and how far outside in percent of nominal."""

    kv: float
    percent: float


@dataclass(frozen=True)
class Outcomes:
    """Results of a set of contingencies; `NO_LOSS` is the state before any.

    Attributes:
        overloads: (contingency, asset) -> percent, where above 100 %.
        voltages: (contingency, voltage level) -> how far outside the level's limits.
        failed: contingencies whose load flow did not converge.
    """

    overloads: Mapping[tuple[str, str], float]
    voltages: Mapping[tuple[str, str], Outside]
    failed: frozenset[str]


@dataclass(frozen=True)
class NewViolations:
    """What a plan adds to the base case's N-1 results.

    Attributes:
        overloads: new or worse by more than one point: (contingency, asset, percent).
        voltages: new or farther outside by more than the tolerance: (contingency, level, kV).
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


@dataclass
class _Base:
    """What the base comes to, as far as it was tried."""

    outcomes: Outcomes = field(default_factory=lambda: Outcomes({}, {}, frozenset()))
    tried: set[str] = field(default_factory=set)

    def add(self, elements: Iterable[str], found: Outcomes) -> None:
        self.tried.update(elements)
        self.outcomes = Outcomes(
            {**self.outcomes.overloads, **found.overloads},
            {**self.outcomes.voltages, **found.voltages},
            self.outcomes.failed | found.failed,
        )


class Contingencies:
    """Runs contingencies on a bench and keeps those of the base case."""

    def __init__(self, bench: Bench, thresholds: Thresholds | None = None) -> None:
        self.bench, self.thresholds = bench, thresholds or Thresholds()
        network = bench.network
        self._tie: dict[str, str] = {}
        ties = network.get_tie_lines(attributes=["boundary_line1_id", "boundary_line2_id"])
        for own, one, other in ties.itertuples():
            self._tie[one] = self._tie[other] = own
        self._halves = {own: one for own, one, _ in ties.itertuples()}
        self._kept: dict[frozenset[str | None], _Base] = {}

    def new(self, branches: Iterable[str], areas: Iterable[str | None] = ()) -> NewViolations:
        """Compare the working variant with the base for the loss of each branch (IRIs).

        Args:
            branches: what is lost, one at a time.
            areas: where taps may move, as in `Bench.switched`; in the base likewise.
        """
        wanted, tolerance = self._elements(branches), self.thresholds.n1_voltage_percent
        after = self._run(wanted)
        doubtful = _doubtful(after, tolerance)
        base = self._of_base([own for own in wanted if own in doubtful], frozenset(areas))
        overloads = [
            (self._iri(own), self._iri(asset), percent)
            for (own, asset), percent in after.overloads.items()
            if own != NO_LOSS and percent > _before(base.overloads, own, asset) + 1.0
        ]
        known = {key: outside.percent for key, outside in base.voltages.items()}
        voltages = [
            (self._iri(own), self._iri(level), outside.kv)
            for (own, level), outside in after.voltages.items()
            if own != NO_LOSS and outside.percent > _before(known, own, level) + tolerance
        ]
        failed = [own for own in wanted if own in after.failed - base.failed]
        return NewViolations(
            tuple(sorted(overloads, key=lambda v: (-v[2], v))),
            tuple(sorted(voltages)),
            tuple(self._iri(own) for own in failed),
            len(wanted),
        )

    def _elements(self, branches: Iterable[str]) -> list[str]:
        owns = [self.bench.id(iri) for iri in branches if self.bench.has(iri)]
        return list(dict.fromkeys(self._tie.get(own, own) for own in owns))

    def _iri(self, own: str) -> str:
        return self.bench.iris.get(self._halves.get(own, own), own)

    def _of_base(self, elements: list[str], areas: frozenset[str | None]) -> Outcomes:
        """Return the base's outcomes, with those of the elements; each is tried once."""
        taps, network = self.bench.taps, self.bench.network
        kept = self._kept.setdefault(frozenset() if taps.all_at_once else areas, _Base())
        untried = [own for own in elements if own not in kept.tried]
        if untried:
            working = network.get_working_variant_id()
            network.set_working_variant(BASE)
            taps.free(areas)
            try:
                kept.add(untried, self._run(untried))
            finally:
                taps.free(())
                network.set_working_variant(working)
        return kept.outcomes

    def _run(self, elements: list[str]) -> Outcomes:
        import pypowsybl.security

        analysis = pypowsybl.security.create_analysis()
        analysis.add_single_element_contingencies(elements)
        network = self.bench.network
        _, slack = slack_of(network, self.bench.base.slack)
        wanted = pypowsybl.security.Parameters(
            load_flow_parameters=parameters(self.bench.pinned, slack)
        )
        wanted.increased_violations.flow_proportional_threshold = 0.0
        wanted.provider_parameters = {"threadCount": str(THREADS)}
        result = analysis.run_ac(network, wanted)
        failed = frozenset(
            own
            for own, outcome in result.post_contingency_results.items()
            if outcome.status.name not in ("CONVERGED", "NO_IMPACT")
        )
        table = result.limit_violations.reset_index()
        currents = table[table["limit_type"] == "CURRENT"]
        overloads: dict[tuple[str, str], float] = {}
        for row in currents.itertuples():
            key = (row.contingency_id, row.subject_id)
            overloads[key] = max(self._percent(row), overloads.get(key, 0.0))
        return Outcomes(
            {key: percent for key, percent in overloads.items() if percent > 100.0},
            self._voltages(table),
            failed,
        )

    def _voltages(self, table: Any) -> dict[tuple[str, str], Outside]:
        """Return the worst of each level; it may have several buses."""
        outside = table[table["limit_type"].isin(("LOW_VOLTAGE", "HIGH_VOLTAGE"))]
        names = ("contingency_id", "subject_id", "value", "limit")
        found: dict[tuple[str, str], Outside] = {}
        for own, level, kv, limit in zip(*(outside[n].tolist() for n in names), strict=True):
            far = Outside(kv, 100.0 * abs(kv - limit) / self.bench.nominal.get(level, limit))
            if far.percent >= found.get((own, level), far).percent:
                found[own, level] = far
        return found

    def _percent(self, row: Any) -> float:
        limit = self.bench.limit_a(row.subject_id, row.side) or self.bench.limit_a(
            self._halves.get(row.subject_id, row.subject_id), "NONE"
        )
        return 100.0 * float(row.value) / (limit or float(row.limit))


def _doubtful(after: Outcomes, tolerance: float) -> set[str]:
    """Return the contingencies that could add something, whatever the base comes to.

    The others need not be tried in the base.
    """
    found = {own for own, _ in after.overloads}
    found |= {own for (own, _), far in after.voltages.items() if far.percent > tolerance}
    return found | after.failed


def _before(base: Mapping[tuple[str, str], float], own: str, subject: str) -> float:
    """Return the worse of a base value before and after the same loss, 0 where there is none."""
    return max(base.get((NO_LOSS, subject), 0.0), base.get((own, subject), 0.0))
