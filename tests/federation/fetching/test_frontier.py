"""Closures are followed from their known end, and equal one store."""

from __future__ import annotations

import asyncio
import random

import pyoxigraph as ox
import pytest

from federation.answer import Ask, FederatedAnswer, Federation, answer
from federation.evaluation.evaluate import Evaluators
from federation.fetching.frontier import MOST_STARTS
from tests.federation.cluster import Cluster, cluster
from tests.federation.oracle import accept, ask_all, expected, plain, settings, union

EX = "http://example.org/"
PREFIX = f"PREFIX ex: <{EX}> "
SHAPES = (
    "SELECT * {{ ex:{0} {1}+ ?x }}",
    "SELECT * {{ ?x {1}+ ex:{0} }}",
    "SELECT * {{ ex:{0} {1}* ?x }}",
    "SELECT * {{ ?x {1}* ex:{0} }}",
    "SELECT * {{ ?x ex:kind ex:{0} . ?x {1}+ ?y }}",
    "SELECT * {{ ?x ex:kind ex:{0} . ?y {1}+ ?x . ?y ex:kind ?z }}",
    "SELECT * {{ ?x ex:kind ex:{0} OPTIONAL {{ ?x {1}+ ?y }} }}",
    "SELECT * {{ ?x ex:kind ex:{0} MINUS {{ ?x {1}+ ex:{2} }} }}",
    "ASK {{ ex:{0} {1}+ ex:{2} }}",
    "SELECT * {{ VALUES ?x {{ ex:{0} ex:{2} }} ?x {1}+ ?y }}",
    "SELECT (COUNT(*) AS ?n) {{ ex:{0} {1}* ?x . ?x ex:kind ?k }}",
)
PATHS = ("ex:p", "(ex:p|ex:q)", "(ex:p|^ex:q)", "(ex:p/ex:q)", "^ex:p", "(ex:p/^ex:q?)")


def scatter(running: Cluster, chance: random.Random) -> list[str]:
    names = [f"n{at}" for at in range(chance.randint(5, 20))]
    parts: list[list[ox.Quad]] = [[], [], []]
    for _ in range(chance.randint(10, 50)):
        one, other = (ox.NamedNode(EX + chance.choice(names)) for _ in range(2))
        predicate = ox.NamedNode(EX + chance.choice(("p", "p", "q", "kind")))
        for part in chance.sample(parts, chance.choice((1, 1, 1, 2))):
            part.append(ox.Quad(one, predicate, other))
    running.nodes.clear()
    for at, part in enumerate(parts):
        running.add(f"m{at}", part)
    return names


async def differences(running: Cluster, seeds: range) -> list[str]:
    evaluators = Evaluators(2)
    found = []
    try:
        for seed in seeds:
            chance = random.Random(seed)
            names = scatter(running, chance)
            shape = SHAPES[seed % len(SHAPES)]
            query = PREFIX + shape.format(
                chance.choice(names), chance.choice(PATHS), chance.choice(names)
            )
            form = "ASK" if "ASK" in query else "SELECT"
            federation = Federation.of(running.members(), settings(federation_small_rows=0))
            federation.evaluators = evaluators
            got = await answer(Ask(query, accept=accept(form)), federation)
            federation.pool.close()
            one = union(node.store for node in running.nodes.values())
            if got.status != "complete" or plain(got.body, form) != expected(one, query, form):
                found.append(query)
    finally:
        await evaluators.close()
    return found


def test_random_closures_equal_one_store() -> None:
    with cluster() as running:
        assert asyncio.run(differences(running, range(110))) == []


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_many_random_closures_equal_one_store() -> None:
    with cluster() as running:
        assert asyncio.run(differences(running, range(1_000_000, 1_010_000))) == []


def chain(running: Cluster, length: int, others: int) -> None:
    """A chain whose halves stand at two members, among links that have nothing to do with it."""
    for member, first in (("A", 0), ("B", length // 2)):
        links = [
            f"<{EX}c{at}> <{EX}p> <{EX}c{at + 1}> ." for at in range(first, first + length // 2)
        ]
        links += [f"<{EX}{member}{at}> <{EX}p> <{EX}{member}{at + 1}> ." for at in range(others)]
        running.add(member, data="\n".join(links))


def test_there_are_as_many_rounds_as_crossings_and_only_the_chain_is_fetched() -> None:
    query = PREFIX + "SELECT ?x { ex:c0 ex:p+ ?x }"
    with cluster() as running:
        chain(running, 100, 5000)
        (got,) = ask_all(running.members(), [Ask(query, accept=accept("SELECT"))])
        requests = [r for n in running.nodes.values() for r in n.requests if "sparql" in r]
        one = union(node.store for node in running.nodes.values())
    assert isinstance(got, FederatedAnswer)
    assert plain(got.body, "SELECT") == expected(one, query, "SELECT")
    assert sum(source.rows for source in got.report.sources) == 100
    assert len(requests) <= 3


def test_from_too_many_ends_all_links_are_fetched_instead() -> None:
    query = PREFIX + "SELECT ?x ?y { ?x ex:kind ex:k . ?x ex:p+ ?y }"
    with cluster() as running:
        chain(running, 20, 300)
        kinds = "\n".join(f"<{EX}A{at}> <{EX}kind> <{EX}k> ." for at in range(MOST_STARTS + 1))
        running.add("C", data=kinds + f"<{EX}c0> <{EX}kind> <{EX}k> .")
        ask = Ask(query, accept=accept("SELECT"))
        (got,) = ask_all(running.members(), [ask], settings(federation_small_rows=0))
        one = union(node.store for node in running.nodes.values())
    assert isinstance(got, FederatedAnswer)
    assert plain(got.body, "SELECT") == expected(one, query, "SELECT")
    assert sum(source.rows for source in got.report.sources) > 600
