"""What is asked of a property once, for all shapes that ask the same of it.

In: ``Data``. Out: for each property its number of triples and subjects, and the subjects for which
a test on its values turns out wrong. A property with as many triples as subjects has no subject
with two values, whatever the target.
"""

from __future__ import annotations

from functools import cached_property
from weakref import WeakKeyDictionary

from kgnode.assurance.data import Data
from kgnode.assurance.graph import Term
from kgnode.assurance.paths import Path

_COUNTS = """
SELECT ?property (COUNT(*) AS ?triples) (COUNT(DISTINCT ?subject) AS ?subjects)
WHERE { ?subject ?property ?value } GROUP BY ?property
"""
MOST = 2_000
"""Subjects remembered for one test; where more are wrong, the focus nodes are asked directly."""


class Facts:
    """Facts about the properties of one store's default graph."""

    def __init__(self, data: Data) -> None:
        self._store = data.store
        self._found: dict[str, frozenset[Term] | None] = {}

    @cached_property
    def _counts(self) -> dict[str, tuple[int, int]]:
        rows = self._store.query(_COUNTS)
        return {
            row["property"].value: (int(row["triples"].value), int(row["subjects"].value))
            for row in rows  # type: ignore[union-attr]
        }

    def triples(self, path: Path) -> int:
        """Return how many triples a property has."""
        return self._counts.get(path.iri, (0, 0))[0]

    def single_valued(self, path: Path) -> bool:
        """Whether no subject has two values of a property."""
        if not path.simple:
            return False
        triples, subjects = self._counts.get(path.iri, (0, 0))
        return triples == subjects

    def subjects(self, query: str) -> frozenset[Term] | None:
        """Return what a query for subjects finds, asked once; None where they are too many."""
        if query not in self._found:
            self._found[query] = self._ask(query)
        return self._found[query]

    def _ask(self, query: str) -> frozenset[Term] | None:
        found: set[Term] = set()
        for row in self._store.query(query):  # type: ignore[union-attr]
            found.add(row["this"])
            if len(found) > MOST:
                return None
        return frozenset(found)


_KNOWN: WeakKeyDictionary[Data, tuple[int, Facts]] = WeakKeyDictionary()


def facts_of(data: Data) -> Facts:
    """Return the facts of some data, found once for all packs judged on it as it stands."""
    changes, facts = _KNOWN.get(data, (-1, None))
    if facts is None or changes != data.changes:
        facts = Facts(data)
        _KNOWN[data] = (data.changes, facts)
    return facts
