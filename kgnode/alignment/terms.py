"""What the vocabularies say of the terms that are mapped: label, parents, domain, range, disjoint.

In: ``ontologies/mappings/terms.csv`` (facts of the vocabularies that sets of the product name) and
the tables of CIM classes and properties. Out: ``Terms``. A term that no table has is still a term:
its label is made from its name, and nothing else is known of it.
"""

from __future__ import annotations

import csv
import re
from collections import abc
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from kgnode.cim.namespaces import split
from kgnode.names import resource_folder

TermKind = Literal["class", "property", ""]
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_.\-\s]+")


@dataclass(frozen=True, slots=True)
class Term:
    """One term as its vocabulary describes it.

    Attributes:
        iri: the term.
        label: its label, or its name.
        definition: in words, empty where none is kept.
        parents: superclasses or superproperties, direct ones.
        kind: class or property, empty where unknown.
        domains: classes whose members have the property.
        ranges: classes or datatypes of its values.
        disjoint: classes that share no member with it.
    """

    iri: str
    label: str
    definition: str = ""
    parents: tuple[str, ...] = ()
    kind: TermKind = ""
    domains: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    disjoint: tuple[str, ...] = ()


class Terms:
    """A collection of terms that can be asked upward and downward."""

    def __init__(self, terms: abc.Iterable[Term]) -> None:
        self._terms: dict[str, Term] = {}
        for term in terms:
            known = self._terms.get(term.iri)
            self._terms[term.iri] = _joined(known, term) if known else term
        self._above: dict[str, frozenset[str]] = {}
        self._below: dict[str, list[str]] | None = None

    def __iter__(self) -> abc.Iterator[Term]:
        return iter(self._terms.values())

    def __contains__(self, iri: str) -> bool:
        return iri in self._terms

    def get(self, iri: str) -> Term:
        """Return a term; one that is not known has its name and nothing else."""
        return self._terms.get(iri) or Term(iri, split(iri)[1] or iri)

    def above(self, iri: str) -> frozenset[str]:
        """Return all ancestors of a term, itself among them; circles do no harm."""
        found = self._above.get(iri)
        if found is None:
            seen = {iri}
            waiting = [iri]
            while waiting:
                for parent in self.get(waiting.pop()).parents:
                    if parent not in seen:
                        seen.add(parent)
                        waiting.append(parent)
            found = self._above[iri] = frozenset(seen)
        return found

    def below(self, iri: str) -> tuple[str, ...]:
        """Return the direct descendants of a term, sorted."""
        if self._below is None:
            self._below = {}
            for term in self._terms.values():
                for parent in term.parents:
                    self._below.setdefault(parent, []).append(term.iri)
        return tuple(sorted(self._below.get(iri, ())))

    def vocabulary(self, namespace: str) -> tuple[Term, ...]:
        """Return the terms of one namespace."""
        return tuple(term for term in self._terms.values() if split(term.iri)[0] == namespace)


def _joined(one: Term, other: Term) -> Term:
    def both(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*left, *right)))

    return Term(
        one.iri,
        one.label or other.label,
        one.definition or other.definition,
        both(one.parents, other.parents),
        one.kind or other.kind,
        both(one.domains, other.domains),
        both(one.ranges, other.ranges),
        both(one.disjoint, other.disjoint),
    )


def words(name: str) -> str:
    """Return a name as words in lower case.

    >>> words("ACLineSegment")
    'ac line segment'
    >>> words("IdentifiedObject.name")
    'identified object name'
    """
    return " ".join(part for part in _WORDS.split(name) if part).lower()


def read_terms(path: Path) -> tuple[Term, ...]:
    """Return the terms of a table with the columns of ``Term``; lists are parted by spaces."""
    with path.open(newline="", encoding="utf-8") as stream:
        return tuple(
            Term(
                row["iri"],
                row["label"] or split(row["iri"])[1],
                row["definition"],
                tuple(row["parents"].split()),
                _kind(row["kind"]),
                tuple(row["domain"].split()),
                tuple(row["range"].split()),
                tuple(row["disjoint"].split()),
            )
            for row in csv.DictReader(stream)
        )


def _kind(text: str) -> TermKind:
    if "property" in text:
        return "property"
    return "class" if "class" in text else ""


@lru_cache(maxsize=1)
def known_terms() -> Terms:
    """Return the terms that come with the product."""
    folder = resource_folder("ontologies")
    table = folder / "mappings" / "terms.csv"
    return Terms(
        (
            *(read_terms(table) if table.is_file() else ()),
            *_cim_classes(folder / "cim-classes.csv"),
            *_cim_properties(folder / "cim-datatypes.csv"),
        )
    )


def _cim_classes(path: Path) -> abc.Iterator[Term]:
    with path.open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["kind"] != "value":
                parents = (row["parent"],) if row["parent"] else ()
                yield Term(row["namespace"] + row["name"], row["name"], "", parents, "class")


def _cim_properties(path: Path) -> abc.Iterator[Term]:
    with path.open(newline="") as stream:
        for row in csv.DictReader(stream):
            owner, dot, _ = row["name"].partition(".")
            target = () if row["kind"] == "literal" or not row["type"] else (row["type"],)
            yield Term(
                row["namespace"] + row["name"],
                row["name"],
                kind="property",
                domains=(row["namespace"] + owner,) if dot else (),
                ranges=target,
            )
