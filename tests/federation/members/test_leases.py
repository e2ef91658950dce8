"""Leases never let an answer called complete miss a change acknowledged before the query began."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest

from federation.answer import Ask, Federation, answer
from federation.members import leases as held
from kgnode import leases as given
from kgnode.errors import NotComplete
from kgnode.leases import HEADER
from tests.federation.cluster import Cluster, Fault, Node, cluster
from tests.federation.oracle import accept, settings
from tests.federation.simulation import LATEST_SECONDS, LEASE_SECONDS, carry_out
from tests.federation.test_answer import NETWORK, OTHER, PREFIX

TRIALS = 12


def test_no_change_is_missed_whatever_the_network_clocks_and_crashes_do(tmp_path: Path) -> None:
    trials = [carry_out(seed, tmp_path) for seed in range(TRIALS)]
    leased, asked = sum(t.leased for t in trials), sum(t.asked for t in trials)
    assert leased > asked > 0  # the trials are about leases
    # a change waits for a lease at most, and once for one of before a crash
    assert max(t.longest_wait for t in trials) <= LEASE_SECONDS + LATEST_SECONDS


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_no_change_is_missed_in_many_trials(tmp_path: Path) -> None:
    for seed in range(1_000, 1_400):
        carry_out(seed, tmp_path, seconds=3600)


FAULTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "the gateway counts longer than the node": lambda p: p.setattr(held, "MARGIN", 1.5),
    "a lease is taken though it was called back before it came": lambda p: p.setattr(
        held.Session, "call_back", _what_is_there
    ),
    "a change does not look at the leases": lambda p: p.setattr(
        given.Leases, "_review", _unreviewed
    ),
    "a restarted node remembers nothing": lambda p: p.setattr(given, "_remembered", lambda _: 0.0),
    "a recall counts as heard of when it is sent": lambda p: p.setattr(
        given.Session, "call_back", _forgotten
    ),
}


async def _unreviewed(_: given.Leases, __: given.Session) -> None:
    return


def _what_is_there(session: held.Session, numbers: list[int]) -> None:
    for lease in [session.leases.pop(number, None) for number in numbers]:
        if lease is not None:
            lease.good = False


def _forgotten(session: given.Session, number: int) -> None:
    del session.leases[number]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_trials_find_a_planted_fault(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FAULTS[fault](monkeypatch)
    with pytest.raises(AssertionError, match="was acknowledged"):
        for seed in range(4 * TRIALS):
            carry_out(seed, tmp_path)


LEFT_OUT = PREFIX + "SELECT * { ?l ex:rating ?r }"


async def _leased(federation: Federation, ask: Ask, members: int) -> None:
    """Ask until members left out have given leases on what they told."""
    async with asyncio.timeout(20):
        while True:
            assert (await answer(ask, federation)).status == "complete"
            known = federation.summaries._kept.values()
            if sum(federation.leases.hold(one.lease) for one in known) == members:
                return
            await asyncio.sleep(0.05)


def with_leases(
    running: Cluster, then: Callable[[Federation, Ask], Awaitable[None]], leased: int = 1
) -> None:
    """Run something in a federation that has leases of the members a query leaves out."""

    async def run() -> None:
        federation = Federation.of(running.members(), settings(), lambda _: "G")
        ask = Ask(LEFT_OUT, accept=accept("SELECT"))
        try:
            await _leased(federation, ask, leased)
            await then(federation, ask)
        finally:
            await federation.close()

    asyncio.run(run())


@pytest.fixture
def two() -> Iterator[Cluster]:
    with cluster(lease_seconds=20.0) as running:
        running.add("A", data=NETWORK)
        running.add("B", data=OTHER)
        yield running


def rate(number: int) -> Callable[[Node], None]:
    """A change that gives one more line a rating."""
    line = ox.NamedNode(f"http://example.org/new{number}")
    rating = ox.NamedNode("http://example.org/rating")
    return lambda node: node.store.add(ox.Quad(line, rating, ox.Literal(number)))


def test_a_member_left_out_under_a_lease_costs_nothing(two: Cluster) -> None:
    async def then(federation: Federation, ask: Ask) -> None:
        node = two.nodes["B"]
        node.requests.clear()
        for _ in range(5):
            got = await answer(ask, federation)
            assert got.status == "complete" and got.report.notes == ()
        assert not any("summary" in request for request in node.requests)

    with_leases(two, then)


def test_a_publish_at_a_member_under_a_lease_is_seen_by_the_next_query(two: Cluster) -> None:
    async def then(federation: Federation, ask: Ask) -> None:
        start = time.monotonic()
        await asyncio.to_thread(two.publish, "B", rate(1))
        assert time.monotonic() - start < 10  # given back, not waited out
        assert b"example.org/new1" in (await answer(ask, federation)).body

    with_leases(two, then)


def test_no_publish_that_races_with_queries_is_missed(two: Cluster) -> None:
    acknowledged: list[int] = []

    def publish() -> None:
        for number in range(40):
            time.sleep(random.Random(number).choice((0.0, 0.01, 0.05)))
            two.publish("AB"[number % 3 == 0], rate(number))
            acknowledged.append(number)

    async def query(federation: Federation, ask: Ask, until: asyncio.Future[None]) -> int:
        complete = 0
        while not until.done():
            before = list(acknowledged)
            try:
                got = await answer(ask, federation)
            except NotComplete:  # published three times while it was asked
                continue
            complete += 1
            for number in before:
                assert f"example.org/new{number}>".encode() in got.body.replace(b'"', b">")
        return complete

    async def then(federation: Federation, ask: Ask) -> None:
        publishing = asyncio.ensure_future(asyncio.to_thread(publish))
        counts = await asyncio.gather(*(query(federation, ask, publishing) for _ in range(3)))
        await publishing
        assert sum(counts) > 10

    with_leases(two, then)


def test_a_member_that_restarted_waits_for_its_leases_and_gives_new_ones() -> None:
    with cluster(lease_seconds=2.0) as running:
        running.add("A", data=NETWORK)
        running.add("B", data=OTHER)

        async def then(federation: Federation, ask: Ask) -> None:
            running.restart("B")
            await asyncio.to_thread(running.publish, "B", rate(1))
            assert b"example.org/new1" in (await answer(ask, federation)).body
            await asyncio.to_thread(running.publish, "B", lambda node: node.store.clear())
            await _leased(federation, ask, 1)

        with_leases(running, then)


LIES = (
    b"[]",
    b"not json",
    b'{"session": "a\\r\\nHost: x", "seconds": 5}',
    b'{"session": "ok", "seconds": 1e99}',
    b'{"session": "ok", "seconds": "NaN"}',
    b'{"session": "ok", "seconds": 5, "turn": {}, "recalled": 7}',
    b'{"session": "ok", "seconds": 5, "turn": 1, "recalled": [%s]}'
    % b",".join(b"%d" % number for number in range(9000)),
    b"x" * (2 << 20),
)


@pytest.mark.parametrize("lie", LIES, ids=range(len(LIES)))
def test_a_member_that_lies_about_leases_spoils_nothing(lie: bytes, two: Cluster) -> None:
    node = two.nodes["B"]
    node.fault = lambda action: (
        Fault(change=lambda _: lie, status=200) if action.startswith("leases") else None
    )
    node.extra = ((HEADER, "99999999999999999999"), ("X-Odd", "1"))

    async def then(federation: Federation, ask: Ask) -> None:
        for number in range(3):
            await asyncio.to_thread(two.publish, "B", rate(number))
            got = await answer(ask, federation)
            assert f"example.org/new{number}".encode() in got.body and got.status == "complete"

    with_leases(two, then, leased=0)
