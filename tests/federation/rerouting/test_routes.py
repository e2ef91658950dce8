"""The gateway's routes for studies: made, opened, listed, run again, compared, given away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from federation.gateway import Gateway
from federation.members.identity import identity_key
from federation.members.pool import Identity, Member
from federation.rerouting.routes import StudyRoutes
from kgnode.errors import GridspineError, IdentityError
from kgnode.policy.caller import Caller
from kgnode.settings import load_settings
from kgnode.web.problems import problem_answer
from tests.federation.rerouting.hiding import owned_models
from tests.federation.rerouting.test_service import MEMBERS, Stores

ASKED = {"from": "GSP003 400kV", "to": "GSP002 400kV", "verify": 1, "n1": "none"}
FOREIGN = Member("LIBRARY", "A plain endpoint", "http://library", kind="sparql")


class _Verifier:
    """Takes ``Bearer NAME`` for a caller of NESO of that name; no header is the public."""

    def caller(self, header: str | None) -> Caller:
        if header is None:
            return Caller.public()
        scheme, _, name = header.partition(" ")
        if scheme != "Bearer" or name == "forged":
            raise IdentityError("The token is not valid.")
        return Caller(org="NESO", sub=name)


@pytest.fixture(scope="module")
def client(four_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    pool = Stores(owned_models(four_zip))
    members = {member.id: member for member in (*MEMBERS, FOREIGN)}
    gateway = SimpleNamespace(
        home=SimpleNamespace(path=tmp_path_factory.mktemp("gateway")),
        settings=load_settings(),
        verifier=_Verifier(),
        exchanger=SimpleNamespace(identity=lambda caller: Identity(identity_key(caller))),
        refresh=lambda: SimpleNamespace(members=members, pool=pool),
    )
    routes = StudyRoutes(cast("Gateway", gateway))

    async def problem(_: Request, error: Exception) -> Response:
        status, headers, body = problem_answer(error)
        return Response(body, status, dict(headers))

    app = Starlette(routes=routes.routes(), exception_handlers={GridspineError: problem})
    with TestClient(app) as made:
        yield made
    routes.close()
    pool.close()


def _as(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


@pytest.fixture(scope="module")
def study(client: TestClient) -> dict[str, Any]:
    got = client.post("/reroute", json=ASKED, headers=_as("anna"))
    assert got.status_code == 200, got.text
    assert got.headers["Cache-Control"] == "private, no-store"
    return dict(got.json())


def test_a_study_is_made_of_the_nodes_and_not_of_plain_endpoints(study: dict[str, Any]) -> None:
    assert study["missing"] == []
    assert study["model_versions"].keys() == {member.id for member in MEMBERS}
    assert study["tools"].keys() == {"gridspine", "pypowsybl"}
    assert any(plan["verified"] for plan in study["candidates"])


def test_a_study_opens_for_its_maker_and_does_not_exist_for_others(
    client: TestClient, study: dict[str, Any]
) -> None:
    path = f"/studies/{study['id']}"
    assert client.get(path, headers=_as("anna")).json() == study
    listed = client.get("/studies", headers=_as("anna")).json()["studies"]
    assert [row["id"] for row in listed] == [study["id"]]
    plan = study["candidates"][0]["id"]
    for headers in (_as("bob"), {}):
        for address in (path, f"{path}/plans/{plan}.ttl", f"{path}/compare/{study['id']}"):
            got = client.get(address, headers=headers)
            assert got.status_code == 404 and study["id"] not in got.text
        assert client.post(f"{path}/rerun", headers=headers).status_code == 404
        assert client.get("/studies", headers=headers).json() == {"studies": []}
    assert client.get(path, headers=_as("forged")).status_code == 401


@pytest.mark.parametrize(
    ("form", "media_type", "found"),
    [
        ("", "application/json", '"verdict"'),
        (".html", "text/html; charset=utf-8", "<h1>"),
        (".ttl", "text/turtle; charset=utf-8", "gs:toolVersion"),
        (".xml", "application/xml", "DifferenceModel"),
    ],
)
def test_a_plan_is_given_in_each_form(
    client: TestClient, study: dict[str, Any], form: str, media_type: str, found: str
) -> None:
    plan = study["candidates"][0]["id"]
    got = client.get(f"/studies/{study['id']}/plans/{plan}{form}", headers=_as("anna"))
    assert got.status_code == 200 and got.headers["content-type"] == media_type
    assert found in got.text
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    if form == ".html":
        assert "default-src 'none'" in got.headers["Content-Security-Policy"]


def test_a_plan_that_is_not_there_is_said(client: TestClient, study: dict[str, Any]) -> None:
    got = client.get(f"/studies/{study['id']}/plans/none.html", headers=_as("anna"))
    assert got.status_code == 404 and "no such plan" in got.json()["detail"]


def test_a_study_is_run_again_and_compared(client: TestClient, study: dict[str, Any]) -> None:
    again = client.post(f"/studies/{study['id']}/rerun", headers=_as("anna")).json()
    assert again["id"] != study["id"] and again["candidates"] == study["candidates"]
    compared = client.get(f"/studies/{study['id']}/compare/{again['id']}", headers=_as("anna"))
    assert compared.json() == {"versions": {}, "gone": [], "new": [], "changed": []}


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "not JSON"),
        (b'{"from": "Atlantis"}', 400, "no supply point"),
        (b'{"at": "soon"}', 400, "is no time"),
        (b'{"from": "' + b"x" * 70_000 + b'"}', 400, "too long"),
    ],
)
def test_a_bad_request_is_answered_with_a_sentence(
    client: TestClient, body: bytes, status: int, message: str
) -> None:
    got = client.post("/reroute", content=body, headers=_as("anna"))
    assert got.status_code == status and message in got.json()["detail"]
    assert client.get("/reroute", headers=_as("anna")).status_code == 405


def test_the_model_goes_out_as_a_zip(client: TestClient) -> None:
    got = client.get("/reroute/model.zip", headers=_as("anna"))
    assert got.headers["content-type"] == "application/zip" and got.content[:2] == b"PK"
