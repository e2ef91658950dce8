"""Conflicts are found, and by the fast way exactly those that the plain way finds."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgnode.alignment.conflicts import conflicts
from kgnode.alignment.mapping import (
    BOTH_WAYS,
    BROAD,
    CLOSE,
    DOWNWARD,
    EQUIVALENT_CLASS,
    EXACT,
    NARROW,
    UPWARD,
    Mapping,
)
from kgnode.alignment.reach import Reach
from kgnode.alignment.terms import Term, Terms, known_terms, words

A, B = "https://a.example#", "https://b.example#"


def row(subject: str, predicate: str, object_: str, *, negative: bool = False) -> Mapping:
    name = f"{subject}-{object_}{'-not' if negative else ''}"
    return Mapping(name, subject, predicate, object_, negative=negative)


TERMS = Terms(
    [
        Term(f"{A}Line", "Line", kind="class", parents=(f"{A}Equipment",)),
        Term(f"{A}Equipment", "Equipment", kind="class"),
        Term(f"{A}Area", "Area", kind="class"),
        Term(f"{A}Line.length", "length", kind="property", domains=(f"{A}Line",)),
        Term(f"{B}Asset", "Asset", kind="class", parents=(f"{B}Thing",)),
        Term(f"{B}Place", "Place", kind="class", disjoint=(f"{B}Asset",), parents=(f"{B}Thing",)),
        Term(f"{B}Thing", "Thing", kind="class"),
        Term(f"{B}hasExtent", "extent", kind="property", domains=(f"{B}Place",)),
        Term(f"{B}hasLength", "length", kind="property", domains=(f"{B}Asset",)),
    ]
)

CASES = [
    ("none", [row(f"{A}Line", EXACT, f"{B}Asset")], None),
    (
        "contradiction",
        [row(f"{A}Line", EXACT, f"{B}Asset"), row(f"{A}Line", EXACT, f"{B}Asset", negative=True)],
        "error",
    ),
    (
        "contradiction",
        [
            row(f"{A}Line", EQUIVALENT_CLASS, f"{B}Asset"),
            row(f"{A}Line", EXACT, f"{B}Asset", negative=True),
        ],
        "error",
    ),
    (
        "contradiction",
        [row(f"{B}Asset", NARROW, f"{A}Line"), row(f"{A}Line", BROAD, f"{B}Asset", negative=True)],
        "error",
    ),
    (
        "contradiction",
        [row(f"{A}Line", EXACT, f"{B}Asset"), row(f"{B}Asset", NARROW, f"{A}Line", negative=True)],
        "error",
    ),
    (
        "contradiction",
        [
            row(f"{A}Line", BROAD, f"{A}Area"),
            row(f"{A}Area", BROAD, f"{B}Place"),
            row(f"{A}Line", BROAD, f"{B}Place", negative=True),
        ],
        "error",
    ),
    (
        "none",
        [row(f"{A}Line", BROAD, f"{B}Asset"), row(f"{A}Line", EXACT, f"{B}Asset", negative=True)],
        None,
    ),
    ("kind", [row(f"{A}Line", EXACT, f"{B}hasLength")], "error"),
    (
        "disjoint",
        [row(f"{A}Line", BROAD, f"{B}Asset"), row(f"{A}Equipment", BROAD, f"{B}Place")],
        "error",
    ),
    (
        "one_to_many",
        [row(f"{A}Line", EXACT, f"{B}Asset"), row(f"{A}Line", EXACT, f"{B}Thing")],
        "warning",
    ),
    (
        "cycle",
        [row(f"{A}Line", NARROW, f"{B}Thing"), row(f"{A}Line", BROAD, f"{B}Asset")],
        "warning",
    ),
    (
        "domain",
        [row(f"{A}Line", BROAD, f"{B}Asset"), row(f"{A}Line.length", BROAD, f"{B}hasExtent")],
        "warning",
    ),
    (
        "none",
        [row(f"{A}Line", BROAD, f"{B}Asset"), row(f"{A}Line.length", BROAD, f"{B}hasLength")],
        None,
    ),
    (
        "none",
        [row(f"{A}Line", EXACT, f"{B}Asset"), row(f"{A}Area", EXACT, f"{B}Asset", negative=True)],
        None,
    ),
    ("none", [row(f"{A}Line", CLOSE, f"{B}Asset"), row(f"{A}Line", CLOSE, f"{B}Place")], None),
]


@pytest.mark.parametrize(("kind", "rows", "severity"), CASES)
def test_each_kind_of_conflict_is_found(
    kind: str, rows: list[Mapping], severity: str | None
) -> None:
    found = conflicts(rows, TERMS)
    if severity is None:
        assert not found
    else:
        assert kind in {one.kind for one in found}
        first = next(one for one in found if one.kind == kind)
        assert first.severity == severity
        assert set(first.mappings) <= {one.id for one in rows}
        assert first.message.endswith(".")


NAMES = [f"{space}{name}" for space in (A, B) for name in "pqrst"]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Mapping], Terms]:
    links = draw(st.lists(st.tuples(*[st.sampled_from(NAMES)] * 2), max_size=6))
    apart = draw(st.lists(st.tuples(*[st.sampled_from(NAMES)] * 2), max_size=3))
    terms = Terms(
        [Term(name, name) for name in NAMES]
        + [Term(low, low, parents=(high,)) for low, high in links if low != high]
        + [Term(one, one, disjoint=(other,)) for one, other in apart if one != other]
    )
    said = draw(
        st.lists(
            st.tuples(
                st.sampled_from(NAMES),
                st.sampled_from([EXACT, BROAD, NARROW, CLOSE]),
                st.sampled_from(NAMES),
                st.booleans(),
            ),
            max_size=8,
            unique=True,
        )
    )
    rows = [
        Mapping(str(number), s, p, o, negative=no)
        for number, (s, p, o, no) in enumerate(said)
        if s != o
    ]
    return rows, terms


def plain_above(rows: list[Mapping], terms: Terms) -> set[tuple[str, str]]:
    """(lower, upper) by joining pairs until nothing new comes."""
    pairs = {(name, name) for name in NAMES}
    pairs |= {(term.iri, parent) for term in terms for parent in term.parents}
    for one in rows:
        if one.predicate in UPWARD | BOTH_WAYS:
            pairs.add((one.subject, one.object))
        if one.predicate in DOWNWARD | BOTH_WAYS:
            pairs.add((one.object, one.subject))
    while True:
        more = {(a, d) for a, b in pairs for c, d in pairs if b == c} - pairs
        if not more:
            return pairs
        pairs |= more


@given(worlds())
def test_what_is_above_is_what_joining_pairs_gives(world: tuple[list[Mapping], Terms]) -> None:
    rows, terms = world
    told = [one for one in rows if not one.negative]
    reach, plain = Reach(told, terms), plain_above(told, terms)
    for low, high in itertools.product(NAMES, NAMES):
        assert reach.is_above(high, low) == ((low, high) in plain)
        if (low, high) in plain:
            used = {one.id: one for one in told}
            assert set(reach.behind(low, high)) <= used.keys()


@given(worlds())
def test_the_conflicts_are_those_the_plain_way_finds(world: tuple[list[Mapping], Terms]) -> None:
    rows, terms = world
    told = [one for one in rows if not one.negative]
    plain = plain_above(told, terms)
    found = conflicts(rows, terms)
    circling = {
        one.id
        for one in told
        if (one.predicate in UPWARD and (one.object, one.subject) in plain)
        or (one.predicate in DOWNWARD and (one.subject, one.object) in plain)
    }
    assert circling <= {i for one in found if one.kind == "cycle" for i in one.mappings}
    mapped = {side for one in told if one.predicate != CLOSE for side in (one.subject, one.object)}
    in_both = any(
        (name, one) in plain and (name, other) in plain
        for name in mapped
        for term in terms
        for one, other in ((term.iri, other) for other in term.disjoint)
    )
    by_vocabularies = plain_above([], terms)
    already = any(
        (name, term.iri) in by_vocabularies and (name, other) in by_vocabularies
        for name in NAMES
        for term in terms
        for other in term.disjoint
    )
    if not already:
        assert any(one.kind == "disjoint" for one in found) == in_both
    contradicted = {one.mappings[-1] for one in found if one.kind == "contradiction"}
    for no in (one for one in rows if one.negative and one.subject != one.object):
        low, high = no.subject, no.object
        if no.predicate in DOWNWARD:
            low, high = high, low
        up, back = (low, high) in plain, (high, low) in plain
        if no.predicate in (BROAD, NARROW) and (low, high) not in by_vocabularies:
            assert (no.id in contradicted) == up
        elif no.predicate == EXACT and not {(low, high), (high, low)} <= by_vocabularies:
            assert (no.id in contradicted) == (up and back)


def test_the_terms_that_come_with_the_product_are_connected() -> None:
    terms = known_terms()
    breaker = "http://iec.ch/TC57/CIM100#Breaker"
    assert "http://iec.ch/TC57/CIM100#Equipment" in terms.above(breaker)
    assert terms.get("http://iec.ch/TC57/CIM100#Conductor.length").kind == "property"
    assert words("ACLineSegment.r0") == "ac line segment r0"
