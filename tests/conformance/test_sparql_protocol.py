"""The W3C SPARQL 1.1 Protocol tests that concern queries, over HTTP."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import rdflib
from rdflib.collection import Collection

from tests.conformance.suite import load
from tests.kgnode.node import NodeUnderTest, served

MF = rdflib.Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#")
HT = rdflib.Namespace("http://www.w3.org/2011/http#")
CNT = rdflib.Namespace("http://www.w3.org/2011/content#")
DATA = "http://kasei.us/2009/09/sparql/data/"
FORMATS = {
    "boolean": ("application/sparql-results+json", "application/sparql-results+xml"),
    "tabular": (
        "application/sparql-results+json",
        "application/sparql-results+xml",
        "text/csv",
        "text/tab-separated-values",
    ),
    "RDF": ("text/turtle", "application/rdf+xml", "application/n-triples"),
}


@dataclass(frozen=True)
class Request:
    """One request of a test and what may come back."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes | None
    statuses: tuple[str, ...]
    boolean: bool | None
    format: str | None


def read_tests(manifest: Path) -> dict[str, list[Request]]:
    graph = rdflib.Graph().parse(manifest, format="turtle")
    tests: dict[str, list[Request]] = {}
    for test in graph.subjects(rdflib.RDF.type, MF.ProtocolTest):
        listed = graph.value(graph.value(test, MF.action), HT.requests)
        requests = [_request(graph, node) for node in Collection(graph, listed)]
        tests[str(test).rsplit("#", 1)[-1]] = requests
    return tests


def _request(graph: rdflib.Graph, node: rdflib.term.Node) -> Request:
    body = graph.value(node, HT.body)
    content = None
    if body is not None:
        encoding = str(graph.value(body, CNT.characterEncoding))
        content = str(graph.value(body, CNT.chars)).encode(encoding)
    headers = {}
    listed = graph.value(node, HT.headers)
    for header in Collection(graph, listed) if listed is not None else ():
        headers[str(graph.value(header, HT.fieldName))] = str(graph.value(header, HT.fieldValue))
    reply = graph.value(node, HT.resp)
    boolean = graph.value(reply, MF.expectedBoolean)
    written = graph.value(reply, MF.expectedFormat)
    return Request(
        str(graph.value(node, HT.methodName)),
        str(graph.value(node, HT.absolutePath)).replace("/sparql/", "/sparql", 1),
        headers,
        content,
        tuple(str(s)[-3:] for s in graph.objects(reply, MF.expectedStatus)),
        None if boolean is None else bool(boolean.toPython()),  # type: ignore[attr-defined]
        None if written is None else str(written),
    )


@pytest.fixture(scope="module")
def tests(test_data: Path) -> dict[str, list[Request]]:
    return read_tests(test_data / "suites/w3c_sparql/sparql11/protocol/manifest.ttl")


@pytest.fixture(scope="module")
def authority(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    node = NodeUnderTest(tmp_path_factory.mktemp("protocol"))
    folder = test_data / "suites/w3c_sparql/sparql11/protocol"
    models = {
        f"{DATA}data{number}.rdf": {None: load(folder / f"data{number}.nt", DATA)}
        for number in (1, 2, 3)
    }
    node.publish("kasei", models, aside=True)
    with served(node.endpoint(), node.close) as url:
        yield urlsplit(url).netloc


def test_no_query_test_is_left_out(tests: dict[str, list[Request]]) -> None:
    updates = {name for name in tests if name.startswith("update_")}
    assert len(tests) == 34
    assert len(updates) == 7


@pytest.mark.parametrize(
    "name",
    [
        "query_post_form",
        "query_dataset_default_graphs_get",
        "query_dataset_default_graphs_post",
        "query_dataset_named_graphs_post",
        "query_dataset_named_graphs_get",
        "query_dataset_full",
        "query_multiple_dataset",
        "query_get",
        "query_content_type_select",
        "query_content_type_ask",
        "query_content_type_describe",
        "query_content_type_construct",
        "query_post_direct",
        "bad_query_method",
        "bad_multiple_queries",
        "bad_query_wrong_media_type",
        "bad_query_missing_form_type",
        "bad_query_missing_direct_type",
        "bad_query_non_utf8",
        "bad_query_syntax",
        "bad_update_get",
        "bad_multiple_updates",
        "bad_update_wrong_media_type",
        "bad_update_missing_form_type",
        "bad_update_non_utf8",
        "bad_update_syntax",
        "bad_update_dataset_conflict",
    ],
)
def test_protocol(name: str, tests: dict[str, list[Request]], authority: str) -> None:
    for request in tests[name]:
        connection = http.client.HTTPConnection(authority, timeout=30)
        headers = {"Authorization": "Bearer owner", **request.headers}
        connection.request(request.method, request.target, request.body, headers)
        reply = connection.getresponse()
        body = reply.read()
        connection.close()
        assert f"{reply.status // 100}xx" in request.statuses, body
        media_type = reply.headers["content-type"].split(";")[0]
        if request.format is not None:
            assert media_type in FORMATS[request.format]
        if request.boolean is not None:
            assert (b"true" in body) is request.boolean


@pytest.mark.parametrize("name", ["update_post_form", "update_post_direct", "update_base_uri"])
def test_updates_are_refused_by_name(
    name: str, tests: dict[str, list[Request]], authority: str
) -> None:
    request = tests[name][0]
    connection = http.client.HTTPConnection(authority, timeout=30)
    connection.request(request.method, request.target, request.body, request.headers)
    reply = connection.getresponse()
    assert reply.status == 400
    assert b"refused_query" in reply.read()
    connection.close()
