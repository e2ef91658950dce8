"""The class hierarchy of CIM, so that a shape for Switch also judges a Breaker.

In: ``shapes/cim-classes.csv`` (made from the profile vocabularies) and a CIM namespace. Out:
(subclass, superclass) pairs as rdfs:subClassOf would state them. Packs ask for it in their
manifest; shapes of others are judged with what the data itself says (SHACL 2.1.3.1).
"""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import pyoxigraph as ox

from kgnode.errors import BadShapes
from kgnode.names import CIM16, RDFS

SUBCLASS_OF = ox.NamedNode(RDFS + "subClassOf")
Pair = tuple[ox.NamedNode, ox.NamedNode]


@lru_cache(maxsize=16)
def pairs(table: Path, namespace: str) -> tuple[Pair, ...]:
    """Return the (subclass, superclass) pairs of one CIM version.

    Raises:
        BadShapes: the table cannot be read.
    """
    version = "cim16" if namespace == CIM16 else "cim100"
    try:
        with table.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        return tuple(
            (ox.NamedNode(namespace + row["class"]), ox.NamedNode(namespace + row["superclass"]))
            for row in rows
            if version in row["versions"].split()
        )
    except (OSError, KeyError, AttributeError) as error:
        raise BadShapes(
            f"The class table {table} cannot be used: {error}.",
            hint="It needs the columns class, superclass and versions.",
            file=str(table),
        ) from error


def closure(found: tuple[Pair, ...] | list[Pair]) -> dict[str, frozenset[str]]:
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
