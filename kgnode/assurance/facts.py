"""What two scans of the data prove, so that most checks of simple properties need not run.

In: ``Data``. Out: for each property how many triples and subjects it has, and the kinds of its
values. A property with as many triples as subjects has no subject with two values, whatever the
target; a property whose values are all well-formed doubles violates no sh:datatype xsd:double.
Nothing is proved of a property that shows anything else: its checks run.
"""

from __future__ import annotations

from functools import cached_property
from weakref import WeakKeyDictionary

import pyoxigraph as ox

from kgnode.assurance.compile import Plan, bound
from kgnode.assurance.conditions import VALUE_KINDS
from kgnode.assurance.data import Data
from kgnode.assurance.paths import Path
from kgnode.assurance.shapes import Constraint
from kgnode.assurance.terms import SH
from kgnode.names import XSD

_COUNTS = """
SELECT ?property (COUNT(*) AS ?triples) (COUNT(DISTINCT ?subject) AS ?subjects)
WHERE { ?subject ?property ?value } GROUP BY ?property
"""
_KINDS = f"""
SELECT DISTINCT ?property ?kind WHERE {{
  ?subject ?property ?value
  BIND(IF(isIRI(?value), "iri", IF(isBlank(?value), "blank",
    IF(isNumeric(?value) || DATATYPE(?value) IN (<{XSD}string>)
      || (DATATYPE(?value) = <{XSD}boolean> && (?value = true || ?value = false)),
      STR(DATATYPE(?value)), "?"))) AS ?kind)
}}
"""
"""Kinds: ``iri``, ``blank``, the datatype of a well-formed literal, ``?`` for any other literal."""

_WORTH = 3
"""Times that a property must be asked about, on the average; measured on the GB network."""

_ALLOWED = {
    "IRI": ("iri",),
    "BlankNode": ("blank",),
    "BlankNodeOrIRI": ("iri", "blank"),
}
_FORBIDDEN = {
    "Literal": ("iri", "blank"),
    "BlankNodeOrLiteral": ("iri",),
    "IRIOrLiteral": ("blank",),
}


_KNOWN: WeakKeyDictionary[Data, Facts] = WeakKeyDictionary()


def facts_of(data: Data) -> Facts:
    """Return the facts of some data, found once for all packs judged on it."""
    if data not in _KNOWN:
        _KNOWN[data] = Facts(data.store)
    return _KNOWN[data]


def screening_pays(plan: Plan) -> bool:
    """Whether a plan asks about the same properties so often that two scans are cheaper."""
    asked = [fused.path.iri for fused in plan.fused.values() if fused.path and fused.path.simple]
    return len(asked) >= _WORTH * len(set(asked)) > 0


class Facts:
    """Facts about the properties of one store's default graph."""

    def __init__(self, store: ox.Store) -> None:
        self._store = store

    @cached_property
    def _counts(self) -> dict[str, tuple[int, int]]:
        rows = self._store.query(_COUNTS)
        return {
            row["property"].value: (int(row["triples"].value), int(row["subjects"].value))
            for row in rows  # type: ignore[union-attr]
        }

    @cached_property
    def _kinds(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for row in self._store.query(_KINDS):  # type: ignore[union-attr]
            kind = row["kind"].value if row["kind"] is not None else "?"
            found.setdefault(row["property"].value, set()).add(kind)
        return found

    def prove(self, constraint: Constraint, path: Path | None) -> bool:
        """Whether no value of the path can violate the constraint, whatever the focus nodes."""
        if path is None or not path.simple:
            return False
        kind = constraint.kind
        if kind == "maxCount":
            triples, subjects = self._counts.get(path.iri, (0, 0))
            return bound(constraint) >= 1 and triples == subjects
        if kind not in VALUE_KINDS:
            return False
        if path.iri not in self._counts:
            return True
        kinds = self._kinds.get(path.iri, set())
        if kind == "datatype":
            return kinds == {constraint.values[0].value}
        if kind == "nodeKind":
            wanted = constraint.values[0].value.removeprefix(SH)
            if wanted in _ALLOWED:
                return kinds.issubset(_ALLOWED[wanted])
            return kinds.isdisjoint(_FORBIDDEN.get(wanted, ("iri", "blank", "?")))
        return False
