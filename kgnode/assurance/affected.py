"""Which focus nodes a change can affect: the question behind incremental validation.

In: the triples added and removed, and the path and targets of a check. Out: the focus nodes whose
results may differ, or ``None`` for "any". Walking back from a changed triple over the new data is
enough: where an earlier step of the old way is gone, that step is itself a changed triple.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyoxigraph as ox

from kgnode.assurance.compile import Member, all_shapes
from kgnode.assurance.data import Data
from kgnode.assurance.graph import TYPE, Term
from kgnode.assurance.mentions import mentions
from kgnode.assurance.paths import Path
from kgnode.assurance.shapes import Shape, Shapes
from kgnode.assurance.sources import Source, Sources
from kgnode.names import RDFS

SUBCLASS_OF = RDFS + "subClassOf"


@dataclass
class Change:
    """The triples of a change by predicate, and the walks back from them."""

    data: Data
    sources: Sources
    by_predicate: dict[str, list[tuple[Term, Term]]] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Data, sources: Sources, triples: Iterable[ox.Triple]) -> Change:
        """Return the change that consists of these triples, added or removed."""
        change = cls(data, sources)
        for triple in triples:
            pair = (triple.subject, triple.object)
            change.by_predicate.setdefault(triple.predicate.value, []).append(pair)  # type: ignore[arg-type]
        return change

    def touches(
        self, predicates: frozenset[str] | None, classes: frozenset[str] | None = None
    ) -> bool:
        """Whether one of the predicates changed; None stands for any predicate.

        Args:
            predicates: what is looked at.
            classes: of the typings, those that are looked at; None for all.
        """
        if predicates is None:
            return bool(self.by_predicate)
        changed = predicates.intersection(self.by_predicate)
        if classes is None or changed - {TYPE.value}:
            return bool(changed)
        typed = self.by_predicate.get(TYPE.value, []) if changed else []
        return any(not isinstance(o, ox.NamedNode) or o.value in classes for _, o in typed)

    def targets(self, source: Source) -> set[Term]:
        """Return the nodes that may have become, or ceased to be, focus nodes."""
        found: set[Term] = set()
        for kind, iri in source.targets:
            if kind == "class":
                typed = self.by_predicate.get(TYPE.value, [])
                found.update(s for s, o in typed if o == ox.NamedNode(iri))
            else:
                pairs = self.by_predicate.get(iri, [])
                found.update(o if kind == "objectsOf" else s for s, o in pairs)
        return found

    def subjects(self, predicate: str) -> set[Term]:
        """Return the subjects of changed triples of a predicate."""
        return {s for s, _ in self.by_predicate.get(predicate, [])}

    def along(self, path: Path | None) -> set[Term] | None:
        """Return the nodes from which a changed triple lies on the path; None for any."""
        if path is None:
            return set()
        steps = path.parts if path.operator == "sequence" else (path,)
        found: set[Term] = set()
        for number, step in enumerate(steps):
            entries = self._entries(step)
            if entries is None:
                return None
            found |= self.back(entries, steps[:number])
        return found

    def _entries(self, step: Path) -> set[Term] | None:
        """Return the nodes where a step over a changed triple begins; None where unknown."""
        if step.operator == "alternative":
            parts = [self._entries(part) for part in step.parts]
            if any(part is None for part in parts):
                return None
            return set().union(*(part for part in parts if part is not None))
        if step.operator == "inverse" and step.parts[0].simple:
            return {o for _, o in self.by_predicate.get(step.parts[0].iri, [])}
        if step.simple:
            return self.subjects(step.iri)
        return None if self.touches(path_predicates(step)) else set()

    def back(self, nodes: set[Term], steps: tuple[Path, ...]) -> set[Term]:
        """Return the nodes from which the steps lead to one of these."""
        if not steps or not nodes:
            return nodes
        marked = self.sources.marked(nodes).pattern.replace("?this", "?node")
        way = "/".join(step.sparql() for step in steps)
        rows = self.data.store.query(
            f"SELECT DISTINCT ?this WHERE {{ {marked} ?this {way} ?node }}"
        )
        return {row["this"] for row in rows}  # type: ignore[union-attr]


def path_predicates(path: Path) -> frozenset[str]:
    """Return the properties that a path uses."""
    if path.simple:
        return frozenset((path.iri,))
    return frozenset().union(*(path_predicates(part) for part in path.parts))


def shape_predicates(shapes: Shapes, shape: Shape) -> frozenset[str] | None:
    """Return the properties that decide whether a shape holds; None where any may."""
    found: set[str] = {TYPE.value}
    for nested in all_shapes(shapes, shape):
        if nested.path is not None:
            found |= path_predicates(nested.path)
        for constraint in nested.constraints:
            if constraint.kind == "closed":
                return None
            found.update(v.value for v in constraint.values if isinstance(v, ox.NamedNode))
            if constraint.sparql is not None:
                used = mentions(constraint.sparql)
                if used is None:
                    return None
                found |= used.iris
    return frozenset(found)


def shape_classes(shapes: Shapes, shape: Shape, sources: Sources) -> frozenset[str] | None:
    """Return the classes whose typings decide whether a shape holds; None where any may."""
    found: set[str] = set()
    for nested in all_shapes(shapes, shape):
        if nested.path is not None and TYPE.value in path_predicates(nested.path):
            return None
        for constraint in nested.constraints:
            if constraint.kind == "closed" or TYPE in constraint.values:
                return None
            if constraint.kind == "class":
                found |= sources.with_subclasses(str(constraint.values[0].value))
            if constraint.sparql is not None:
                used = mentions(constraint.sparql)
                if used is None or used.classes is None:
                    return None
                found |= used.classes
    return frozenset(found)


def affected(
    change: Change, source: Source, path: Path | None, members: list[Member]
) -> set[Term] | None:
    """Return the focus nodes whose simple checks a change can affect; None for any."""
    nodes = change.along(path)
    if nodes is None:
        return None
    nodes = nodes | change.targets(source)
    for member in members:
        kind = member.constraint.kind
        if kind == "class":
            steps = () if path is None else (path,)
            nodes |= change.back(change.subjects(TYPE.value), steps)
        elif kind in ("equals", "disjoint", "lessThan", "lessThanOrEquals"):
            nodes |= change.subjects(member.constraint.values[0].value)
        elif kind == "closed":
            subjects = {s for pairs in change.by_predicate.values() for s, _ in pairs}
            nodes |= change.back(subjects, () if path is None else (path,))
    return nodes
