"""Counts are made at the members although some of their triples are the same."""

from __future__ import annotations

import asyncio
import random

import pyoxigraph as ox
import pytest

from federation.answer import Ask, FederatedAnswer, Federation, answer
from federation.evaluation.evaluate import Evaluators
from tests.federation.cluster import Cluster, Fault, cluster
from tests.federation.oracle import accept, ask_all, expected, plain, settings, union

EX = "http://example.org/"
PREFIX = f"PREFIX ex: <{EX}> "
TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
COUNTED = "counted at each member, doubles taken back"
SHAPES = (
    "SELECT ?c (COUNT(?s) AS ?n) { ?s a ?c } GROUP BY ?c",
    "SELECT (COUNT(*) AS ?n) { ?s a ?c }",
    "SELECT ?c (COUNT(*) AS ?n) { ?s a ?c } GROUP BY ?c ORDER BY ?c LIMIT 2",
    "SELECT ?v (COUNT(?s) AS ?n) (MIN(?s) AS ?m) { ?s ex:v ?v FILTER(?v > 1) } GROUP BY ?v",
    "SELECT (MAX(?v) AS ?n) (COUNT(?v) AS ?k) { ?s ex:v ?v }",
    "SELECT ?s (COUNT(?v) AS ?n) { ?s ex:v ?v } GROUP BY ?s",
    "SELECT (COUNT(?other) AS ?n) { ?s ex:v ?v }",
    "SELECT ?c (SUM(?v) AS ?n) { ?s ex:v ?v } GROUP BY ?c",
    "SELECT (AVG(?v) AS ?n) (COUNT(*) AS ?k) { ?s ex:v ?v }",
    "SELECT (COUNT(*) AS ?n) { ?s a ex:c0 }",
)


def fill(running: Cluster, chance: random.Random) -> None:
    running.nodes.clear()
    parts: list[set[ox.Quad]] = [set(), set(), set()]
    for at in range(chance.randint(3, 25)):
        subject = ox.NamedNode(f"{EX}s{at}")
        kind = ox.NamedNode(f"{EX}c{chance.randint(0, 3)}")
        quads = [ox.Quad(subject, TYPE, kind)]
        value = ox.NamedNode(f"{EX}v")
        quads += [ox.Quad(subject, value, ox.Literal(chance.randint(0, 4))) for _ in range(2)]
        held = chance.sample(parts, 1 if chance.random() < 0.7 else chance.randint(2, 3))
        for part in held:
            part.update(quad for quad in quads if chance.random() < 0.9)
    for at, part in enumerate(parts):
        running.add(f"m{at}", part)


async def compared(running: Cluster, seeds: range) -> tuple[int, list[str]]:
    evaluators = Evaluators(2)
    counted, different = 0, []
    for seed in seeds:
        fill(running, random.Random(seed))
        query = PREFIX + SHAPES[seed % len(SHAPES)]
        federation = Federation.of(running.members(), settings())
        federation.evaluators = evaluators
        got = await answer(Ask(query, accept=accept("SELECT")), federation)
        federation.pool.close()
        one = union(node.store for node in running.nodes.values())
        if plain(got.body, "SELECT") != expected(one, query, "SELECT"):
            different.append(query)
        counted += COUNTED in str(got.report.plan)
    await evaluators.close()
    return counted, different


def test_random_counts_equal_one_store() -> None:
    with cluster() as running:
        counted, different = asyncio.run(compared(running, range(150)))
    assert different == []
    assert counted > 50


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_many_random_counts_equal_one_store() -> None:
    with cluster() as running:
        _, different = asyncio.run(compared(running, range(1_000_000, 1_010_000)))
    assert different == []


LIES = {
    "no names": b'{"names": [null]}',
    "another name": b'{"names": ["http://example.org/evil"]}',
    "an injection": b'{"names": ["x> } UNION { ?s ?p ?o"]}',
    "no document": b"[",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_member_that_lies_about_names_changes_nothing(lie: str) -> None:
    query = PREFIX + SHAPES[0]
    with cluster() as running:
        fill(running, random.Random(3))
        for node in running.nodes.values():
            fault = Fault(change=lambda body: LIES[lie] if body.startswith(b'{"names"') else body)
            node.fault = lambda action, fault=fault: fault if "shared" in action else None
        (got,) = ask_all(running.members(), [Ask(query, accept=accept("SELECT"))])
        sent = str([node.requests for node in running.nodes.values()])
        one = union(node.store for node in running.nodes.values())
    assert isinstance(got, FederatedAnswer)
    assert plain(got.body, "SELECT") == expected(one, query, "SELECT")
    assert "evil" not in sent and "x> }" not in sent
