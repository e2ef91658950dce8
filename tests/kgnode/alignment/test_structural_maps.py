"""Each structural map says in IES4 what CIM said: the way back gives the same facts again."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdflib import RDF as RDFLIB_RDF
from rdflib import URIRef
from rdflib.plugins.sparql import prepareQuery

from kgnode.names import RDF, expand
from tests.kgnode.alignment.product import HERE, TYPE, constructed, structural, triples

MAPS = structural("cim-ies4")
BACK = {path.stem: path.read_text() for path in sorted((HERE / "back").glob("*.rq"))}
JOINS = {
    "cim:OperationalLimit.OperationalLimitSet", "cim:OperationalLimitSet.Terminal",
    "cim:Location.CoordinateSystem", "cim:CoordinateSystem.crsUrn", "cim:PositionPoint.Location",
    "cim:PositionPoint.sequenceNumber",
}  # fmt: skip
"""Properties that a map only follows; they stay in the data as they are."""
GROUPS = ("34", "80")
SCOPE: dict[str, Callable[[str], bool]] = {
    "names": lambda ident: ident not in GROUPS,
    "identifiers": lambda ident: ident not in GROUPS,
    "descriptions": lambda ident: ident not in GROUPS,
    "group-names": lambda ident: ident in GROUPS,
    "positions": lambda ident: ident == "62",
}
"""What a map takes of the sample, by the end of the subject's IRI: 62 is the position in WGS 84."""
RDF_TYPE = RDFLIB_RDF.type
Fact = tuple[str, str, str]


@pytest.fixture(scope="module")
def grid() -> ox.Store:
    return triples(HERE / "grid.ttl")


def _facts(quads: object) -> set[Fact]:
    return {(str(q.subject), q.predicate.value, str(q.object)) for q in quads}  # type: ignore[attr-defined]


def _sources(text: str) -> set[str]:
    """Return the properties whose facts a map takes over."""
    body = text[text.index("WHERE") :]
    named = set(re.findall(r"\b(?:cim|eu|md|gs|rdfs):[A-Za-z][\w.]*\b", body)) - JOINS
    found = {
        expand(name) for name in named if not name[name.index(":") + 1].isupper() or "." in name
    }
    return found


def _back(store: ox.Store, name: str) -> set[Fact]:
    """Return the facts that the way back gives from what a map made of a store."""
    made = ox.Store()
    made.extend(ox.Quad(*triple) for triple in constructed(store, MAPS[name]))
    made.extend(store.quads_for_pattern(None, TYPE, None, None))
    for join in (*sorted(JOINS), "gs:asset"):
        if not (join == "gs:asset" and name == "outages"):
            made.extend(store.quads_for_pattern(None, ox.NamedNode(expand(join)), None, None))
    return _facts(constructed(made, BACK[name]))


def _numbers(facts: set[Fact]) -> set[Fact]:
    """Return facts with their numbers as such: coordinates become decimals."""
    return {(s, p, str(float(o.split('"')[1]))) for s, p, o in facts}


def test_every_map_has_a_way_back() -> None:
    assert set(MAPS) == set(BACK)
    assert len(MAPS) >= 30


@pytest.mark.parametrize("name", MAPS)
def test_a_map_there_and_back_gives_the_same_facts(name: str, grid: ox.Store) -> None:
    sources = _sources(MAPS[name]) - ({expand("gs:asset")} if name == "owners" else set())
    expected = {fact for fact in _facts(grid) if fact[1] in sources}
    assert {fact[1] for fact in expected} == sources, "the sample lacks something"
    found = _back(grid, name)
    within = SCOPE.get(name, lambda _: True)
    expected = {fact for fact in expected if within(fact[0].strip("<>")[-2:])}
    if name == "positions":
        found, expected = _numbers(found), _numbers(expected)
    assert found == expected


@pytest.mark.parametrize("name", MAPS)
def test_a_map_run_twice_adds_nothing(name: str, grid: ox.Store) -> None:
    first = constructed(grid, MAPS[name])
    again = ox.Store()
    again.extend(grid)
    again.extend(ox.Quad(*triple) for triple in first)
    assert set(constructed(again, MAPS[name])) == set(first)


@pytest.mark.parametrize("name", MAPS)
def test_a_map_stays_within_what_a_node_may_run(name: str) -> None:
    text = MAPS[name]
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert not re.search(r"\b(GRAPH|SERVICE|FROM|NOW|RAND|UUID|STRUUID|BNODE|LIMIT)\b", body)
    for _, predicate, target in prepareQuery(text).algebra.template:
        assert isinstance(predicate, URIRef), name
        assert predicate != RDF_TYPE or isinstance(target, URIRef), name
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert len(comments) >= 2


@pytest.mark.parametrize("name", MAPS)
def test_what_a_map_makes_is_named_by_iris_alone(name: str, grid: ox.Store) -> None:
    made = constructed(grid, MAPS[name])
    assert made
    for triple in made:
        assert isinstance(triple.subject, ox.NamedNode)
        assert not isinstance(triple.object, ox.BlankNode)


IRIS = st.from_regex(
    r"(urn:uuid:|https://a\.example/id#|https://a\.example/)([A-Za-z0-9:_~.-]|%3A|%25){1,9}",
    fullmatch=True,
)


@given(st.lists(st.tuples(IRIS, st.booleans()), min_size=1, max_size=6, unique_by=lambda p: p[0]))
def test_two_switches_never_share_a_state(switches: list[tuple[str, bool]]) -> None:
    store = ox.Store()
    for iri, is_open in switches:
        subject, name = ox.NamedNode(iri), ox.NamedNode(expand("cim:Switch.open"))
        store.add(ox.Quad(subject, name, ox.Literal(is_open)))
    made = constructed(store, MAPS["switch-positions"])
    states = {t.subject.value for t in made if t.predicate.value == f"{RDF}type"}  # type: ignore[union-attr]
    assert len(states) == len(switches)
    assert _back(store, "switch-positions") == _facts(store)
