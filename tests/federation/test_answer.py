"""Federated answers equal those of one store with the union."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from federation.answer import Ask, FederatedAnswer
from kgnode.errors import NotComplete, RefusedQuery
from tests.federation.cluster import Cluster, Fault, cluster
from tests.federation.oracle import accept, ask_all, expected, plain, settings, union

PREFIX = "PREFIX ex: <http://example.org/> "
NETWORK = """@prefix ex: <http://example.org/> .
ex:l1 a ex:Line ; ex:rating 100 ; ex:to ex:b1 . ex:l2 a ex:Line ; ex:rating 50 ; ex:to ex:b2 .
ex:b1 a ex:Bus . ex:shared a ex:Bus ; ex:name "shared" . ex:up ex:parent ex:top ."""
OTHER = """@prefix ex: <http://example.org/> .
ex:b1 ex:name "one" ; ex:parent ex:up . ex:b2 a ex:Bus ; ex:parent ex:up ; ex:off true .
ex:shared a ex:Bus ; ex:name "shared" . ex:top ex:parent ex:root .
GRAPH ex:g1 { ex:b1 ex:name "one" } GRAPH ex:g2 { ex:b2 a ex:Bus }"""
QUERIES = {
    "join across": "SELECT * { ?l ex:to ?b . ?b ex:name ?n }",
    "filter": "SELECT ?l { ?l a ex:Line ; ex:rating ?r FILTER(?r > 60) }",
    "optional across": "SELECT * { ?l ex:to ?b OPTIONAL { ?b ex:name ?n } }",
    "replicated counts once": "SELECT (COUNT(*) AS ?n) { ?b a ex:Bus }",
    "not exists": "SELECT ?b { ?b a ex:Bus FILTER NOT EXISTS { ?l ex:to ?b } }",
    "minus": "SELECT ?b { ?b a ex:Bus MINUS { ?b ex:off true } }",
    "path": "SELECT ?x { ex:b1 ex:parent+ ?x }",
    "zero length path": "SELECT * { ?x ex:parent* ?y }",
    "zero length from a constant": "SELECT * { ex:root ex:parent* ?y }",
    "negated property": "SELECT * { ?x !(ex:parent|^ex:to) ?y }",
    "graph": "SELECT * { GRAPH ?g { ?s ?p ?o } }",
    "graph names": "SELECT * { GRAPH ?g { } }",
    "from": "SELECT * FROM ex:g1 FROM ex:g2 { ?s ?p ?o }",
    "aggregate": "SELECT ?b (SUM(?r) AS ?sum) { ?l ex:to ?b ; ex:rating ?r } GROUP BY ?b",
    "subquery": "SELECT * { ?l ex:to ?b { SELECT ?l { ?l ex:rating ?r } ORDER BY ?r LIMIT 1 } }",
    "values": "SELECT * { VALUES ?b { ex:b1 ex:nowhere } ?l ex:to ?b }",
    "all": "SELECT * { ?s ?p ?o }",
    "ask": "ASK { ?l ex:to ?b . ?b ex:off true }",
    "construct": "CONSTRUCT { ?l ex:name ?n } { ?l ex:to/ex:name ?n }",
    "describe": "DESCRIBE ex:b1",
    "describe where": "DESCRIBE ?b { ?l ex:to ?b }",
}


@pytest.fixture(scope="module")
def two() -> Iterator[Cluster]:
    with cluster() as running:
        running.add("A", data=NETWORK)
        running.add("B", data=OTHER)
        yield running


@pytest.mark.parametrize("name", QUERIES)
def test_equals_one_store(two: Cluster, name: str) -> None:
    query = PREFIX + QUERIES[name]
    form = next(f for f in ("ASK", "CONSTRUCT", "DESCRIBE", "SELECT") if f in query)
    one = union(node.store for node in two.nodes.values())
    if "FROM" in query:
        merged = union(
            node.narrowed(("http://example.org/g1", "http://example.org/g2"), ())
            for node in two.nodes.values()
        )
        wanted = expected(merged, PREFIX + "SELECT * { ?s ?p ?o }", form)
    else:
        wanted = expected(one, query, form)
    (got,) = ask_all(two.members(), [Ask(query, accept=accept(form))])
    assert isinstance(got, FederatedAnswer), got
    assert got.status == "complete"
    assert plain(got.body, form) == wanted
    assert wanted not in (((), {}), frozenset())


def test_service_is_refused(two: Cluster) -> None:
    (got,) = ask_all(two.members(), [Ask("SELECT * { SERVICE <http://x/> { ?s ?p ?o } }")])
    assert isinstance(got, RefusedQuery)


LOST = {
    "incomplete": "SELECT * { ?l ex:to ?b . ?b ex:name ?n }",
    "unsound": "SELECT * { ?l ex:to ?b OPTIONAL { ?b ex:name ?n } }",
    "complete": "SELECT * { ?l ex:rating ?r }",
}


@pytest.mark.parametrize("status", LOST)
def test_a_lost_member_gives_the_status_that_the_algebra_says(status: str) -> None:
    with cluster() as running:
        running.add("A", data=NETWORK)
        down = running.add("B", data=OTHER)
        ready = Ask(PREFIX + "SELECT * { ?x ex:off ?y }")
        ask = Ask(PREFIX + LOST[status], accept=accept("SELECT"), partial=True)
        strict = Ask(PREFIX + LOST[status], accept=accept("SELECT"))

        def break_after_summary(action: str) -> Fault | None:
            return Fault(raw=b"") if action == "sparql" else None

        down.fault = break_after_summary
        first, partial, refused = ask_all(running.members(), [ready, ask, strict])
    assert isinstance(first, NotComplete)
    assert isinstance(partial, FederatedAnswer)
    assert partial.status == status
    if status == "complete":
        assert isinstance(refused, FederatedAnswer)
    else:
        assert isinstance(refused, NotComplete)
        assert refused.detail["report"]["sources"]


ASKED = {
    "complete": ("ASK { ?l ex:rating 100 ; ex:to ?b }", True),
    "unsound": ("ASK { ?l ex:to ?b . ?b ex:name ?n }", False),
    "unsound through MINUS": ("ASK { ?l ex:to ?b MINUS { ?b ex:off true } }", True),
}


@pytest.mark.parametrize("name", ASKED)
def test_a_yes_that_more_data_cannot_take_back_stands_without_a_lost_member(name: str) -> None:
    query, yes = ASKED[name]
    with cluster() as running:
        running.add("A", data=NETWORK)
        down = running.add("B", data=OTHER + " ex:l5 ex:to ex:b5 ; ex:rating 100 .")
        down.fault = lambda action: Fault(raw=b"") if action == "sparql" else None
        (got,) = ask_all(
            running.members(), [Ask(PREFIX + query, accept=accept("ASK"), partial=True)]
        )
    assert isinstance(got, FederatedAnswer)
    assert plain(got.body, "ASK") is yes
    assert got.status == name.partition(" ")[0]
    assert got.status != "complete" or "yes without it" in got.report.reason


@pytest.mark.parametrize("lasting", [False, True])
def test_a_pushed_query_that_is_too_large_is_fetched_in_parts(lasting: bool) -> None:
    query = PREFIX + "SELECT ?l ?r { ?l a ex:Line ; ex:rating ?r }"
    with cluster() as running:
        node = running.add("A", data=NETWORK)
        running.add("B", data=OTHER)
        asked = 0

        def once(action: str) -> Fault | None:
            nonlocal asked
            asked += action == "sparql"
            failing = action == "sparql" and (lasting or asked == 1)
            return Fault(status=422) if failing else None

        node.fault = once
        (got,) = ask_all(running.members(), [Ask(query, accept=accept("SELECT"), partial=True)])
        one = union(each.store for each in running.nodes.values())
    assert isinstance(got, FederatedAnswer)
    assert asked == 2
    if lasting:
        assert got.status == "incomplete"
    else:
        assert got.status == "complete"
        assert plain(got.body, "SELECT") == expected(one, query, "SELECT")


PARTED = """@prefix ex: <http://example.org/> .
ex:{0}1 a ex:Site ; ex:n 1 . ex:{0}2 a ex:Site ; ex:n 2 . ex:{0}3 ex:to ex:end{0} ."""
MODIFIED = {
    "ASK with OFFSET": "ASK { ?s a ex:Site } OFFSET 3",
    "ASK with LIMIT 0": "ASK { ?s a ex:Site } LIMIT 0",
    "EXISTS of a filter": "SELECT ?s (EXISTS { FILTER(?n > 1) } AS ?e) { ?s a ex:Site ; ex:n ?n }",
    "EXISTS of values": "SELECT ?s (EXISTS { VALUES ?n { 1 } } AS ?e) { ?s ex:n ?n }",
    "order by EXISTS": "SELECT ?s { ?s ex:n ?n } ORDER BY (EXISTS { FILTER(?n > 1) }) ?s LIMIT 2",
    "HAVING EXISTS": "SELECT ?s { ?s ex:n ?n } GROUP BY ?s ?n HAVING(EXISTS { FILTER(?n > 1) })",
}


@pytest.mark.parametrize("name", MODIFIED)
def test_modifiers_count_over_all_members_together(name: str) -> None:
    query = PREFIX + MODIFIED[name]
    form = "ASK" if "ASK" in query else "SELECT"
    with cluster() as running:
        for member in "abc":
            running.add(member, data=PARTED.format(member))
        (got,) = ask_all(running.members(), [Ask(query, accept=accept(form))])
        one = union(node.store for node in running.nodes.values())
    assert isinstance(got, FederatedAnswer), got
    assert plain(got.body, form) == expected(one, query, form)


def test_exists_over_no_rows_is_fetched_to_its_end() -> None:
    query = (
        PREFIX
        + """SELECT (COUNT(?n) AS ?k) (IF(EXISTS { ?x ex:to ?y . ?y ex:many ?z }, 1, 0) AS ?e)
        WHERE { ?s ex:none ?n }"""
    )
    with cluster() as running:
        running.add("A", data="@prefix ex: <http://example.org/> . ex:a ex:to ex:b .")
        many = " ".join(f"ex:b ex:many {at} ." for at in range(900))
        running.add("B", data="@prefix ex: <http://example.org/> . " + many)
        (got,) = ask_all(
            running.members(),
            [Ask(query, accept=accept("SELECT"))],
            settings(federation_small_rows=0),
        )
        one = union(node.store for node in running.nodes.values())
    assert isinstance(got, FederatedAnswer), got
    assert plain(got.body, "SELECT") == expected(one, query, "SELECT")
