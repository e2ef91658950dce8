"""A query that starts from a literal asks only members that hold it."""

from __future__ import annotations

import pytest

from federation.answer import Ask, FederatedAnswer
from tests.federation.cluster import Cluster, cluster
from tests.federation.oracle import accept, ask_all, expected, plain, settings, union

PREFIX = "PREFIX ex: <http://example.org/> "
QUERIES = {
    "a name": 'SELECT * { ?s ex:name "asset 3" ; ex:rating ?r }',
    "a number": "SELECT * { ?s ex:rating 3 ; ex:name ?n }",
    "a number spelled otherwise": "SELECT * { ?s ex:rating +03 ; ex:name ?n }",
    "a language": 'SELECT * { ?s ex:label "drei"@DE ; ex:name ?n }',
    "held by nobody": 'SELECT * { ?s ex:name "nobody" ; ex:rating ?r }',
    "inside a path": 'SELECT * { ?x ex:to/ex:name "asset 3" }',
    "optional": 'SELECT * { ?s ex:name "asset 3" OPTIONAL { ?x ex:to ?s } }',
}


def fill(running: Cluster, members: int = 5) -> None:
    for at in range(members):
        text = f"""@prefix ex: <http://example.org/> .
        ex:s{at} ex:name "asset {at}" ; ex:rating {at} ; ex:label "drei"@de ; ex:to ex:s{at + 1} .
        """
        running.add(f"m{at}", data=text if at == 3 else text.replace("drei", "x"))


@pytest.mark.parametrize("name", QUERIES)
def test_equals_one_store_and_asks_few(name: str) -> None:
    query = PREFIX + QUERIES[name]
    with cluster() as running:
        fill(running)
        one = union(node.store for node in running.nodes.values())
        (got,) = ask_all(running.members(), [Ask(query, accept=accept("SELECT"))])
        asked = {n.name for n in running.nodes.values() if any("sparql" in r for r in n.requests)}
    assert isinstance(got, FederatedAnswer)
    assert got.status == "complete"
    assert plain(got.body, "SELECT") == expected(one, query, "SELECT")
    if name == "held by nobody":
        assert asked == set()
    elif "path" not in name and name != "optional":
        assert asked == {"m3"}


def test_hashes_are_fetched_once_and_again_for_a_new_version() -> None:
    query = PREFIX + QUERIES["a name"]
    with cluster() as running:
        fill(running)
        other = running.nodes["m1"]
        ask = Ask(query, accept=accept("SELECT"))
        ask_all(running.members(), [ask, ask, ask], settings())
        predicates = [r for r in other.requests if r.startswith("GET summary/terms")]
        assert len(predicates) == 2  # of all terms, and of the literals at the one predicate
