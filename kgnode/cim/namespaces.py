"""One vocabulary, several namespaces: which terms of CIM and its extensions are the same.

In: ontologies/cim-namespaces.csv (groups of namespaces) and cim-datatypes.csv. Out: all spellings
of a term. Rule: the same local name in two namespaces of one group is the same term, unless the
vocabularies give it different kinds, datatypes or units; then each stays alone. Data is kept as it
was published; queries are widened by this table (docs/reading-cim.md, "Namespaces").
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import lru_cache

from kgnode.names import resource_folder

_VARIES = "varies"
UNIT_CHANGED = frozenset({"r0", "r2", "x0", "x2"})
"""Of SynchronousMachine: per unit in CIM16, in ohm in CIM100, so the numbers cannot be compared."""


def split(iri: str) -> tuple[str, str]:
    """Return namespace and local name: the name behind the last ``#``, or else ``/``."""
    cut = max(iri.rfind("#"), iri.rfind("/")) + 1
    return iri[:cut], iri[cut:]


@lru_cache(maxsize=1)
def _groups() -> tuple[Mapping[str, str], Mapping[str, tuple[str, ...]]]:
    """Return namespace -> group, and group -> its namespaces."""
    of: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    with (resource_folder("ontologies") / "cim-namespaces.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            of[row["namespace"]] = row["group"]
            members.setdefault(row["group"], []).append(row["namespace"])
    return of, {group: tuple(namespaces) for group, namespaces in members.items()}


@lru_cache(maxsize=1)
def exceptions() -> frozenset[tuple[str, str]]:
    """Return (group, local name) of terms that are not the same in all namespaces."""
    of, _ = _groups()
    meanings: dict[tuple[str, str], str] = {}
    with (resource_folder("ontologies") / "cim-datatypes.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            group = of.get(row["namespace"])
            if group is None or row["kind"] == "unknown":
                continue
            meaning = f"{row['kind']} {row['type']}" if row["kind"] == "literal" else row["kind"]
            term = group, row["name"]
            if meanings.setdefault(term, meaning) != meaning:
                meanings[term] = _VARIES
    changed = {("cim", f"SynchronousMachine.{name}") for name in UNIT_CHANGED}
    return frozenset(term for term, what in meanings.items() if what == _VARIES) | changed


@lru_cache(maxsize=65536)
def spellings(iri: str) -> tuple[str, ...]:
    """Return the IRIs that mean the same term, the given one first.

    >>> spellings("http://iec.ch/TC57/2013/CIM-schema-cim16#Terminal")[1]
    'http://iec.ch/TC57/CIM100#Terminal'
    >>> spellings("http://example.org/a")
    ('http://example.org/a',)
    """
    namespace, name = split(iri)
    of, members = _groups()
    group = of.get(namespace)
    if group is None or not name or (group, name) in exceptions():
        return (iri,)
    return (iri, *(other + name for other in members[group] if other != namespace))


@lru_cache(maxsize=1)
def namespaces() -> tuple[str, ...]:
    """Return all namespaces that have others beside them."""
    return tuple(sorted(_groups()[0]))
