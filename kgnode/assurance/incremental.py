"""Incremental validation: after a change, recheck only what the change can affect.

In: data, packs, then differences. Out: after each difference the same results as a full
validation would give. Checks of paths recheck the focus nodes that a changed triple can be reached
from; nested logic and queries of packs are run again whole, and only if the change touches a
property that they use.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import pyoxigraph as ox

from kgnode.assurance.affected import (
    SUBCLASS_OF,
    Change,
    affected,
    path_predicates,
    shape_classes,
    shape_predicates,
)
from kgnode.assurance.assets import Assets, Placing
from kgnode.assurance.columns import forget
from kgnode.assurance.compile import Fused, Member, Plan
from kgnode.assurance.data import Data
from kgnode.assurance.graph import TYPE, Term
from kgnode.assurance.judge import Judge
from kgnode.assurance.packs import Pack
from kgnode.assurance.paths import Path
from kgnode.assurance.report import Report, causes, count
from kgnode.assurance.results import Result
from kgnode.assurance.scopes import Whole
from kgnode.assurance.shapes import Shape
from kgnode.assurance.sources import Source
from kgnode.assurance.validate import Unit, reached, units, used
from kgnode.errors import BadShapes

Key = tuple[object, ...]
_BY_PATH = frozenset(
    ("equals", "disjoint", "lessThan", "lessThanOrEquals", "hasValue", "uniqueLang", "closed")
)


@dataclass(frozen=True, eq=False)
class _Entry:
    """One part of a plan whose results are kept together."""

    key: Key
    source: Source
    path: Path | None
    members: list[Member]
    plan: Plan
    nested: Shape | None = None


class Session:
    """Data under validation that changes again and again.

    Args:
        data: the merged data; it is changed in place.
        packs: packs whose documents are all judged on everything and compiled.

    Raises:
        BadShapes: a pack has shapes that only pySHACL judges.
    """

    def __init__(self, data: Data, packs: Sequence[Pack]) -> None:
        self._data = data
        self._packs = packs
        self._units = [unit for pack in packs for unit in units(pack, Whole(data))]
        self._kept: dict[Key, list[Result]] = {}
        self._namespaces = data.namespaces
        self._triples = len(data.store)
        self.rechecked = 0
        self.changed = False
        self._run(None)

    @property
    def same_namespaces(self) -> bool:
        """Whether the data still uses the CIM namespaces that the packs were read for."""
        self._data.__dict__.pop("namespaces", None)
        return self._data.namespaces == self._namespaces

    @property
    def triples(self) -> int:
        """Number of triples of the data, about: changes that said nothing new count too."""
        return self._triples

    @property
    def results(self) -> list[Result]:
        """All results on the data as it stands."""
        return [result for kept in self._kept.values() for result in kept]

    def report(self, place: Placing | None = None) -> Report:
        """Return the report on the data as it stands."""
        results = tuple(self.results)
        return Report(
            results=results,
            causes=causes(results, Assets(self._data, place)),
            counts=count(results),
            engines={"compiled": self._judged, "pyshacl": 0},
            packs=tuple(
                used(pack, [unit for unit in self._units if unit.pack is pack])
                for pack in self._packs
            ),
            seconds=self._seconds,
        )

    def apply(
        self, added: Collection[ox.Triple] = (), removed: Collection[ox.Triple] = ()
    ) -> list[Result]:
        """Change the data and return all results on it."""
        self.changed = True
        self._triples += len(added) - len(removed)
        self._data.change(added, removed)
        self._run([*added, *removed])
        return self.results

    def _run(self, triples: list[ox.Triple] | None) -> None:
        start = time.perf_counter()
        self.rechecked = self._judged = 0
        fresh: dict[Key, list[Result]] = {}
        for unit in self._units:
            judge = Judge(
                self._data,
                unit.shapes,
                unit.pairs,
                unit.pack.id,
                inherit=unit.pack.classes != "cim-values",
                screen=triples is None,
            )
            mine, left = judge.split()
            if left:
                raise BadShapes(
                    f"{unit.pack.id} has shapes that are not compiled: {left[0][1]}.",
                    hint="Validate in full instead; incremental validation needs compiled shapes.",
                )
            self._judged += len(reached(unit.shapes, mine))
            change = None
            if triples is not None and not any(t.predicate.value == SUBCLASS_OF for t in triples):
                change = Change.of(self._data, judge.sources, triples)
            for entry in _entries(judge.plan(mine)):
                key = (unit.pack.id, id(unit.shapes), *entry.key)
                old = self._kept.get(key)
                fresh[key] = self._again(judge, unit, entry, change, old)
        self._kept = fresh
        self._data.sweep()
        forget(self._data)
        self._seconds = time.perf_counter() - start

    def _again(
        self,
        judge: Judge,
        unit: Unit,
        entry: _Entry,
        change: Change | None,
        old: list[Result] | None,
    ) -> list[Result]:
        """Return the results of an entry after the change."""
        if change is None or old is None or (entry.source.fixed and change.by_predicate):
            return list(judge.run(entry.plan))
        nodes = _nodes(change, unit, entry)
        if nodes is None:
            return list(judge.run(entry.plan))
        if not nodes:
            return old
        self.rechecked += len(nodes)
        within = entry.source.within(judge.sources.marked(nodes))
        kept = [result for result in old if result.focus not in nodes]
        return kept + list(judge.run(_narrowed(entry.plan, within)))


def _nodes(change: Change, unit: Unit, entry: _Entry) -> set[Term] | None:
    if entry.nested is None and all(
        member.constraint.kind in _BY_PATH for member in entry.members if entry.plan.single
    ):
        return affected(change, entry.source, entry.path, entry.members)
    shape = entry.nested or entry.members[0].shape
    used = shape_predicates(unit.shapes, shape)
    classes = shape_classes(unit.shapes, shape, change.sources)
    if entry.path is not None and used is not None:
        way = path_predicates(entry.path)
        used |= way
        classes = None if TYPE.value in way else classes
    if change.touches(used, classes) or change.targets(entry.source):
        return None
    return set()


def _entries(plan: Plan) -> Iterator[_Entry]:
    """Yield the parts of a plan, each as a plan of its own."""
    seen: dict[Key, int] = {}

    def key(*parts: object) -> Key:
        seen[parts] = seen.get(parts, 0) + 1
        return (*parts, seen[parts])

    for group, fused in plan.fused.items():
        members = [*fused.values, *fused.counts]
        ids = tuple((id(m.shape), id(m.constraint)) for m in members)
        yield _Entry(
            key("fused", *group, ids), fused.source, fused.path, members, Plan(fused={group: fused})
        )
    for source, member in plan.single:
        name = key("single", source.pattern, id(member.shape), id(member.constraint))
        yield _Entry(name, source, member.shape.path, [member], Plan(single=[(source, member)]))
    for source, path, shape in plan.nested:
        name = key("nested", source.pattern, path, id(shape))
        yield _Entry(name, source, path, [], Plan(nested=[(source, path, shape)]), shape)


def _narrowed(plan: Plan, source: Source) -> Plan:
    """Return a plan on other focus nodes."""
    return Plan(
        fused={
            key: Fused(source, fused.path, fused.values, fused.counts)
            for key, fused in plan.fused.items()
        },
        single=[(source, member) for _, member in plan.single],
    )
