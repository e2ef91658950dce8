"""Two served nodes and a gateway: leases are given, cost nothing, and no publish is missed."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path

from federation.demo.processes import Processes, free_ports
from federation.gateway import Gateway
from federation.home import GatewayHome
from kgnode.policy.caller import Caller
from kgnode.query.protocol import SparqlRequest
from kgnode.remote import on_home
from kgnode.settings import load_settings
from kgnode.trust import (
    Member,
    generate_key,
    load_key,
    new_members,
    public_jwks,
    sign_members,
)
from kgnode.trust.membership import initialise, join_scheme
from tests.federation.test_two_nodes import LABELS, open_policy
from tests.kgnode.cimxml import document, region, substation, write

GATEWAY_URL = "http://gateway.example"
CIM = "http://iec.ch/TC57/CIM100#"
SUBSTATIONS = f"SELECT ?n {{ ?s a <{CIM}Substation> ; <{CIM}IdentifiedObject.name> ?n }}"


def scheme(folder: Path, ports: dict[str, int]) -> dict[str, Path]:
    """Make a scheme of nodes and the gateway of the first; returns their homes."""
    key, members = generate_key(), new_members("test")
    homes = {org: folder / org for org in ports}
    for org, port in ports.items():
        initialise(homes[org], org, org, None)
        url, gateway = f"http://127.0.0.1:{port}", GATEWAY_URL if org == "A" else None
        keys = public_jwks(load_key(homes[org] / "keys"))
        members = members.add(Member(org, org, "DNO", url, gateway, keys))
    write(folder, "scheme.json", json.dumps(key.public))
    signed = write(folder, "members.jws", sign_members(members.issue(datetime.now(UTC)), key))
    for home in homes.values():
        join_scheme(home, signed)
    GatewayHome.create(folder / "gateway", "A", signed, node_home=homes["A"])
    return homes


def publish(home: Path, org: str, *things: str) -> float:
    """Publish everything as open to anybody; returns the seconds until it was acknowledged."""
    path = write(home.parent, f"{org}-{len(things)}.xml", document(f"eq-{org}", "".join(things)))
    wish = {
        "files": [str(path)],
        "dataset": "network",
        "replace": True,
        "labels": str(write(home.parent, "labels.yaml", LABELS)),
        "policy": [str(write(home.parent, f"{org}.json", open_policy(org, "network")))],
    }
    start = time.monotonic()
    on_home(home, "publish", wish, lambda _name: None)
    return time.monotonic() - start


async def names(gateway: Gateway) -> bytes:
    request = SparqlRequest(SUBSTATIONS, accept="application/sparql-results+json")
    got = await gateway.ask(request, Caller.public())
    assert got.status == "complete"
    return got.body


async def leased(gateway: Gateway) -> None:
    """Ask until the member left out has given a lease."""
    summaries = gateway.federation.summaries
    async with asyncio.timeout(60):
        while True:
            await names(gateway)
            known = summaries._kept["public", "B"]
            if gateway.federation.leases.hold(known.lease):
                return
            await asyncio.sleep(0.1)


def test_a_gateway_holds_leases_of_real_nodes_and_misses_nothing(tmp_path: Path) -> None:
    ports = dict(zip("AB", free_ports(2, None), strict=True))
    homes = scheme(tmp_path, ports)
    with Processes() as processes:
        for org, port in ports.items():
            serve = ("kgnode", "serve", str(homes[org]), "--port", str(port))
            processes.start(org, serve, tmp_path / f"{org}.log")
        for org, port in ports.items():
            processes.wait_until_ready(org, f"http://127.0.0.1:{port}")
        publish(homes["A"], "A", region(), substation("Keadby"))
        publish(homes["B"], "B", region())

        async def ask() -> None:
            gateway = Gateway(GatewayHome(tmp_path / "gateway"), load_settings())
            try:
                await leased(gateway)
                requests = gateway.federation.pool.traffic.requests
                assert b"Drax" not in await names(gateway)
                assert gateway.federation.pool.traffic.requests == requests + 1  # A alone
                things = (region(), substation("Drax"))
                await asyncio.to_thread(publish, homes["B"], "B", *things)
                assert b"Drax" in await names(gateway)
            finally:
                await gateway.federation.close()
                gateway.http.close()

        asyncio.run(ask())
        processes.stop("B")
        assert publish(homes["B"], "B", region()) < 30  # by this process, once leases ran out
    assert not (homes["B"] / "leases").exists()
