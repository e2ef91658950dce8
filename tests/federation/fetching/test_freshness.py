"""An answer called complete rests on every member as it was after the query came."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pyoxigraph as ox

from federation.answer import Ask, FederatedAnswer, Federation, answer
from federation.fetching.fetch import Fetched
from federation.members.pool import Reply
from federation.members.summaries import Known, Summary
from tests.federation.cluster import Cluster, Fault, Node, cluster
from tests.federation.oracle import accept, expected, plain, settings, union
from tests.federation.test_answer import NETWORK, OTHER, PREFIX

RATINGS = PREFIX + "SELECT * { ?l ex:rating ?r }"
NEVER_MATCHED = PREFIX + "SELECT * { ?l ex:off false . ?l ex:rating ?r }"
MORE = ox.Quad(
    ox.NamedNode("http://example.org/l9"), ox.NamedNode("http://example.org/rating"), ox.Literal(9)
)


def publish(node: Node, quad: ox.Quad = MORE) -> None:
    node.store.add(quad)
    node.version = f"{node.version}+"
    node.cache.clear()


def twice(
    running: Cluster, between: Callable[[], None], query: str = RATINGS, **used: float
) -> FederatedAnswer:
    """Ask, do something, ask the same again at once."""

    async def run() -> FederatedAnswer:
        federation = Federation.of(running.members(), settings(**used))
        ask = Ask(query, accept=accept("SELECT"))
        try:
            assert (await answer(ask, federation)).status == "complete"
            between()
            return await answer(ask, federation)
        finally:
            await federation.close()

    return asyncio.run(run())


def test_a_new_predicate_at_a_member_left_out_is_never_missed() -> None:
    with cluster() as running:
        running.add("A", data=NETWORK)
        other = running.add("B", data=OTHER)
        got = twice(running, lambda: publish(other))
        one = union(node.store for node in running.nodes.values())
        assert got.status == "complete"
        assert plain(got.body, "SELECT") == expected(one, RATINGS, "SELECT")
        assert b"http://example.org/l9" in got.body


def test_a_member_that_publishes_while_others_answer_is_asked_again() -> None:
    with cluster() as running:
        first = running.add("A", data=NETWORK)
        other = running.add("B", data=OTHER)

        def publish_now(action: str) -> None:
            if action == "sparql" and other.version == "1":
                publish(other)

        first.fault = publish_now
        got = twice(running, lambda: setattr(other, "version", "1"))
        assert b"http://example.org/l9" in got.body


def test_members_whose_turn_never_comes_are_made_sure_of_too() -> None:
    """The first pattern has no match, so nobody is asked for the second, which changed."""
    with cluster() as running:
        running.add("A", data=NETWORK)
        running.add("B", data=OTHER)
        third = running.add("C", data=NETWORK.replace("l1", "l3").replace("l2", "l4"))
        off = ox.NamedNode("http://example.org/off")
        line = ox.NamedNode("http://example.org/l3")
        got = twice(
            running, lambda: publish(third, ox.Quad(line, off, ox.Literal(False))), NEVER_MATCHED
        )
        assert got.body.count(b"http://example.org/l3") == 1


def test_a_member_left_out_costs_one_small_answer() -> None:
    with cluster() as running:
        running.add("A", data=NETWORK)
        other = running.add("B", data=OTHER)
        twice(running, other.requests.clear)
        assert [request.split()[1] for request in other.requests] == ["summary"]


def test_unasked_for_a_while_where_the_operator_says_so_and_the_report_tells() -> None:
    with cluster() as running:
        running.add("A", data=NETWORK)
        other = running.add("B", data=OTHER)
        got = twice(running, other.requests.clear, federation_summary_seconds=60)
        assert other.requests == []
        assert "federation_summary_seconds" in got.report.notes[0]


def test_a_dead_member_that_is_not_needed_changes_nothing_but_a_note() -> None:
    with cluster() as running:
        running.add("A", data=NETWORK)
        other = running.add("B", data=OTHER)
        got = twice(running, lambda: setattr(other, "fault", lambda _: Fault(raw=b"")))
        assert got.status == "complete"
        assert got.report.notes[0].startswith("B was left out by its last summary")


def test_one_member_answering_from_two_versions_is_stale_though_graphs_are_named() -> None:
    fetched = Fetched((("http://example.org/g1",), ()))
    known = {"A": Known(Summary("A", "of all graphs", {}, {}), Reply("A", "ok"))}
    fetched.note(Reply("A", "ok", version="1"), ())
    assert fetched.stale(known) == frozenset()
    fetched.note(Reply("A", "ok", version="2"), ())
    assert fetched.stale(known) == {"A"}
