"""Mapping sets over HTTP: anybody reads, proven stewards change, and nothing on the page runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from kgnode.alignment import sssom_json, sssom_rdf, sssom_tsv
from kgnode.operations import perform
from kgnode.web.app import PATHS, create_app
from kgnode.web.front import COOKIE, Front
from tests.kgnode.cimxml import document, region, substation, write
from tests.kgnode.mapping_world import R1, R2, R3, SET, World, make_world

LABELS = """\
labels:
  places: {sensitivity: open, reason: "what is where"}
  names: {sensitivity: shared, reason: "what it is called"}
rules:
  - {label: places, class: "*"}
  - {label: names, property: ["cim:IdentifiedObject.name"]}
"""
NAME = "http://iec.ch/TC57/CIM100#IdentifiedObject.name"
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{7*7}}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("mappings")
    made = make_world(folder)
    policy = {
        "@context": "gridspine-odrl",
        "@type": "Set",
        "uid": "urn:gridspine:policy:TNO:1",
        "profile": "https://w3id.org/gridspine/odrl",
        "permission": [
            {
                "target": "urn:gridspine:label:TNO:network:places",
                "action": "read",
                "assignee": "public",
            },
            {
                "target": "urn:gridspine:label:TNO:network:names",
                "action": "read",
                "assignee": {"organisation": ["NESO"]},
            },
        ],
    }
    model = document("eq", region() + substation("Keadby"))
    wish = {
        "files": [str(write(folder, "a.xml", model))],
        "dataset": "network",
        "labels": str(write(folder, "labels.yaml", LABELS)),
        "policy": [str(write(folder, "policy.json", orjson.dumps(policy).decode()))],
    }
    perform(made.node, "publish", wish, lambda _: None)
    yield made
    made.node.close()


@pytest.fixture(scope="module")
def client(world: World) -> Iterator[TestClient]:
    front = Front(world.node, PATHS)
    with TestClient(create_app(front), raise_server_exceptions=False) as made:
        yield made
        assert made.portal is not None
        made.portal.call(front.views.close)


def bearer(world: World, who: str, *roles: str) -> dict[str, str]:
    sub, _, org = who.partition("@")
    return {"Authorization": f"Bearer {world.token(org, sub, *roles)}"}


def post(client: TestClient, body: object, headers: dict[str, str] | None = None) -> Response:
    return client.post("/mappings", json=body, headers=headers or {})


def page(client: TestClient, path: str, token: str | None = None) -> str:
    cookies = {"Cookie": f"{COOKIE}={token}"} if token else {}
    answer = client.get(path, headers={"Accept": "text/html", **cookies})
    assert answer.status_code == 200, answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    return answer.text


def test_anybody_reads_sets_as_page_json_and_documents(client: TestClient) -> None:
    names = {one["name"] for one in client.get("/mappings").json()["sets"]}
    assert {"small", "cim-ies4"} <= names
    found = client.get("/mappings/small").json()
    assert [one["id"] for one in found["mappings"]] == [R1, R2, R3]
    for form, read in (("tsv", sssom_tsv), ("json", sssom_json), ("ttl", sssom_rdf)):
        answer = client.get("/mappings/small/document", params={"as": form})
        assert {row.id for row in read.read(answer.content).mappings} == {R1, R2, R3}
    answer = client.get("/mappings/small", headers={"Accept": "text/turtle"})
    assert answer.headers["content-type"].startswith("text/turtle")
    for path in (
        "",
        "/small",
        "/small/history",
        "/small/released",
        "/small/check",
        "/small/queue",
        "/small/coverage",
    ):
        assert "<h1>" in page(client, f"/mappings{path}")


def test_only_proven_stewards_change_sets(client: TestClient, world: World) -> None:
    body = {"do": "approve", "set": "small", "id": R3}
    assert post(client, body).status_code == 403
    assert post(client, body, bearer(world, "paul@NESO", "planner", "operator")).status_code == 403
    forged = {"Authorization": "Bearer a.b.c"}
    assert post(client, body, forged).status_code == 401
    claimed = {**body, "caller": {"org": "NESO", "roles": ["steward"]}, "token": "x", "sub": "anna"}
    assert post(client, claimed, bearer(world, "paul@NESO", "planner")).status_code == 403
    assert client.get("/mappings/small", params={"id": R3}).json()["mappings"][0]["approvals"] == []
    assert post(client, body, bearer(world, "anna@NESO")).status_code == 200
    assert post(client, body, bearer(world, "alan@NESO")).json()["code"] == "forbidden"
    assert (
        post(client, body, bearer(world, "dora@DNOA")).json()["changed"][0]["status"] == "approved"
    )


def test_a_form_of_another_site_changes_nothing(client: TestClient, world: World) -> None:
    headers = bearer(world, "anna@NESO")
    body = orjson.dumps({"do": "reject", "set": "small", "id": R2})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = client.post("/mappings", content=body, headers={**headers, "Content-Type": kind})
        assert answer.status_code == 415
    assert (
        client.get("/mappings/small", params={"id": R2}).json()["mappings"][0]["status"]
        == "proposed"
    )


ASKS_NOTHING = [
    *("[]", "{", '""', '{"do": "show"}', '{"do": "approve"}'),
    '{"do": "publish", "set": "small"}',
    '{"do": "approve", "set": "small", "ids": "x"}',
    '{"do": "approve", "set": "../x", "id": "1"}',
]


@pytest.mark.parametrize("body", ASKS_NOTHING)
def test_a_body_that_asks_for_nothing_known_is_refused(
    client: TestClient, world: World, body: str
) -> None:
    headers = {**bearer(world, "anna@NESO"), "Content-Type": "application/json"}
    answer = client.post("/mappings", content=body, headers=headers)
    assert answer.status_code in (400, 404)
    assert answer.json()["code"] in ("bad_request", "not_found")


def test_no_file_of_the_node_can_be_named(client: TestClient, world: World) -> None:
    secret = world.node.home.path / "keys" / "signing.json"
    body = {"do": "import", "set": "stolen", "file": str(secret), "form": "tsv"}
    answer = post(client, body, bearer(world, "tom@TNO"))
    assert answer.status_code == 400
    assert "kty" not in answer.text
    assert not (world.node.home.path / "mappings" / "stolen").exists()


def test_nothing_that_people_write_becomes_markup(client: TestClient, world: World) -> None:
    anna = bearer(world, "anna@NESO")
    body = {"do": "comment", "set": "small", "id": R2, "text": EVIL}
    assert post(client, body, anna).status_code == 200
    small = sssom_tsv.read(SET.encode())
    rows = tuple(
        replace(row, id=f"{row.id}x", comment=EVIL, subject_label=EVIL, object_label=EVIL)
        for row in small.mappings
    )
    content = sssom_tsv.write(replace(small, title=EVIL, mappings=rows)).decode()
    answer = post(client, {"do": "import", "set": "evil", "content": content, "form": "tsv"}, anna)
    assert answer.status_code == 200, answer.text
    token = world.token("NESO", "anna")
    for path in ("", "/small", "/small/history", "/evil", "/evil?part=claims", "/evil/history"):
        shown = page(client, f"/mappings{path}", token)
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown
        assert "{{7*7}}" in shown or "alert" not in shown
    assert "&lt;script&gt;" in page(client, "/mappings/small", token)


def test_the_page_offers_decisions_to_stewards_only(client: TestClient, world: World) -> None:
    assert "data-do=" not in page(client, "/mappings/small")
    assert "data-do=" not in page(client, "/mappings/small", world.token("NESO", "p", "planner"))
    steward = page(client, "/mappings/small", world.token("NESO", "anna"))
    assert 'data-do="approve" aria-keyshortcuts="a"' in steward
    assert 'role="status"' in steward


def test_coverage_tells_only_of_the_callers_own_view(client: TestClient, world: World) -> None:
    def used(headers: dict[str, str]) -> dict[str, int]:
        found = client.get("/mappings/small/coverage", headers=headers).json()
        return {one["term"]: one["used"] for one in found["terms"]}

    assert NAME not in used({})
    assert used(bearer(world, "paul@NESO", "planner"))[NAME] == 2
    assert NAME not in used(bearer(world, "dora@DNOA"))
    for what in ("queue", "coverage"):
        for form in ("html", "text"):
            answer = client.get(f"/mappings/small/{what}", params={"as": form})
            assert "IdentifiedObject.name" not in answer.text


def test_the_query_log_is_told_to_the_owners_stewards_only(
    client: TestClient, world: World
) -> None:
    asked = "http://secret.example/term"
    query = f"SELECT * {{ ?s <{asked}> ?o }}"
    client.post("/sparql", data={"query": query}, headers=bearer(world, "paul@NESO", "planner"))
    for headers in ({}, bearer(world, "anna@NESO"), bearer(world, "paul@TNO", "planner")):
        assert asked not in client.get("/mappings/small/coverage", headers=headers).text
        assert asked not in client.get("/mappings/small/queue", headers=headers).text
    found = client.get("/mappings/small/queue", headers=bearer(world, "tom@TNO")).json()
    assert {one["term"]: one["asked"] for one in found["queue"]}[asked] == 1


@pytest.mark.parametrize("what", ["suggest", "evidence", "impact"])
def test_what_costs_more_is_for_stewards(client: TestClient, world: World, what: str) -> None:
    parameters = {"target": "ies", "id": R1}
    path = f"/mappings/small/{what}"
    assert client.get(path, params=parameters).status_code == 403
    planner = bearer(world, "paul@NESO", "planner")
    assert client.get(path, params=parameters, headers=planner).status_code == 403
    steward = bearer(world, "anna@NESO")
    assert client.get(path, params=parameters, headers=steward).status_code == 200


def test_a_suggestion_proposes_nothing(client: TestClient, world: World) -> None:
    before = client.get("/mappings/cim-ies4/history").json()
    found = client.get(
        "/mappings/cim-ies4/suggest",
        params={"target": "ies", "term": "cim:Substation"},
        headers=bearer(world, "anna@NESO"),
    ).json()
    candidates = found["suggestions"][0]["candidates"]
    assert candidates
    assert {"label", "definition", "structure", "instances"} == {
        one["kind"] for one in candidates[0]["evidence"]
    }
    assert client.get("/mappings/cim-ies4/history").json() == before


def test_a_preview_tells_which_saved_queries_would_answer_otherwise(
    client: TestClient, world: World
) -> None:
    folder = world.node.home.path / "queries"
    folder.mkdir(exist_ok=True)
    cim = "http://iec.ch/TC57/CIM100#"
    (folder / "stations.rq").write_text("SELECT ?x { ?x a <https://b.example#Station> }")
    (folder / "own.rq").write_text(f"SELECT ?x {{ ?x a <{cim}Substation> }}")
    proposal = {
        "do": "propose",
        "set": "small",
        "subject": f"{cim}Substation",
        "object": "https://b.example#Station",
        "relation": "exact",
    }
    tom = bearer(world, "tom@TNO")
    made = post(client, proposal, tom).json()["changed"][0]["id"]
    found = client.get("/mappings/small/impact", params={"ids": made}, headers=tom).json()
    told = {one["query"]: one for one in found["queries"]}
    assert (told["stations"]["changes"], told["stations"]["after"]) == (True, 1)
    assert told["own"]["changes"] is False
    others = client.get(
        "/mappings/small/impact", params={"ids": made}, headers=bearer(world, "anna@NESO")
    )
    assert others.json()["queries"] == []
