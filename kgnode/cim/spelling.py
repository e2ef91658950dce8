"""How a document wrote its identifiers and values, so that it goes out as it came in.

In: the kept document of a model. Out: for each triple that is asked for, the spelling of its
subject and of its object. Nothing that is not asked for can be learned here: the writer asks only
for triples the caller may have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from pyoxigraph import Literal, NamedNode, Quad, Store

from kgnode.cim.original import replay
from kgnode.names import XSD

_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"(?:\^\^<([^>]*)>|@(.*))?\Z', re.DOTALL)
_FLOATS = frozenset({f"{XSD}double", f"{XSD}float"})


@dataclass(frozen=True)
class Element:
    """How a subject's element was written.

    Attributes:
        attribute: ``ID`` or ``about``.
        spelling: the attribute's value.
        class_iri: name of the element.
        order: its place among the elements.
    """

    attribute: str
    spelling: str
    class_iri: str
    order: int


@dataclass
class Spelling:
    """All spellings of one document; empty where there is none.

    Attributes:
        namespaces: prefix -> namespace of the root element.
        elements: subject term -> how its first element was written.
        objects: ``subject predicate`` -> (object term, text, written as reference).
    """

    namespaces: Mapping[str, str] = field(default_factory=dict)
    elements: dict[str, Element] = field(default_factory=dict)
    objects: dict[str, list[tuple[str, str, bool]]] = field(default_factory=dict)

    @classmethod
    def of(cls, blob: bytes | None) -> Spelling:
        """Return the spellings of a kept document."""
        found = cls()
        for reading in replay(blob or b"", found):
            found.namespaces = {**reading.namespaces, **found.namespaces}
        return found

    def element(self, term: str, attribute: str, raw: str, class_iri: str, line: int) -> None:
        """Take note of an element (called while the document is read again)."""
        if term not in self.elements:
            self.elements[term] = Element(attribute, raw, class_iri, len(self.elements))

    def statement(self, line: str, raw: str, reference: bool) -> None:
        """Take note of a statement (called while the document is read again)."""
        subject, predicate, rest = line.split(" ", 2)
        self.objects.setdefault(f"{subject} {predicate}", []).append((rest[:-3], raw, reference))

    def text(self, subject: str, predicate: str, value: NamedNode | Literal) -> str | None:
        """Return how the document wrote the object of a triple; None if it has no such triple."""
        for term, raw, _ in self.objects.get(f"{subject} {predicate}", ()):
            if same(term, value):
                return raw
        return None


def same(term: str, value: NamedNode | Literal) -> bool:
    """Tell whether an N-Triples term means the same value as a term the store answered.

    The store writes numbers and times in its own way (``2.200000`` as ``2.2``).

    >>> same('"2.200000"^^<http://www.w3.org/2001/XMLSchema#double>',
    ...      Literal("2.2", datatype=NamedNode(XSD + "double")))
    True
    """
    if term == str(value):
        return True
    match = _LITERAL.match(term)
    if match is None or not isinstance(value, Literal):
        return False
    if (match[2] or "") != value.datatype.value:
        return False
    if match[2] in _FLOATS:
        try:
            return float(match[1]) == float(value.value)
        except ValueError:
            return False
    return _as_stored(match[1], match[2]) == _as_stored(value.value, match[2])


@lru_cache(maxsize=4096)
def _as_stored(text: str, datatype: str) -> str:
    store = Store()
    node = NamedNode("urn:gridspine:x")
    store.add(Quad(node, node, Literal(text, datatype=NamedNode(datatype))))
    answered = next(iter(store)).object
    return answered.value if isinstance(answered, Literal) else text
