"""All policies of a home as one thing that answers: may this caller read this label now?

In: policy documents. Out: ``Policies`` whose ``decide`` gives a ``Decision`` with the clause it
rests on. Cedar holds one small policy set per (data set, caller's organisation, roles, groups), so
that the cost of a decision does not grow with the number of policies. Anything that goes wrong
while deciding denies.
"""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import cedarpy

from kgnode.policy.caller import Caller
from kgnode.policy.cedar import policy_set, request
from kgnode.policy.odrl import Clause, Policy, load_policy

SLICES_KEPT = 4096
_NOBODY = cedarpy.Entities.from_json_str("[]")


@dataclass(frozen=True)
class Target:
    """A label to decide on, with the data set it belongs to and the areas it is bounded by."""

    label: str
    dataset: str
    areas: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Decision:
    """Whether a label may be read, the clauses that decided, and one sentence why."""

    allowed: bool
    clauses: tuple[str, ...]
    reason: str


class Policies:
    """The policies in force; immutable, so a change is a new object.

    Args:
        policies: the documents, understood.
        closed: why nothing at all is permitted (a document that cannot be read), else None.
    """

    def __init__(self, policies: Iterable[Policy], closed: str | None = None) -> None:
        self.policies = tuple(sorted(policies, key=lambda policy: policy.uid))
        self.closed = closed
        text = repr((self.policies, closed)).encode()
        self.digest = hashlib.sha256(text).hexdigest()[:32]
        self._by_dataset: dict[str, list[Clause]] = defaultdict(list)
        self._assigned: dict[str, dict[tuple[str, str], list[Clause]]] = {}
        self._slices: OrderedDict[object, cedarpy.PolicySet] = OrderedDict()
        self._lock = threading.Lock()
        if closed is None:
            self._index()
        self._instants, self._clocks = self._boundaries()

    @classmethod
    def from_documents(cls, documents: Iterable[bytes | Policy]) -> Policies:
        """Read and take policy documents.

        Raises:
            BadPolicy: one of them is refused; then none is taken.
        """
        return cls(d if isinstance(d, Policy) else load_policy(d) for d in documents)

    def _index(self) -> None:
        for policy in self.policies:
            for clause in policy.clauses:
                for dataset in {dataset_of(target) for target in clause.targets}:
                    self._by_dataset[dataset].append(clause)
        for dataset, clauses in self._by_dataset.items():
            assigned: dict[tuple[str, str], list[Clause]] = defaultdict(list)
            for clause in clauses:
                for key in _assigned_to(clause):
                    assigned[key].append(clause)
            self._assigned[dataset] = dict(assigned)

    def _boundaries(self) -> tuple[list[int], list[int]]:
        """Return the instants (ms) and clock times (s) at which a decision may change."""
        found: dict[str, set[int]] = {"dateTime": set(), "timeOfDay": set(), "dayOfWeek": set()}
        for policy in self.policies:
            for clause in policy.clauses:
                for part in clause.constraints:
                    if part.left in ("dateTime", "timeOfDay"):
                        moment = int(part.values[0])
                        found[part.left] |= {moment, moment + 1}
                    elif part.left == "dayOfWeek":
                        found["timeOfDay"].add(0)
        return sorted(found["dateTime"]), sorted(found["timeOfDay"])

    def period(self, now: datetime) -> tuple[int, int, int]:
        """Return a key that is equal for two times between which no decision can change."""
        if not self._instants and not self._clocks:
            return 0, 0, 0
        moment = now.astimezone(UTC)
        instant = bisect_right(self._instants, int(moment.timestamp() * 1000))
        if not self._clocks:
            return instant, 0, 0
        second = moment.hour * 3600 + moment.minute * 60 + moment.second
        return instant, moment.toordinal(), bisect_right(self._clocks, second)

    def turns(self, now: datetime, until: datetime) -> list[datetime]:
        """Return the moments between two times at which a decision can change by itself."""
        first, last = now.astimezone(UTC), until.astimezone(UTC)
        start = first.replace(hour=0, minute=0, second=0, microsecond=0)
        days = [start + timedelta(days=day) for day in range((last - start).days + 1)]
        clocks = sorted({0, *self._clocks}) if self._clocks else []
        found = [day + timedelta(seconds=second) for day in days for second in clocks]
        found += [
            datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=instant)
            for instant in self._instants[
                bisect_left(self._instants, int(first.timestamp() * 1000)) : bisect_right(
                    self._instants, int(last.timestamp() * 1000)
                )
            ]
        ]
        return sorted(moment for moment in found if first < moment <= last)

    def clauses_for(self, caller: Caller, dataset: str) -> tuple[Clause, ...]:
        """Return the clauses on a data set that can concern the caller at all, in order."""
        assigned = self._assigned.get(dataset, {})
        found: dict[str, Clause] = {}
        for key in _keys_of(caller):
            for clause in assigned.get(key, ()):
                found[clause.id] = clause
        return tuple(found[name] for name in sorted(found))

    def decide(
        self, caller: Caller, targets: Sequence[Target], now: datetime
    ) -> Mapping[str, Decision]:
        """Return label -> decision for every target.

        Whatever fails on the way (a slice that does not compile, an evaluation error in any
        clause) denies: a prohibition that could not be evaluated might have held.
        """
        if self.closed is not None:
            return {t.label: Decision(False, (), self.closed) for t in targets}
        by_dataset: dict[str, list[Target]] = defaultdict(list)
        for target in targets:
            by_dataset[target.dataset].append(target)
        decisions: dict[str, Decision] = {}
        for dataset, wanted in by_dataset.items():
            decisions.update(self._decide(caller, dataset, wanted, now))
        return decisions

    def _decide(
        self, caller: Caller, dataset: str, targets: list[Target], now: datetime
    ) -> dict[str, Decision]:
        try:
            slice_ = self._slice(caller, dataset)
            if slice_ is None:
                return {t.label: _denied(t.label) for t in targets}
            requests = [request(caller, t.label, t.dataset, t.areas, now) for t in targets]
            results = cedarpy.is_authorized_batch(requests, slice_, _NOBODY)
            return {t.label: _read(t, r) for t, r in zip(targets, results, strict=True)}
        except Exception as error:
            reason = f"The policies could not be evaluated ({type(error).__name__}), so no."
            return {t.label: Decision(False, (), reason) for t in targets}

    def _slice(self, caller: Caller, dataset: str) -> cedarpy.PolicySet | None:
        if dataset not in self._assigned:
            return None
        key = (dataset, caller.org, caller.roles, caller.groups)
        with self._lock:
            kept = self._slices.get(key)
            if kept is not None:
                self._slices.move_to_end(key)
                return kept
        clauses = self.clauses_for(caller, dataset)
        if not clauses:
            return None
        made = cedarpy.PolicySet.from_str(policy_set(clauses))
        with self._lock:
            self._slices[key] = made
            while len(self._slices) > SLICES_KEPT:
                self._slices.popitem(last=False)
        return made


def dataset_of(target: str) -> str:
    """Return the data set IRI of a label IRI; a data set IRI comes back as it is."""
    kind, org, dataset = target.removeprefix("urn:gridspine:").split(":")[:3]
    return target if kind == "dataset" else f"urn:gridspine:dataset:{org}:{dataset}"


def _assigned_to(clause: Clause) -> list[tuple[str, str]]:
    """Return the keys under which a clause is found: the narrowest kind its assignee names."""
    if clause.assignee is None:
        return [("all", "")]
    for kind, names in (
        ("org", clause.assignee.organisations),
        ("group", clause.assignee.groups),
        ("role", clause.assignee.roles),
    ):
        if names:
            return [(kind, name) for name in names]
    return [("all", "")]


def _keys_of(caller: Caller) -> list[tuple[str, str]]:
    keys = [("all", "")]
    if caller.org is not None:
        keys.append(("org", caller.org))
    keys += [("group", group) for group in caller.groups]
    keys += [("role", role) for role in caller.roles]
    return keys


def _denied(label: str) -> Decision:
    return Decision(False, (), f"No permission covers {label} for this caller.")


def _read(target: Target, result: cedarpy.AuthzResult) -> Decision:
    diagnostics = result.diagnostics
    if diagnostics.errors:
        return Decision(False, (), "A clause could not be evaluated, so no.")
    clauses = tuple(sorted(diagnostics.id_annotations_by_reason.values()))
    if result.allowed:
        return Decision(True, clauses, f"Permitted by {', '.join(clauses)}.")
    if clauses:
        return Decision(False, clauses, f"Prohibited by {', '.join(clauses)}.")
    return _denied(target.label)
