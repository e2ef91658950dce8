"""What IES4 and our additions say of classes, domains and ranges; and which statements break it.

A thing without any class is not judged: IES4 is open to what it is.
"""

from __future__ import annotations

import pyoxigraph as ox

from kgnode.names import RDF, RDFS

IES = "http://ies.data.gov.uk/ontology/ies4#"
TYPE = ox.NamedNode(f"{RDF}type")


class Hierarchy:
    """Classes above classes, and domains and ranges; several of one property are alternatives."""

    def __init__(self, store: ox.Store) -> None:
        self.above = self._pairs(store, "subClassOf")
        self.ends = {side: self._pairs(store, side) for side in ("domain", "range")}
        self.textual = {
            quad.subject.value  # type: ignore[union-attr]
            for quad in store.quads_for_pattern(None, TYPE, None, None)
            if quad.object.value.endswith("#DatatypeProperty")  # type: ignore[union-attr]
        }

    def _pairs(self, store: ox.Store, name: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for quad in store.quads_for_pattern(None, ox.NamedNode(RDFS + name), None, None):
            found.setdefault(quad.subject.value, set()).add(quad.object.value)  # type: ignore[union-attr]
        return found

    def closure(self, classes: set[str]) -> set[str]:
        """Return classes and all above them."""
        found = set(classes)
        while True:
            more = {up for one in found for up in self.above.get(one, set())} - found
            if not more:
                return found
            found |= more

    def broken(self, store: ox.Store) -> tuple[set[tuple[str, ...]], int]:
        """Return the statements that break it, and how many ends were judged."""
        types: dict[str, set[str]] = {}
        for quad in store.quads_for_pattern(None, TYPE, None, None):
            types.setdefault(str(quad.subject), set()).add(quad.object.value)  # type: ignore[union-attr]
        known = {node: self.closure(classes) for node, classes in types.items()}
        found: set[tuple[str, ...]] = set()
        judged = 0
        for quad in store:
            name = quad.predicate.value
            if not name.startswith(IES):
                continue
            if (name in self.textual) != isinstance(quad.object, ox.Literal):
                found.add((name, "kind", str(quad.object)))
            for side, node in (("domain", str(quad.subject)), ("range", str(quad.object))):
                allowed = self.ends[side].get(name)
                if allowed and any(one.startswith(IES) for one in known.get(node, ())):
                    judged += 1
                    if not allowed & known[node]:
                        found.add((name, side, node))
        return found, judged
