"""Data made by the mappings are good IES4, and answer together with data that were IES4 before."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest

from kgnode.assurance.data import Data
from kgnode.assurance.packs import load_packs
from kgnode.assurance.validate import validate_data
from kgnode.names import resource_folder
from tests.kgnode.alignment.hierarchy import IES, Hierarchy
from tests.kgnode.alignment.product import HERE, materialise, triples

OWN_WORDS = resource_folder("ontologies") / "gridspine-ies4.ttl"
PREFIXES = f"PREFIX ies: <{IES}> PREFIX gs: <https://w3id.org/gridspine#> "
TEXT = "ies:hasName/ies:representationValue"


def _with(*stores: ox.Store) -> ox.Store:
    merged = ox.Store()
    for store in stores:
        merged.extend(store)
    return merged


@pytest.fixture(scope="module")
def mapped() -> ox.Store:
    """The CIM sample with all that follows."""
    store = triples(HERE / "grid.ttl")
    materialise(store)
    return store


@pytest.fixture(scope="module")
def native() -> ox.Store:
    """The sample that was IES4 before."""
    return triples(HERE / "ies4_sample.ttl")


def _column(store: ox.Store, query: str) -> set[str]:
    return {row[0].value for row in store.query(PREFIXES + query)}  # type: ignore[union-attr]


def _remarks(store: ox.Store) -> list[object]:
    report = validate_data(Data(_with(store, triples(OWN_WORDS))), load_packs(["ies4"]))
    assert not report.notes
    return list(report.results)


def test_materialised_data_conform_to_the_ies4_shapes(mapped: ox.Store) -> None:
    assert _remarks(mapped) == []


def test_our_ies4_sample_conforms_to_the_ies4_shapes(native: ox.Store) -> None:
    assert _remarks(native) == []


def test_the_shapes_would_notice(mapped: ox.Store) -> None:
    spoilt = _with(mapped)
    part = next(spoilt.quads_for_pattern(None, ox.NamedNode(f"{IES}isParticipationOf"), None, None))
    spoilt.remove(part)
    assert _remarks(spoilt)


QUESTIONS = {
    "switches that are usually open": (
        f"SELECT ?name {{ ?s a gs:UsuallyOpen ; ies:isStateOf ?x . ?x {TEXT} ?name }}",
        {"CB 3", "Moorside CB 9"},
    ),
    "sites with a device": (
        f"SELECT ?name {{ ?x a ies:Device ; ies:isPartOf+ ?y . ?y a ies:Facility ; {TEXT} ?name }}",
        {'Ash"combe, \u00c5 100%', "Moorside"},
    ),
    "transformers rated at 90 MVA and more": (
        f"""SELECT ?name {{ ?x a ies:Device ; {TEXT} ?name . {{ ?x ies:hasCharacteristic ?m }} UNION
        {{ ?w ies:isPartOf ?x ; ies:hasCharacteristic ?m }} ?m a gs:ApparentPower , gs:Rating ;
        ies:hasValue/ies:representationValue ?mva FILTER(?mva >= 90) }}""",
        {"SGT 1", "Moorside T1"},
    ),
    "assets taken out in the first days of December": (
        f"""SELECT ?name {{ ?p a gs:TakenOut ; ies:isParticipationOf ?x ; ies:isParticipantIn ?e .
        ?b ies:isStartOf ?e ; ies:inPeriod/ies:iso8601PeriodRepresentation ?t . ?x {TEXT} ?name
        FILTER(?t < "2026-12-03T00:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime>) }}""",
        {"SGT 1", "Moorside T1"},
    ),
    "loads and their demand": (
        f"""SELECT ?name {{ ?s ies:isStateOf ?x ; ies:hasCharacteristic ?m . ?m a gs:ActivePower .
        ?x a ies:Entity ; {TEXT} ?name }}""",
        {"Load", "Ashcombe", "Moor Mill"},
    ),
    "owners by what they own": (
        f"SELECT ?name {{ ?o ies:owns ?x . ?x a ies:Device ; {TEXT} ?name }}",
        {"SGT 1", "Moorside CB 9", "Moorside T1"},
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_cim_and_ies4_data_answer_one_query_together(
    question: str, mapped: ox.Store, native: ox.Store
) -> None:
    query, expected = QUESTIONS[question]
    both = _column(_with(mapped, native), query)
    assert both == expected
    alone = [_column(mapped, query), _column(native, query)]
    assert all(alone) and alone[0] | alone[1] == both


def test_every_ies4_statement_keeps_to_the_domains_and_ranges_of_ies4(
    test_data: Path, mapped: ox.Store, native: ox.Store
) -> None:
    words = triples(OWN_WORDS)
    hierarchy = Hierarchy(_with(triples(test_data / "vocab/ies4/ies4.ttl"), words))
    broken, judged = hierarchy.broken(_with(mapped, native, words))
    assert judged > 300
    assert broken == set()
