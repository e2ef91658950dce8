"""A mapping and a mapping set, as every part of the product holds them.

In: nothing but plain values. Out: frozen ``Mapping`` and ``MappingSet`` with full IRIs, whatever
document they were read from (SSSOM 1.1 model). What the model does not name is kept in ``other``,
so that a document can be written again without loss.
"""

from __future__ import annotations

import hashlib
from collections import abc
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from kgnode.alignment.slots import NO_TERM, OWL, SKOS
from kgnode.names import RDFS

Kind = Literal["class", "property", "individual"]
Value = str | tuple[str, ...]
"""What a slot holds: text, or a tuple where the slot may have several values."""

EXACT = f"{SKOS}exactMatch"
CLOSE = f"{SKOS}closeMatch"
BROAD = f"{SKOS}broadMatch"
NARROW = f"{SKOS}narrowMatch"
RELATED = f"{SKOS}relatedMatch"
EQUIVALENT_CLASS = f"{OWL}equivalentClass"
EQUIVALENT_PROPERTY = f"{OWL}equivalentProperty"
SAME_AS = f"{OWL}sameAs"
SUB_CLASS = f"{RDFS}subClassOf"
SUB_PROPERTY = f"{RDFS}subPropertyOf"

BOTH_WAYS = frozenset({EXACT, EQUIVALENT_CLASS, EQUIVALENT_PROPERTY, SAME_AS})
"""Subject and object mean the same."""
UPWARD = frozenset({BROAD, SUB_CLASS, SUB_PROPERTY})
"""What is said with the subject holds with the object."""
DOWNWARD = frozenset({NARROW})
"""What is said with the object holds with the subject."""

COMPUTED = "urn:gridspine:mapping:"
"""Begins the ids of mappings whose document gives none."""

_KIND_OF_PREDICATE: dict[str, Kind] = {
    EQUIVALENT_CLASS: "class",
    SUB_CLASS: "class",
    EQUIVALENT_PROPERTY: "property",
    SUB_PROPERTY: "property",
    SAME_AS: "individual",
}
_KIND_OF_TYPE: dict[str, Kind] = {
    "owl class": "class",
    "rdfs class": "class",
    "owl object property": "property",
    "owl data property": "property",
    "owl annotation property": "property",
    "rdf property": "property",
    "owl named individual": "individual",
    "skos concept": "individual",
}


class Status(StrEnum):
    """Where a mapping is in its life; only ``APPROVED`` ever works in a query."""

    PROPOSED = "proposed"
    IN_REVIEW = "in review"
    APPROVED = "approved"
    DEPRECATED = "deprecated"
    WITHDRAWN = "withdrawn"


Claim = tuple[str, str, str, bool]
"""Subject, predicate, object and whether it is denied: several rows may justify it."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """One row of a mapping set: a claim and one justification of it.

    Attributes:
        id: IRI of the record, computed from the content where the document gives none.
        subject: IRI; empty where the subject is a literal, which is ``subject_label`` then.
        predicate: IRI of the relation.
        object: IRI; empty where the object is a literal.
        negative: ``predicate_modifier: Not``, the claim is denied and never becomes a triple.
        kind: what is mapped, from the predicate or the types; None where neither says.
        status: where it is in its life.
        justification: IRI, for example semapv:ManualMappingCuration.
        confidence: 0 to 1, None where not given.
        cardinality: as given, for example ``1:n``.
        authors: IRIs (or names where the document has no IRI).
        reviewers: IRIs or names.
        date: ``mapping_date``, ISO 8601.
        replaced_by: id of the mapping that replaces a withdrawn one.
        other: every other slot by its name, full IRIs where the slot holds references.
    """

    id: str
    subject: str
    predicate: str
    object: str
    negative: bool = False
    kind: Kind | None = None
    status: Status = Status.PROPOSED
    justification: str = ""
    confidence: float | None = None
    cardinality: str | None = None
    authors: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    date: str | None = None
    comment: str = ""
    subject_label: str = ""
    object_label: str = ""
    replaced_by: str | None = None
    other: abc.Mapping[str, Value] = field(default_factory=dict)

    @property
    def claim(self) -> Claim:
        """What it says, without why."""
        return self.subject, self.predicate, self.object, self.negative

    @property
    def between_terms(self) -> bool:
        """Whether both sides are terms, rather than text or a search that found none."""
        return bool(self.subject and self.object) and NO_TERM not in (self.subject, self.object)

    @property
    def works(self) -> bool:
        """Whether it may ever contribute to an answer: approved, not denied, between terms."""
        return self.status is Status.APPROVED and not self.negative and self.between_terms


@dataclass(frozen=True, slots=True)
class Extension:
    """The definition of a slot that SSSOM does not have (``extension_definitions``)."""

    slot: str
    property: str | None = None
    type_hint: str | None = None


@dataclass(frozen=True, slots=True)
class MappingSet:
    """A mapping set.

    Attributes:
        id: IRI of the set.
        name: short name by which queries and commands call it.
        version: None where the document has none.
        title: for people.
        licence: IRI.
        curies: the prefixes its documents are written with.
        mappings: its rows, in order.
        structural: names of the CONSTRUCT files that go with it.
        extensions: definitions of slots that SSSOM does not have.
        other: every other slot of the set by its name.
        notes: what a reader found odd but could keep, with lines.
    """

    id: str
    name: str
    version: str | None = None
    title: str = ""
    licence: str = ""
    curies: abc.Mapping[str, str] = field(default_factory=dict)
    mappings: tuple[Mapping, ...] = ()
    structural: tuple[str, ...] = ()
    extensions: tuple[Extension, ...] = ()
    other: abc.Mapping[str, Value] = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def label(self) -> str:
        """Return ``name@version``, or the name alone."""
        return f"{self.name}@{self.version}" if self.version else self.name


def kind_of(predicate: str, types: abc.Iterable[Value | None]) -> Kind | None:
    """Return what is mapped: the predicate says, else the types of subject and object."""
    found = _KIND_OF_PREDICATE.get(predicate)
    if found is not None:
        return found
    kinds = {_KIND_OF_TYPE.get(kind) for kind in types if isinstance(kind, str)} - {None}
    return kinds.pop() if len(kinds) == 1 else None


def computed_id(set_id: str, claim: Claim, justification: str, ordinal: int) -> str:
    """Return the id of a record whose document gives none; equal content keeps its id.

    Args:
        set_id: IRI of its set.
        claim: what it says.
        justification: IRI.
        ordinal: how many records of the set with the same content stand before it.
    """
    parts = (set_id, *map(str, claim), justification, str(ordinal))
    return f"{COMPUTED}{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:24]}"


class Ids:
    """Gives the records of one set their ids, in order.

    Args:
        set_id: IRI of the set.
    """

    def __init__(self, set_id: str) -> None:
        self.set_id = set_id
        self._seen: dict[tuple[object, ...], int] = {}

    def next(self, claim: Claim, justification: str, labels: tuple[str, str]) -> str:
        """Return the id of the next record, were it to have none of its own."""
        text = justification if claim[0] and claim[2] else "\n".join((justification, *labels))
        ordinal = self._seen[claim, text] = self._seen.get((claim, text), -1) + 1
        return computed_id(self.set_id, claim, text, ordinal)


def total_confidence(rows: abc.Iterable[Mapping], of_set: float = 1.0) -> float | None:
    """Return the confidence of a claim from that of its justifications.

    ``of_set * (1 - product over kinds of justification of (1 - highest confidence of the kind))``:
    different kinds count as independent evidence, several of one kind as one. Rows without a
    confidence say nothing; None where no row says anything.

    >>> lexical = Mapping("a", "s", "p", "o", justification="lexical", confidence=0.5)
    >>> manual = Mapping("b", "s", "p", "o", justification="manual", confidence=0.8)
    >>> total_confidence([lexical, lexical, manual])
    0.9
    """
    highest: dict[str, float] = {}
    for row in rows:
        if row.confidence is not None:
            highest[row.justification] = max(
                row.confidence, highest.get(row.justification, row.confidence)
            )
    if not highest:
        return None
    doubt = 1.0
    for confidence in highest.values():
        doubt *= 1.0 - confidence
    return round(of_set * (1.0 - doubt), 12)
