"""The slots of SSSOM 1.1 as a table: what each may hold, and which RDF property stands for it.

In: nothing. Out: ``SLOTS`` by name and the vocabularies that some of them are bound to (SSSOM 1.1,
https://mapping-commons.github.io/sssom/spec-model/). Readers and writers of all three forms go by
this table and by nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kgnode.names import RDF, RDFS, XSD

SSSOM = "https://w3id.org/sssom/"
SEMAPV = "https://w3id.org/semapv/vocab/"
SKOS = "http://www.w3.org/2004/02/skos/core#"
OWL = "http://www.w3.org/2002/07/owl#"
DCTERMS = "http://purl.org/dc/terms/"
PAV = "http://purl.org/pav/"
PROV = "http://www.w3.org/ns/prov#"

BUILT_IN = {
    "owl": OWL,
    "rdf": RDF,
    "rdfs": RDFS,
    "semapv": SEMAPV,
    "skos": SKOS,
    "sssom": SSSOM,
    "xsd": XSD,
    "linkml": "https://w3id.org/linkml/",
}
"""Prefixes that every SSSOM document has; it may repeat but not change them."""

FAMILIAR = {
    "dcterms": DCTERMS,
    "oboInOwl": "http://www.geneontology.org/formats/oboInOwl#",
    "orcid": "https://orcid.org/",
    "pav": PAV,
    "prov": PROV,
}
"""Prefixes that documents use without declaring them; one that declares them may change them."""

NO_TERM = f"{SSSOM}NoTermFound"
"""Stands where a vocabulary was searched and has no term."""

Version = Literal["1.0", "1.1"]
ValueKind = Literal["entity", "uri", "text", "number", "date", "choice"]

TYPES = {
    "owl class": f"{OWL}Class",
    "owl object property": f"{OWL}ObjectProperty",
    "owl data property": f"{OWL}DatatypeProperty",
    "owl annotation property": f"{OWL}AnnotationProperty",
    "owl named individual": f"{OWL}NamedIndividual",
    "skos concept": f"{SKOS}Concept",
    "rdfs resource": f"{RDFS}Resource",
    "rdfs class": f"{RDFS}Class",
    "rdfs literal": f"{RDFS}Literal",
    "rdfs datatype": f"{RDFS}Datatype",
    "rdf property": f"{RDF}Property",
    "composed entity expression": f"{SSSOM}ComposedEntityExpression",
}
MODIFIERS = {"Not": f"{SSSOM}NegatedPredicate"}
CARDINALITIES = ("1:1", "1:n", "n:1", "n:n", "1:0", "0:1", "0:0")
JUSTIFICATIONS = (
    "MappingReview",
    "ManualMappingCuration",
    "LogicalReasoning",
    "LexicalMatching",
    "CompositeMatching",
    "UnspecifiedMatching",
    "SemanticSimilarityThresholdMatching",
    "LexicalSimilarityThresholdMatching",
    "MappingChaining",
    "MappingInversion",
    "StructuralMatching",
    "InstanceBasedMatching",
    "BackgroundKnowledgeBasedMatching",
)


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot.

    Attributes:
        kind: what its values are; ``entity`` is a CURIE or an IRI.
        many: whether it may hold several values.
        on: where it may stand: on the mapping, the set, or both.
        propagated: whether a value on the set counts for all its mappings.
        iri: the RDF property; None for one in the SSSOM namespace with the slot's own name.
        low: least value of a number.
        since: version of the specification that brought it.
    """

    kind: ValueKind
    many: bool = False
    on: Literal["mapping", "set", "both"] = "mapping"
    propagated: bool = False
    iri: str | None = None
    low: float = 0.0
    since: Version = "1.0"


def _shared(
    kind: ValueKind,
    many: bool = False,
    since: Literal["1.0", "1.1"] = "1.0",
    iri: str | None = None,
) -> Slot:
    """A slot that is propagated from the set to its mappings."""
    return Slot(kind, many, "both", True, iri, since=since)


SLOTS: dict[str, Slot] = {
    "sssom_version": Slot("text", on="set", since="1.1"),
    "mapping_set_id": Slot("uri", on="set"),
    "mapping_set_version": Slot("text", on="set", iri=f"{OWL}versionInfo"),
    "mapping_set_source": Slot("uri", True, "set", iri=f"{PROV}wasDerivedFrom"),
    "mapping_set_group": Slot("text", on="set"),
    "mapping_set_title": Slot("text", on="set", iri=f"{DCTERMS}title"),
    "mapping_set_description": Slot("text", on="set", iri=f"{DCTERMS}description"),
    "mapping_set_confidence": Slot("number", on="set", since="1.1"),
    "issue_tracker": Slot("uri", on="set"),
    "record_id": Slot("entity", since="1.1"),
    "subject_id": Slot("entity", iri=f"{OWL}annotatedSource"),
    "subject_label": Slot("text"),
    "subject_category": Slot("text"),
    "predicate_id": Slot("entity", iri=f"{OWL}annotatedProperty"),
    "predicate_label": Slot("text"),
    "predicate_modifier": Slot("choice"),
    "object_id": Slot("entity", iri=f"{OWL}annotatedTarget"),
    "object_label": Slot("text"),
    "object_category": Slot("text"),
    "mapping_justification": Slot("entity"),
    "author_id": Slot("entity", True, iri=f"{PAV}authoredBy"),
    "author_label": Slot("text", True),
    "reviewer_id": Slot("entity", True),
    "reviewer_label": Slot("text", True),
    "creator_id": Slot("entity", True, "both", iri=f"{DCTERMS}creator"),
    "creator_label": Slot("text", True, "both"),
    "license": Slot("uri", on="both", iri=f"{DCTERMS}license"),
    "subject_type": _shared("choice"),
    "subject_source": _shared("entity"),
    "subject_source_version": _shared("text"),
    "object_type": _shared("choice"),
    "object_source": _shared("entity"),
    "object_source_version": _shared("text"),
    "predicate_type": _shared("choice", since="1.1"),
    "mapping_provider": _shared("uri"),
    "mapping_source": Slot("entity"),
    "mapping_cardinality": Slot("choice"),
    "cardinality_scope": _shared("text", True, "1.1"),
    "mapping_tool": _shared("text"),
    "mapping_tool_id": _shared("entity", since="1.1"),
    "mapping_tool_version": _shared("text"),
    "mapping_date": _shared("date", iri=f"{DCTERMS}created"),
    "publication_date": Slot("date", on="both", iri=f"{DCTERMS}issued"),
    "review_date": Slot("date", since="1.1"),
    "confidence": Slot("number"),
    "reviewer_agreement": Slot("number", low=-1.0, since="1.1"),
    "curation_rule": _shared("entity", True),
    "curation_rule_text": _shared("text", True),
    "subject_match_field": _shared("entity", True),
    "object_match_field": _shared("entity", True),
    "match_string": Slot("text", True),
    "subject_preprocessing": _shared("entity", True),
    "object_preprocessing": _shared("entity", True),
    "similarity_score": Slot("number"),
    "similarity_measure": _shared("text"),
    "see_also": Slot("uri", True, "both", iri=f"{RDFS}seeAlso"),
    "issue_tracker_item": Slot("entity"),
    "other": Slot("text", on="both"),
    "comment": Slot("text", on="both", iri=f"{RDFS}comment"),
}
"""Every slot, in the order in which documents are written."""

CHOICES: dict[str, tuple[str, ...]] = {
    "subject_type": tuple(TYPES),
    "object_type": tuple(TYPES),
    "predicate_type": tuple(TYPES),
    "predicate_modifier": tuple(MODIFIERS),
    "mapping_cardinality": CARDINALITIES,
}

PROPAGATED = tuple(name for name, slot in SLOTS.items() if slot.propagated)
STATUS_SLOT = "gs_status"
REPLACED_SLOT = "gs_replaced_by"
"""Extension slots of ours: the lifecycle, which SSSOM leaves to its users."""
