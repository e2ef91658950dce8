"""Columns of the data: ends of one property, instances of one class, as sets of text.

In: ``Data`` whose IRIs are valid, so that each is one word. Out: frozen ``Column``s. A column read
as one block of TSV (SPARQL 1.1 Results CSV and TSV, 4) costs less than a grouping query, and from
then on "who has none, who has two" is set algebra. Several are read side by side: Oxigraph lets
other threads run while it answers.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, TypeVar
from weakref import WeakKeyDictionary

import pyoxigraph as ox

from kgnode.assurance.data import CONTEXT, Data
from kgnode.assurance.graph import TYPE

Kind = Literal["subjects", "objects", "class", "context"]
Name = tuple[Kind, str]
"""Which column: the subjects or objects of a property, the instances of a class."""
Rows = list[bytes]
In = TypeVar("In")
Out = TypeVar("Out")

_SMALL = 2_000
"""Typings below which threads cost more than they save."""
_THREADS = min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)


@dataclass(frozen=True, eq=False)
class Column:
    """Terms of one column as N-Triples writes them.

    Attributes:
        terms: each term once.
        many: the terms that stand in several rows, with the number of rows.
    """

    terms: frozenset[bytes] = frozenset()
    many: Mapping[bytes, int] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Rows) -> Column:
        """Return the column with these rows."""
        terms = frozenset(rows)
        if len(terms) == len(rows):
            return cls(terms)
        return cls(terms, {term: n for term, n in Counter(rows).items() if n > 1})

    def number(self, term: bytes) -> int:
        """Return in how many rows a term stands."""
        return self.many.get(term, 1) if term in self.terms else 0


class Columns:
    """The columns read so far of one store."""

    def __init__(self, data: Data) -> None:
        self._store = data.store  # not the data itself, which is the key these are kept under
        self._classes = data.classes
        self._kept: dict[Name, Column] = {}
        self._unions: dict[tuple[Name, ...], frozenset[bytes]] = {}

    def keep(self, kind: Kind, iri: str, rows: Rows) -> None:
        """Keep the rows of a column."""
        self._kept[kind, iri] = Column.of(rows)

    def get(self, kind: Kind, iri: str) -> Column | None:
        """Return a column; None where it was not read."""
        if kind == "class" and iri not in self._classes:
            return Column()
        return self._kept.get((kind, iri))

    def union(self, names: Iterable[Name]) -> frozenset[bytes] | None:
        """Return the terms of several columns; None where one was not read."""
        key = tuple(sorted(names))
        if key not in self._unions:
            found = [self.get(*name) for name in key]
            terms = [column.terms for column in found if column is not None]
            if len(terms) < len(found):
                return None
            self._unions[key] = terms[0] if len(terms) == 1 else frozenset().union(*terms)
        return self._unions[key]

    def instances(self, name: Name) -> None:
        """Read the instances of a class."""
        kind, iri = name
        if self.get(kind, iri) is None:
            typed = f"?this <{TYPE.value}> <{iri}>"
            where = f"GRAPH <{CONTEXT.value}> {{ {typed} }}" if kind == "context" else typed
            self.keep(kind, iri, self.rows(f"SELECT ?this WHERE {{ {where} }}"))

    def rows(self, query: str) -> Rows:
        """Return the rows of a query as text, columns parted by tabs, duplicates included."""
        found = self._store.query(query)
        assert isinstance(found, ox.QuerySolutions)  # noqa: S101
        return (found.serialize(format=ox.QueryResultsFormat.TSV) or b"").split(b"\n")[1:-1]

    def ends(self, iri: str, which: Sequence[Kind], most: int | None) -> list[Rows] | None:
        """Return the subjects, the objects or both of a property, row by row.

        Args:
            iri: the property.
            which: what is wanted, in this order.
            most: triples it may have; where it has more, the answer is None.
        """
        names = " ".join(f"?{kind}" for kind in which)
        bound = "" if most is None else f" LIMIT {most + 1}"
        rows = self.rows(f"SELECT {names} WHERE {{ ?subjects <{iri}> ?objects }}{bound}")
        if most is not None and len(rows) > most:
            return None
        if len(which) == 1:
            return [rows]
        words = b"\t".join(rows).split(b"\t") if rows else []
        return [words[start :: len(which)] for start in range(len(which))]

    def each(self, call: Callable[[In], Out], items: Collection[In]) -> list[Out]:
        """Return the answers of a call on each item, asked side by side where it pays."""
        if len(items) < 2 or _THREADS < 2 or sum(self._classes.values()) < _SMALL:
            return [call(item) for item in items]
        waiting = enumerate(items)
        found: dict[int, Out] = {}

        def work() -> None:
            for number, item in waiting:
                found[number] = call(item)

        with ThreadPoolExecutor(_THREADS - 1) as pool:
            helpers = [pool.submit(work) for _ in range(_THREADS - 1)]
            work()
            for helper in helpers:
                helper.result()
        return [found[number] for number in range(len(found))]


def terms_of(texts: Iterable[bytes]) -> list[ox.NamedNode | ox.BlankNode] | None:
    """Return the IRIs and blank nodes that texts stand for, in order; None where one is neither."""
    terms: list[ox.NamedNode | ox.BlankNode] = []
    for text in sorted(texts):
        if is_iri(text):
            terms.append(ox.NamedNode(text[1:-1].decode()))
        elif text.startswith(b"_:"):
            terms.append(ox.BlankNode(text[2:].decode()))
        else:
            return None
    return terms


def is_iri(text: bytes) -> bool:
    """Whether a text is an IRI (a triple term begins with two signs)."""
    return text.startswith(b"<") and not text.startswith(b"<<")


_KNOWN: WeakKeyDictionary[Data, tuple[int, Columns]] = WeakKeyDictionary()


def columns_of(data: Data) -> Columns:
    """Return the columns of some data, shared by all packs judged on it as it stands."""
    changes, columns = _KNOWN.get(data, (-1, None))
    if columns is None or changes != data.changes:
        columns = Columns(data)
        _KNOWN[data] = (data.changes, columns)
    return columns


def forget(data: Data) -> None:
    """Let go of the columns of some data."""
    _KNOWN.pop(data, None)
