"""``at`` and ``mappings`` go to every member with every request; who lacks them is named."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pyoxigraph as ox
import pytest

from federation.answer import Ask, FederatedAnswer, Federation, answer
from kgnode.errors import NotComplete
from tests.federation.cluster import Cluster, Node, cluster
from tests.federation.oracle import accept, settings

PREFIX = "PREFIX ex: <http://example.org/> "
NOW = "@prefix ex: <http://example.org/> . ex:a ex:to ex:b ."
NAMES = '@prefix ex: <http://example.org/> . ex:b ex:name "now" .'
JOIN = PREFIX + "SELECT ?n { ?x ex:to ?y . ?y ex:name ?n }"
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
SET = "words@1"


def other_view(node: Node, wanted: str, data: str, digest: str = "") -> None:
    view = Node(node.name, version=f"{wanted} of {node.name}")
    view.store.load(data.encode(), format=ox.RdfFormat.TURTLE)
    if digest:
        view.extra = (("Gridspine-Mappings", f"{SET};digest={digest};used=1;lossy=0"),)
    node.views[wanted] = view


def asked(running: Cluster, *asks: Ask) -> list[FederatedAnswer | NotComplete]:
    async def run() -> list[FederatedAnswer | NotComplete]:
        federation = Federation.of(running.members(), settings())
        found: list[FederatedAnswer | NotComplete] = []
        try:
            for ask in asks:
                try:
                    found.append(await answer(ask, federation))
                except NotComplete as error:
                    found.append(error)
        finally:
            await federation.close()
        return found

    return asyncio.run(run())


def both(running: Cluster) -> tuple[Node, Node]:
    return running.add("A", data=NOW), running.add("B", data=NAMES)


@pytest.mark.parametrize(
    ("wanted", "ask"),
    [(MOMENT.isoformat(), {"at": MOMENT}), (SET, {"mappings": (SET,)})],
)
def test_every_request_asks_for_the_same_view(wanted: str, ask: dict[str, Any]) -> None:
    with cluster() as running:
        first, second = both(running)
        other_view(first, wanted, NOW)
        other_view(second, wanted, NAMES.replace("now", "then"))
        plain, viewed, again = asked(
            running,
            Ask(JOIN, accept=accept("SELECT")),
            Ask(JOIN, accept=accept("SELECT"), **ask),
            Ask(JOIN, accept=accept("SELECT")),
        )
    for got, word in ((plain, b"now"), (viewed, b"then"), (again, b"now")):
        assert isinstance(got, FederatedAnswer)
        assert got.status == "complete"
        assert b'"%s"' % word in got.body


def test_a_member_that_lacks_the_set_is_named_and_the_answer_not_complete() -> None:
    with cluster() as running:
        first, _ = both(running)
        other_view(first, SET, NOW)
        strict, partial = asked(
            running, Ask(JOIN, mappings=(SET,)), Ask(JOIN, mappings=(SET,), partial=True)
        )
    assert isinstance(strict, NotComplete)
    assert isinstance(partial, FederatedAnswer)
    assert partial.status == "incomplete"
    (lost,) = (source for source in partial.report.sources if source.outcome != "ok")
    assert (lost.id, lost.outcome) == ("B", "lacking")
    assert SET in lost.detail


def test_another_content_under_the_same_name_is_not_mixed_in() -> None:
    with cluster() as running:
        first, second = both(running)
        third = running.add("C", data=NAMES)
        other_view(first, SET, NOW, "aa")
        other_view(second, SET, NAMES.replace("now", "then"), "aa")
        other_view(third, SET, NAMES.replace("now", "wrong"), "bb")
        (got,) = asked(running, Ask(JOIN, accept=accept("SELECT"), mappings=(SET,), partial=True))
        assert not any("sparql" in request for request in third.requests)
    assert isinstance(got, FederatedAnswer)
    assert got.status == "incomplete"
    assert b"wrong" not in got.body and b"then" in got.body
    assert got.report.mappings == (f"{SET};digest=aa;used=1;lossy=0",)
    assert {s.id: s.detail for s in got.report.sources}["C"].startswith("another content")
