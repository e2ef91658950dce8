"""The class hierarchy of CIM, so that a shape for Switch also judges a Breaker.

In: ``ontologies/cim-classes.csv`` (made from the profile vocabularies) and a CIM namespace. Out:
(subclass, superclass) pairs as rdfs:subClassOf would state them. Packs ask for it in their
manifest; shapes of others are judged with what the data itself says (SHACL 2.1.3.1).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import lru_cache

import pyoxigraph as ox

from kgnode.names import RDFS, resource_folder

SUBCLASS_OF = ox.NamedNode(RDFS + "subClassOf")
Pair = tuple[ox.NamedNode, ox.NamedNode]


@lru_cache(maxsize=8)
def pairs(namespace: str) -> tuple[Pair, ...]:
    """Return the (subclass, superclass) pairs of the classes of one CIM namespace."""
    with (resource_folder("ontologies") / "cim-classes.csv").open(newline="") as stream:
        found = {
            (row["namespace"] + row["name"], row["parent"])
            for row in csv.DictReader(stream)
            if row["kind"] == "class" and row["parent"] and row["namespace"] == namespace
        }
    return tuple((ox.NamedNode(sub), ox.NamedNode(sup)) for sub, sup in sorted(found))


@lru_cache(maxsize=8)
def closure(found: tuple[Pair, ...]) -> Mapping[str, frozenset[str]]:
    """Return for each superclass all classes below it, itself not included; circles do no harm."""
    below: dict[str, set[str]] = {}
    for sub, sup in found:
        below.setdefault(sup.value, set()).add(sub.value)
    complete: dict[str, frozenset[str]] = {}
    for top in below:
        seen: set[str] = set()
        pending = [top]
        while pending:
            for child in below.get(pending.pop(), ()):
                if child not in seen:
                    seen.add(child)
                    pending.append(child)
        complete[top] = frozenset(seen)
    return complete
