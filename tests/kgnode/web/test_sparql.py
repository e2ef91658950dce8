from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pyoxigraph as ox
import pytest
import rdflib
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from SPARQLWrapper import CSV, JSON, POST, TURTLE, SPARQLWrapper

from kgnode.errors import Unexpected
from kgnode.policy.caller import Caller
from kgnode.policy.policies import Policies
from kgnode.query.answer import SparqlAnswer
from kgnode.query.protocol import SparqlRequest
from kgnode.web.sparql import SparqlEndpoint
from tests.kgnode.node import PUBLIC, NodeUnderTest, read_policy, served, triples

Q = "PREFIX : <http://x/> SELECT ?s ?o { ?s :p ?o } ORDER BY ?o"
ROWS = 3_000


@pytest.fixture(scope="module", params=[True, False], ids=["short", "long"])
def address(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[str]:
    node = NodeUnderTest(tmp_path_factory.mktemp("node"), query_max_text_bytes=20_000)
    many = " ".join(f":n{number} :q {number} ." for number in range(ROWS))
    node.publish(
        "net",
        {
            "urn:m:eq": {
                "open": triples(":a :p 1 . :b :p 2 . " + many),
                "shut": triples(":a :p 3 ."),
            }
        },
    )
    node.policies = Policies.from_documents([read_policy("net", "open", "public")])
    with served(node.endpoint(), node.close, short=request.param) as url:
        yield url


class Reply:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Reply:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, body, named)
        return Reply(connection.getresponse())
    finally:
        connection.close()


def get(address: str, query: str, **headers: str) -> Reply:
    return call(f"{address}?{urlencode({'query': query})}", **headers)


def objects(reply: Reply) -> list[str]:
    return [row["o"]["value"] for row in reply.json["results"]["bindings"]]


def test_get_and_both_posts_give_the_same(address: str) -> None:
    form = urlencode({"query": Q}).encode()
    replies = [
        get(address, Q),
        call(address, "POST", form, content_type="application/x-www-form-urlencoded"),
        call(address, "POST", Q.encode(), content_type="application/sparql-query"),
    ]
    assert [reply.status for reply in replies] == [200] * 3
    assert [objects(reply) for reply in replies] == [["1", "2"]] * 3
    assert len({reply.headers["gridspine-version"] for reply in replies}) == 1
    assert replies[0].headers["content-type"] == "application/sparql-results+json"
    assert "Authorization" in replies[0].headers["vary"]
    assert replies[0].headers["cache-control"] == "private, no-cache"


def test_a_token_decides_what_is_seen_by_header_or_cookie(address: str) -> None:
    public = get(address, Q)
    owner = get(address, Q, authorization="Bearer owner")
    cookie = get(address, Q, cookie="a=b; gridspine_token=owner")
    assert objects(owner) == objects(cookie) == ["1", "2", "3"]
    assert owner.headers["gridspine-version"] == cookie.headers["gridspine-version"]
    assert owner.headers["gridspine-version"] != public.headers["gridspine-version"]
    assert owner.headers["gridspine-policy"] != public.headers["gridspine-policy"]


@pytest.mark.parametrize(
    ("accept", "start"),
    [
        ("application/sparql-results+json", b'{"head"'),
        ("application/sparql-results+xml", b"<?xml"),
        ("text/csv", b"s,o"),
        ("text/tab-separated-values", b"?s\t?o"),
    ],
)
def test_every_solution_format_comes_when_asked_for(
    address: str, accept: str, start: bytes
) -> None:
    reply = get(address, Q, accept=accept)
    assert reply.headers["content-type"].startswith(accept)
    assert reply.body.startswith(start)


@pytest.mark.parametrize(
    "accept",
    [
        "text/turtle",
        "application/n-triples",
        "application/rdf+xml",
        "application/ld+json",
        "application/n-quads",
        "application/trig",
    ],
)
def test_every_graph_format_comes_when_asked_for(address: str, accept: str) -> None:
    reply = get(address, "CONSTRUCT WHERE { ?s <http://x/p> ?o }", accept=accept)
    assert reply.headers["content-type"].startswith(accept)
    assert len(list(ox.parse(reply.body, format=ox.RdfFormat.from_media_type(accept)))) == 2


def test_head_is_a_get_without_its_body(address: str) -> None:
    target = f"{address}?{urlencode({'query': Q})}"
    head, whole = call(target, "HEAD"), call(target)
    assert head.body == b""
    assert head.status == 200
    assert head.headers["content-length"] == str(len(whole.body))
    assert head.headers["etag"] == whole.headers["etag"]
    assert call(f"{address}?query=nonsense", "HEAD").status == 400


def test_browsers_from_elsewhere_may_ask(address: str) -> None:
    reply = call(address, "OPTIONS", origin="https://elsewhere.example")
    assert reply.status == 204
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "Authorization" in reply.headers["access-control-allow-headers"]
    assert "POST" in reply.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in reply.headers
    for other in (get(address, Q), get(address, "nonsense")):
        assert other.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_not_allowed(address: str, method: str) -> None:
    reply = call(address, method, b"x")
    assert reply.status == 405
    assert reply.headers["allow"] == "GET, HEAD, POST, OPTIONS"
    assert reply.json["code"] == "bad_method"


def test_gzip_comes_for_large_bodies_to_those_who_accept_it(address: str) -> None:
    large = "SELECT * { ?s <http://x/q> ?o }"
    plain = get(address, large, accept_encoding="identity")
    packed = get(address, large, accept_encoding="br, gzip;q=0.8")
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) * 5 < len(plain.body)
    unpacked = json.loads(gzip.decompress(packed.body))
    assert len(unpacked["results"]["bindings"]) == ROWS
    assert packed.headers["etag"] == plain.headers["etag"]
    for accept in ("gzip;q=0", "br"):
        assert "content-encoding" not in get(address, large, accept_encoding=accept).headers
    assert "content-encoding" not in get(address, Q, accept_encoding="gzip").headers


def test_a_known_answer_is_not_sent_again(address: str) -> None:
    tag = get(address, Q).headers["etag"]
    again = get(address, Q, if_none_match=tag)
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == tag
    assert get(address, Q, if_none_match=tag, authorization="Bearer owner").status == 200


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("SELECT * { ?s ?p", 400, "malformed_query"),
        ("SELECT * { ?s ?p }", 400, "malformed_query"),
        ("SELECT * { SERVICE <http://127.0.0.1:9/> {} }", 400, "refused_query"),
        ("DROP ALL", 400, "refused_query"),
        ("SELECT * { } #" + "x" * 20_000, 413, "query_too_long"),
        ("ASK " + "{" * 9_000 + "}" * 9_000, 400, "malformed_query"),
    ],
)
def test_errors_are_problem_documents(address: str, query: str, status: int, code: str) -> None:
    reply = call(address, "POST", query.encode(), content_type="application/sparql-query")
    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json["code"] == code
    assert reply.json["status"] == status
    assert reply.json["type"].endswith(f"#{code}")


def test_a_body_beyond_all_bounds_is_not_even_read(address: str) -> None:
    reply = call(address, "POST", b"x" * 200_000, content_type="application/sparql-query")
    assert (reply.status, reply.json["code"]) == (413, "query_too_long")


def test_what_nobody_accepts_is_said_with_what_there_is(address: str) -> None:
    reply = get(address, Q, accept="image/png")
    assert (reply.status, reply.json["code"]) == (406, "not_acceptable")


def test_without_a_query_the_service_describes_itself(address: str) -> None:
    reply = call(address, accept="text/turtle")
    assert reply.status == 200
    graph = rdflib.Graph().parse(data=reply.body, format="turtle")
    sd = rdflib.Namespace("http://www.w3.org/ns/sparql-service-description#")
    service = graph.value(predicate=rdflib.RDF.type, object=sd.Service)
    assert graph.value(service, sd.endpoint) == rdflib.URIRef(address)
    assert (service, sd.supportedLanguage, sd.SPARQL11Query) in graph
    assert set(graph.objects(None, sd.name)) == {rdflib.URIRef("urn:m:eq")}
    assert call(address, accept="application/rdf+xml").headers["content-type"] == (
        "application/rdf+xml"
    )


def test_sparqlwrapper_works(address: str) -> None:
    wrapper = SPARQLWrapper(address)
    wrapper.setQuery(Q)
    wrapper.setReturnFormat(JSON)
    found = wrapper.queryAndConvert()
    assert [row["o"]["value"] for row in found["results"]["bindings"]] == ["1", "2"]
    wrapper.setMethod(POST)
    wrapper.setReturnFormat(CSV)
    assert wrapper.queryAndConvert().split() == [b"s,o", b"http://x/a,1", b"http://x/b,2"]
    wrapper.setQuery("CONSTRUCT WHERE { ?s <http://x/p> ?o }")
    wrapper.setReturnFormat(TURTLE)
    assert b"http://x/a" in wrapper.queryAndConvert()


@pytest.mark.parametrize("method", ["GET", "POST", "POST_FORM"])
@pytest.mark.parametrize("format_name", ["xml", "json", "csv", "tsv"])
def test_rdflib_as_a_client_works(address: str, method: str, format_name: str) -> None:
    store = SPARQLStore(address, method=method, returnFormat=format_name)
    found = [tuple(map(str, row)) for row in rdflib.Graph(store).query(Q)]
    assert found == [("http://x/a", "1"), ("http://x/b", "2")]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_works(address: str) -> None:
    command = ["curl", "--silent", "--fail", "--compressed", "-H", "Accept: text/csv"]
    by_get = subprocess.check_output([*command, "-G", "--data-urlencode", f"query={Q}", address])
    by_post = subprocess.check_output([*command, "--data-urlencode", f"query={Q}", address])
    assert by_get == by_post == b"s,o\r\nhttp://x/a,1\r\nhttp://x/b,2\r\n"


def broken(parts: int, error: Exception) -> SparqlEndpoint:
    async def answerer(request: SparqlRequest, caller: Caller) -> SparqlAnswer:
        async def body() -> AsyncIterator[bytes]:
            for _ in range(parts):
                yield b"x" * 1_000
            raise error

        return SparqlAnswer(200, (), "text/csv", body())

    return SparqlEndpoint(answerer, lambda _: PUBLIC)


@pytest.mark.parametrize("accept_encoding", ["identity", "gzip"])
@pytest.mark.parametrize("error", [Unexpected("gone"), OSError("disk"), ValueError("defect")])
def test_an_answer_that_breaks_is_a_broken_transfer(error: Exception, accept_encoding: str) -> None:
    gone = pytest.raises((http.client.IncompleteRead, ConnectionError))
    with served(broken(5, error)) as url, gone:
        get(url, "ASK {}", accept_encoding=accept_encoding)


def test_an_answer_that_breaks_at_once_is_a_clean_error() -> None:
    with served(broken(0, Unexpected("gone"))) as url:
        assert get(url, "ASK {}").json["code"] == "unexpected"


def test_an_old_client_never_takes_part_of_an_answer_for_the_whole() -> None:
    with served(broken(5, Unexpected("gone"))) as url:
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
            request = f"GET {parts.path}?query={quote('ASK {}')} HTTP/1.0\r\n\r\n"
            connection.sendall(request.encode())
            received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert received.startswith(b"HTTP/1.1 500")


def test_an_inner_fault_tells_the_client_nothing_of_the_inside() -> None:
    async def answerer(request: SparqlRequest, caller: Caller) -> SparqlAnswer:
        raise KeyError("secret detail")

    with served(SparqlEndpoint(answerer, lambda _: PUBLIC)) as url:
        reply = get(url, "ASK {}")
    assert reply.status == 500
    assert reply.json["code"] == "unexpected"
    assert b"secret" not in reply.body


def test_a_client_that_leaves_ends_its_query() -> None:
    ended: list[str] = []

    async def answerer(request: SparqlRequest, caller: Caller) -> SparqlAnswer:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append(request.query or "")
            raise
        raise AssertionError

    with served(SparqlEndpoint(answerer, lambda _: PUBLIC)) as url:
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
            connection.sendall(b"GET /sparql?query=ASK%7B%7D HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.3)
        until = time.monotonic() + 5
        while not ended and time.monotonic() < until:
            time.sleep(0.02)
    assert ended == ["ASK{}"]


def test_a_client_that_leaves_frees_its_evaluator(tmp_path: Path) -> None:
    one = {"evaluators_per_view": 1, "evaluators_max_per_view": 1}
    node = NodeUnderTest(tmp_path, query_timeout_seconds=120, **one)
    node.publish("net", {"urn:m": {None: triples(":a :p 1, 2, 3, 4, 5, 6, 7, 8, 9 .")}})
    cross = " ".join(f"?a{number} ?b{number} ?c{number} ." for number in range(30))
    runaway = quote(f"SELECT (COUNT(*) AS ?n) {{ {cross} }}")
    head = f"GET /sparql?query={runaway} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer owner\r\n\r\n"
    with served(node.endpoint(), node.close) as url:
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
            connection.sendall(head.encode())
            time.sleep(1)
        query = urlencode({"query": "ASK { ?s ?p 9 }", "timeout": 30})
        reply = call(f"{url}?{query}", authorization="Bearer owner")
    assert reply.json["boolean"] is True
