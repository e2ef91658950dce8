"""Attacks through the HTTP interface that once got further than they should."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kgnode.errors import StoreFull
from kgnode.operations import perform
from kgnode.trust import issue_token
from tests.kgnode.cimxml import document, mrid, region, write
from tests.kgnode.web.test_app import LABELS, NAMES, NODE_URL, World, rows, world

__all__ = ["world"]


def acted(world: World, *roles: str) -> dict[str, str]:
    """The headers of a gateway that acts for a caller of the node's own organisation."""
    token = issue_token(
        world.node.key, "TNO", "olga", roles=roles, purpose=None, audience=NODE_URL, act="NESO"
    )
    return {"Authorization": f"Bearer {token}"}


def test_a_gateway_governs_nothing_in_the_name_of_its_caller(world: World) -> None:
    headers = acted(world, "publisher", "operator", "auditor", "steward")
    file = {"files": ("x.ttl", b"<urn:x> <urn:y> <urn:z> .")}
    published = world.client.post("/datasets/network", files=file, headers=headers)
    checked = world.client.post("/validate", files=file, headers=headers)
    assert (published.status_code, checked.status_code) == (403, 403)
    assert world.client.get("/metrics", headers=headers).status_code == 403
    asked = world.client.get("/sparql", params={"query": NAMES}, headers=headers)
    assert rows(asked) == {"region", "Keadby"}  # what they may read themselves, they may ask for


def test_the_past_stays_closed_to_whom_it_was_closed_since(world: World, tmp_path: Path) -> None:
    member = world.token("NESO", "planner")
    then = datetime.now(UTC).isoformat()
    past = {"query": NAMES, "at": then}
    assert rows(world.client.get("/sparql", params=past, headers=member)) == {"region", "Keadby"}
    stricter = LABELS.replace("rules:", "  secret: {sensitivity: closed}\nrules:")
    stricter += '  - {label: secret, property: ["cim:IdentifiedObject.name"]}\n'
    arguments = {"dataset": "network", "file": str(write(tmp_path, "strict.yaml", stricter))}
    perform(world.node, "labels-apply", arguments, lambda _name: None)
    now = {"query": NAMES}
    assert rows(world.client.get("/sparql", params=now, headers=member)) == set()
    assert rows(world.client.get("/sparql", params=past, headers=member)) == set()
    summary = world.client.get("/summary", params={"at": then}, headers=member)
    assert "IdentifiedObject.name" not in summary.text
    owner = world.token("TNO", "operator")
    assert rows(world.client.get("/sparql", params=past, headers=owner)) == {"region", "Keadby"}


def test_a_name_of_a_pack_says_nothing_of_the_nodes_files(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "keys.ttl", "zqsecret is no turtle")
    write(tmp_path, "shapes.ttl", "<urn:s> a <http://www.w3.org/ns/shacl#NodeShape> .")
    for path in ("/validate", "/gaps"):
        absent = world.client.get(path, params={"pack": "nothing.ttl"})
        assert absent.status_code == 404
        for name in ("keys.ttl", "shapes.ttl", "home"):
            there = world.client.get(path, params={"pack": name})
            assert there.status_code == 404
            assert there.text == absent.text.replace("nothing.ttl", name)


@pytest.mark.parametrize("path", ["/datasets/network", "/validate"])
def test_an_upload_of_a_stranger_is_refused_before_it_is_read(world: World, path: str) -> None:
    sent: list[dict[str, object]] = []
    asked = 0

    async def receive() -> dict[str, object]:
        nonlocal asked
        asked += 1
        part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="f"\r\n\r\n'
        return {"type": "http.request", "body": part + b"0" * 1000, "more_body": asked < 100}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "path": path, "raw_path": path.encode(), "query_string": b"", "scheme": "http",
        "headers": [(b"content-type", b"multipart/form-data; boundary=x")],
        "server": ("testserver", 80), "client": ("testclient", 1), "root_path": "",
    }  # fmt: skip
    asyncio.run(world.client.app(scope, receive, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 403
    assert asked == 0


def test_what_is_read_without_sparql_is_in_the_audit_log_too(world: World) -> None:
    member = world.token("NESO", "planner")
    iri = f"urn:uuid:{mrid('Keadby')}"
    paths = ("/asset?iri=" + iri, "/summary", "/summary/terms", "/catalogue", "/validate", "/gaps")
    for path in paths:
        assert world.client.get(path, headers=member).status_code == 200
    world.client.get("/asset?iri=urn:nothing", headers=member)
    world.client.post("/token", data={"grant_type": "x", "audience": "http://neso"})
    world.node.audit.flush()
    entries = world.node.audit.tail(20)
    told = {entry["asked"]: entry for entry in entries if entry.get("action") == "request"}
    for path in paths:
        assert told[f"GET {path}"]["org"] == "NESO" and told[f"GET {path}"]["bytes"] > 0
        assert told[f"GET {path}"]["status"] == 200 and told[f"GET {path}"]["sub"] == "somebody"
    assert told["GET /asset?iri=urn:nothing"]["status"] == 404
    assert any(entry.get("action") == "token" and entry["outcome"] for entry in entries)


@pytest.mark.parametrize("path", ["/asset?iri=urn:x", "/summary", "/catalogue"])
def test_nothing_is_read_that_the_audit_log_cannot_note(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise StoreFull("The audit log is full.")

    monkeypatch.setattr(world.node.audit, "require", full)
    assert world.client.get(path).status_code == 507


@pytest.mark.parametrize("whose", ["cross-site", "same-site"])
def test_a_page_of_another_site_does_nothing_with_the_cookie(world: World, whose: str) -> None:
    token = world.token("TNO", "publisher")["Authorization"].removeprefix("Bearer ")
    elsewhere = {"Sec-Fetch-Site": whose}
    signed = world.client.post("/signin", data={"token": token}, headers=elsewhere)
    assert signed.status_code == 403 and "set-cookie" not in signed.headers
    world.client.cookies.set("gridspine_token", token)
    file = {"files": ("x.xml", document("more", region("more"), authority="https://b"))}
    refused = world.client.post("/datasets/extra", files=file, headers=elsewhere)
    assert refused.status_code == 403
    own = world.client.post("/datasets/extra", files=file, headers={"Sec-Fetch-Site": "none"})
    assert own.status_code == 200
