"""Shapes as data: what a shapes graph says, free of RDF.

In: nothing; ``reading`` makes these. Out: frozen values for targets, constraints and shapes (SHACL
sections 2 to 6; SPARQLTarget of SHACL-AF 3.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pyoxigraph as ox

from kgnode.assurance.graph import Graph, Subject, Term
from kgnode.assurance.paths import Path
from kgnode.assurance.sparql import Sparql
from kgnode.assurance.terms import SH

VIOLATION = SH + "Violation"


def sh(name: str) -> ox.NamedNode:
    """Return a term of the SHACL vocabulary."""
    return ox.NamedNode(SH + name)


@dataclass(frozen=True)
class Target:
    """One target declaration: ``kind`` class, node, subjectsOf, objectsOf, sparql or other."""

    kind: str
    term: Term
    sparql: Sparql | None = None


@dataclass(frozen=True, eq=False)
class Constraint:
    """One constraint of a shape.

    Attributes:
        kind: the parameter's local name (``minCount``, ``sparql``), or ``custom``.
        component: IRI of the constraint component that results name.
        values: the parameter's value, or the members of its list.
        shapes: nodes of nested shapes (sh:node, sh:not, lists of sh:and, sh:or, sh:xone, ...).
        siblings: shapes of sibling qualified values, for sh:qualifiedValueShapesDisjoint.
        flags: of sh:pattern.
        sparql: the query of a SPARQL-based constraint.
        hint: how to mend it, where the SPARQL constraint itself says so.
        parameters: parameter name -> value of a custom component.
    """

    kind: str
    component: str
    values: tuple[Term, ...] = ()
    shapes: tuple[Term, ...] = ()
    siblings: tuple[Term, ...] = ()
    flags: str = ""
    sparql: Sparql | None = None
    hint: str = ""
    parameters: Mapping[str, Term] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Shape:
    """One node shape (``path`` None) or property shape."""

    id: Subject
    path: Path | None
    targets: tuple[Target, ...]
    constraints: tuple[Constraint, ...]
    properties: tuple[Term, ...]
    severity: str
    messages: tuple[ox.Literal, ...]
    deactivated: bool
    name: str
    hint: str
    advanced: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Shapes:
    """All shapes of one shapes graph.

    Attributes:
        graph: where they were read from.
        by_id: every shape that a target reaches, directly or nested.
        targeted: those with targets, in the order of the document.
        faults: sentences about words SHACL does not have.
    """

    graph: Graph
    by_id: Mapping[Term, Shape]
    targeted: tuple[Shape, ...]
    faults: tuple[str, ...]

    def nested(self, shape: Shape) -> Iterator[Shape]:
        """Yield the shapes a shape refers to directly."""
        for node in shape.properties:
            yield self.by_id[node]
        for constraint in shape.constraints:
            for node in (*constraint.shapes, *constraint.siblings):
                yield self.by_id[node]
