"""The data that shapes judge: the merge of all staged graphs, and what is known of it at once.

In: a ``Staged`` or any in-memory store. Out: ``Data``: one store whose default graph is the RDF
merge (so that a triple in two graphs counts once), its classes with their numbers, and the CIM
namespaces in use. Skolem IRIs of blank nodes become blank nodes again, for sh:nodeKind.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property

import pyoxigraph as ox

from kgnode.assurance.graph import Term
from kgnode.names import CIM16, CIM100, CIM_UCAIUG, RDFS

SKOLEM = "urn:gridspine:bnode:"
_CLASSES = "SELECT ?c (COUNT(*) AS ?n) WHERE { ?s a ?c } GROUP BY ?c"
_SUBCLASSES = f"SELECT ?sub ?super WHERE {{ ?sub <{RDFS}subClassOf> ?super }}"


class Data:
    """A merged graph under validation; ``store`` has everything in its default graph."""

    def __init__(self, store: ox.Store) -> None:
        self.store = store

    @cached_property
    def classes(self) -> dict[str, int]:
        """Class IRI -> number of typings."""
        return {
            row["c"].value: int(row["n"].value)
            for row in self.store.query(_CLASSES)  # type: ignore[union-attr]
            if isinstance(row["c"], ox.NamedNode)
        }

    @cached_property
    def subclasses(self) -> list[tuple[Term, Term]]:
        """The (subclass, superclass) pairs that the data itself states."""
        rows = self.store.query(_SUBCLASSES)
        return [(row["sub"], row["super"]) for row in rows]  # type: ignore[union-attr]

    @cached_property
    def namespaces(self) -> tuple[str, ...]:
        """The CIM namespaces that classes of the data are in."""
        known = (CIM100, CIM16, CIM_UCAIUG)
        return tuple(n for n in known if any(c.startswith(n) for c in self.classes))


def merge(store: ox.Store, graphs: Collection[str] | None = None) -> Data:
    """Return the RDF merge of a store's named graphs, or of the given ones, as new ``Data``."""
    wanted = [graph for graph in store.named_graphs() if graphs is None or graph.value in graphs]
    merged = ox.Store()
    for graph in wanted:
        lines = store.dump(format=ox.RdfFormat.N_TRIPLES, from_graph=graph)
        if lines is None:
            continue
        if SKOLEM.encode() in lines:
            merged.extend(_with_blank_nodes(store, graph))
        else:
            merged.load(lines, format=ox.RdfFormat.N_TRIPLES, lenient=True)
    return Data(merged)


def _with_blank_nodes(store: ox.Store, graph: ox.NamedNode | ox.BlankNode) -> Iterator[ox.Quad]:
    for quad in store.quads_for_pattern(None, None, None, graph):
        yield ox.Quad(blank(quad.subject), quad.predicate, blank(quad.object))  # type: ignore[arg-type]


def blank(term: Term) -> Term:
    """Return the blank node that a skolem IRI stands for; anything else comes back as it is."""
    if isinstance(term, ox.NamedNode) and term.value.startswith(SKOLEM):
        return ox.BlankNode("s" + term.value[len(SKOLEM) :].encode().hex())
    return term


def named(term: Term) -> Term:
    """Return the skolem IRI of a blank node made by ``blank``."""
    if isinstance(term, ox.BlankNode) and term.value.startswith("s"):
        try:
            return ox.NamedNode(SKOLEM + bytes.fromhex(term.value[1:]).decode())
        except ValueError:
            return term
    return term
