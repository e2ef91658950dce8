"""A node's HTTP interface: every answer is of the caller's own view, every error a problem."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pyoxigraph as ox
import pytest
import uvicorn
from starlette.testclient import TestClient

from kgnode.client import Client
from kgnode.errors import RefusedQuery
from kgnode.home import Home
from kgnode.names import label_iri
from kgnode.node import Node
from kgnode.operations import perform
from kgnode.settings import load_settings
from kgnode.summary import term_hash
from kgnode.trust import (
    Member,
    SigningKey,
    generate_key,
    issue_token,
    load_key,
    new_members,
    public_jwks,
    sign_members,
)
from kgnode.trust.membership import initialise, join_scheme
from kgnode.web.app import PATHS, ROUTES, create_app
from kgnode.web.front import Front
from kgnode.web.serve import server
from tests.kgnode.cimxml import document, mrid, region, substation, write

NODE_URL = "http://testserver"
NESO_URL = "http://neso"
LABELS = """\
labels:
  places: {sensitivity: open, reason: "what is where"}
  names: {sensitivity: shared, reason: "what it is called"}
rules:
  - {label: places, class: "*"}
  - {label: names, property: ["cim:IdentifiedObject.name"]}
"""


@dataclass
class World:
    """A node in a scheme of two organisations, with one data set."""

    node: Node
    client: TestClient
    neso: SigningKey

    def token(
        self,
        org: str,
        *roles: str,
        audience: str = NODE_URL,
        act: str | None = None,
        ttl: int = 300,
    ) -> dict[str, str]:
        """Return the headers of a caller."""
        key = self.node.key if org == "TNO" else self.neso
        issued = issue_token(
            key,
            org,
            "somebody",
            roles=roles,
            purpose="network-planning",
            audience=audience,
            now=datetime.now(UTC),
            act=act,
            ttl_seconds=ttl,
        )
        return {"Authorization": f"Bearer {issued}"}


def policy(label: str, assignee: object) -> str:
    return json.dumps(
        {
            "@context": "gridspine-odrl",
            "@type": "Set",
            "uid": f"urn:gridspine:policy:TNO:{label}",
            "profile": "https://w3id.org/gridspine/odrl",
            "permission": [
                {
                    "target": label_iri("TNO", "network", label),
                    "action": "read",
                    "assignee": assignee,
                }
            ],
        }
    )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    initialise(tmp_path / "home", "TNO", "Transmission", None)
    scheme, neso = generate_key(), generate_key()
    members = new_members("test")
    jwks = public_jwks(load_key(tmp_path / "home" / "keys"))
    for org, url, keys in (("TNO", NODE_URL, jwks), ("NESO", NESO_URL, public_jwks(neso))):
        member = Member(
            id=org,
            name=org,
            status="active",
            licence_role="X",
            node=url,
            gateway="http://gateway" if org == "NESO" else None,
            jwks=keys,
        )
        members = members.add(member)
    write(tmp_path, "scheme.json", json.dumps(scheme.public))
    signed = sign_members(members.issue(datetime.now(UTC)), scheme)
    join_scheme(tmp_path / "home", write(tmp_path, "members.jws", signed))
    node = Node(Home(tmp_path / "home"), load_settings(answer_cache_bytes=0))
    arguments = {
        "files": [str(write(tmp_path, "eq.xml", document("eq", region() + substation("Keadby"))))],
        "dataset": "network",
        "title": "The network",
        "labels": str(write(tmp_path, "labels.yaml", LABELS)),
        "policy": [
            str(write(tmp_path, "p1.json", policy("places", "public"))),
            str(write(tmp_path, "p2.json", policy("names", {"organisation": ["NESO"]}))),
        ],
    }
    perform(node, "publish", arguments, lambda _name: None)
    front = Front(node, PATHS)
    with TestClient(create_app(front), raise_server_exceptions=False) as client:
        yield World(node, client, neso)
        assert client.portal is not None
        client.portal.call(front.views.close)
    node.close()


def rows(answer: httpx2.Response) -> set[str]:
    return {term["value"] for row in answer.json()["results"]["bindings"] for term in row.values()}


NAMES = "SELECT ?name { ?s <http://iec.ch/TC57/CIM100#IdentifiedObject.name> ?name }"


def test_the_public_a_member_and_the_owner_see_what_policy_lets_them(world: World) -> None:
    def ask(headers: dict[str, str]) -> set[str]:
        return rows(world.client.get("/sparql", params={"query": NAMES}, headers=headers))

    assert ask({}) == set()
    assert ask(world.token("NESO", "planner")) == {"region", "Keadby"}
    assert ask(world.token("TNO", "operator")) == {"region", "Keadby"}


def test_the_summary_counts_the_callers_own_view(world: World) -> None:
    public = world.client.get("/summary").json()
    member = world.client.get("/summary", headers=world.token("NESO")).json()
    name = "http://iec.ch/TC57/CIM100#IdentifiedObject.name"
    assert name not in public["predicates"]
    assert member["predicates"][name]["count"] == 2
    assert member["predicates"][name]["subjects"] == {"urn:uuid:": 2}
    assert public["version"] != member["version"]
    assert public["datasets"] == [
        {"iri": "urn:gridspine:dataset:TNO:network", "withheld": "undisclosed"}
    ]


def test_a_summary_that_has_not_changed_is_not_sent_again(world: World) -> None:
    first = world.client.get("/summary")
    again = world.client.get("/summary", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    member = {**world.token("NESO"), "If-None-Match": first.headers["etag"]}
    assert world.client.get("/summary", headers=member).status_code == 200


def test_term_hashes_and_shared_terms_are_of_the_callers_view(world: World) -> None:
    hashes = array("Q", world.client.get("/summary/terms").content).tolist()
    here = term_hash(f"urn:uuid:{mrid('Keadby')}")
    assert hashes == sorted(hashes) and here in hashes
    body = array("Q", [here]).tobytes()
    shared = world.client.post("/summary/shared", content=body).json()
    of_class = shared["classes"]["http://iec.ch/TC57/CIM100#Substation"]["subjects"]
    assert of_class == {"shared": [0], "local": False, "literals": False}
    assert world.client.post("/summary/shared", content=b"123").status_code == 400


def test_literal_hashes_are_of_the_callers_view(world: World) -> None:
    path = "/summary/terms?predicate=http://iec.ch/TC57/CIM100%23IdentifiedObject.name"
    assert world.client.get(path).content == b""
    shown = array("Q", world.client.get(path, headers=world.token("NESO")).content).tolist()
    assert term_hash('"Keadby"') in shown
    assert len(shown) == 2
    assert world.client.get("/summary/terms?predicate=no iri").status_code == 400


def test_summaries_are_also_of_a_moment(world: World) -> None:
    member = world.token("NESO")
    now = world.client.get("/summary", headers=member).json()
    for path in ("/summary", "/summary/terms"):
        then = world.client.get(f"{path}?at=2001-01-01T00:00:00Z", headers=member)
        assert then.headers["gridspine-version"] != now["version"]
        assert then.json()["predicates"] == {} if path == "/summary" else then.content == b""
    assert world.client.get("/summary?at=soon").status_code == 400


def test_an_asset_shows_only_what_the_caller_may_read(world: World) -> None:
    iri = f"urn:uuid:{mrid('Keadby')}"
    public = world.client.get("/asset", params={"iri": iri}).json()
    member = world.client.get("/asset", params={"iri": iri}, headers=world.token("NESO")).json()
    assert public["name"] is None and member["name"] == "Keadby"
    assert "Keadby" not in world.client.get("/asset", params={"iri": iri}).text
    nothing = world.client.get("/asset", params={"iri": "urn:nothing"})
    assert (nothing.status_code, nothing.json()["code"]) == (404, "not_found")
    assert world.client.get("/asset", params={"iri": "no iri"}).status_code == 400


@pytest.mark.parametrize("form", ["text/turtle", "application/ld+json", "application/n-triples"])
def test_the_catalogue_is_dcat_in_each_format(world: World, form: str) -> None:
    answer = world.client.get("/catalogue", headers={"Accept": form})
    assert answer.headers["content-type"].startswith(form)
    parsed = {
        q.object.value
        for q in ox.parse(answer.content, mime_type_or_none(form))
        if q.predicate.value.endswith("/title")
    }
    assert parsed == {"The network"}


def mime_type_or_none(form: str) -> ox.RdfFormat:
    found = ox.RdfFormat.from_media_type(form)
    assert found is not None
    return found


def test_versions_are_told_only_to_those_who_see_everything(world: World) -> None:
    path = "/catalogue/network"
    assert world.client.get(path).json()[0]["version"] is None
    assert world.client.get(path, headers=world.token("TNO", "operator")).json()[0]["version"] == 1
    assert world.client.get("/catalogue/other").status_code == 404


def test_a_token_that_proves_nothing_is_401_with_a_problem(world: World) -> None:
    for path in ("/sparql?query=ASK%7B%7D", "/summary", "/catalogue", "/asset?iri=urn:x"):
        answer = world.client.get(path, headers={"Authorization": "Bearer not.a.token"})
        assert answer.status_code == 401, path
        assert answer.json()["code"] == "identity"
        assert answer.headers["www-authenticate"].startswith("Bearer")
    elsewhere = world.token("NESO", audience="http://other")
    assert world.client.get("/summary", headers=elsewhere).status_code == 401


def test_publishing_over_http_is_for_the_owners_publishers(world: World, tmp_path: Path) -> None:
    file = write(tmp_path, "more.xml", document("more", region("more"), authority="https://b"))

    def send(headers: dict[str, str]) -> httpx2.Response:
        with file.open("rb") as stream:
            return world.client.post("/datasets/extra", files={"files": stream}, headers=headers)

    assert send({}).status_code == 403
    assert send(world.token("NESO", "publisher")).status_code == 403
    assert send(world.token("TNO", "planner")).status_code == 403
    done = send(world.token("TNO", "publisher"))
    assert done.status_code == 200 and done.json()["version"] == 1


def test_a_pack_over_http_is_a_name_never_a_path(world: World, tmp_path: Path) -> None:
    file = write(tmp_path, "x.xml", document("x", region()))
    with file.open("rb") as stream:
        answer = world.client.post(
            "/validate",
            files={"files": stream},
            data={"packs": ["../../etc"]},
            headers=world.token("TNO", "publisher"),
        )
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_why_tells_the_clause_or_that_nothing_is_known(world: World) -> None:
    dataset = "urn:gridspine:dataset:TNO:network"
    told = world.client.get("/policy/why", params={"dataset": dataset, "label": "places"}).json()
    assert told["decisions"][0]["allowed"] is True and told["decisions"][0]["clauses"]
    hidden = world.client.get("/policy/why", params={"dataset": dataset, "label": "secret"})
    absent = world.client.get("/policy/why", params={"dataset": "urn:x", "label": "secret"})
    assert hidden.status_code == absent.status_code == 404
    assert hidden.content == absent.content


def test_pages_are_pages_and_programs_get_data(world: World) -> None:
    page = {"Accept": "text/html"}
    for path in ("/", "/catalogue", "/catalogue/network", "/query", "/signin"):
        answer = world.client.get(path, headers=page)
        assert answer.status_code == 200 and "<h1>" in answer.text, path
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "style=" not in answer.text
    missing = world.client.get("/catalogue/none", headers=page)
    assert missing.status_code == 404 and "There is no data set" in missing.text


def test_signing_in_keeps_the_token_where_scripts_cannot_read_it(world: World) -> None:
    token = world.token("NESO", "planner")["Authorization"].removeprefix("Bearer ")
    refused = world.client.post("/signin", data={"token": "nonsense"})
    assert refused.status_code == 401
    answer = world.client.post("/signin", data={"token": token}, follow_redirects=False)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    world.client.cookies.set("gridspine_token", token)
    assert rows(world.client.get("/sparql", params={"query": NAMES})) == {"region", "Keadby"}


def test_every_handler_is_documented_and_errors_are_problems(world: World) -> None:
    assert all(route.handler.__doc__ for route in ROUTES)
    for method, path in (("GET", "/nowhere"), ("DELETE", "/summary"), ("GET", "/asset")):
        answer = world.client.request(method, path)
        assert answer.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "detail", "code"} <= set(answer.json())


def test_health_and_readiness(world: World) -> None:
    assert world.client.get("/healthz").json()["status"] == "ok"
    assert world.client.get("/readyz").json() == {"ready": True}
    write(world.node.home.path / "policy", "bad.json", "{")
    assert world.client.get("/readyz").status_code == 503


def test_the_python_client_gives_typed_rows_and_typed_errors(served_url: str) -> None:
    client = Client(served_url)
    assert client.select("SELECT (1.5e0 AS ?x) (2 AS ?n) (true AS ?b) ('t' AS ?s) ?u {}") == [
        {"x": 1.5, "n": 2, "b": True, "s": "t", "u": None}
    ]
    assert client.ask("ASK {}") is True
    assert client.frame("SELECT (1 AS ?n) {}").to_dict("records") == [{"n": 1}]
    with pytest.raises(RefusedQuery):
        client.select("SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }")


@pytest.fixture
def served_url(world: World) -> Iterator[str]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    front = Front(world.node)
    running: uvicorn.Server = server(create_app(front))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    running.should_exit = True
    thread.join()
    listener.close()
    asyncio.run(front.views.close())


def test_metrics_are_for_operators_and_name_only_known_routes(world: World) -> None:
    world.client.get("/sparql", params={"query": NAMES})
    world.client.get("/secret-of-somebody")
    world.client.get("/catalogue/another-secret")
    assert world.client.get("/metrics").status_code == 403
    assert world.client.get("/metrics", headers=world.token("NESO", "operator")).status_code == 403
    text = world.client.get("/metrics", headers=world.token("TNO", "operator")).text
    assert 'gridspine_request_seconds_count{route="/sparql",status="2xx"} 1.0' in text
    assert 'gridspine_refusals_total{code="not_found"} 2.0' in text
    assert "secret" not in text and "gridspine_views_views" in text


@pytest.mark.parametrize("path", ["/token", "/signin"])
def test_a_form_that_anybody_may_send_is_bounded(world: World, path: str) -> None:
    body = b"grant_type=" + b"x" * (1 << 20)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = world.client.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert "65536" in answer.json()["detail"]


def test_a_token_that_proves_nothing_is_in_the_audit_log_without_the_token(world: World) -> None:
    forged = world.token("NESO", "planner")["Authorization"][:-4] + "AAAA"
    for path in ("/sparql?query=ASK%7B%7D", "/summary"):
        assert world.client.get(path, headers={"Authorization": forged}).status_code == 401
        (entry,) = world.node.audit.tail(1)
        assert (entry["action"], entry["status"]) == ("identify", 401)
        assert forged.rsplit(".", 1)[-1] not in str(entry)
