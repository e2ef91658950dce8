"""What IES4 says of its own terms, as a mapping set: which class or property lies under which.

In: the terms that come with the product (ontologies/mappings/terms.csv: IES4 4.3, and our additions
made as IES4 makes its own). Out: ``ies4-hierarchy@4.3``. Asked for beside ``cim-ies4``, it lets a
query for ``ies:Asset`` find what is only called ``ies:Device`` (RDFS 1.1, rules rdfs7 and rdfs9).
Nobody approves it: nothing in it is a judgement. ``rdf:type`` and what is not of IES4 stay out.
"""

from __future__ import annotations

from functools import lru_cache

from kgnode.alignment.mapping import SUB_CLASS, SUB_PROPERTY, Mapping, MappingSet, Status
from kgnode.alignment.slots import SEMAPV
from kgnode.alignment.terms import known_terms
from kgnode.cim.namespaces import split
from kgnode.names import expand

HIERARCHY = "ies4-hierarchy"
HIERARCHY_VERSION = "4.3"
ID = f"https://w3id.org/gridspine/mappings/{HIERARCHY}"


@lru_cache(maxsize=1)
def ies4_hierarchy() -> MappingSet:
    """Return the set: one mapping for each term that IES4, or we, put directly under another."""
    spaces = {expand("ies:x")[:-1], expand("gs:x")[:-1]}
    rows = []
    for term in known_terms():
        if split(term.iri)[0] not in spaces:
            continue
        for parent in term.parents:
            if split(parent)[0] in spaces:
                of_class = term.kind == "class"
                rows.append(
                    Mapping(
                        f"{ID}#{split(term.iri)[1]}-{split(parent)[1]}",
                        term.iri,
                        SUB_CLASS if of_class else SUB_PROPERTY,
                        parent,
                        kind="class" if of_class else "property",
                        status=Status.APPROVED,
                        justification=f"{SEMAPV}BackgroundKnowledgeBasedMatching",
                    )
                )
    return MappingSet(
        ID, HIERARCHY, HIERARCHY_VERSION, "The hierarchy of IES4 4.3", mappings=tuple(rows)
    )
