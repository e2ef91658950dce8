"""What an area contains: from a region, substation or any container down to the last limit.

In: the staged data and the IRI of an area. Out: the IRIs of all that lies within, itself included.
Containment follows ``ontologies/containment.csv``: each predicate with the side that is inside
(IEC 61970-301: EquipmentContainer, ConnectivityNodeContainer, Region and what hangs on equipment).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache

from pyoxigraph import NamedNode, Store

from kgnode.names import CIM16, CIM100, CIM_UCAIUG, expand, resource_folder


def within(store: Store, areas: Iterable[str]) -> set[str]:
    """Return the IRIs of the areas and all they contain, over every graph of the store.

    Cost: one look-up per contained thing and direction, so linear in what is contained.
    """
    inside_subject, inside_object = _containment()
    found = set(areas)
    pending = list(found)
    while pending:
        node = NamedNode(pending.pop())
        for quad in store.quads_for_pattern(None, None, node, None):
            if quad.predicate.value in inside_subject and isinstance(quad.subject, NamedNode):
                _visit(quad.subject.value, found, pending)
        for quad in store.quads_for_pattern(node, None, None, None):
            if quad.predicate.value in inside_object and isinstance(quad.object, NamedNode):
                _visit(quad.object.value, found, pending)
    return found


def _visit(iri: str, found: set[str], pending: list[str]) -> None:
    if iri not in found:
        found.add(iri)
        pending.append(iri)


@cache
def _containment() -> tuple[frozenset[str], frozenset[str]]:
    """Return the predicates whose subject, and those whose object, is the thing inside."""
    inside: dict[str, set[str]] = {"subject": set(), "object": set()}
    with (resource_folder("ontologies") / "containment.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            name = row["predicate"]
            full = (
                {expand(name)} if ":" in name else {n + name for n in (CIM100, CIM16, CIM_UCAIUG)}
            )
            inside[row["inside"]] |= full
    return frozenset(inside["subject"]), frozenset(inside["object"])
