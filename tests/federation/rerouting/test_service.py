"""A study over members: asked as the caller, proven in a worker, cached per set of views."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pyoxigraph as ox
import pytest

from federation.members.pool import JSON, Identity, Member, MemberPool, Reply
from federation.rerouting.loadflow import Pinned
from federation.rerouting.network import load_files
from federation.rerouting.routes import read_request, to_request
from federation.rerouting.service import Rerouting
from federation.rerouting.study import Request
from federation.rerouting.verify import equal, snapshot
from kgnode.errors import BadRequest, NotFound
from tests.federation.rerouting.hiding import Owned, owned_models

_FORMS = {
    "text/csv": ox.QueryResultsFormat.CSV,
    "application/n-triples": ox.RdfFormat.N_TRIPLES,
}
ROLES = {"TNO": "TNO", "DNOA": "DNO", "DNOB": "DNO", "BOUNDARY": "ESO"}
_NETWORK = [{"profiles": ["http://iec.ch/TC57/ns/CIM/CoreEquipment-EU/3.0"]}]
MEMBERS = tuple(Member(org, org, f"http://{org}", licence_role=r) for org, r in ROLES.items())


class Stores(MemberPool):
    """Members that answer from stores of named graphs, as views do; no network."""

    def __init__(self, models: Sequence[Owned]) -> None:
        super().__init__()
        self.down: set[str] = set()
        self.withheld: dict[str, dict[str, str]] = {}
        self.profiles: dict[str, list[dict[str, list[str]]]] = {}
        self.asked: list[tuple[str, str]] = []
        self.stores: dict[str, ox.Store] = {org: ox.Store() for org in ROLES}
        for model in models:
            graph = ox.NamedNode(model.header.iri)
            self.stores[model.org].extend(ox.Quad(*t, graph) for t in model.triples)
            self.stores[model.org].extend(ox.Quad(*t) for t in model.triples)

    async def query(
        self,
        member: Member,
        identity: Identity,
        text: str,
        accept: str,
        deadline: float,
        **_: Any,
    ) -> Reply:
        self.asked.append((member.id, accept))
        if member.id in self.down:
            return Reply(member.id, "unreachable", detail="no connection")
        body = self.stores[member.id].query(text).serialize(format=_FORMS[accept])  # type: ignore[union-attr,arg-type]
        return Reply(member.id, "ok", body or b"", version=f"view-of-{identity.key}")

    async def ask(
        self,
        member: Member,
        identity: Identity,
        method: str,
        path: str,
        accept: str,
        deadline: float,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        max_bytes: int | None = None,
    ) -> Reply:
        assert (method, path, accept) == ("GET", "/catalogue", JSON)
        said = self.withheld.get(member.id, {"network": "none"})
        entries = [
            {"iri": iri, "withheld": word, "models": self.profiles.get(iri, _NETWORK)}
            for iri, word in said.items()
        ]
        return Reply(member.id, "ok", orjson.dumps(entries))


@pytest.fixture(scope="module")
def models(four_zip: Path) -> tuple[Owned, ...]:
    return owned_models(four_zip)


def test_a_study_over_members_is_proven_cached_and_honest_about_who_is_lost(
    models: tuple[Owned, ...], tmp_path: Path
) -> None:
    pool = Stores(models)
    service = Rerouting(tmp_path / "networks")
    request = Request(giver="GSP003 400kV", receiver="GSP002 400kV", verify=1, n1="none")

    async def run() -> None:
        first = await service.study(MEMBERS, pool, Identity("anna"), request)
        assert [p["verified"] for p in first["candidates"][:2]] == [True, False]
        assert first["missing"] == [] and len(first["model_versions"]) == 4
        fetched = [org for org, accept in pool.asked if accept == "application/n-triples"]
        assert len(fetched) == 7
        (kept,) = (tmp_path / "networks").glob("*.biidm")
        pool.asked.clear()
        again = await service.study(MEMBERS, pool, Identity("anna"), request)
        assert not [org for org, accept in pool.asked if accept != "text/csv"]
        assert again["candidates"] == first["candidates"]

        other = await service.study(MEMBERS, pool, Identity("bob"), request)
        assert len(set((tmp_path / "networks").glob("*.biidm")) - {kept}) == 1
        assert other["candidates"] == first["candidates"]

        pool.withheld["DNOB"] = {"network": "none", "people": "some"}
        pool.profiles["people"] = [{"profiles": ["https://dnob.example/vocabulary/People"]}]
        beside = await service.study(MEMBERS, pool, Identity("anna"), request)
        assert beside["candidates"] == first["candidates"]  # another data set says nothing of it
        pool.profiles["people"] = []
        hidden = await service.study(MEMBERS, pool, Identity("anna"), request)
        assert {p["verdict"] for p in hidden["candidates"]} == {"not_assessable"}

        pool.withheld["DNOB"] = {"network": "some"}
        held = await service.study(MEMBERS, pool, Identity("anna"), request)
        assert {p["verdict"] for p in held["candidates"]} == {"not_assessable"}

        pool.down.add("DNOA")
        lost = await service.study(MEMBERS, pool, Identity("anna"), Request(verify=1, n1="none"))
        assert {p["verdict"] for p in lost["candidates"]} == {"not_assessable"}
        assert lost["missing"][0]["owner"] == "DNOA"
        assert "unreachable" in lost["missing"][0]["what"]
        assert any(m["kind"] == "unpaired" for m in lost["mismatches"])

    try:
        asyncio.run(run())
    finally:
        service.close()
        pool.close()


class Opening(Stores):
    """Members whose policy opens more to the caller while their models are fetched."""

    opened = ""

    async def query(
        self, member: Member, identity: Identity, text: str, accept: str, deadline: float, **_: Any
    ) -> Reply:
        reply = await super().query(member, identity, text, accept, deadline)
        if accept == "application/n-triples" and member.id == "DNOA":
            self.opened = "-opened"
        return replace(reply, version=reply.version + (self.opened if member.id == "DNOA" else ""))


def test_a_network_of_a_view_that_changed_meanwhile_is_not_kept_for_others(
    models: tuple[Owned, ...], tmp_path: Path
) -> None:
    pool = Opening(models)
    service = Rerouting(tmp_path / "networks")
    request = Request(giver="GSP003 400kV", receiver="GSP002 400kV", verify=1, n1="none")
    try:
        study = asyncio.run(service.study(MEMBERS, pool, Identity("anna"), request))
    finally:
        service.close()
        pool.close()
    assert "DNOA published while it was asked" in str(study["missing"])
    assert not list((tmp_path / "networks").iterdir())


def test_the_assembled_model_goes_out_as_cim_that_makes_the_same_network(
    models: tuple[Owned, ...], four_zip: Path, tmp_path: Path
) -> None:
    pool, service = Stores(models), Rerouting(tmp_path / "networks")
    body = asyncio.run(service.model_zip(MEMBERS, pool, Identity("anna")))
    path = tmp_path / "out.zip"
    path.write_bytes(body)
    network = load_files([path], boundary_points=11)
    frozen = Pinned(tap_control=False)
    one, other = snapshot(load_files([four_zip]), frozen), snapshot(network, frozen)
    assert equal(one, other, 1e-6).equal
    pool.stores = {org: ox.Store() for org in ROLES}
    with pytest.raises(NotFound, match="no network model"):
        asyncio.run(service.model_zip(MEMBERS, pool, Identity()))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not JSON"),
        (b"[]", "no JSON object"),
        (b'{"form": "A"}', "'form' is not known"),
        (b'{"from": 3}', "must be of type str"),
        (b'{"verify": true}', "must be of type int"),
        (b'{"verify": 100000}', "between 0 and"),
        (b'{"n1": "all"}', "none, reduced or full"),
        (b'{"at": "tomorrow"}', "'tomorrow' is no time"),
    ],
)
def test_a_request_that_does_not_fit_is_refused_by_name(body: bytes, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        read_request(body)


def test_what_is_asked_becomes_the_request() -> None:
    asked = read_request(b'{"from": "A", "verify": 0, "window": true}')
    assert to_request(asked) == Request(giver="A", verify=0, window=True)
    assert to_request(read_request(b"")) == Request()
