"""Properties as one pass over a document meets them.

In: a property's IRI and the vocabulary that the header names. Out: a ``Slot`` with the term, the
datatype, the values an enumeration allows, and the texts already typed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kgnode.cim.datatypes import Vocabulary
from kgnode.cim.headers import FIELDS
from kgnode.cim.identity import escaped, valid_iri
from kgnode.cim.literals import quoted, typed
from kgnode.cim.survey import XML
from kgnode.names import GS, RDF, RDFS

CACHED_TEXTS = 50_000
BAD_NAME = "urn:gridspine:bad-name:"
"""Stands before a class or property whose namespace is no IRI."""
_ALWAYS_KNOWN = (RDF, RDFS, XML, GS)


@dataclass
class Slot:
    """What the pass knows of one property: its term, its datatype, texts already typed."""

    iri: str
    predicate: str
    kind: str
    datatype: str | None
    known: bool
    values: frozenset[str] | None
    texts: dict[str, str] = field(default_factory=dict)

    def literal(self, raw: str, own_type: str | None) -> tuple[str, str | None]:
        """Return the literal of a text and the code of what was found; remember what is regular.

        The vocabulary's datatype goes before the file's own ``rdf:datatype``.
        """
        if self.datatype is None and own_type:
            term, code = typed(raw, own_type)
            return (f"{quoted(raw)}^^<{own_type}>", None) if code is None else (term, code)
        term, code = typed(raw, self.datatype)
        if code is None and self.known and own_type is None:
            if len(self.texts) > CACHED_TEXTS:
                self.texts.clear()
            self.texts[raw] = term
        return term, code


@dataclass
class Frame:
    """The node and property that a nested node interrupts, and where the pass goes on after it."""

    subject: str
    slot: Slot
    mode: int


def slot_of(name: str, vocabulary: Vocabulary) -> Slot:
    """Return what the vocabulary says of a property, ready for the pass.

    ``values`` lists the references that need no second look; None where any will do.
    """
    known = vocabulary.property(name)
    kind = known.kind if known else "unknown"
    values: frozenset[str] | None = None
    familiar = known is not None or name in FIELDS or name.startswith(_ALWAYS_KNOWN)
    if not familiar:
        values = frozenset()
    elif known and known.kind == "enumeration":
        values = vocabulary.values.get(known.target or "")
    elif known and known.kind == "literal":
        values = frozenset()
    return Slot(
        iri=name,
        predicate=f" <{valid_iri(name) or BAD_NAME + escaped(name)}> ",
        kind=kind,
        datatype=known.held if known else None,
        known=familiar,
        values=values,
    )


def is_generic(class_iri: str) -> bool:
    """Tell whether a class says nothing about an object that another file defines.

    State files describe any equipment as ``cim:Equipment``; kept beside the object's own type it
    would double every row that asks for types.
    """
    return class_iri.endswith("#Equipment")
