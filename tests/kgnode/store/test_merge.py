"""Differential law: a view answers like a plain store that was built from only those triples."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from pathlib import Path

import pytest
from pyoxigraph import DefaultGraph, NamedNode, Quad, QueryResultsFormat, RdfFormat, Store, parse

from kgnode.names import bnode_iri
from kgnode.settings import Settings
from kgnode.store import follow
from kgnode.store.cells import Cell, NewModel
from kgnode.store.record import FolderRecord
from kgnode.store.view import View, Views

from .conftest import JSON, LIMITS, model

TERMS = [
    "<urn:a>", "<urn:b>", "<urn:c>", "_:x", "_:y", '"1"', '"one"@en', '"01"^^<{i}>', '"1"^^<{i}>',
    '"2"^^<{i}>', '"1.50"^^<{d}>', '"true"^^<{b}>', '"x\\ny"',
]  # fmt: skip
TYPES = {name[0]: f"http://www.w3.org/2001/XMLSchema#{name}" for name in ("integer", "decimal")}
TYPES["b"] = "http://www.w3.org/2001/XMLSchema#boolean"

QUERIES = [
    "SELECT * { ?s ?p ?o }",
    "SELECT (COUNT(*) AS ?n) { ?s <urn:p0> ?o }",
    "SELECT ?p (COUNT(DISTINCT ?s) AS ?n) (SUM(?o) AS ?t) { ?s ?p ?o } GROUP BY ?p",
    "SELECT ?a ?b { ?a <urn:p0> ?b . ?b <urn:p1> ?c }",
    "SELECT ?a ?c { ?a <urn:p0>/<urn:p1> ?c }",
    "SELECT ?a ?c { ?a (<urn:p0>|<urn:p1>)+ ?c }",
    "SELECT ?a ?b ?c { ?a <urn:p0> ?b OPTIONAL { ?b <urn:p1> ?c } }",
    "SELECT ?a { ?a <urn:p0> ?b FILTER NOT EXISTS { ?a <urn:p1> ?b } }",
    "SELECT ?a { { ?a <urn:p0> ?b } UNION { ?a <urn:p1> ?b } MINUS { ?b <urn:p2> ?a } }",
    "SELECT ?g ?s { GRAPH ?g { ?s <urn:p0> ?o } }",
    "SELECT ?g ?s { ?s <urn:p1> ?o GRAPH ?g { ?s <urn:p0> ?o2 } }",
    "SELECT (COUNT(*) AS ?n) { GRAPH <urn:m:0> { ?s ?p ?o } }",
    "SELECT DISTINCT ?g { GRAPH ?g {} }",
    "ASK { <urn:a> <urn:p0> <urn:b> }",
    "ASK { GRAPH <urn:m:1> { <urn:a> ?p ?o } }",
    "SELECT ?s { ?s ?p ?o FILTER(?o > 1) }",
    "SELECT ?s ?o { ?s ?p ?o FILTER(isBlank(?s) || isLiteral(?o)) }",
]


def random_text(chance: random.Random) -> str:
    lines = []
    for _ in range(chance.randrange(7)):
        subject = chance.choice(TERMS[:5])
        value = chance.choice(TERMS).format(**TYPES)
        lines.append(f"{subject} <urn:p{chance.randrange(3)}> {value} .\n")
    return "".join(lines)


def random_models(chance: random.Random, version: int) -> list[NewModel]:
    labels = ["", "a", "b", "a b"]
    return [
        model(
            f"urn:m:{m}",
            {names: random_text(chance) for names in chance.sample(labels, chance.randrange(1, 4))},
            f"{m}-{version}-{chance.randrange(2)}",
        )
        for m in range(chance.randrange(1, 4))
    ]


def plain(texts: dict[Cell, str], named_graphs: bool) -> Store:
    """The slow way: only those triples, one by one, blank nodes named by their model."""

    def named(term: object, iri: str) -> object:
        blank = type(term).__name__ == "BlankNode"
        return NamedNode(bnode_iri(iri, term.value)) if blank else term  # type: ignore[attr-defined]

    store = Store()
    for cell, text in texts.items():
        for quad in parse(text, RdfFormat.N_TRIPLES):
            subject, value = named(quad.subject, cell.model), named(quad.object, cell.model)
            for graph in (DefaultGraph(), NamedNode(cell.model))[: 1 + named_graphs]:
                store.add(Quad(subject, quad.predicate, value, graph))  # type: ignore[arg-type]
    return store


def rows(document: bytes) -> object:
    """The bag of rows, or the boolean."""
    found = json.loads(document)
    if "boolean" in found:
        return found["boolean"]
    return Counter(json.dumps(row, sort_keys=True) for row in found["results"]["bindings"])


async def check(view: View, store: Store, queries: list[str]) -> None:
    for query in queries:
        expected = store.query(query).serialize(format=QueryResultsFormat.JSON)  # type: ignore[union-attr]
        found = await (await view.evaluate(query, JSON, LIMITS)).read()
        assert rows(found) == rows(expected), query


async def run(record: FolderRecord, folder: Path, cases: int, seed: int) -> Counter[str]:
    """Random data sets change version by version; random callers ask random queries."""
    chance = random.Random(seed)
    done = 0
    texts: dict[Cell, str] = {}
    views = Views(record, Settings(evaluators_per_view=1), folder)
    try:
        while done < cases:
            dataset = f"urn:d:{chance.randrange(2)}"
            before = record.current(dataset)
            models = random_models(chance, done)
            after = record.publish(dataset, models, aside=False, attributes={}, keep=3)
            for given, kept in zip(models, after.models, strict=True):
                for labels, content in given.cells.items():
                    for cell in kept.cells:
                        if cell.labels == labels:
                            texts[cell] = "".join(f"{triple} .\n" for triple in content)
            await views.follow(before, after)
            everything = [c for manifest in record.datasets() for c in manifest.cells]
            for _ in range(2):
                label_sets = {c.labels for c in everything if chance.random() < 0.7}
                permitted = frozenset(c for c in everything if c.labels in label_sets)
                with_graphs = chance.random() < 0.7
                view = await views.get(permitted, with_graphs)
                chosen = chance.sample(QUERIES, min(6, cases - done))
                await check(view, plain({c: texts[c] for c in permitted}, with_graphs), chosen)
                done += len(chosen)
            while len(views._seats) > 6:
                views.lost(next(iter(views._seats.values())))
        return views.counts
    finally:
        await views.close()


@pytest.fixture
def deltas_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "CHURN_MAX", 1e9)
    monkeypatch.setattr(follow, "CHANGE_MAX", 1e9)


@pytest.mark.usefixtures("deltas_always")
def test_views_equal_plain_stores(record: FolderRecord, tmp_path: Path) -> None:
    counts = asyncio.run(run(record, tmp_path / "run", 300, seed=1))
    assert counts["changed"] > 10
    assert counts["built"] > 10


@pytest.mark.nightly
@pytest.mark.timeout(3000)
@pytest.mark.usefixtures("deltas_always")
def test_views_equal_plain_stores_many_times(record: FolderRecord, tmp_path: Path) -> None:
    counts = asyncio.run(run(record, tmp_path / "run", 10_000, seed=2))
    assert counts["changed"] > 300
