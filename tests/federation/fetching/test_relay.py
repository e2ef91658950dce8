"""Large answers with nothing to join are passed on as they come, never a broken one as whole."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator

import pyoxigraph as ox
import pytest
from starlette.testclient import TestClient

from federation.answer import Ask, FederatedAnswer, Federation, answer
from federation.fetching.relay import SMALL_BYTES
from federation.members.http import BrokenAnswer, Connection, TooLarge
from federation.members.streams import Opened
from federation.web.app import build
from kgnode.errors import MemberError
from tests.federation.cluster import Cluster, Fault, cluster
from tests.federation.oracle import accept, expected, plain, settings, union
from tests.federation.test_gateway import run

EX = "http://example.org/"
ALL = f"SELECT ?s ?v {{ ?s <{EX}v> ?v }}"
OWN = f"SELECT ?s ?v {{ ?s <{EX}own> ?o ; <{EX}v> ?v }}"
FORMATS = {
    "application/sparql-results+json": ox.QueryResultsFormat.JSON,
    "application/sparql-results+xml": ox.QueryResultsFormat.XML,
    "text/tab-separated-values": ox.QueryResultsFormat.TSV,
}


@pytest.fixture(scope="module")
def large() -> Iterator[Cluster]:
    with cluster() as running:
        for member in ("A", "B"):
            lines = [
                f'<{EX}{member}{at}> <{EX}v> "{at} ö, \\"quoted\\" and {"long " * 80}" .\n'
                f"<{EX}{member}{at}> <{EX}own> <{EX}{member}> ."
                for at in range(3_000)
            ]
            running.add(member, data="\n".join(lines))
        running.add("C", data=f"<{EX}c> <{EX}other> <{EX}d> .")
        yield running


def streamed(running: Cluster, media: str, query: str = ALL) -> tuple[FederatedAnswer, bytes, int]:
    """Return the answer, its whole body, and in how many pieces it came."""

    async def ask() -> tuple[FederatedAnswer, bytes, int]:
        federation = Federation.of(running.members(), settings())
        try:
            got = await answer(Ask(query, accept=media, streamed=True), federation)
            pieces = [piece async for piece in got.rest] if got.rest is not None else [got.body]
            return got, b"".join(pieces), len(pieces)
        finally:
            await federation.close()

    return asyncio.run(ask())


@pytest.mark.parametrize("media", FORMATS)
@pytest.mark.parametrize("query", [ALL, OWN], ids=["one pattern", "two"])
def test_it_equals_one_store_in_every_format(large: Cluster, media: str, query: str) -> None:
    got, body, pieces = streamed(large, media, query)
    assert got.status == "complete"
    assert pieces > 4
    one = union(node.store for node in large.nodes.values())
    table = ox.parse_query_results(body, format=FORMATS[media])
    assert isinstance(table, ox.QuerySolutions)
    told = plain(table.serialize(format=ox.QueryResultsFormat.JSON), "SELECT")
    assert told == expected(one, query, "SELECT")
    assert got.final is not None
    assert sum(source.rows for source in got.final().sources) == 6_000


def test_small_answers_come_whole_and_are_asked_for_once(large: Cluster) -> None:
    node = large.nodes["C"]
    node.requests.clear()
    got, body, pieces = streamed(large, accept("SELECT"), f"SELECT * {{ ?s <{EX}other> ?o }}")
    assert (got.rest, pieces) == (None, 1)
    assert body.count(b'"s"') == 2
    assert sum("POST sparql" in request for request in node.requests) == 1


def test_a_query_that_nobody_can_match_has_no_rows(large: Cluster) -> None:
    none = f"SELECT * {{ ?s <{EX}v> ?v ; <{EX}nowhere> ?o }}"
    got, body, _ = streamed(large, accept("SELECT"), none)
    assert (got.status, got.rest) == ("complete", None)
    assert plain(body, "SELECT")[1].total() == 0


def broken(version: str, body: bytes) -> bytes:
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: text/tab-separated-values\r\n"
        f"Gridspine-Version: {version}\r\nContent-Length: {len(body) + 9}\r\n\r\n"
    )
    return head.encode() + body


ROWS = b"?s\t?v\n" + b"<http://example.org/x>\t1\n" * (SMALL_BYTES // 20)


@pytest.mark.parametrize("body", [ROWS, ROWS + b"<<<\tno term\n" * 9])
def test_a_member_that_breaks_off_breaks_the_transfer(large: Cluster, body: bytes) -> None:
    node = large.nodes["B"]
    node.fault = lambda action: Fault(raw=broken("1", body)) if action == "sparql" else None
    try:
        with pytest.raises(MemberError):
            streamed(large, accept("SELECT"))
    finally:
        node.fault = lambda _: None


def test_a_member_that_published_meanwhile_is_planned_for_anew(large: Cluster) -> None:
    node = large.nodes["B"]
    node.fault = lambda action: setattr(node, "version", "2") if action == "sparql" else None
    try:
        got, body, _ = streamed(large, accept("SELECT"))
        assert got.status == "complete"
        assert body.count(b'"s"') == 6_001
    finally:
        node.fault = lambda _: None


def test_through_the_gateway_the_report_is_complete_in_the_end(
    large: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("scheme")
    run("members", "new", str(folder), "--scheme", "test")
    for member in large.members():
        gateway = ("--gateway", "http://testserver") if member.id == "A" else ()
        run("members", "add", str(folder), "--id", member.id, "--node", member.node, *gateway)
    run("members", "sign", str(folder))
    home = folder / "home"
    run("init", str(home), "--org", "A", "--members", str(folder / "members.jws"))
    with TestClient(build(home)) as client:
        got = client.get("/sparql", params={"query": ALL}, headers={"Accept": "text/csv"})
        report = client.get(got.headers["Gridspine-Report"]).json()
    assert got.headers["Gridspine-Status"] == "complete"
    assert len(got.text.splitlines()) == 6_001
    assert sum(source["rows"] for source in report["sources"]) == 6_000


async def read(
    raw: bytes, headers: dict[str, str], most: int = 1 << 20
) -> tuple[bytes, list[bool]]:
    reader = asyncio.StreamReader()
    reader.feed_data(raw)
    reader.feed_eof()
    told: list[bool] = []
    opened = Opened(Connection(reader, None), 200, headers, told.append, most)  # type: ignore
    body = b""
    while part := await opened.read():
        body += part
    return body, told


CHUNKED = {"transfer-encoding": "chunked"}
ZIPPED = gzip.compress(b"abc" * 1000)


def test_bodies_are_read_to_their_proper_end() -> None:
    assert asyncio.run(read(b"3\r\nabc\r\n0\r\n\r\n", CHUNKED)) == (b"abc", [True])
    assert asyncio.run(read(b"abcd", {"content-length": "4"})) == (b"abcd", [True])
    length = {"content-length": str(len(ZIPPED)), "content-encoding": "gzip"}
    assert asyncio.run(read(ZIPPED, length)) == (b"abc" * 1000, [True])


@pytest.mark.parametrize(
    ("raw", "headers", "error"),
    [
        pytest.param(b"3\r\nab", CHUNKED, BrokenAnswer, id="half a chunk"),
        pytest.param(b"3\r\nabc\r\n", CHUNKED, BrokenAnswer, id="no last chunk"),
        pytest.param(b"zz\r\nabc\r\n", CHUNKED, BrokenAnswer, id="no length of a chunk"),
        pytest.param(b"3\r\nabc\r\n0\r\nX: y\r\n\r\n", CHUNKED, BrokenAnswer, id="trailers"),
        pytest.param(b"ffffffff\r\nabc\r\n", CHUNKED, TooLarge, id="a chunk too large"),
        pytest.param(b"abc", {"content-length": "4"}, BrokenAnswer, id="too short"),
        pytest.param(b"abc", {}, BrokenAnswer, id="no length"),
        pytest.param(
            b"abc", {"transfer-encoding": "gzip"}, BrokenAnswer, id="a coding of transfer"
        ),
        pytest.param(
            ZIPPED[:9],
            {"content-length": "9", "content-encoding": "gzip"},
            BrokenAnswer,
            id="half a packed body",
        ),
    ],
)
def test_bodies_without_one_are_refused(
    raw: bytes, headers: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        asyncio.run(read(raw, headers))


def test_a_packed_bomb_is_stopped_while_it_comes() -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    with pytest.raises(TooLarge):
        headers = {"content-length": str(len(bomb)), "content-encoding": "gzip"}
        asyncio.run(read(bomb, headers, 1_000_000))
