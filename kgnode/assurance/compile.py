"""Shapes to checks: which constraints can be judged together, and which not at all.

In: a targeted shape. Out: a ``Plan``: constraints grouped by (focus nodes, path), so that one scan
serves them all, and those that need a query of their own. A shape that uses what is not compiled
raises ``Unsupported`` before anything has run, and goes to pySHACL whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pyoxigraph as ox

from kgnode.assurance.conditions import VALUE_KINDS, term, violates
from kgnode.assurance.paths import Path
from kgnode.assurance.shapes import Constraint, Shape, Shapes
from kgnode.assurance.sources import Source, Unsupported
from kgnode.assurance.sparql import prepare

COUNT_KINDS = frozenset(("minCount", "maxCount"))
LOGIC: dict[str, Callable[[int, int], bool]] = {
    "and": lambda failed, _: failed > 0,
    "node": lambda failed, _: failed > 0,
    "or": lambda failed, among: failed == among,
    "not": lambda failed, _: failed == 0,
    "xone": lambda failed, among: among - failed != 1,
}
"""4.6: whether a value node violates, from how many of the nested shapes it fails."""
PAIR_KINDS = frozenset(("equals", "disjoint", "lessThan", "lessThanOrEquals"))
SINGLE_KINDS = (
    LOGIC.keys()
    | PAIR_KINDS
    | {"qualifiedMinCount", "qualifiedMaxCount", "closed", "hasValue", "uniqueLang"}
    | {"sparql", "custom"}
)

_COMPARING = PAIR_KINDS | frozenset(
    ("minExclusive", "minInclusive", "maxExclusive", "maxInclusive", "sparql", "custom")
)


@dataclass(frozen=True, eq=False)
class Member:
    """One constraint of one shape inside a plan."""

    shape: Shape
    constraint: Constraint

    @property
    def presence(self) -> bool:
        """Whether this is a count that asks for one value at least."""
        return self.constraint.kind == "minCount" and bound(self.constraint) == 1


@dataclass(eq=False)
class Fused:
    """All constraints on one path from one set of focus nodes; ``path`` None: on the nodes."""

    source: Source
    path: Path | None
    values: list[Member] = field(default_factory=list)
    counts: list[Member] = field(default_factory=list)


@dataclass(eq=False)
class Plan:
    """What is to be run for some shapes."""

    fused: dict[tuple[str, str], Fused] = field(default_factory=dict)
    single: list[tuple[Source, Member]] = field(default_factory=list)
    nested: list[tuple[Source, Path, Shape]] = field(default_factory=list)

    def add(self, shapes: Shapes, shape: Shape, source: Source) -> None:
        """Add a shape and the property shapes below it, judged on these focus nodes."""
        if shape.deactivated or source.empty:
            return
        for constraint in shape.constraints:
            member = Member(shape, constraint)
            if constraint.kind in VALUE_KINDS:
                self._group(source, shape.path).values.append(member)
            elif constraint.kind in COUNT_KINDS:
                self._group(source, shape.path).counts.append(member)
            else:
                self.single.append((source, member))
        for node in shape.properties:
            if shape.path is None:
                self.add(shapes, shapes.by_id[node], source)
            else:
                self.nested.append((source, shape.path, shapes.by_id[node]))

    def _group(self, source: Source, path: Path | None) -> Fused:
        key = (source.pattern, "" if path is None else path.sparql())
        if key not in self.fused:
            self.fused[key] = Fused(source, path)
        return self.fused[key]


def require_supported(shapes: Shapes, root: Shape, *, derived: bool = False) -> None:
    """Check that a shape and all it refers to can be compiled.

    Args:
        shapes: where it comes from.
        root: the shape.
        derived: the data has numbers of derived types, which SPARQL here cannot compare.

    Raises:
        Unsupported: with the first thing that cannot.
        BadShapes: a query inside it is forbidden or malformed.
    """
    for target in root.targets:
        if target.kind == "other":
            raise Unsupported("a target type of SHACL-AF")
    seen: set[int] = set()
    pending = [root]
    while pending:
        shape = pending.pop()
        if id(shape) in seen:
            continue
        seen.add(id(shape))
        if shape.advanced:
            raise Unsupported(f"sh:{shape.advanced[0]} of SHACL-AF")
        for constraint in shape.constraints:
            if derived and constraint.kind in _COMPARING:
                raise Unsupported(f"sh:{constraint.kind} on numbers of derived types")
            _require(shape, constraint)
        pending.extend(shapes.nested(shape))


def _require(shape: Shape, constraint: Constraint) -> None:
    kind = constraint.kind
    if kind in VALUE_KINDS:
        violates(constraint, "?value", lambda value, name: f"{value} a <{name}>")
    elif kind in COUNT_KINDS or kind in ("qualifiedMinCount", "qualifiedMaxCount"):
        bound(constraint)
        if shape.path is None:
            raise Unsupported(f"sh:{kind} without a path")
    elif kind in PAIR_KINDS:
        if not isinstance(constraint.values[0], ox.NamedNode):
            raise Unsupported(f"sh:{kind} without a property")
        if kind.startswith("lessThan") and shape.path is None:
            raise Unsupported(f"sh:{kind} without a path")
    elif kind == "hasValue" or kind == "closed":
        for value in constraint.values:
            term(value)
    elif kind == "uniqueLang":
        if shape.path is None:
            raise Unsupported("sh:uniqueLang without a path")
    elif kind in ("sparql", "custom"):
        if constraint.sparql is None:
            raise Unsupported("a constraint without a query")
        try:
            prepare(constraint.sparql, constants(shape, constraint), path_text(shape))
        except ValueError as error:
            raise Unsupported(str(error)) from error
    elif kind not in LOGIC:
        raise Unsupported(f"sh:{kind}")


def bound(constraint: Constraint) -> int:
    """Return the number that a count constraint asks for.

    Raises:
        Unsupported: it is no whole number.
    """
    try:
        return int(constraint.values[0].value)
    except (ValueError, AttributeError) as error:
        raise Unsupported("a count that is no integer") from error


def path_text(shape: Shape) -> str:
    """Return the shape's path in SPARQL, empty for node shapes."""
    return "" if shape.path is None else shape.path.sparql()


def constants(
    shape: Shape, constraint: Constraint
) -> dict[str, ox.NamedNode | ox.BlankNode | ox.Literal]:
    """Return what is put in for variables of the constraint's query."""
    values = dict(constraint.parameters)
    text = constraint.sparql.text if constraint.sparql is not None else ""
    if "currentShape" in text:
        values["currentShape"] = shape.id
    if "shapesGraph" in text:
        values["shapesGraph"] = SHAPES_GRAPH
    return values


SHAPES_GRAPH = ox.NamedNode("urn:gridspine:shapes")
"""Where a query finds the shapes graph while it runs."""


def all_shapes(shapes: Shapes, root: Shape) -> Iterator[Shape]:
    """Yield a shape and all it refers to, each once."""
    seen: set[int] = set()
    pending = [root]
    while pending:
        shape = pending.pop()
        if id(shape) not in seen:
            seen.add(id(shape))
            yield shape
            pending.extend(shapes.nested(shape))
