"""The short way answers exactly as the long one, and leaves to it what is not in plain form."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import re
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgnode.policy.policies import Policies
from kgnode.web import lane
from kgnode.web.lane import Heads, Lane
from tests.kgnode.node import NodeUnderTest, read_policy, served, triples

ASK = quote("ASK { ?s ?p ?o }")
ROWS = quote("SELECT * { ?s ?p ?o }")
CROSS = quote("SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 20000")
HOST = "Host: here\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"

PLAIN = {
    "get": f"GET /sparql?query={ROWS} HTTP/1.1\r\n{HOST}\r\n",
    "get csv": f"GET /sparql?query={ROWS} HTTP/1.1\r\n{HOST}Accept: text/csv\r\n\r\n",
    "owner": f"GET /sparql?query={ROWS} HTTP/1.1\r\n{HOST}authorization:Bearer owner\r\n\r\n",
    "kept alive": f"GET /sparql?query={ASK} HTTP/1.1\r\n{HOST}Connection: Keep-Alive\r\n\r\n",
    "description": f"GET /sparql HTTP/1.1\r\n{HOST}Accept: application/n-triples\r\n\r\n",
    "form": f"POST /sparql HTTP/1.1\r\n{HOST}{FORM}Content-Length: {len(ROWS) + 6}\r\n\r\n"
    f"query={ROWS}",
    "zipped": f"GET /sparql?query={CROSS} HTTP/1.1\r\n{HOST}Accept-Encoding: gzip\r\n\r\n",
    "in parts": f"GET /sparql?query={CROSS} HTTP/1.1\r\n{HOST}\r\n",
    "malformed": f"GET /sparql?query={quote('SELECT nonsense')} HTTP/1.1\r\n{HOST}\r\n",
    "refused": f"GET /sparql?query={quote('ASK { SERVICE <http://x/> {} }')} HTTP/1.1\r\n"
    f"{HOST}\r\n",
    "no format": f"GET /sparql?query={ASK} HTTP/1.1\r\n{HOST}Accept: image/png\r\n\r\n",
    "no query": f"POST /sparql HTTP/1.1\r\n{HOST}{FORM}Content-Length: 0\r\n\r\n",
    "known": f"GET /sparql?query={ASK} HTTP/1.1\r\n{HOST}If-None-Match: *\r\n\r\n",
}
OTHERWISE = {
    "head": f"HEAD /sparql?query={ASK} HTTP/1.1\r\n{HOST}\r\n",
    "options": f"OPTIONS /sparql HTTP/1.1\r\n{HOST}\r\n",
    "old": f"GET /sparql?query={ASK} HTTP/1.0\r\n{HOST}\r\n",
    "closing": f"GET /sparql?query={ASK} HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n",
    "expecting": f"POST /sparql HTTP/1.1\r\n{HOST}{FORM}Expect: 100-continue\r\n"
    f"Content-Length: {len(ASK) + 6}\r\n\r\nquery={ASK}",
    "chunked": f"POST /sparql HTTP/1.1\r\n{HOST}{FORM}Transfer-Encoding: chunked\r\n\r\n"
    f"{len(ASK) + 6:x}\r\nquery={ASK}\r\n0\r\n\r\n",
    "get with a body": f"GET /sparql?query={ASK} HTTP/1.1\r\n{HOST}Content-Length: 2\r\n\r\nab",
    "fragment": f"GET /sparql?query={ASK}#there HTTP/1.1\r\n{HOST}\r\n",
    "none, then a length": f"POST /sparql HTTP/1.1\r\n{HOST}{FORM}Content-Length: 0\r\n"
    f"Content-Length: 3\r\n\r\na=b",
    "two lengths": f"POST /sparql HTTP/1.1\r\n{HOST}{FORM}Content-Length: 3\r\n"
    f"Content-Length: 3\r\n\r\na=b",
    "length and chunks": f"POST /sparql HTTP/1.1\r\n{HOST}{FORM}Content-Length: 4\r\n"
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /sparql HTTP/1.1\r\n\r\n",
    "signed length": f"POST /sparql HTTP/1.1\r\n{HOST}{FORM}Content-Length: +3\r\n\r\na=b",
    "folded": f"GET /sparql?query={ASK} HTTP/1.1\r\n{HOST}X: a\r\n b\r\n\r\n",
    "space before colon": f"GET /sparql?query={ASK} HTTP/1.1\r\nHost : here\r\n\r\n",
    "bare line feeds": f"GET /sparql?query={ASK} HTTP/1.1\nHost: here\n\n",
}


class Entries:
    """An audit log that keeps what is written, but for how long each took."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []

    def require(self) -> None:
        """Accept everything."""

    def record(self, entry: Mapping[str, Any]) -> None:
        assert entry["milliseconds"] > 0
        self.kept.append({k: v for k, v in entry.items() if k != "milliseconds"})


def node(folder: Path) -> NodeUnderTest:
    made = NodeUnderTest(folder)
    made.desk.audit = Entries()
    many = " ".join(f":n{number} :q {number} ." for number in range(200))
    made.publish("net", {"urn:m:eq": {"open": triples(many), "shut": triples(":a :p 3 .")}})
    made.policies = Policies.from_documents([read_policy("net", "open", "public")])
    return made


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> tuple[NodeUnderTest, NodeUnderTest]:
    """Two nodes with the same data; what they tell may differ only by the way of the request."""
    return node(tmp_path_factory.mktemp("short")), node(tmp_path_factory.mktemp("long"))


@pytest.fixture(scope="module")
def both(nodes: tuple[NodeUnderTest, NodeUnderTest]) -> Iterator[tuple[str, str]]:
    first, second = nodes
    with (
        served(first.endpoint(), first.close) as short,
        served(second.endpoint(), second.close, short=False) as long,
    ):
        yield short, long


def connect(address: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", urlsplit(address).port or 0), timeout=20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def exchange(address: str, *parts: str) -> bytes:
    """Send a request and return all that comes back until nothing more does."""
    with connect(address) as connection:
        for part in parts:
            connection.sendall(part.encode())
            time.sleep(0.02 if len(parts) > 1 else 0)
        received = b""
        connection.settimeout(15)
        while True:
            if whole(received):
                connection.settimeout(0.15)
            try:
                part_received = connection.recv(1 << 20)
            except TimeoutError:
                break
            if not part_received:
                break
            received += part_received
    return received


def whole(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100"):
        head, end, body = body.partition(b"\r\n\r\n")
    if not end:
        return False
    length = re.search(rb"(?i)content-length: (\d+)", head)
    if length:
        return len(body) >= int(length[1])
    return body.endswith(b"0\r\n\r\n") or b"chunked" not in head.lower()


def told(received: bytes) -> tuple[bytes, list[bytes], list[bytes]]:
    """Return status line, headers and words of an answer, sorted, without its date and chunks."""
    dateless = re.sub(rb"\r\ndate: [^\r]*", b"", received)
    head, _, body = dateless.partition(b"\r\n\r\n")
    status, *headers = head.split(b"\r\n")
    kept = sorted(h for h in headers if not h.lower().startswith(b"content-length:"))
    if b"transfer-encoding: chunked" in kept:
        body = re.sub(rb"(?:\A|\r\n)[0-9a-f]+\r\n", b"", body)
    return status, kept, sorted(re.sub(rb"_:\w+", b"_:b", body).split())


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_request_is_answered_as_by_the_long_way(
    both: tuple[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[bool] = []
    short = Lane._short

    def noting(self: Lane, data: bytes) -> bool:
        taken.append(short(self, data))
        return taken[-1]

    monkeypatch.setattr(Lane, "_short", noting)
    answer = exchange(both[0], PLAIN[name])
    assert taken == [True]
    assert told(answer) == told(exchange(both[1], PLAIN[name]))


TEXTS = [
    "ASK { ?s ?p ?o }",
    "SELECT * { ?s ?p ?o } ORDER BY ?s",
    "SELECT ?o { <http://x/n7> ?p ?o }",
    "SELECT * { <n7> ?p ?o }",
    "CONSTRUCT WHERE { ?s <http://x/p> ?o }",
    "SELECT * FROM <urn:m:eq> { ?s <http://x/p> ?o }",
    "SELECT * { GRAPH <urn:m:eq> { ?s <http://x/p> ?o } }",
    "SELECT (1 + 1 AS ?n) {} # é service",
    "SELECT * { ?a ?p ?b . ?c ?p ?d FILTER(?b < 15) } ORDER BY ?a ?c",
    "SELECT nonsense",
    "ASK { SERVICE <http://x/> {} }",
    "DELETE WHERE { ?s ?p ?o }",
    "ASK {",
    "",
]
HEADERS = [
    "Host: here",
    "Host: there.example:81",
    "Host: ?",
    "Accept: text/csv",
    "accept:application/sparql-results+xml;q=0.2, */*;q=0.1",
    "Accept: text/turtle",
    "Accept: image/png",
    "Accept-Encoding: gzip",
    "Accept-Encoding: gzip;q=0",
    "If-None-Match: *",
    'If-None-Match: W/"x"',
    "Authorization: Bearer owner",
    "Authorization: Bearer planner",
    "Authorization: Bearer nobody",
    "Cookie: a=b; gridspine_token=owner",
    "User-Agent: x",
    "Connection: keep-alive",
    "Connection: close",
    f"X-Long: {'x' * 2_100}",
]
PARAMETERS = ["timeout=9", "timeout=no", "limit=cut", "default-graph-uri=urn:m:eq", "report=inline"]


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request in any of its spellings; most of them plain."""
    text = draw(st.sampled_from(TEXTS))
    method = draw(st.sampled_from(["GET", "GET", "form", "direct", "HEAD"]))
    parameters = draw(st.lists(st.sampled_from(PARAMETERS), max_size=2, unique=True))
    encoded = "query=" + quote(text, safe=draw(st.sampled_from(["", "{}?:/", "<>"])))
    if draw(st.booleans()):
        encoded = encoded.replace("%20", "+")
    headers = draw(st.lists(st.sampled_from(HEADERS), max_size=4, unique=True))
    body = b""
    if method == "form":
        body = "&".join([encoded, *parameters]).encode()
        headers.append("Content-Type: application/x-www-form-urlencoded")
        parameters = []
    elif method == "direct":
        body = text.encode()
        headers.append("Content-Type: application/sparql-query")
    else:
        parameters.insert(draw(st.integers(0, len(parameters))), encoded)
    if body or method not in ("GET", "HEAD"):
        headers.append(f"Content-Length: {len(body)}")
    verb = method if method in ("GET", "HEAD") else "POST"
    address = "/sparql?" + "&".join(parameters) if parameters else "/sparql"
    head = "".join(f"{line}\r\n" for line in headers)
    return f"{verb} {address} HTTP/1.1\r\n{head}\r\n".encode() + body


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(requests(), min_size=3, max_size=6))
def test_random_requests_are_answered_and_audited_as_by_the_long_way(
    nodes: tuple[NodeUnderTest, NodeUnderTest], both: tuple[str, str], sent: list[bytes]
) -> None:
    """Each twice over one connection, so that what is kept of the first serves the second."""
    answers: list[list[object]] = []
    for address, made in zip(both, nodes, strict=True):
        log = made.desk.audit
        assert isinstance(log, Entries)
        log.kept.clear()
        answers.append([list(conversation(address, [*sent, *sent])), log.kept.copy()])
    assert answers[0] == answers[1]


KNOWN = Heads()


@settings(max_examples=300)
@given(st.lists(st.sampled_from([*HEADERS, "Content-Length: 3", "Content-Length: x", "Te: y"])))
def test_headers_that_were_read_before_say_what_they_say_now(lines: list[str]) -> None:
    block = "".join(f"{line}\r\n" for line in lines).encode()
    fresh = Heads().read(block)
    assert KNOWN.read(block) == KNOWN.read(block) == fresh
    for kept in KNOWN._kept:
        assert b"authorization" not in kept.lower()
        assert b"cookie" not in kept.lower()
        assert len(kept) <= lane.HEAD_MAX_BYTES
    assert len(KNOWN._kept) <= lane.HEADS_KEPT


def conversation(address: str, sent: list[bytes]) -> Iterator[tuple[int, object, bytes]]:
    """Yield status, headers and body of each answer; over one connection while it is kept."""
    connection = connect(address)
    try:
        for request in sent:
            connection.sendall(request)
            method = request.split(b" ", 1)[0].decode()
            answer = http.client.HTTPResponse(connection, method=method)
            answer.begin()
            body = answer.read()
            if answer.getheader("content-encoding") == "gzip":
                body = gzip.decompress(body)
            headers = {name.lower(): value for name, value in answer.getheaders()}
            yield answer.status, headers | {"date": ""}, body
            if answer.will_close or b"Connection: close" in request:
                connection.close()
                connection = connect(address)
    finally:
        connection.close()


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_is_not_plain_is_answered_the_long_way(both: tuple[str, str], name: str) -> None:
    answers = [exchange(address, OTHERWISE[name]) for address in both]
    assert told(answers[0]) == told(answers[1])
    assert answers[0].count(b"HTTP/1.1 ") == answers[1].count(b"HTTP/1.1 ")


def test_requests_in_a_row_pieces_and_mixtures_are_answered_in_order(
    both: tuple[str, str],
) -> None:
    one, head = PLAIN["get csv"], OTHERWISE["head"]
    for parts in (
        (one + one,),
        (one, one, head, one),
        (one[:30], one[30:] + one[:50], one[50:]),
        (one, one[:10], one[10:]),
        (one + head + one[:-1], one[-1:]),
    ):
        short, long = (exchange(address, *parts) for address in both)
        wanted = "".join(parts).count("HTTP/1.1\r\n")
        assert short.count(b"HTTP/1.1 200") == long.count(b"HTTP/1.1 200") == wanted
        dated = rb"date: [^\r]*\r\n"
        order = [sorted(re.sub(dated, b"", x).split(b"\r\n")) for x in (short, long)]
        assert order[0] == order[1]


def test_what_comes_while_an_answer_is_made_waits_its_turn(tmp_path: Path) -> None:
    slow = quote("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f FILTER(STR(?c) < STR(?f)) }")
    made = node(tmp_path)
    with served(made.endpoint(), made.close) as address, connect(address) as connection:
        for query in (slow, ASK, slow):
            connection.sendall(f"GET /sparql?query={query} HTTP/1.1\r\n{HOST}\r\n".encode())
            time.sleep(0.005)
        received = b""
        while received.count(b"HTTP/1.1 200") < 3 or not received.endswith(b"}]}}"):
            received += connection.recv(1 << 16)
    kinds = re.findall(rb'"boolean"|"bindings"', received)
    assert kinds == [b'"bindings"', b'"boolean"', b'"bindings"']


def test_an_idle_connection_is_closed_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = node(tmp_path)
    original = lane.Lane.__init__

    def hasty(self: Lane, *args: object, **kwargs: object) -> None:
        original(self, *args, **kwargs)  # type: ignore[arg-type]
        self.timeout_keep_alive = 0.6  # type: ignore[assignment]

    monkeypatch.setattr(lane.Lane, "__init__", hasty)
    with served(made.endpoint(), made.close) as address, connect(address) as connection:
        start = time.monotonic()
        for _ in range(4):
            connection.sendall(PLAIN["kept alive"].encode())
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
            time.sleep(0.25)
        assert time.monotonic() - start > 0.9  # used meanwhile, so not closed
        assert connection.recv(1 << 16) == b""


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize("begun", [b"", b"GET /sparql?query=x HTTP/1.1\r\nX: ", b"POST /sp"])
def test_a_connection_that_only_begins_is_closed(tmp_path: Path, begun: bytes, short: bool) -> None:
    made = node(tmp_path)
    with served(made.endpoint(), made.close, short=short, patient=1) as url:
        where = urlsplit(url)
        assert where.hostname and where.port
        with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
            started = time.monotonic()
            connection.sendall(begun)
            connection.settimeout(0.3)
            while time.monotonic() - started < 10:
                with contextlib.suppress(TimeoutError):
                    try:
                        if begun:
                            connection.sendall(b"a")
                        if not connection.recv(1):
                            break
                    except ConnectionError:
                        break
            assert time.monotonic() - started < 6


@pytest.mark.parametrize("short", [True, False])
def test_a_head_without_end_is_not_read_to_it(tmp_path: Path, short: bool) -> None:
    made = node(tmp_path)
    with served(made.endpoint(), made.close, short=short, patient=20) as url:
        where = urlsplit(url)
        assert where.hostname and where.port
        sent = 0
        with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
            connection.sendall(b"GET /sparql?query=x HTTP/1.1\r\n")
            try:
                while sent < 64 << 20:
                    connection.sendall(b"X: y\r\n" * 10_000)
                    sent += 60_000
            except OSError:
                pass
        assert sent < 16 << 20
