"""Summaries count a view exactly, hashes cover every IRI, shared terms never under-state."""

from __future__ import annotations

import json
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store

from kgnode.errors import BadRequest
from kgnode.names import RDF
from kgnode.summary import (
    literal_hashes,
    named_terms,
    shared_terms,
    summarise,
    term_hash,
    term_hashes,
)

IRIS = st.sampled_from(
    [f"https://a.example/{n}" for n in range(4)]
    + [f"urn:uuid:00000000-0000-0000-0000-00000000000{n}" for n in range(4)]
).map(NamedNode)
PREDICATES = st.sampled_from([f"{RDF}type", "urn:p#1", "urn:p#2"]).map(NamedNode)
OBJECTS = st.one_of(IRIS, st.integers(0, 3).map(Literal))
TRIPLES = st.lists(st.tuples(IRIS, PREDICATES, OBJECTS), max_size=30)


def store_of(triples: list[tuple[NamedNode, NamedNode, NamedNode | Literal]]) -> Store:
    store = Store()
    for triple in triples:
        store.add(Quad(*triple, DefaultGraph()))
        store.add(Quad(*triple, NamedNode("urn:model")))
    return store


@given(TRIPLES)
def test_counts_are_those_of_the_merged_graph(triples) -> None:
    store = store_of(triples)
    summary = json.loads(summarise(store))
    for predicate, usage in summary["predicates"].items():
        pattern = store.quads_for_pattern(None, NamedNode(predicate), None, DefaultGraph())
        assert usage["count"] == len(list(pattern)) == sum(usage["subjects"].values())
        assert usage["count"] == sum(usage["objects"].values())
    assert set(summary["predicates"]) == {p.value for _, p, _ in triples}
    typed = {(s, o) for s, p, o in triples if p.value == f"{RDF}type" and isinstance(o, NamedNode)}
    assert {c: u["count"] for c, u in summary["classes"].items()} == {
        c: sum(1 for _, o in typed if o.value == c) for c in {o.value for _, o in typed}
    }


@given(TRIPLES)
def test_every_iri_is_hashed_once_in_order(triples) -> None:
    hashes = array("Q", term_hashes(store_of(triples))).tolist()
    iris = {t.value for s, _, o in triples for t in (s, o) if isinstance(t, NamedNode)}
    assert hashes == sorted({term_hash(iri) for iri in iris})


@given(TRIPLES, st.sets(IRIS))
def test_shared_terms_stand_where_the_data_has_them(triples, shared) -> None:
    posted = sorted(term_hash(iri.value) for iri in shared)
    answer = json.loads(shared_terms(store_of(triples), array("Q", posted).tobytes()))
    for predicate in {p.value for _, p, _ in triples}:
        for name, position in (("subjects", 0), ("objects", 2)):
            terms = {t[position] for t in triples if t[1].value == predicate}
            iris = {t for t in terms if isinstance(t, NamedNode)}
            told = answer["predicates"][predicate][name]
            assert [posted[i] for i in told["shared"]] == sorted(
                term_hash(t.value) for t in iris & shared
            )
            assert told["local"] == bool(iris - shared)
            assert told["literals"] == (terms != iris)


def test_a_cut_list_of_hashes_is_refused() -> None:
    with pytest.raises(BadRequest):
        shared_terms(Store(), b"12345")


@given(TRIPLES)
def test_literals_of_a_predicate_are_hashed_and_no_others(triples) -> None:
    store = store_of(triples)
    for predicate in ("urn:p#1", "urn:p#2", "urn:never"):
        hashes = array("Q", literal_hashes(store, predicate.encode())).tolist()
        literals = {o for _, p, o in triples if p.value == predicate and isinstance(o, Literal)}
        assert hashes == sorted(term_hash(str(literal)) for literal in literals)


def test_spellings_that_the_engine_takes_for_one_term_have_one_hash() -> None:
    stores = [Store(), Store()]
    for store, spelling in zip(stores, ('"01"^^<{0}integer>', '"1"^^<{0}integer>'), strict=True):
        text = f"<urn:s> <urn:p> {spelling.format('http://www.w3.org/2001/XMLSchema#')} ."
        store.load(text.encode(), format=RdfFormat.N_TRIPLES)
    one, other = (literal_hashes(store, b"urn:p") for store in stores)
    assert one == other and len(one) == 8


def test_a_predicate_that_is_no_iri_is_refused() -> None:
    with pytest.raises(BadRequest):
        literal_hashes(Store(), b"no iri")


@given(TRIPLES, st.lists(IRIS, unique=True))
def test_only_iris_of_the_view_are_named(triples, asked) -> None:
    hashes = array("Q", [term_hash(iri.value) for iri in asked]).tobytes()
    held = {t for s, _, o in triples for t in (s, o) if isinstance(t, NamedNode)}
    told = json.loads(named_terms(store_of(triples), hashes))["names"]
    assert told == [iri.value if iri in held else None for iri in asked]
