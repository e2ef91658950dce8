"""The class hierarchy of CIM, so that a shape for Switch also judges a Breaker.

In: ``ontologies/cim-classes.csv`` (made from the profile vocabularies) and a CIM namespace. Out:
(subclass, superclass) pairs as rdfs:subClassOf would state them. Packs ask for it in their
manifest; shapes of others are judged with what the data itself says (SHACL 2.1.3.1).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
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


class Closure:
    """All classes below a class, worked out for those that are asked for."""

    def __init__(self, found: Iterable[Pair]) -> None:
        self._children: dict[str, list[str]] = {}
        for sub, sup in found:
            self._children.setdefault(sup.value, []).append(sub.value)
        self._known: dict[str, frozenset[str]] = {}

    def below(self, top: str) -> frozenset[str]:
        """Return all classes below one, itself only where it is in a circle."""
        if top not in self._known:
            seen: set[str] = set()
            pending = [top]
            while pending:
                for child in self._children.get(pending.pop(), ()):
                    if child not in seen:
                        seen.add(child)
                        pending.append(child)
            self._known[top] = frozenset(seen)
        return self._known[top]
