"""How much the terms of vocabularies are used, as one caller sees it.

In: answers of queries over the caller's own view, and the texts of queries that were asked. Out:
``Use``: triples per class and property, members that two terms share, and how often queries named a
term. Nothing is counted that the caller could not count.
"""

from __future__ import annotations

from collections import abc
from dataclasses import dataclass, field
from typing import Any

from kgnode.alignment.rewrite import mentioned
from kgnode.alignment.structural import read_tree
from kgnode.cim.namespaces import split
from kgnode.names import RDF, RDFS, XSD

MODELLING = frozenset({RDF, RDFS, XSD, "http://www.w3.org/2002/07/owl#"})
"""Namespaces of the language itself, which need no mapping."""


@dataclass(frozen=True)
class Use:
    """What is used.

    Attributes:
        classes: members by class.
        properties: triples by property.
        together: members that two classes share, or pairs of values that two properties share.
        asked: queries that named a term.
    """

    classes: abc.Mapping[str, int] = field(default_factory=dict)
    properties: abc.Mapping[str, int] = field(default_factory=dict)
    together: abc.Mapping[frozenset[str], int] = field(default_factory=dict)
    asked: abc.Mapping[str, int] = field(default_factory=dict)

    def of(self, term: str) -> int:
        """Return members of a class, or triples of a property."""
        return self.classes.get(term, 0) or self.properties.get(term, 0)

    @property
    def terms(self) -> frozenset[str]:
        """Every term that data uses or queries named, without the language itself."""
        found = {*self.classes, *self.properties, *self.asked}
        return frozenset(one for one in found if split(one)[0] not in MODELLING)


def counted(answer: abc.Mapping[str, Any]) -> dict[str, int]:
    """Return term -> count of an answer with ``?term`` and ``?count`` (W3C JSON)."""
    return {
        row["term"]["value"]: int(row["count"]["value"])
        for row in answer["results"]["bindings"]
        if row.get("term", {}).get("type") == "uri"
    }


def shared(answer: abc.Mapping[str, Any]) -> dict[frozenset[str], int]:
    """Return pair of terms -> count of an answer with ``?one``, ``?other`` and ``?count``."""
    return {
        frozenset({row["one"]["value"], row["other"]["value"]}): int(row["count"]["value"])
        for row in answer["results"]["bindings"]
    }


def named(text: str) -> frozenset[str]:
    """Return the IRIs that a query names; none where it cannot be read.

    >>> sorted(named("PREFIX x: <http://a/> SELECT * { ?s x:b <http://a/c> }"))
    ['http://a/b', 'http://a/c']
    """
    source = text.encode()
    return mentioned(read_tree(text), source) or frozenset()


def asked_in(texts: abc.Iterable[str]) -> dict[str, int]:
    """Return how many of the queries name each term."""
    found: dict[str, int] = {}
    for text in texts:
        for iri in named(text):
            found[iri] = found.get(iri, 0) + 1
    return found
