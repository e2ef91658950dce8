"""Which focus nodes may be wrong at all: asked of whole columns, for all shapes at once.

In: a plan. Out: for each check a superset of the focus nodes that violate it, so that the exact
query runs on a handful of nodes or not at all. Counts (SHACL 4.2) are set algebra over columns;
tests of values are asked of the distinct values of a property. Nothing is screened where a property
is far larger than the focus nodes, or where too many are wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import pyoxigraph as ox

from kgnode.assurance.columns import Column, Kind, Name, Rows, columns_of, is_iri, terms_of
from kgnode.assurance.compile import Fused, Member, Plan, bound
from kgnode.assurance.conditions import ALIKE_FOR_IRIS, violates
from kgnode.assurance.data import Data
from kgnode.assurance.paths import Path
from kgnode.assurance.shapes import Constraint
from kgnode.assurance.sources import Source, Sources

MOST = 2_000
"""Nodes that may be wrong; where there are more, the focus nodes are asked directly."""
FIRST = 6
"""How many times more triples than focus nodes a property may have to be read first."""
FEW = 1_000
"""Triples that are read whatever the number of focus nodes."""
_TEXT = frozenset(("minLength", "maxLength", "pattern"))
"""Tests of text, which is seldom the same twice: they are asked of each triple."""

_EMPTY = Constraint("minLength", "", (ox.Literal(1),))
_NON_EMPTY = frozenset({(violates(_EMPTY, "?value", lambda *_: ""), False)})
"""The test "at least one character", which the columns answer."""

Suspects = frozenset[bytes] | None
"""Nodes as text; None where it is not known who may be wrong."""
Test = tuple[str, bool]
"""A test of ``?value``, and whether its answer is the same for all IRIs."""


@dataclass
class _Wanted:
    """What a plan wants to know of one property."""

    iri: str
    most: int | None = 0
    ends: set[Kind] = field(default_factory=set)
    tests: dict[Test, None] = field(default_factory=dict)
    texts: dict[Test, None] = field(default_factory=dict)
    classes: dict[str, None] = field(default_factory=dict)


class Screen:
    """Screens the checks of one pack on one data set."""

    def __init__(self, data: Data, sources: Sources) -> None:
        self._sources = sources
        self._columns = columns_of(data)
        self._sizes = data.classes
        self._wanted: dict[str, _Wanted] = {}
        self._wrong: dict[tuple[str, str], Suspects] = {}
        self._failing: dict[tuple[str, str], frozenset[bytes]] = {}
        self._marked: dict[frozenset[bytes], Source] = {}

    def prepare(self, plan: Plan) -> None:
        """Read what a plan asks of whole columns, side by side."""
        self._wanted = {}
        classes: dict[Name, None] = {}
        for fused in plan.fused.values():
            source = fused.source
            if not _by_targets(source):
                continue
            if fused.counts:
                classes.update(dict.fromkeys(n for n in self._focus(source) if n[0] == "class"))
            for part in _parts(fused.path):
                self._want(part, fused)
        for wanted in self._wanted.values():
            for name in wanted.classes:
                classes.update(dict.fromkeys(self._worth(name, wanted.most)))
        self._columns.each(self._columns.instances, list(classes))
        self._columns.each(self._read, list(self._wanted.values()))

    def _want(self, part: Path, fused: Fused) -> None:
        """Note what a check needs to know of a property."""
        inverse = not part.simple
        if inverse and not fused.counts:
            return
        iri = part.parts[0].iri if inverse else part.iri
        wanted = self._wanted.setdefault(iri, _Wanted(iri))
        wanted.ends.add("objects" if inverse else "subjects")
        size = fused.source.size
        wanted.most = None if size is None or wanted.most is None else wanted.most + size
        for member in () if inverse else fused.values:
            if member.constraint.kind == "class":
                wanted.classes[member.constraint.values[0].value] = None
            else:
                texts = member.constraint.kind in _TEXT
                (wanted.texts if texts else wanted.tests)[self._test(member)] = None

    def _worth(self, name: str, most: int | None) -> list[Name]:
        """Return the columns of a class's instances, unless these are far too many."""
        names = self._sources.instance_columns(name)
        many = sum(self._sizes.get(iri, 0) for _, iri in names)
        return names if most is None or many <= FIRST * most + FEW else []

    def _read(self, wanted: _Wanted) -> None:
        """Read a property once, and find who may be wrong about it."""
        iri, most = wanted.iri, wanted.most
        which = set(wanted.ends)
        if wanted.tests or wanted.classes or (wanted.texts and wanted.texts.keys() <= _NON_EMPTY):
            which.update(("subjects", "objects"))
        order: list[Kind] = sorted(which)
        rows = self._columns.ends(iri, order, None if most is None else FIRST * most + FEW)
        if rows is None:
            return
        found: dict[Kind, Rows] = dict(zip(order, rows, strict=True))
        for kind in wanted.ends:
            self._columns.keep(kind, iri, found[kind])
        values = frozenset(found["objects"]) if len(order) > 1 else frozenset()
        for name in wanted.classes:
            instances = self._columns.union(self._sources.instance_columns(name))
            strange = None if instances is None else values - instances
            self._wrong[iri, name] = _holding(found, strange)
        wrong = self._of_texts(iri, wanted.texts, found)
        if wanted.tests:
            others = self._of_values(iri, wanted.tests, found, values)
            wrong = None if wrong is None or others is None else wrong | others
        self._wrong[iri, ""] = wrong

    def _of_texts(self, iri: str, tests: Collection[Test], found: dict[Kind, Rows]) -> Suspects:
        """Return the subjects of values that fail a test of text."""
        if tests and _NON_EMPTY.issuperset(tests) and "objects" in found:
            return _holding(found, frozenset(filter(_may_be_empty, found["objects"])))
        return self._scan(iri, tests)

    def _of_values(
        self, iri: str, tests: Collection[Test], found: dict[Kind, Rows], values: frozenset[bytes]
    ) -> Suspects:
        """Return the subjects of values that fail a test, asked of each value once."""
        wrong = " || ".join(test for test, _ in tests)
        asked = set(values)
        if all(alike for _, alike in tests):
            asked = {value for value in values if not is_iri(value)}
            if len(asked) < len(values) and self._fails(wrong, "<urn:gridspine:any>"):
                return self._scan(iri, tests)
        if len(asked) * 3 > len(found["objects"]) or any(map(_unnamed, asked)):
            return self._scan(iri, tests)
        return _holding(found, self._fails(wrong, b" ".join(sorted(asked)).decode()))

    def _fails(self, wrong: str, values: str) -> frozenset[bytes]:
        """Return those of some values for which a test turns out wrong."""
        if not values:
            return frozenset()
        if (wrong, values) not in self._failing:
            query = f"SELECT ?value WHERE {{ VALUES ?value {{ {values} }} FILTER({wrong}) }}"
            self._failing[wrong, values] = frozenset(self._columns.rows(query))
        return self._failing[wrong, values]

    def _scan(self, iri: str, tests: Collection[Test]) -> Suspects:
        """Return the subjects of a property for which a test turns out wrong, row by row."""
        if not tests:
            return frozenset()
        wrong = " || ".join(test for test, _ in tests)
        where = f"{{ ?this <{iri}> ?value FILTER({wrong}) }}"
        return _few(self._columns.rows(f"SELECT ?this WHERE {where} LIMIT {MOST + 1}"))

    def _test(self, member: Member) -> Test:
        alike = member.constraint.kind in ALIKE_FOR_IRIS
        return violates(member.constraint, "?value", self._sources.is_instance), alike

    def lacking(self, source: Source, path: Path | None) -> frozenset[bytes] | None:
        """Return the focus nodes from which a path leads nowhere; None where not known."""
        columns = [self._column(part) for part in _parts(path)]
        focus = self._nodes(source)
        if focus is None or not columns or any(column is None for column in columns):
            return None
        return focus.difference(*(c.terms for c in columns if c is not None))

    def miscounted(
        self, source: Source, path: Path, low: int, high: int | None
    ) -> dict[bytes, int] | None:
        """Return the focus nodes with too few or too many values, and how many; None as above."""
        column, focus = self._column(path), self._nodes(source)
        if column is None or focus is None:
            return None
        wrong: set[bytes] = set()
        if high is not None:
            found = column.many.items()
            wrong = {term for term, n in found if n > high} if high > 0 else set(column.terms)
        if low > 0:
            enough = {term for term, number in column.many.items() if number >= low}
            wrong |= focus - (enough if low > 1 else column.terms)
        return {term: column.number(term) for term in focus & wrong}

    def never_more(self, path: Path, high: int) -> bool:
        """Whether it is known that nothing has more values than this."""
        column = self._column(path)
        return column is not None and high > 0 and all(n <= high for n in column.many.values())

    def suspects(self, fused: Fused) -> Suspects:
        """Return the focus nodes that may have a wrong value."""
        parts = _parts(fused.path)
        if not parts or not _by_targets(fused.source) or not all(part.simple for part in parts):
            return None
        found: set[bytes] = set()
        for part in parts:
            wrong = self._suspects(part.iri, fused.values)
            if wrong is None:
                return None
            found |= wrong
        focus = self._nodes(fused.source) if found else None
        return _few(found if focus is None else focus & found)

    def _suspects(self, iri: str, members: Collection[Member]) -> Suspects:
        """Return who may be wrong about a property: by all shapes' tests, or by these alone."""
        classes = {m.constraint.values[0].value for m in members if m.constraint.kind == "class"}
        found: set[bytes] = set()
        for key in ("", *classes):
            wrong = self._wrong.get((iri, key))
            if wrong is None and not key and (iri, key) in self._wrong:
                tests = [self._test(m) for m in members if m.constraint.kind != "class"]
                wrong = self._scan(iri, dict.fromkeys(tests))
            if wrong is None:
                return None
            found |= wrong
        return frozenset(found)

    def narrow(self, source: Source, suspects: Suspects) -> Source | None:
        """Return the suspects among some focus nodes; None where there are none."""
        if suspects is None:
            return source
        if not suspects:
            return None
        if suspects not in self._marked:
            terms = terms_of(suspects)
            if terms is None:
                return source
            self._marked[suspects] = self._sources.marked(terms)
        return source.within(self._marked[suspects])

    def _column(self, path: Path) -> Column | None:
        if path.simple:
            return self._columns.get("subjects", path.iri)
        if path.operator == "inverse" and path.parts[0].simple:
            return self._columns.get("objects", path.parts[0].iri)
        return None

    def _nodes(self, source: Source) -> frozenset[bytes] | None:
        """Return the focus nodes, where columns tell them."""
        return self._columns.union(self._focus(source)) if _by_targets(source) else None

    def _focus(self, source: Source) -> Iterator[Name]:
        """Yield the columns that make up the focus nodes."""
        for kind, iri in source.targets:
            if kind == "class":
                if iri in self._sizes:
                    yield "class", iri
            else:
                yield ("subjects" if kind == "subjectsOf" else "objects"), iri


def bounds(members: Collection[Member]) -> tuple[int, int | None]:
    """Return the least and the most values that all of some counts allow."""
    low = [bound(m.constraint) for m in members if m.constraint.kind == "minCount"]
    high = [bound(m.constraint) for m in members if m.constraint.kind == "maxCount"]
    return max(low, default=0), min(high, default=None)


def _by_targets(source: Source) -> bool:
    """Whether the focus nodes are just what the targets say."""
    return not source.depth and not source.fixed and bool(source.targets)


def _parts(path: Path | None) -> tuple[Path, ...]:
    """Return the alternatives of a path, each a property or the inverse of one; else nothing."""
    parts = () if path is None else path.parts if path.operator == "alternative" else (path,)
    plain = all(p.simple or (p.operator == "inverse" and p.parts[0].simple) for p in parts)
    return tuple(parts) if plain else ()


def _holding(found: dict[Kind, Rows], values: frozenset[bytes] | None) -> Suspects:
    """Return the subjects that have one of some values."""
    if not values:
        return values
    rows = zip(found["subjects"], found["objects"], strict=True)
    return _few([subject for subject, value in rows if value in values])


def _may_be_empty(value: bytes) -> bool:
    """Whether a value may have no text: only an empty literal, an empty IRI or a blank node."""
    return value.startswith((b'""', b"_:", b"<>", b"<<"))


def _unnamed(value: bytes) -> bool:
    """Whether a value cannot stand in VALUES: a blank node or a triple."""
    return value.startswith((b"_:", b"<<"))


def _few(found: Collection[bytes]) -> Suspects:
    return frozenset(found) if len(found) <= MOST else None
