"""Queries in one namespace of CIM find data in another, and mean what they meant."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest

from kgnode.alignment.apply import Applied, Rewriter
from kgnode.cim import ReadContext, read
from kgnode.cim.namespaces import exceptions, spellings
from kgnode.errors import NotFound
from kgnode.names import CIM16, CIM100
from kgnode.query.parse import parse
from kgnode.settings import load_settings
from kgnode.store.derive import derive
from tests.kgnode.alignment.plain import TYPE

PREFIX = f"PREFIX cim: <{CIM100}> PREFIX eu: <http://iec.ch/TC57/CIM100-European#> "
QUERIES = [
    "SELECT ?s ?r { ?s a cim:ACLineSegment ; cim:ACLineSegment.r ?r FILTER(?r > 0) }",
    "SELECT * { ?s a cim:ACLineSegment ; cim:IdentifiedObject.name ?n }",
    "SELECT (COUNT(DISTINCT ?t) AS ?n) { ?t cim:Terminal.ConductingEquipment/"
    "cim:Equipment.EquipmentContainer+ ?c }",
    "SELECT ?s ?t { ?s a ?t FILTER(?t = cim:Substation || ?t IN (cim:Line)) }",
    "SELECT ?s ?t { ?s a ?t FILTER(?t != cim:Terminal) }",
    "SELECT ?s { ?s a cim:ACLineSegment FILTER NOT EXISTS { ?s cim:Line.Region ?x } }",
    "SELECT ?s ?n { VALUES ?t { cim:Line cim:Substation } ?s a ?t OPTIONAL "
    "{ ?s cim:IdentifiedObject.name ?n } }",
    "SELECT ?t ?n { VALUES (?t ?n) { (cim:Line 1) (cim:Substation 2) } ?s a ?t }",
    "SELECT ?s { ?s !(cim:Terminal.ConductingEquipment|^cim:Terminal.phases) ?o } LIMIT 50",
    "SELECT ?c (COUNT(?l) AS ?n) { ?l a cim:ACLineSegment ; cim:Equipment.EquipmentContainer ?c } "
    "GROUP BY ?c",
    "SELECT ?s { ?s cim:Terminal.phases cim:PhaseCode.ABC }",
    "SELECT * { { SELECT ?s (COUNT(?t) AS ?k) (?s AS ?again) "
    "{ ?t cim:Terminal.ConductingEquipment ?s } "
    "GROUP BY ?s } ?s a cim:ACLineSegment }",
    "SELECT ?s ?x { ?s eu:IdentifiedObject.shortName ?x }",
    "ASK { ?s a cim:ACLineSegment MINUS { ?s a cim:Line } }",
]


class Held:
    """A view in this process."""

    def __init__(self, store: ox.Store, version: str = "1") -> None:
        self.store, self.version = store, version

    async def call(
        self, function: Callable[[ox.Store, bytes], bytes], argument: bytes, timeout_seconds: float
    ) -> bytes:
        """Run a function on the store."""
        return function(self.store, argument)


def applied(query: str, *sets: str, view: Held) -> Applied:
    return asyncio.run(Rewriter().apply(query, lambda: parse(query).tree.root_node, sets, view))


@pytest.fixture(scope="module")
def data(test_data: Path) -> ox.Store:
    """MicroGrid BE, published in the namespaces of CGMES 2.4.15, as one graph."""
    folder = "cim/microgrid_2415/BaseCase/CGMES_v2.4.15_MicroGridTestConfiguration_BC_BE_v2"
    context = ReadContext("https://x.example/#", "https://b.example/#", settings=load_settings())
    staged = read([test_data / folder], context)
    merged = ox.Store()
    for model in staged.models:
        merged.load(staged.graph(model.iri).ntriples(), ox.RdfFormat.N_TRIPLES)
    return merged


@pytest.fixture(scope="module")
def whole(data: ox.Store) -> ox.Store:
    """The same with every triple in all spellings, worked out plainly."""
    found = ox.Store()
    for quad in data:
        predicates = [quad.predicate.value]
        if predicates != [TYPE]:
            predicates = list(spellings(predicates[0]))
        value = quad.object
        values: list[Any] = [value]
        if isinstance(value, ox.NamedNode):
            values = [ox.NamedNode(other) for other in spellings(value.value)]
        found.extend(ox.Quad(quad.subject, ox.NamedNode(p), v) for p in predicates for v in values)
    return found


def answers(store: ox.Store, query: str) -> Any:
    result: Any = store.query(query)
    if isinstance(result, ox.QueryBoolean):
        return bool(result)
    names = sorted(variable.value for variable in result.variables)
    return names, Counter(tuple(str(row[name]) for name in names) for row in result)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_in_cim100_over_cim16_data_answers_as_over_data_in_all_spellings(
    data: ox.Store, whole: ox.Store, query: str
) -> None:
    made = applied(PREFIX + query, "cim-namespaces@1", view=Held(data))
    assert made.used
    if made.derived is not None:
        held = ox.Store()
        held.extend(data)
        derive(held, made.derived.to_json())
        assert set(held) == set(whole)
        data = held
    if "LIMIT" not in query:
        assert answers(data, made.text) == answers(whole, PREFIX + query)


def test_most_of_these_queries_need_no_larger_view(data: ox.Store) -> None:
    view = Held(data)
    rewriter = Rewriter()

    async def ways() -> list[bool]:
        made = [
            await rewriter.apply(
                query, lambda q=query: parse(q).tree.root_node, ["cim-namespaces"], view
            )
            for query in (PREFIX + query for query in QUERIES)
        ]
        return [one.derived is None for one in made]

    assert sum(asyncio.run(ways())) >= len(QUERIES) - 3


def test_templates_and_graph_names_are_left_alone(data: ox.Store) -> None:
    query = (
        f"PREFIX cim: <{CIM100}> CONSTRUCT {{ ?s a cim:Line }} "
        "{ GRAPH cim:G { ?s <http://e.example/p> 1 } }"
    )
    assert applied(query, "cim-namespaces", view=Held(data)).text == query


def test_a_term_that_changed_its_meaning_is_not_aligned() -> None:
    assert ("cim", "GovGAST2.z") in exceptions()
    assert spellings(f"{CIM16}GovGAST2.z") == (f"{CIM16}GovGAST2.z",)
    assert len(exceptions()) < 10


def test_the_four_european_spellings_are_one() -> None:
    first = spellings("http://entsoe.eu/CIM/SchemaExtension/3/1#IdentifiedObject.shortName")
    assert len(first) == 4
    assert all(set(spellings(iri)) == set(first) for iri in first)


def test_a_query_that_cannot_be_read_runs_as_it_is_on_a_view_with_all_that_follows(
    data: ox.Store,
) -> None:
    query = "SELECT * { ?s ?p"
    made = asyncio.run(Rewriter().apply(query, lambda: None, ["cim-namespaces"], Held(data)))
    assert made.text == query and made.derived is not None


def test_sets_are_found_by_name_and_version() -> None:
    empty = Held(ox.Store())
    assert applied("ASK {}", "cim-namespaces@1", view=empty).wanted.labels[0][0].endswith("@1")
    for name in ("cim-namespaces@2", "other"):
        with pytest.raises(NotFound, match=name):
            applied("ASK {}", name, view=empty)
