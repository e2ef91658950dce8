"""A real CGMES 2.4.15 model, read in IES4's words through the two sets that lead there."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest

from kgnode.assurance.data import Data
from kgnode.assurance.packs import load_packs
from kgnode.assurance.validate import validate_data
from kgnode.cim.reader import ReadContext, read
from kgnode.names import CIM16, resource_folder
from tests.kgnode.alignment.hierarchy import IES, Hierarchy
from tests.kgnode.alignment.product import materialise, triples

OWN_WORDS = resource_folder("ontologies") / "gridspine-ies4.ttl"
PREFIXES = f"PREFIX ies: <{IES}> PREFIX cim: <{CIM16}> PREFIX gs: <https://w3id.org/gridspine#> "
CONTEXT = ReadContext("https://a.example/id#", "https://b.example/id#")


@pytest.fixture(scope="module")
def model(test_data: Path) -> ox.Store:
    """MicroGrid BE, all profiles, as one graph."""
    folder = test_data / "cim/microgrid_2415/BaseCase"
    name = "CGMES_v2.4.15_MicroGridTestConfiguration"
    staged = read([folder / f"{name}_BC_BE_v2", folder / f"{name}_BD_v2"], CONTEXT)
    store = ox.Store()
    store.extend(ox.Quad(q.subject, q.predicate, q.object) for q in staged.store)
    return store


@pytest.fixture(scope="module")
def mapped(model: ox.Store) -> ox.Store:
    store = ox.Store()
    store.extend(model)
    materialise(store, ("cim16-cim100", "cim-ies4"))
    return store


def _rows(store: ox.Store, query: str) -> list[tuple[str, ...]]:
    return sorted(tuple(str(term) for term in row) for row in store.query(PREFIXES + query))  # type: ignore[union-attr]


TWINS = {
    "power of loads and machines": (
        "SELECT ?n ?p { ?x cim:EnergyConsumer.p|cim:RotatingMachine.p ?p ; "
        "cim:IdentifiedObject.name ?n }",
        "SELECT ?n ?p { ?st ies:isStateOf ?x ; ies:hasCharacteristic ?m . ?m a gs:ActivePower ; "
        "ies:hasValue/ies:representationValue ?p . ?x ies:hasName/ies:representationValue ?n }",
    ),
    "lines and their reactance": (
        "SELECT ?n ?x { ?l cim:IdentifiedObject.name ?n ; cim:ACLineSegment.x ?x }",
        "SELECT ?n ?x { ?l ies:hasName/ies:representationValue ?n ; "
        "ies:hasCharacteristic ?m , ?k . ?k a ies:Length . ?m a gs:Reactance ; "
        "ies:hasValue/ies:representationValue ?x }",
    ),
    "levels and their substations": (
        "SELECT ?v ?n { ?v cim:VoltageLevel.Substation ?s . ?s cim:IdentifiedObject.name ?n }",
        "SELECT ?v ?n { ?v a ies:Asset ; ies:isPartOf ?s . ?s a ies:Facility ; "
        "ies:hasName/ies:representationValue ?n }",
    ),
    "machines and their ratings": (
        "SELECT ?n ?s { ?m cim:RotatingMachine.ratedS ?s ; cim:IdentifiedObject.name ?n }",
        "SELECT ?n ?s { ?m a ies:Device ; ies:hasName/ies:representationValue ?n ; "
        "ies:hasCharacteristic ?r . ?r a gs:ApparentPower , gs:Rating ; "
        "ies:hasValue/ies:representationValue ?s }",
    ),
}


@pytest.mark.parametrize("question", TWINS)
def test_a_question_in_ies4_finds_what_one_in_cim16_finds(
    question: str, model: ox.Store, mapped: ox.Store
) -> None:
    native, in_ies4 = TWINS[question]
    expected = _rows(model, native)
    assert expected
    assert _rows(mapped, in_ies4) == expected
    assert _rows(model, in_ies4) == []


def test_what_the_maps_make_of_it_is_good_ies4(test_data: Path, mapped: ox.Store) -> None:
    everything = ox.Store()
    everything.extend(mapped)
    everything.extend(triples(OWN_WORDS))
    report = validate_data(Data(everything), load_packs(["ies4"]))
    assert not report.results
    words = triples(test_data / "vocab/ies4/ies4.ttl")
    words.extend(triples(OWN_WORDS))
    broken, judged = Hierarchy(words).broken(everything)
    assert judged > 1000
    assert broken == set()
