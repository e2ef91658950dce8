"""Which classes a class of CIM stands for: itself and all below it.

In: the IRI of a class. Out: it and its subclasses, from ``ontologies/cim-classes.csv`` (the profile
vocabularies' rdfs:subClassOf). A rule about ``cim:Equipment`` must not miss a breaker.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from functools import cache

from kgnode.names import resource_folder


def below(iri: str) -> frozenset[str]:
    """Return a class and all its subclasses; a class the vocabularies do not have stands alone."""
    children = _children()
    found = {iri}
    pending = [iri]
    while pending:
        for child in children.get(pending.pop(), ()):
            if child not in found:
                found.add(child)
                pending.append(child)
    return frozenset(found)


@cache
def _children() -> dict[str, frozenset[str]]:
    children: dict[str, set[str]] = defaultdict(set)
    with (resource_folder("ontologies") / "cim-classes.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["kind"] == "class" and row["parent"]:
                children[row["parent"]].add(row["namespace"] + row["name"])
    return {parent: frozenset(names) for parent, names in children.items()}
