"""What follows from data under mappings, worked out the plain and slow way.

Each mapping is applied to every triple, again and again, until nothing new comes. Shares no code
with the product but the model of a mapping.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyoxigraph as ox

from kgnode.alignment.mapping import Mapping, MappingSet

TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
SKOS = "http://www.w3.org/2004/02/skos/core#"
OWL = "http://www.w3.org/2002/07/owl#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
FORTH = {
    f"{SKOS}exactMatch", f"{OWL}equivalentClass", f"{OWL}equivalentProperty", f"{OWL}sameAs",
    f"{SKOS}broadMatch", f"{RDFS}subClassOf", f"{RDFS}subPropertyOf",
}  # fmt: skip
BACK = {
    f"{SKOS}exactMatch", f"{OWL}equivalentClass", f"{OWL}equivalentProperty", f"{OWL}sameAs",
    f"{SKOS}narrowMatch",
}  # fmt: skip


def materialised(
    quads: Iterable[ox.Quad], sets: Iterable[MappingSet], close: bool = False
) -> set[ox.Quad]:
    """Return the quads and all that follows from them, graph by graph."""
    rows = [row for found in sets for row in found.mappings]
    found = set(quads)
    while True:
        new = {made for row in rows for quad in found for made in _made(row, rows, quad, close)}
        if new <= found:
            return found
        found |= new


def _made(row: Mapping, rows: list[Mapping], quad: ox.Quad, close: bool) -> Iterable[ox.Quad]:
    if row.status != "approved" or row.negative or TYPE in (row.subject, row.object):
        return
    if any(
        other.negative
        and other.status == "approved"
        and (other.subject, other.predicate, other.object)
        == (row.subject, row.predicate, row.object)
        for other in rows
    ):
        return
    near = close and row.predicate == f"{SKOS}closeMatch"
    if row.predicate in FORTH or near:
        yield from _turned(row.kind, row.subject, row.object, quad)
    if row.predicate in BACK or near:
        yield from _turned(row.kind, row.object, row.subject, quad)


def _turned(kind: str | None, old: str, new: str, quad: ox.Quad) -> Iterable[ox.Quad]:
    s, p, o, g = quad
    is_type = p.value == TYPE
    if kind in ("property", None) and p.value == old and not is_type:
        yield ox.Quad(s, ox.NamedNode(new), o, g)
    if o == ox.NamedNode(old):
        if kind in ("class", None) and is_type:
            yield ox.Quad(s, p, ox.NamedNode(new), g)
        if kind == "individual" and not is_type:
            yield ox.Quad(s, p, ox.NamedNode(new), g)
