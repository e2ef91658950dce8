"""The demo's stage: a scheme with its members, a served home each, their models published.

In: a ``Scenario``. Out: ``Stage``: who is where, and how a persona gets a token. Everything goes
through the doors that any organisation uses: init, members, join, serve, publish.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from federation.demo.approvals import approve_sets
from federation.demo.personas import Persona
from federation.demo.processes import Processes
from federation.demo.scenario import DataSet, Organisation, Scenario
from federation.home import GatewayHome
from federation.members.pool import Identity, Member
from federation.scheme import Scheme
from kgnode import trust
from kgnode.names import dataset_iri
from kgnode.remote import on_home
from kgnode.trust.membership import initialise, join_scheme

SCHEME = "gridspine-demo"
GATEWAY_OWNER = "NESO"
PACK = "gb-core"


@dataclass(frozen=True)
class Stage:
    """Where everything is.

    Attributes:
        homes: organisation -> home folder.
        urls: organisation -> address of its node.
        gateway: address of the gateway.
        published: organisation -> results of its publishes.
    """

    folder: Path
    homes: dict[str, Path]
    urls: dict[str, str]
    gateway: str
    published: dict[str, list[dict[str, Any]]]
    members: tuple[Member, ...]

    def triples(self, org: str) -> int:
        """Return the triples an organisation has published."""
        return sum(int(result["triples"]) for result in self.published[org])

    def token(self, persona: Persona, audience: str | None = None) -> str | None:
        """Return a token that the persona's own node issues; None for the public."""
        if persona.org is None:
            return None
        arguments = {
            "sub": persona.id,
            "roles": list(persona.roles),
            "purpose": persona.purpose,
            "audience": audience or self.gateway,
        }
        issued = on_home(self.homes[persona.org], "token", arguments, lambda _name: None)
        return str(issued["token"])

    def identity(self, persona: Persona) -> Identity:
        """Return the persona as one who asks the members' nodes directly."""

        async def token(member: Member) -> str | None:
            return self.token(persona, member.node)

        return Identity(f"demo:{persona.id}", token, persona.org)


def set_up(
    scenario: Scenario,
    folder: Path,
    ports: Sequence[int],
    processes: Processes,
    say: Callable[[str], None],
) -> Stage:
    """Make the scheme and the homes, start nodes and gateway, publish everything.

    The first port is the gateway's, the others the nodes'.

    Raises:
        GridspineError: a node does not start or refuses its files.
    """
    gateway = f"http://127.0.0.1:{ports[0]}"
    urls = {
        organisation.id: f"http://127.0.0.1:{port}"
        for organisation, port in zip(scenario.organisations, ports[1:], strict=True)
    }
    homes = {o.id: folder / "homes" / o.id for o in scenario.organisations}
    scheme = Scheme.create(folder / "scheme", SCHEME, scenario.boundary_base)
    for organisation in scenario.organisations:
        made = initialise(homes[organisation.id], organisation.id, organisation.name, None)
        scheme.add(_member(organisation, urls[organisation.id], gateway, Path(made["jwks"])))
    document = scheme.sign()
    for home in homes.values():
        join_scheme(home, document)
    say("membership document signed; every home has joined")

    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    for name, home in homes.items():
        port = urls[name].rpartition(":")[2]
        processes.start(name, ("kgnode", "serve", str(home), "--port", port), logs / f"{name}.log")
    gateway_home = folder / "homes" / "gateway"
    GatewayHome.create(gateway_home, GATEWAY_OWNER, document, None, homes[GATEWAY_OWNER])
    personas = folder / "homes" / "personas.json"
    personas.write_bytes(orjson.dumps({name: str(home) for name, home in homes.items()}))
    arguments = ("federation.demo.gateway", str(gateway_home), str(personas), str(ports[0]))
    processes.start("gateway", arguments, logs / "gateway.log")
    for name, url in (*urls.items(), ("gateway", gateway)):
        processes.wait_until_ready(name, url)
    say(f"{len(homes)} nodes and a gateway are served")
    published = _publish_all(scenario, homes, say)

    members = tuple(
        Member(o.id, o.name, urls[o.id], licence_role=o.licence_role)
        for o in scenario.organisations
    )
    stage = Stage(folder, homes, urls, gateway, published, members)
    approve_sets(stage.token, homes, urls, GATEWAY_OWNER, say)
    return stage


def _member(organisation: Organisation, url: str, gateway: str, jwks: Path) -> trust.Member:
    return trust.Member(
        id=organisation.id,
        name=organisation.name,
        status="active",
        licence_role=organisation.licence_role,
        node=url,
        gateway=gateway if organisation.id == GATEWAY_OWNER else None,
        jwks=orjson.loads(jwks.read_bytes()),
        datasets=tuple(dataset_iri(organisation.id, d.id) for d in organisation.datasets),
    )


def _publish_all(
    scenario: Scenario, homes: dict[str, Path], say: Callable[[str], None]
) -> dict[str, list[dict[str, Any]]]:
    """Publish every organisation's data sets, organisations side by side.

    Each keeps a copy of the boundary set first, closed to others, since its own models depend on
    it; the one that all may read is its keeper's.
    """
    keeper = scenario.organisation(GATEWAY_OWNER)
    boundary = _Boundary(keeper.id, keeper.datasets[0])

    def publish(organisation: Organisation) -> list[dict[str, Any]]:
        done = []
        if organisation.id != boundary.owner:
            on_home(homes[organisation.id], "publish", _reference(boundary), lambda _name: None)
        for dataset in organisation.datasets:
            result = on_home(
                homes[organisation.id], "publish", _arguments(dataset), lambda _name: None
            )
            counts = result["validation"]["counts"] if result["validation"] else {}
            say(
                f"{organisation.id} published {dataset.id}: {result['triples']:,} triples, "
                f"{counts.get('violation', 0)} violations, {counts.get('warning', 0)} warnings, "
                f"{len(result['labels'])} label sets"
            )
            done.append(result)
        return done

    with ThreadPoolExecutor(len(homes)) as pool:
        results = pool.map(publish, scenario.organisations)
        return {o.id: r for o, r in zip(scenario.organisations, results, strict=True)}


@dataclass(frozen=True)
class _Boundary:
    owner: str
    dataset: DataSet


def _reference(boundary: _Boundary) -> dict[str, Any]:
    files = [str(path.resolve()) for path in boundary.dataset.files]
    title = f"{boundary.dataset.title} (copy of {boundary.owner}'s)"
    return {"files": files, "dataset": "boundary", "title": title}


def _arguments(dataset: DataSet) -> dict[str, Any]:
    return {
        "files": [str(path.resolve()) for path in dataset.files],
        "dataset": dataset.id,
        "title": dataset.title,
        "licence": dataset.licence,
        "packs": [PACK],
        "labels": str(dataset.labels.resolve()),
        "policy": [str(dataset.policy.resolve())],
        "withheld": "disclosed",
    }
