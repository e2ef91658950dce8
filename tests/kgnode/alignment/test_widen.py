"""Queries in one namespace find data in another, and mean what they meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyoxigraph import RdfFormat, Store

from kgnode.alignment.apply import apply_sets
from kgnode.alignment.widen import widen
from kgnode.cim import ReadContext, read
from kgnode.cim.namespaces import exceptions, spellings
from kgnode.errors import NotFound, RefusedQuery
from kgnode.names import CIM16, CIM100
from kgnode.settings import load_settings

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


@pytest.fixture(scope="module")
def store(test_data: Path) -> Store:
    """MicroGrid BE, published in the namespaces of CGMES 2.4.15, as one graph."""
    folder = "cim/microgrid_2415/BaseCase/CGMES_v2.4.15_MicroGridTestConfiguration_BC_BE_v2"
    context = ReadContext("https://x.example/#", "https://b.example/#", settings=load_settings())
    staged = read([test_data / folder], context)
    merged = Store()
    for model in staged.models:
        merged.load(staged.graph(model.iri).ntriples(), RdfFormat.N_TRIPLES)
    return merged


def answers(store: Store, query: str) -> object:
    result = store.query(query)
    if not hasattr(result, "variables"):
        return bool(result)
    names = [variable.value for variable in result.variables]
    rows = [tuple(f"{name}={row[name]}" for name in sorted(names)) for row in result]
    return sorted(names), sorted(rows)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_in_cim100_finds_in_cim16_data_what_the_query_in_cim16_finds(
    store: Store, query: str
) -> None:
    widened, used = widen(PREFIX + query, spellings)
    own = PREFIX.replace(CIM100, CIM16).replace(
        "http://iec.ch/TC57/CIM100-European#", "http://entsoe.eu/CIM/SchemaExtension/3/1#"
    )
    assert used
    if "LIMIT" not in query:
        assert answers(store, widened) == answers(store, own + query)
    if "ASK" not in query:
        assert answers(store, widened)[1]  # type: ignore[index]


def test_templates_graph_names_and_other_vocabularies_are_left_alone() -> None:
    query = (
        f"PREFIX cim: <{CIM100}> CONSTRUCT {{ ?s a cim:Line }} "
        "{ GRAPH cim:G { ?s <http://e.example/p> 1 } }"
    )
    assert widen(query, spellings) == (query, frozenset())


def test_a_term_that_changed_its_meaning_is_not_aligned() -> None:
    assert ("cim", "GovGAST2.z") in exceptions()
    assert spellings(f"{CIM16}GovGAST2.z") == (f"{CIM16}GovGAST2.z",)
    assert len(exceptions()) < 10


def test_the_four_european_spellings_are_one() -> None:
    first = spellings("http://entsoe.eu/CIM/SchemaExtension/3/1#IdentifiedObject.shortName")
    assert len(first) == 4
    assert all(set(spellings(iri)) == set(first) for iri in first)


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(RefusedQuery):
        widen("SELECT * { ?s ?p", spellings)


def test_sets_are_found_by_name_and_version() -> None:
    query = f"SELECT ?s {{ ?s a <{CIM100}Line> }}"
    assert apply_sets(query, ["cim-namespaces@1"])[1] == ("cim-namespaces@1",)
    with pytest.raises(NotFound, match="cim-namespaces@2"):
        apply_sets(query, ["cim-namespaces@2"])
