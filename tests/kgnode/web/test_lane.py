"""The short way answers exactly as the long one, and leaves to it what is not in plain form."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from kgnode.policy.policies import Policies
from kgnode.web import lane
from kgnode.web.lane import Lane
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
    "two lengths": f"POST /sparql HTTP/1.1\r\n{HOST}{FORM}Content-Length: 3\r\n"
    f"Content-Length: 3\r\n\r\na=b",
    "length and chunks": f"POST /sparql HTTP/1.1\r\n{HOST}{FORM}Content-Length: 4\r\n"
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /sparql HTTP/1.1\r\n\r\n",
    "signed length": f"POST /sparql HTTP/1.1\r\n{HOST}{FORM}Content-Length: +3\r\n\r\na=b",
    "folded": f"GET /sparql?query={ASK} HTTP/1.1\r\n{HOST}X: a\r\n b\r\n\r\n",
    "space before colon": f"GET /sparql?query={ASK} HTTP/1.1\r\nHost : here\r\n\r\n",
    "bare line feeds": f"GET /sparql?query={ASK} HTTP/1.1\nHost: here\n\n",
}


def node(folder: Path) -> NodeUnderTest:
    made = NodeUnderTest(folder)
    many = " ".join(f":n{number} :q {number} ." for number in range(200))
    made.publish("net", {"urn:m:eq": {"open": triples(many), "shut": triples(":a :p 3 .")}})
    made.policies = Policies.from_documents([read_policy("net", "open", "public")])
    return made


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    first = node(tmp_path_factory.mktemp("short"))
    second = node(tmp_path_factory.mktemp("long"))
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
    head, _, body = received.partition(b"\r\n\r\n")
    status, *headers = head.split(b"\r\n")
    kept = sorted(h for h in headers if not h.lower().startswith((b"date:", b"content-length:")))
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
