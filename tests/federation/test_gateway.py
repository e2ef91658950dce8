"""A gateway home, its commands and its application, over real HTTP to its members."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from federation.cli import app
from federation.web.app import build
from tests.federation.cluster import Cluster, Fault, cluster

DATA = """@prefix ex: <http://example.org/> . ex:a ex:to ex:b . ex:b ex:name "<b>bold</b>" ."""
MORE = """@prefix ex: <http://example.org/> . ex:b ex:kind ex:Bus ."""
JOIN = "PREFIX ex: <http://example.org/> SELECT * { ?x ex:to ?y . ?y ex:kind ?k ; ex:name ?n }"


def run(*arguments: str) -> dict[str, object]:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    document: dict[str, object] = orjson.loads(result.stdout)
    assert document["ok"], document
    return document


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with cluster() as nodes:
        nodes.add("A", data=DATA)
        nodes.add("B", data=MORE)
        yield nodes


@pytest.fixture(scope="module")
def home(running: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scheme")
    run("members", "new", str(folder), "--scheme", "test")
    for member in running.members():
        gateway = ("--gateway", "http://testserver") if member.id == "A" else ()
        run("members", "add", str(folder), "--id", member.id, "--node", member.node, *gateway)
    run("members", "sign", str(folder))
    run("members", "verify", str(folder / "members.jws"))
    home = tmp_path_factory.mktemp("gateway") / "home"
    run("init", str(home), "--org", "A", "--members", str(folder / "members.jws"))
    return home


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    with TestClient(build(home)) as running_client:
        yield running_client


def test_the_endpoint_answers_plain_sparql_with_status_and_report(client: TestClient) -> None:
    got = client.post("/sparql", data={"query": JOIN})
    assert got.status_code == 200
    assert got.headers["Gridspine-Status"] == "complete"
    assert len(got.json()["results"]["bindings"]) == 1
    report = client.get(got.headers["Gridspine-Report"]).json()
    assert {source["id"] for source in report["sources"]} == {"A", "B"}


def test_get_works_and_the_report_can_be_inline(client: TestClient) -> None:
    got = client.get("/sparql", params={"query": JOIN, "report": "inline"})
    assert got.json()["report"]["status"] == "complete"


def test_rows_say_where_they_came_from_in_any_format(client: TestClient) -> None:
    got = client.get(
        "/sparql", params={"query": JOIN, "source": "1"}, headers={"Accept": "text/csv"}
    )
    head, row = got.text.splitlines()
    assert (head.rpartition(",")[2], row.rpartition(",")[2]) == ("source", "A B")
    assert client.get("/sparql", params={"query": JOIN, "source": "yes"}).status_code == 400
    asked = client.get("/sparql", params={"query": "ASK { ?s ?p ?o }", "source": "1"})
    assert asked.status_code == 400


def test_a_mapping_set_must_be_named_with_its_version(client: TestClient) -> None:
    got = client.get("/sparql", params={"query": JOIN, "mappings": "words"})
    assert got.status_code == 400
    assert "name@version" in got.json()["hint"]


def test_a_lost_member_is_a_problem_with_the_report(running: Cluster, client: TestClient) -> None:
    running.nodes["B"].fault = lambda action: Fault(raw=b"") if action == "sparql" else None
    try:
        got = client.get("/sparql", params={"query": JOIN})
        assert got.status_code == 502
        assert got.json()["code"] == "not_complete"
        assert got.headers["Gridspine-Status"] == "incomplete"
        allowed = client.get("/sparql", params={"query": JOIN, "partial": "allow"})
        assert allowed.status_code == 200
        assert allowed.headers["Gridspine-Status"] == "incomplete"
    finally:
        running.nodes["B"].fault = lambda _: None


def test_service_and_updates_are_refused(client: TestClient) -> None:
    for text in ("SELECT * { SERVICE <http://x/> { ?s ?p ?o } }", "DELETE WHERE { ?s ?p ?o }"):
        got = client.get("/sparql", params={"query": text})
        assert got.status_code == 400
        assert got.json()["code"] == "refused_query"


def test_the_workbench_shows_rows_as_text_and_the_report(client: TestClient) -> None:
    got = client.post("/workbench", data={"query": JOIN})
    assert got.status_code == 200
    assert "&lt;b&gt;bold&lt;/b&gt;" in got.text
    assert "<b>bold" not in got.text
    assert "script-src 'self'" in got.headers["Content-Security-Policy"]
    assert "complete" in got.text


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/workbench", "/members", "/catalogue", "/mappings", "/signin", "/network"),
        *("/static/gateway.css", "/static/gridspine.css", "/static/editor.js", "/healthz"),
    ],
)
def test_pages_are_there(client: TestClient, path: str) -> None:
    assert client.get(path, headers={"Accept": "text/html"}).status_code == 200


def test_a_report_that_is_not_there_is_not_found(client: TestClient) -> None:
    assert client.get("/reports/none").status_code == 404


def test_a_bad_token_is_refused_not_taken_for_the_public(client: TestClient) -> None:
    got = client.get("/sparql", params={"query": JOIN}, headers={"Authorization": "Bearer x.y.z"})
    assert got.status_code == 401


@pytest.mark.parametrize(("path", "most"), [("/workbench", 20 << 20), ("/session", 1 << 17)])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_of_anybody_is_bounded(client: TestClient, path: str, most: int, kind: str) -> None:
    media = f"{kind}; boundary=x" if "multipart" in kind else kind
    opening = b'--x\r\nContent-Disposition: form-data; name="token"; filename="f"\r\n\r\n'
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        yield opening if "multipart" in kind else b"token="
        while sent < 64 << 20:
            sent += 1 << 20
            yield b"0" * (1 << 20)

    answer = client.post(path, content=body(), headers={"Content-Type": media})
    assert answer.status_code == 400
    assert "longer than" in answer.json()["detail"]


def test_a_page_of_another_site_signs_nobody_in(client: TestClient) -> None:
    elsewhere = {"Sec-Fetch-Site": "same-site"}
    answer = client.post("/session", data={"token": ""}, headers=elsewhere)
    assert answer.status_code == 403


def test_a_token_file_that_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    missing = str(tmp_path / "token:X:file")
    asked = ["query", "http://127.0.0.1:9", "ASK {}", "--token", missing]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 2
    assert f"{missing} does not exist." in result.stderr
