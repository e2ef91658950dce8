"""An RDF document held as an index: what shapes and pack descriptions are read from.

In: Turtle, N-Triples or RDF/XML. Out: a ``Graph`` that answers "objects of", "subjects of" and RDF
lists (RDF 1.1 Schema 5.2). Small on purpose: shapes need look-ups, no queries, and parsing by
pyoxigraph is some fifty times faster than by rdflib.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyoxigraph as ox

from kgnode.cim.hazards import hazard, in_json
from kgnode.errors import BadShapes, MissingFile
from kgnode.names import RDF

Term = ox.NamedNode | ox.BlankNode | ox.Literal
Subject = ox.NamedNode | ox.BlankNode

TYPE = ox.NamedNode(RDF + "type")
FIRST = ox.NamedNode(RDF + "first")
REST = ox.NamedNode(RDF + "rest")
NIL = ox.NamedNode(RDF + "nil")


FORMATS = {
    ".ttl": ox.RdfFormat.TURTLE,
    ".shacl": ox.RdfFormat.TURTLE,
    ".nt": ox.RdfFormat.N_TRIPLES,
    ".rdf": ox.RdfFormat.RDF_XML,
    ".xml": ox.RdfFormat.RDF_XML,
    ".jsonld": ox.RdfFormat.JSON_LD,
}
"""File endings that can hold shapes."""


class Graph:
    """Triples indexed by subject and by (predicate, object)."""

    def __init__(self, triples: Iterable[tuple[Subject, ox.NamedNode, Term]] = ()) -> None:
        self._by_subject: dict[Subject, dict[ox.NamedNode, list[Term]]] = defaultdict(dict)
        self._by_object: dict[tuple[ox.NamedNode, Term], list[Subject]] = defaultdict(list)
        self._seen: set[tuple[Subject, ox.NamedNode, Term]] = set()
        for triple in triples:
            self.add(*triple)

    def __len__(self) -> int:
        return len(self._seen)

    def __iter__(self) -> Iterator[tuple[Subject, ox.NamedNode, Term]]:
        return iter(self._seen)

    def add(self, subject: Subject, predicate: ox.NamedNode, value: Term) -> None:
        """Add one triple; one that is there already changes nothing."""
        if (subject, predicate, value) in self._seen:
            return
        self._seen.add((subject, predicate, value))
        self._by_subject[subject].setdefault(predicate, []).append(value)
        self._by_object[predicate, value].append(subject)

    def drop(self, subject: Subject, predicate: ox.NamedNode, value: Term) -> None:
        """Take one triple out."""
        self._seen.remove((subject, predicate, value))
        self._by_subject[subject][predicate].remove(value)
        self._by_object[predicate, value].remove(subject)

    def replace(self, subject: Subject, predicate: ox.NamedNode, value: Term) -> None:
        """Put one value in the place of all values of a property."""
        for old in list(self.objects(subject, predicate)):
            self.drop(subject, predicate, old)
        self.add(subject, predicate, value)

    def subjects(self, predicate: ox.NamedNode, value: Term) -> list[Subject]:
        """Return the subjects that have this value."""
        return self._by_object.get((predicate, value), [])

    def all_subjects(self) -> Iterator[Subject]:
        """Yield every subject once, in the order of the documents."""
        return iter(self._by_subject)

    def objects(self, subject: Term, predicate: ox.NamedNode) -> list[Term]:
        """Return the values of a property."""
        if isinstance(subject, ox.Literal):
            return []
        return self._by_subject.get(subject, {}).get(predicate, [])

    def value(self, subject: Term, predicate: ox.NamedNode) -> Term | None:
        """Return the first value of a property, or None."""
        found = self.objects(subject, predicate)
        return found[0] if found else None

    def properties(self, subject: Term) -> dict[ox.NamedNode, list[Term]]:
        """Return all properties of a subject."""
        return {} if isinstance(subject, ox.Literal) else self._by_subject.get(subject, {})

    def is_list(self, node: Term) -> bool:
        """Whether a node begins an RDF list."""
        return node == NIL or self.value(node, FIRST) is not None

    def items(self, node: Term) -> tuple[Term, ...]:
        """Return the members of an RDF list.

        Raises:
            BadShapes: the list is broken or runs in a circle.
        """
        members: list[Term] = []
        seen: set[Term] = set()
        while node != NIL:
            first, rest = self.objects(node, FIRST), self.objects(node, REST)
            if node in seen or len(first) != 1 or len(rest) != 1:
                raise BadShapes(
                    f"The RDF list at {node} is broken.",
                    hint="Each list node needs exactly one rdf:first and one rdf:rest.",
                    subject=str(node),
                )
            seen.add(node)
            members.append(first[0])
            node = rest[0]
        return tuple(members)


def parse(
    content: bytes, name: str, *, base: str | None = None
) -> list[tuple[Subject, ox.NamedNode, Term]]:
    """Return the triples of one RDF document; ``name`` decides the format by its ending.

    Raises:
        BadShapes: it is no RDF of that format, or XML with entities; the message has the line.
    """
    ending = Path(name).suffix.lower()
    form = FORMATS.get(ending)
    if form is None:
        raise BadShapes(
            f"{name} has an ending that shapes do not have.",
            hint=f"Use one of {', '.join(FORMATS)}.",
            file=name,
        )
    json = form == ox.RdfFormat.JSON_LD
    if found := in_json(content) if json else hazard(content, xml=form == ox.RdfFormat.RDF_XML):
        raise BadShapes(f"{name} {found.what}.", hint=found.hint, file=name, line=found.line)
    try:
        return [
            (quad.subject, quad.predicate, quad.object)
            for quad in ox.parse(content, format=form, base_iri=base, rename_blank_nodes=True)
            if not isinstance(quad.subject, ox.Triple) and not isinstance(quad.object, ox.Triple)
        ]
    except SyntaxError as error:
        raise BadShapes(
            f"{name} is not valid {form.name}: {error.msg}.",
            hint="Mend the file at that line, or leave it out of the pack.",
            file=name,
            line=error.lineno,
        ) from error


def read_file(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        MissingFile: it does not exist or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise MissingFile(
            f"{path} cannot be read: {error.strerror}.",
            hint="Check the name and that you may read it.",
            file=str(path),
        ) from error
