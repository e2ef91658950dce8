"""The stage of the federation benchmark: real nodes with open data, a gateway, one single store.

In: a folder and what to serve. Out: ``Stage``, everything served on loopback by separate processes:
one node per organisation (identifiers are UUIDs; the boundary set is held by all), one gateway, and
Oxigraph's own server with the union of all that the nodes show. The nodes keep no answers, since
the single store keeps none.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from federation.demo.processes import Processes, free_ports
from federation.demo.scenario import DataSet, Organisation
from federation.home import GatewayHome
from federation.scheme import Scheme
from kgnode import trust
from kgnode.names import ODRL_PROFILE, label_iri
from kgnode.remote import on_home
from kgnode.trust.membership import initialise, join_scheme

LABELS = """labels:
  open: {sensitivity: open, reason: "benchmark", review: 2036-01-01}
rules:
  - {label: open, class: "*"}
"""


@dataclass(frozen=True)
class Content:
    """What to serve: the organisations with their own sets, and the one that all of them hold."""

    organisations: tuple[Organisation, ...]
    boundary: DataSet
    boundary_base: str

    @property
    def gateway_owner(self) -> str:
        """Whose gateway it is."""
        return self.organisations[0].id


@dataclass(frozen=True)
class Stage:
    """Addresses, and how much there is."""

    nodes: dict[str, str]
    gateway: str
    single: str
    triples: dict[str, int]
    union: Path


@contextmanager
def stage(folder: Path, content: Content) -> Iterator[Stage]:
    """Serve everything while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["GRIDSPINE_ANSWER_CACHE_BYTES"] = "0"
    ports = free_ports(len(content.organisations) + 2, None)
    nodes = {
        o.id: f"http://127.0.0.1:{port}"
        for o, port in zip(content.organisations, ports, strict=False)
    }
    gateway, single = (f"http://127.0.0.1:{port}" for port in ports[-2:])
    document, homes = _homes(folder, content, nodes, gateway)
    with Processes() as processes:
        for name, home in homes.items():
            port = nodes[name].rpartition(":")[2]
            arguments = ("kgnode", "serve", str(home), "--port", port)
            processes.start(name, arguments, folder / f"{name}.log")
        owner = content.gateway_owner
        GatewayHome.create(folder / "gateway", owner, document, None, homes[owner])
        arguments = ("federation", "serve", str(folder / "gateway"), "--port", str(ports[-2]))
        processes.start("gateway", arguments, folder / "gateway.log")
        for name, url in (*nodes.items(), ("gateway", gateway)):
            processes.wait_until_ready(name, url)
        triples = {o.id: _publish(o, content, homes[o.id], folder) for o in content.organisations}
        union = _union(nodes, folder / "union.nt")
        processes.start("single", _oxigraph(union, folder, ports[-1]), folder / "single.log")
        _wait(single)
        yield Stage(nodes, gateway, single, triples, union)


def _homes(
    folder: Path, content: Content, nodes: dict[str, str], gateway: str
) -> tuple[Path, dict[str, Path]]:
    scheme = Scheme.create(folder / "scheme", "benchmark", content.boundary_base)
    homes = {}
    for organisation in content.organisations:
        home = homes[organisation.id] = folder / "homes" / organisation.id
        made = initialise(home, organisation.id, organisation.name, None)
        scheme.add(
            trust.Member(
                id=organisation.id,
                name=organisation.name,
                licence_role=organisation.licence_role,
                node=nodes[organisation.id],
                gateway=gateway if organisation.id == content.gateway_owner else None,
                jwks=orjson.loads(Path(made["jwks"]).read_bytes()),
            )
        )
    document = scheme.sign()
    for home in homes.values():
        join_scheme(home, document)
    return document, homes


def _publish(organisation: Organisation, content: Content, home: Path, folder: Path) -> int:
    """Publish the boundary set and the organisation's own, open to everybody."""
    boundary = content.boundary
    own = [d for d in organisation.datasets if d.id != boundary.id]
    total = 0
    labels = folder / "labels.yaml"
    labels.write_text(LABELS)
    for dataset in (boundary, *own):
        target = label_iri(organisation.id, dataset.id, "open")
        policy = folder / f"policy-{organisation.id}-{dataset.id}.json"
        policy.write_text(json.dumps(_policy(organisation.id, dataset.id, target)))
        arguments: dict[str, Any] = {
            "files": [str(path.resolve()) for path in dataset.files],
            "dataset": dataset.id,
            "title": dataset.title,
            "labels": str(labels.resolve()),
            "policy": [str(policy.resolve())],
        }
        result = on_home(home, "publish", arguments, lambda _name: None)
        total += int(result["triples"])
    return total


def _policy(org: str, dataset: str, target: str) -> dict[str, Any]:
    return {
        "@context": "gridspine-odrl",
        "@type": "Set",
        "uid": f"urn:gridspine:policy:{org}:{dataset}",
        "profile": ODRL_PROFILE,
        "permission": [{"target": target, "action": "read", "assignee": "public"}],
        "prohibition": [],
    }


def _union(nodes: dict[str, str], path: Path) -> Path:
    """Write all triples that the nodes show to anybody."""
    with path.open("wb") as out:
        for url in nodes.values():
            request = urllib.request.Request(
                f"{url}/sparql",
                data=b"CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }",
                headers={
                    "Content-Type": "application/sparql-query",
                    "Accept": "application/n-triples",
                },
            )
            with urllib.request.urlopen(request, timeout=120) as answer:
                out.write(answer.read())
    return path


def _oxigraph(union: Path, folder: Path, port: int) -> tuple[str, ...]:
    return ("benchmarks.single_store", str(union), str(folder / "single"), str(port))


def _wait(url: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{url}/query?query=ASK%7B%7D", timeout=2):
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
