"""Leases over HTTP: for members' gateways alone, on what a caller sees and nothing else."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgnode.leases import HEADER
from kgnode.names import label_iri
from kgnode.operations import perform
from kgnode.policy.policies import Policies
from kgnode.settings import load_settings
from kgnode.trust import SigningKey, actor_token, generate_key
from kgnode.web.app import SMALL_BODIES
from tests.kgnode.cimxml import document, region, substation, write
from tests.kgnode.web.test_app import NODE_URL, World, policy, world

__all__ = ["world"]


def session(world: World, org: str = "NESO", key: SigningKey | None = None) -> str:
    proof = actor_token(key or world.neso, org, NODE_URL)
    got = world.client.post("/leases", headers={"Authorization": f"Bearer {proof}"})
    assert got.status_code == 200, got.text
    name: str = got.json()["session"]
    return name


def lease(world: World, name: str, headers: dict[str, str] | None = None, at: str = "") -> str:
    """Ask for a summary with a lease, and return its number; empty if there is none."""
    asked = {**(headers or {}), HEADER: name}
    got = world.client.get(f"/summary{at}", headers=asked)
    assert got.status_code == 200
    number: str = got.headers.get(HEADER, "")
    again = world.client.get("/summary", headers={**asked, "If-None-Match": got.headers["ETag"]})
    assert at or (again.status_code == 304 and bool(again.headers.get(HEADER)) == bool(number))
    return number


def keep(world: World, name: str, heard: int = 0) -> tuple[int, list[int]]:
    got = world.client.post(f"/leases/{name}", content=json.dumps({"heard": heard, "dropped": []}))
    assert got.status_code == 200, got.text
    return got.json()["turn"], got.json()["recalled"]


def publish(world: World, folder: Path, *names: str) -> float:
    """Publish over HTTP; returns how many seconds it took."""
    body = document("eq", region() + "".join(map(substation, names)))
    path = write(folder, f"eq-{len(names)}.xml", body)
    headers = world.token("TNO", "publisher")
    start = time.monotonic()
    with path.open("rb") as stream:
        got = world.client.post("/datasets/network", headers=headers, files={"files": stream})
    assert got.status_code == 200, got.text
    return time.monotonic() - start


def test_only_a_members_gateway_can_open_a_session(world: World) -> None:
    def refused(authorization: str | None) -> None:
        headers = {} if authorization is None else {"Authorization": authorization}
        got = world.client.post("/leases", headers=headers)
        assert got.status_code == 401, got.text
        (entry,) = world.node.audit.tail(1)
        assert entry["action"] == "identify" and (authorization or "?")[-20:] not in str(entry)

    proof = actor_token(world.neso, "NESO", NODE_URL)
    assert world.client.post("/leases", headers={"Authorization": f"Bearer {proof}"}).is_success
    refused(f"Bearer {proof}")  # used
    refused(None)
    refused("Basic c29tZWJvZHk6c29tZXRoaW5n")
    refused(f"Bearer {actor_token(generate_key(), 'NESO', NODE_URL)}")
    refused(f"Bearer {actor_token(world.neso, 'NESO', 'http://elsewhere')}")
    refused(f"Bearer {actor_token(world.neso, 'NESO', NODE_URL, datetime(2020, 1, 1, tzinfo=UTC))}")
    refused(f"Bearer {actor_token(world.node.key, 'TNO', NODE_URL)}")  # it has no gateway
    refused(world.token("NESO")["Authorization"])  # a caller's token


def test_leases_are_for_the_callers_a_gateway_acts_for(world: World) -> None:
    name = session(world)
    assert lease(world, name)
    assert lease(world, name, world.token("NESO", act="NESO"))
    assert lease(world, name, world.token("NESO")) == ""  # nobody acts for this caller
    assert lease(world, "guessed") == ""
    assert lease(world, name, at="?at=2030-01-01T00:00:00Z") == ""


def test_a_publish_calls_back_leases_on_views_that_show_it(world: World, tmp_path: Path) -> None:
    name = session(world)
    number = int(lease(world, name, world.token("NESO", act="NESO")))
    told: list[tuple[int, list[int]]] = []

    def gateway() -> None:
        told.append(keep(world, name))
        told.append(keep(world, name, told[0][0]))

    asking = threading.Thread(target=gateway)
    asking.start()
    seconds = publish(world, tmp_path, "Keadby", "Drax")
    asking.join()
    assert number in told[0][1] and told[1][1] == []
    assert seconds < world.node.settings.lease_seconds


def test_a_change_that_a_caller_does_not_see_is_not_told(world: World) -> None:
    name = session(world)
    public = int(lease(world, name))
    document_ = json.loads(policy("names", {"organisation": ["NESO", "DNO"]}))
    path = write(world.node.home.path, "p3.json", json.dumps(document_))
    client, start = world.client, time.monotonic()
    here = client.app.state.front  # type: ignore[attr-defined]
    assert client.portal is not None
    client.portal.call(here.perform, "policy-set", {"file": str(path)})
    assert time.monotonic() - start < world.node.settings.lease_seconds
    turn, recalled = keep(world, name)
    assert (turn, recalled) == (0, []) and public


def changes(world: World, folder: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Verbs of all kinds that change what some callers see, or nobody, or only the owner."""

    def rule(number: int, label: str, assignee: object) -> dict[str, object]:
        return {"file": str(write(folder, f"rule-{number}.json", policy(label, assignee)))}

    def data(number: int, *names: str) -> dict[str, object]:
        body = document("eq", region() + "".join(map(substation, names)))
        return {"files": [str(write(folder, f"data-{number}.xml", body))], "dataset": "network"}

    yield "policy-set", rule(1, "names", {"organisation": ["NESO", "DNO"]})
    yield "policy-set", rule(2, "names", {"role": ["planner"]})
    yield "policy-set", rule(3, "names", "public")
    yield "publish", data(4, "Keadby", "Drax")
    yield "publish", data(5, "Keadby", "Drax")
    yield "policy-remove", {"uid": "urn:gridspine:policy:TNO:names"}
    closed = "labels:\n  names: {sensitivity: shared, reason: x}\nrules:\n"
    closed += '  - {label: names, class: "*"}\n'
    yield "labels-apply", {"dataset": "network", "file": str(write(folder, "l.yaml", closed))}
    yield "policy-set", rule(8, "names", {"organisation": ["NESO"]})
    yield "withdraw", {"dataset": "network"}


def test_a_lease_is_called_back_if_and_only_if_the_callers_own_version_changed(
    world: World, tmp_path: Path
) -> None:
    world.node.leases.seconds = 2.0
    callers: tuple[dict[str, str], ...] = (
        {},
        world.token("NESO", act="NESO"),
        world.token("NESO", "planner", act="NESO"),
    )

    def tags() -> list[str]:
        asked = (world.client.get("/summary", headers=caller) for caller in callers)
        return [answer.headers["ETag"] for answer in asked]

    seen = set()
    for verb, arguments in changes(world, tmp_path):
        name = session(world)
        numbers = [int(lease(world, name, caller)) for caller in callers]
        before = tags()
        perform(world.node, verb, arguments, lambda _name: None)
        recalled = keep(world, name)[1]
        changed = [was != now for was, now in zip(before, tags(), strict=True)]
        assert [number in recalled for number in numbers] == changed, verb
        seen |= {tuple(changed)}
        world.client.post(f"/leases/{name}", content=b'{"over": true}')
    assert {(False, False, False), (True, True, True)} < seen and len(seen) > 2


def test_a_gateway_that_does_not_answer_delays_a_publish_by_a_lease(
    world: World, tmp_path: Path
) -> None:
    world.node.leases.seconds = 1.5
    name = session(world)
    assert lease(world, name)
    assert publish(world, tmp_path, "Keadby", "Drax") >= 1.0
    gone = world.client.post(f"/leases/{name}", content=b"{}")
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")


def test_there_is_no_lease_past_the_end_of_a_token_or_of_a_permission(world: World) -> None:
    name, seconds = session(world), world.node.leases.seconds
    soon = world.token("NESO", act="NESO", ttl=int(seconds) - 1)
    assert lease(world, name, soon) == ""
    caller = world.token("NESO", act="NESO")
    number = int(lease(world, name, caller))
    until = datetime.now(UTC) + timedelta(seconds=seconds + 1)
    timed = json.loads(policy("names", {"organisation": ["NESO"]}))
    timed["permission"][0]["constraint"] = [
        {"leftOperand": "dateTime", "operator": "lt", "rightOperand": until.isoformat()}
    ]
    # a file put there by hand: nobody acknowledges it, but the next request finds it
    folder = world.node.home.path / "policy"
    before = {path for path in folder.glob("*.json") if b"policy:TNO:names" in path.read_bytes()}
    before.pop().write_text(json.dumps(timed))
    time.sleep(1.2)
    assert number in keep(world, name)[1]  # over within the time of a lease
    assert lease(world, name, caller) == ""
    assert lease(world, name)  # the public never had it


def test_what_gateways_say_is_read_with_care(world: World) -> None:
    name = session(world)
    wrong = (b"[", b"[]", b'{"heard": "1"}', b'{"heard": true}', b'{"dropped": [1.5]}', b"7")
    for body in wrong:
        got = world.client.post(f"/leases/{name}", content=body)
        assert got.status_code == 400, body
    many = json.dumps({"dropped": list(range(5000))}).encode()
    assert world.client.post(f"/leases/{name}", content=many).status_code == 400
    assert world.client.post(f"/leases/{name}", content=b"x" * (1 << 17)).status_code == 400
    long = b"x" * (SMALL_BODIES["/leases"] + 1)
    assert world.client.post("/leases", content=long).status_code in (400, 401)
    assert world.client.post(f"/leases/{name}", content=b'{"over": true}').json()["recalled"] == []
    assert world.client.post(f"/leases/{name}", content=b"{}").status_code == 404


def test_a_node_can_give_none(world: World) -> None:
    world.node.leases.seconds = 0
    proof = actor_token(world.neso, "NESO", NODE_URL)
    got = world.client.post("/leases", headers={"Authorization": f"Bearer {proof}"})
    assert got.status_code == 404
    assert load_settings(lease_seconds=0).lease_seconds == 0


@pytest.mark.parametrize("operator", ["lt", "lteq", "gt", "gteq"])
def test_moments_at_which_a_decision_can_turn_are_all_found(operator: str) -> None:
    turn = datetime(2026, 11, 29, 12, 0, 0, 500_000, tzinfo=UTC)
    made = json.loads(policy("names", "public"))
    made["permission"][0]["target"] = label_iri("TNO", "network", "names")
    made["permission"][0]["constraint"] = [
        {"leftOperand": "dateTime", "operator": operator, "rightOperand": turn.isoformat()},
        {"leftOperand": "timeOfDay", "operator": "lt", "rightOperand": "18:00"},
    ]
    policies = Policies.from_documents([json.dumps(made).encode()])
    start = datetime(2026, 11, 28, 23, 0, tzinfo=UTC)
    found = policies.turns(start, start + timedelta(hours=48))
    edges = [start, *found]
    for before, after in zip(edges, [*found, start + timedelta(hours=48)], strict=True):
        # nothing turns inside, so the last moment before the next edge is as the first
        assert policies.period(before) == policies.period(after - timedelta(microseconds=1))
    assert len(found) == len({policies.period(moment) for moment in found})
    assert policies.turns(turn, turn) == []
