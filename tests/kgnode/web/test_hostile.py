"""Hostile and malformed requests get an answer of the protocol's, never an error of ours."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error

from kgnode.web.app import create_app
from tests.kgnode.leak.house import House, Reply
from tests.kgnode.leak.reading import Asker
from tests.kgnode.leak.test_versions import Small
from tests.kgnode.node import served

REQUESTS = 5_000
QUERIES = (
    "SELECT * WHERE { ?s ?p ?o } LIMIT 5",
    "ASK { ?s a <urn:x> }",
    "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 3",
    "DESCRIBE <urn:uuid:00000000-0000-0000-0000-000000000000>",
    "SELECT (COUNT(*) AS ?n) FROM <urn:x> FROM NAMED <urn:y> { GRAPH ?g { ?s ?p ?o } }",
)
REFUSED = (
    "SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }",
    "SELECT * { SERVICE SILENT <file:///etc/passwd> { ?s ?p ?o } }",
    "LOAD <http://169.254.169.254/latest/meta-data>",
    "INSERT DATA { <urn:a> <urn:b> <urn:c> }",
    "DROP ALL",
    "CLEAR DEFAULT; SELECT * {}",
    "SELECT * { ?s ?p ?o } ; DELETE WHERE { ?s ?p ?o }",
    "SELECT * { \\u0053ERVICE <http://x/> { ?s ?p ?o } }",
    "SELECT * {" * 2_000,
    "{" * 50_000,
    "SELECT * { FILTER(" + "(" * 3_000 + "1" + ")" * 3_000 + ") }",
    "PREFIX : <> SELECT * { : : : }",
    "SELECT ?\u0000 {}",
    "\ufeff",
    "",
)
PATHS = (
    "/",
    "/sparql",
    "/sparql/",
    "/summary",
    "/summary/terms",
    "/summary/shared",
    "/catalogue",
    "/catalogue/network",
    "/catalogue/../../etc/passwd",
    "/catalogue/%2e%2e%2fkeys%2fsigning.json",
    "/static/../../../keys/signing.json",
    "/static/..%2f..%2fkeys/signing.json",
    "/static//etc/passwd",
    "/asset",
    "/policy/why",
    "/token",
    "/datasets/network",
    "/datasets/..",
    "/validate",
    "/packs",
    "/metrics",
    "/healthz",
    "/readyz",
    "/signin",
    "/signout",
    "/openapi.json",
    "/\u0000",
    "/" + "a" * 5_000,
    "/keys/signing.json",
)
METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "get", "QUERY")
MEDIA = (
    "application/x-www-form-urlencoded",
    "application/sparql-query",
    "application/sparql-update",
    "application/json",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/plain; charset=nonsense",
    "application/x-www-form-urlencoded; charset=utf-16",
    "\u00ff",
    "",
)
ODD = (
    "%00",
    "%ff%fe",
    "../../etc/passwd",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "${jndi:ldap://x/}",
    "A" * 10_000,
    "-1",
    "1e309",
    "NaN",
    "\u202e",
    "\r\nX-Injected: yes",
    "urn:gridspine:dataset:DNOA:network",
)
NAMES = (
    "query",
    "update",
    "default-graph-uri",
    "named-graph-uri",
    "timeout",
    "limit",
    "at",
    "mappings",
    "iri",
    "dataset",
    "label",
    "property",
    "grant_type",
    "subject_token",
    "actor_token",
    "audience",
    "token",
    "x",
)


class Attacker:
    """Makes requests, each as likely odd as plain in each of its parts."""

    def __init__(self, seed: int, token: str) -> None:
        self.random = random.Random(seed)
        self.token = token

    def query(self) -> str:
        """A query: valid, refused, or one of them with something cut, doubled or put in."""
        text = self.random.choice(QUERIES + REFUSED)
        if self.random.random() < 0.5 and text:
            at = self.random.randrange(len(text))
            put = self.random.choice(
                ["", "}", "{", '"', "<", "\u0000", "?", "\\u", "/*", "#", text]
            )
            text = text[:at] + put + text[at + self.random.randrange(3) :]
        return text[:100_000]

    def pairs(self) -> bytes:
        """A query string or form body, sometimes not well formed."""
        parts = []
        for _ in range(self.random.randrange(4)):
            name = self.random.choice(NAMES)
            value = self.query() if name in ("query", "update") else self.random.choice(ODD)
            raw = value.encode("utf-8", "replace")
            if self.random.random() < 0.8:
                raw = b"".join(b"%%%02X" % byte for byte in raw[:2_000])
            parts.append(name.encode() + b"=" + raw)
        return b"&".join(parts)

    def headers(self) -> dict[str, str]:
        """Headers with odd media types, tokens, cookies and conditions."""
        choose = self.random.choice
        found = {
            "accept": choose(["*/*", "text/html", "application/json", "x/y", ";;;,", "*/*;q=x"])
        }
        if self.random.random() < 0.6:
            found["content-type"] = choose(MEDIA)
        if self.random.random() < 0.3:
            odd = ["Bearer x.y.z", "Bearer", "Basic YTpi", "Bearer " + "A" * 20_000, "\u00e9", ""]
            found["authorization"] = choose([*odd, f"Bearer {self.token}", f"Bearer {self.token}x"])
        if self.random.random() < 0.2:
            found["cookie"] = choose(["gridspine_token=x.y.z", "gridspine_token=", "=;=", "\u00ff"])
        if self.random.random() < 0.2:
            found["if-none-match"] = choose(["*", '"x"', "W/", ",,,", "\u00ff"])
        if self.random.random() < 0.2:
            found["origin"] = choose(["null", "https://evil.example", "\u00ff"])
        if self.random.random() < 0.1:
            found["content-length"] = choose(["-1", "x", "99999999999999"])
        if self.random.random() < 0.1:
            found["host"] = choose(["", "evil.example", "a:b:c"])
        return {
            name: value.encode("latin-1", "replace").decode("latin-1")
            for name, value in found.items()
        }

    async def attack(self, house: House) -> tuple[str, Reply]:
        """Send one request."""
        path = self.random.choice(PATHS)
        if self.random.random() < 0.4:
            path = "/sparql"
        method = self.random.choice(METHODS[:2] if self.random.random() < 0.8 else METHODS)
        headers = self.headers()
        if path == "/sparql" and headers.get("content-type") == "application/sparql-query":
            body = self.query().encode("utf-8", "replace")
        else:
            body = self.pairs()
        query = self.pairs().decode("latin-1") if self.random.random() < 0.6 else ""
        reply = await house.send(method, path, headers, query, body)
        return f"{method} {path} {query} {headers} {body[:300]!r}", reply


def test_five_thousand_hostile_requests_make_no_error_of_ours(tmp_path: Path) -> None:
    async def run() -> None:
        async with Small(tmp_path / "home", "zqsecret") as house:
            token = house.token(Asker("NESO", ("planner",)))["authorization"].split()[1]
            attacker = Attacker(20261201, token)
            secret = json.loads((house.home.path / "keys" / "signing.json").read_bytes())["d"]
            statuses: set[int] = set()
            for _ in range(REQUESTS):
                asked, reply = await attacker.attack(house)
                statuses.add(reply.status)
                assert reply.status < 500, (asked, reply.body)
                for hidden in (b"zqsecret", b"zqreason", secret.encode(), b"root:x:", b"Traceback"):
                    assert hidden not in reply.everything, asked
                names = [name.lower() for name, _ in reply.headers]
                assert "x-injected" not in names, asked
            assert {200, 400, 401, 404, 405} <= statuses

    asyncio.run(run())


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    house = Small(tmp_path_factory.mktemp("hostile") / "home", "zqsecret")
    app = create_app(house.front)
    with served(app, house.front.views.close) as url:
        yield url.removesuffix("/sparql")
    house.node.close()


def test_what_the_openapi_document_allows_makes_no_error_of_ours(address: str) -> None:
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    seen = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        seen.add(operation.path)

        @settings(
            max_examples=25,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        @given(operation.as_strategy())
        def law(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=[not_a_server_error])

        law()
    assert {"/summary", "/asset", "/policy/why", "/token"} <= seen
