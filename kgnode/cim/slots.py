"""Properties as one pass over a document meets them.

In: a property's IRI and the vocabulary that the header names. Out: a ``Slot`` with the term, the
datatype, the values an enumeration allows, and the texts already typed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kgnode.cim.datatypes import Vocabulary
from kgnode.cim.survey import XML
from kgnode.names import GS, RDF, RDFS

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


def slot_of(name: str, vocabulary: Vocabulary) -> Slot:
    """Return what the vocabulary says of a property, ready for the pass.

    ``values`` lists the references that need no second look; None where any will do.
    """
    known = vocabulary.property(name)
    kind = known.kind if known else "unknown"
    values: frozenset[str] | None = None
    if known is None and not name.startswith(_ALWAYS_KNOWN):
        values = frozenset()
    elif known and known.kind == "enumeration":
        values = vocabulary.values.get(known.target or "")
    elif known and known.kind == "literal":
        values = frozenset()
    return Slot(
        iri=name,
        predicate=f" <{name}> ",
        kind=kind,
        datatype=known.held if known else None,
        known=known is not None or name.startswith(_ALWAYS_KNOWN),
        values=values,
    )


def is_generic(class_iri: str) -> bool:
    """Tell whether a class says nothing about an object that another file defines.

    State files describe any equipment as ``cim:Equipment``; kept beside the object's own type it
    would double every row that asks for types.
    """
    return class_iri.endswith("#Equipment")
