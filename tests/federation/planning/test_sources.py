"""``source=1``: each row names the members that gave the triples behind it."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterator

import orjson
import pytest

from federation.answer import Ask, FederatedAnswer, Federation, answer
from federation.evaluation.evaluate import Evaluators
from kgnode.errors import BadRequest
from tests.federation.cluster import Cluster, cluster
from tests.federation.oracle import accept, ask_all, settings

EX = "http://example.org/"
PREFIX = f"PREFIX ex: <{EX}> "
PARTS = {
    "A": "ex:l1 ex:to ex:b1 ; a ex:Line . ex:l2 ex:to ex:b2 ; a ex:Line . ex:s a ex:Bus .",
    "B": "ex:b1 ex:name 'one' ; ex:in ex:r . ex:s a ex:Bus .",
    "C": "ex:b2 ex:name 'two' ; ex:off true . ex:r ex:in ex:top . ex:s a ex:Bus .",
}
ROWS = {
    "a join names both": ("SELECT ?l { ?l ex:to ?b . ?b ex:name ?n }", {"l1": "A B", "l2": "A C"}),
    "held by all": ("SELECT ?b { ?b a ex:Bus }", {"s": "A B C"}),
    "held by one": ("SELECT ?l { ?l a ex:Line }", {"l1": "A", "l2": "A"}),
    "optional, bound or not": (
        "SELECT ?l { ?l ex:to ?b OPTIONAL { ?b ex:off ?o } }",
        {"l1": "A", "l2": "A C"},
    ),
    "what is taken away adds nothing": (
        "SELECT ?l { ?l ex:to ?b MINUS { ?b ex:off true } }",
        {"l1": "A"},
    ),
    "a path as a whole": ("SELECT ?x { ex:b1 ex:in+ ?x }", {"r": "B C", "top": "B C"}),
    "a group names all behind it": (
        "SELECT ?c (COUNT(?n) AS ?k) { ?l a ?c ; ex:to ?b . ?b ex:name ?n } GROUP BY ?c",
        {"Line": "A B C"},
    ),
}


@pytest.fixture(scope="module")
def three() -> Iterator[Cluster]:
    with cluster() as running:
        for name, data in PARTS.items():
            running.add(name, data=f"@prefix ex: <{EX}> . {data}")
        yield running


@pytest.mark.parametrize("name", ROWS)
def test_rows_name_their_members(three: Cluster, name: str) -> None:
    query, wanted = ROWS[name]
    with_sources = Ask(PREFIX + query, accept=accept("SELECT"), sources=True)
    plain, got = ask_all(
        three.members(), [Ask(PREFIX + query, accept=accept("SELECT")), with_sources]
    )
    assert isinstance(got, FederatedAnswer) and isinstance(plain, FederatedAnswer)
    document = orjson.loads(got.body)
    first = document["head"]["vars"][0]
    assert document["head"]["vars"][-1] == "source"
    rows = document["results"]["bindings"]
    told = {row[first]["value"].removeprefix(EX): row["source"]["value"] for row in rows}
    assert told == wanted
    for row in rows:
        del row["source"]
    others = orjson.loads(plain.body)["results"]["bindings"]
    assert sorted(map(orjson.dumps, rows)) == sorted(map(orjson.dumps, others))


@pytest.mark.parametrize(
    "query",
    ["ASK { ?s ?p ?o }", "CONSTRUCT WHERE { ?s ?p ?o }", "SELECT ?source { ?source ?p ?o }"],
)
def test_other_queries_are_refused_in_words(three: Cluster, query: str) -> None:
    (got,) = ask_all(three.members(), [Ask(query, sources=True)])
    assert isinstance(got, BadRequest)
    assert got.hint


def solutions(
    patterns: list[tuple[str, str, str]], triples: dict[tuple[str, str, str], set[str]]
) -> Iterator[tuple[dict[str, str], set[str]]]:
    """Match patterns by trying all triples, slowly, with the members behind each solution."""
    if not patterns:
        yield {}, set()
        return
    for bound, behind in solutions(patterns[1:], triples):
        for triple, members in triples.items():
            here = dict(bound)
            for term, value in zip(patterns[0], triple, strict=True):
                wanted = here.setdefault(term, value) if term[0] == "?" else term
                if wanted != value:
                    break
            else:
                yield here, behind | members


async def _random(running: Cluster, seeds: range) -> None:
    evaluators = Evaluators(2)
    for seed in seeds:
        chance = random.Random(seed)
        triples: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        for _ in range(chance.randint(5, 25)):
            terms = [f"<{EX}{kind}{chance.randint(0, 4)}>" for kind in ("n", "p", "n")]
            triples[terms[0], terms[1][:-2] + "0>", terms[2]].add(chance.choice("ABC"))
        patterns = [
            (f"?{chance.choice('abc')}", f"<{EX}p0>", f"?{chance.choice('abcd')}")
            for _ in range(chance.randint(1, 3))
        ]
        names = sorted({term for p in patterns for term in p if term[0] == "?"})
        shown = chance.sample(names, chance.randint(1, len(names)))
        running.nodes.clear()
        for member in "ABC":
            data = "".join(f"{' '.join(t)} .\n" for t, held in triples.items() if member in held)
            running.add(member, data=data)
        where = " ".join(f"{' '.join(pattern)} ." for pattern in patterns)
        query = f"SELECT DISTINCT {' '.join(shown)} WHERE {{ {where} }}"
        federation = Federation.of(running.members(), settings())
        federation.evaluators = evaluators
        got = await answer(Ask(query, accept=accept("SELECT"), sources=True), federation)
        federation.pool.close()
        wanted: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for bound, behind in solutions(patterns, triples):
            wanted[tuple(bound[name] for name in shown)] |= behind
        told = {
            tuple(f"<{row[name[1:]]['value']}>" for name in shown): set(
                row["source"]["value"].split()
            )
            for row in orjson.loads(got.body)["results"]["bindings"]
        }
        assert told == wanted, query
    await evaluators.close()


def test_random_joins_name_what_a_slow_matcher_names() -> None:
    with cluster() as running:
        asyncio.run(_random(running, range(60)))
