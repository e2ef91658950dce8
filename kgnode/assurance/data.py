"""The data that shapes judge: the merge of all staged graphs, and what is known of it at once.

In: a ``Staged`` or any in-memory store. Out: ``Data``: one store whose default graph is the RDF
merge (so that a triple in two graphs counts once), its classes with their numbers, and the CIM
namespaces in use. Two things are kept that Oxigraph would lose: skolem IRIs of blank nodes become
blank nodes again, and numbers of derived XSD types keep their type under a private name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

import pyoxigraph as ox

from kgnode.assurance.graph import TYPE, Subject, Term
from kgnode.cim.staged import Staged
from kgnode.names import CIM16, CIM100, CIM_UCAIUG, RDFS, XSD

SKOLEM = "urn:gridspine:bnode:"
EXACT = "urn:gridspine:exact:"
MARK = "urn:gridspine:focus:"
CONTEXT = ox.NamedNode("urn:gridspine:context")
"""Graph beside the data with the classes of objects that other models describe."""
DERIVED = frozenset(
    {
        "byte",
        "short",
        "int",
        "long",
        "unsignedByte",
        "unsignedShort",
        "unsignedInt",
        "unsignedLong",
        "nonNegativeInteger",
        "positiveInteger",
        "nonPositiveInteger",
        "negativeInteger",
        "dateTimeStamp",
    }
)
"""Types whose literals Oxigraph turns into xsd:integer or xsd:dateTime."""

_DERIVED = re.compile(
    rb"\^\^<http://www\.w3\.org/2001/XMLSchema#(%s)>" % "|".join(sorted(DERIVED)).encode()
)
_CLASSES = "SELECT ?c (COUNT(*) AS ?n) WHERE { ?s a ?c } GROUP BY ?c"
_SUBCLASSES = f"SELECT ?sub ?super WHERE {{ ?sub <{RDFS}subClassOf> ?super }}"


class Data:
    """A merged graph under validation; ``store`` has everything in its default graph."""

    def __init__(self, store: ox.Store, *, derived: bool = False) -> None:
        self.store = store
        self.derived = derived
        self.context: frozenset[str] = frozenset()
        self.changes = 0
        self._marks = 0

    def mark(self) -> ox.NamedNode:
        """Return the name of a fresh graph beside the data, for focus nodes."""
        self._marks += 1
        return ox.NamedNode(f"{MARK}{self._marks}")

    def sweep(self) -> None:
        """Remove all marker graphs."""
        for graph in list(self.store.named_graphs()):
            if graph.value.startswith(MARK):
                self.store.remove_graph(graph)

    def change(self, added: Collection[ox.Triple], removed: Collection[ox.Triple]) -> None:
        """Apply a change; the numbers of the classes follow it."""
        self.changes += 1
        classes = self.classes
        for triples, step in ((removed, -1), (added, 1)):
            for triple in triples:
                quad = ox.Quad(triple.subject, triple.predicate, protected(triple.object))  # type: ignore[arg-type]
                if (quad in self.store) == (step > 0):
                    continue
                if step > 0:
                    self.store.add(quad)
                else:
                    self.store.remove(quad)
                if quad.predicate == TYPE and isinstance(quad.object, ox.NamedNode):
                    name = quad.object.value
                    classes[name] = classes.get(name, 0) + step
                    if classes[name] <= 0:
                        del classes[name]
        self.__dict__.pop("subclasses", None)

    def look_up_classes_in(self, others: Data) -> None:
        """Let sh:class also know the classes that other data gives to the same objects."""
        self.store.bulk_extend(
            ox.Quad(quad.subject, TYPE, quad.object, CONTEXT)
            for quad in others.store.quads_for_pattern(None, TYPE, None, ox.DefaultGraph())
        )
        self.context = frozenset(others.classes)

    @classmethod
    def of(cls, triples: Iterable[tuple[Subject, ox.NamedNode, Term]]) -> Data:
        """Return data made of triples one by one, exact to their terms."""
        store = ox.Store()
        derived = False
        for subject, predicate, value in triples:
            kept = protected(value)
            derived = derived or kept is not value
            store.add(ox.Quad(subject, predicate, kept))
        return cls(store, derived=derived)

    @cached_property
    def classes(self) -> dict[str, int]:
        """Class IRI -> number of typings."""
        return {
            row["c"].value: int(row["n"].value)
            for row in self.store.query(_CLASSES)  # type: ignore[union-attr]
            if isinstance(row["c"], ox.NamedNode)
        }

    @cached_property
    def subclasses(self) -> list[tuple[ox.NamedNode, ox.NamedNode]]:
        """The (subclass, superclass) pairs that the data itself states of classes with names."""
        rows = self.store.query(_SUBCLASSES)
        pairs = [(row["sub"], row["super"]) for row in rows]  # type: ignore[union-attr]
        return [pair for pair in pairs if all(isinstance(term, ox.NamedNode) for term in pair)]

    @cached_property
    def namespaces(self) -> tuple[str, ...]:
        """The CIM namespaces that classes of the data are in."""
        known = (CIM100, CIM16, CIM_UCAIUG)
        return tuple(n for n in known if any(c.startswith(n) for c in self.classes))


def merge_staged(staged: Staged, only: Collection[str] | None = None) -> Data:
    """Return the RDF merge of staged models, and of any graph put beside them as context.

    Args:
        staged: what was read.
        only: IRIs of the models to take, without context; None for all.
    """
    merged = ox.Store()
    derived = False
    for model in staged.models:
        if only is not None and model.iri not in only:
            continue
        stream = staged.graph(model.iri).ntriples()
        if model.header.kind == "rdf":
            derived |= _load(merged, stream.read())
        else:
            merged.load(stream, ox.RdfFormat.N_TRIPLES, lenient=True)
    for paths in staged.beside.values() if only is None else ():
        for path in paths:
            derived |= _load(merged, path.read_bytes())
    return Data(merged, derived=derived)


def merge(store: ox.Store) -> Data:
    """Return the RDF merge of all named graphs of a store."""
    merged = ox.Store()
    derived = False
    for graph in store.named_graphs():
        content = store.dump(format=ox.RdfFormat.N_TRIPLES, from_graph=graph)
        derived |= _load(merged, content or b"")
    return Data(merged, derived=derived)


def _load(store: ox.Store, lines: bytes) -> bool:
    """Load N-Triples exactly; return whether numbers of derived types were among them."""
    exact, found = _DERIVED.subn(rb"^^<%s\1>" % EXACT.encode(), lines)
    if SKOLEM.encode() in exact:
        store.extend(_with_blank_nodes(exact))
    else:
        store.load(exact, format=ox.RdfFormat.N_TRIPLES, lenient=True)
    return found > 0


def _with_blank_nodes(lines: bytes) -> Iterator[ox.Quad]:
    for quad in ox.parse(lines, format=ox.RdfFormat.N_TRIPLES, lenient=True):
        yield ox.Quad(blank(quad.subject), quad.predicate, blank(quad.object))  # type: ignore[arg-type]


def protected(term: Term) -> Term:
    """Return a literal of a derived type under its private name; anything else as it is."""
    if isinstance(term, ox.Literal) and term.datatype.value.removeprefix(XSD) in DERIVED:
        name = EXACT + term.datatype.value.removeprefix(XSD)
        return ox.Literal(term.value, datatype=ox.NamedNode(name))
    return term


def original(term: Term) -> Term:
    """Undo ``protected``."""
    if isinstance(term, ox.Literal) and term.datatype.value.startswith(EXACT):
        name = XSD + term.datatype.value.removeprefix(EXACT)
        return ox.Literal(term.value, datatype=ox.NamedNode(name))
    return term


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
