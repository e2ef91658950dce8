"""A real home behind its real web application, made from a random world, asked in the process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from pyoxigraph import RdfFormat, Triple, serialize

from kgnode.home import Home
from kgnode.names import dataset_iri
from kgnode.node import Node
from kgnode.operations import perform
from kgnode.settings import load_settings
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
from kgnode.trust.membership import initialise
from kgnode.web.app import create_app
from kgnode.web.front import Front
from tests.kgnode.leak.reading import Asker, DataSet, Ruled
from tests.kgnode.leak.worlds import DATASETS, LABELS, ORG, World

NODE_URL = "https://node.dnoa.example"
QUERY_SECONDS = 3.0
"""Some random queries are products without end; those are not compared."""
KEYS: dict[str, SigningKey] = {name: generate_key() for name in ("NESO", "DNOB")}
SCHEME = generate_key()


@dataclass(frozen=True)
class Reply:
    """One HTTP answer, whole."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def everything(self) -> bytes:
        """Every byte that went out: headers and body."""
        head = "\n".join(f"{name}: {value}" for name, value in self.headers)
        return head.encode() + b"\n\n" + self.body

    def header(self, name: str) -> str | None:
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)


class House:
    """An open node with its application; use as an asynchronous context manager."""

    def __init__(self, folder: Path, world: World) -> None:
        self.home = prepared(folder / "home")
        self.node = Node(self.home, load_settings(query_timeout_seconds=QUERY_SECONDS))
        self.datasets = tuple(_published(self.node, folder, world))
        perform(self.node, "policy-set", {"file": _policy(folder, world.policy)}, _quietly)
        self.front = Front(self.node)
        self.app = create_app(self.front)

    async def __aenter__(self) -> House:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.front.views.close()
        self.node.close()

    def token(self, asker: Asker) -> dict[str, str]:
        """Return the headers with which an asker comes."""
        if asker.org is None:
            return {}
        key = KEYS.get(asker.org) or self.node.key
        token = issue_token(
            key,
            asker.org,
            "someone",
            roles=asker.roles,
            purpose=asker.purpose,
            audience=NODE_URL,
        )
        return {"authorization": f"Bearer {token}"}

    async def get(self, asker: Asker, path: str, accept: str = "*/*", **query: str) -> Reply:
        """Send a GET request."""
        return await self.send(
            "GET", path, {**self.token(asker), "accept": accept}, urlencode(query)
        )

    async def ask(
        self, asker: Asker, query: str, accept: str, graphs: list[tuple[str, str]]
    ) -> Reply:
        """Send a query as a form."""
        headers = {
            **self.token(asker),
            "accept": accept,
            "content-type": "application/x-www-form-urlencoded",
        }
        body = urlencode([("query", query), *graphs]).encode()
        return await self.send("POST", "/sparql", headers, "", body)

    async def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        query: str = "",
        body: bytes = b"",
    ) -> Reply:
        """Put one request through the application."""
        sent: list[dict[str, Any]] = []
        pending = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if pending:
                return pending.pop()
            import asyncio

            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(n.lower().encode(), v.encode("latin-1")) for n, v in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("node.dnoa.example", 443),
        }
        await self.app(scope, receive, send)
        start = next(m for m in sent if m["type"] == "http.response.start")
        return Reply(
            start["status"],
            tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in start["headers"]),
            b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body"),
        )


def prepared(path: Path) -> Home:
    """Make a home that is a member of a scheme with two others."""
    initialise(path, ORG, "A distribution network", None)
    home = Home(path)
    own = public_jwks(load_key(path / "keys"))
    document = new_members("GB").add(Member(ORG, ORG, "DNO", NODE_URL, None, own))
    for name, role in (("NESO", "ESO"), ("DNOB", "DNO")):
        node = f"https://node.{name.lower()}.example"
        document = document.add(Member(name, name, role, node, None, public_jwks(KEYS[name])))
    (path / "members.jws").write_text(sign_members(document.issue(datetime.now(UTC)), SCHEME))
    home.amend(replace(home.identity, scheme_key=SCHEME.public, node_url=NODE_URL))
    return home


def labels_file(rules: tuple[Ruled, ...]) -> str:
    """Return the YAML of rules."""
    lines = ["labels:"]
    for name, sensitivity in zip(LABELS, ("open", "shared", "closed"), strict=True):
        lines.append(f"  {name}: {{sensitivity: {sensitivity}, reason: zqreason{name}}}")
    lines.append("rules:")
    for rule in rules:
        what = {
            "all": "class: '*'",
            "property": f"property: '{rule.value}'",
            "class": f"class: '{rule.value}'",
            "within": f"within: '{rule.value}'",
            "select": f"select: 'SELECT ?this WHERE {{ ?this <{rule.value}> ?o }}'",
        }[rule.kind]
        incoming = "" if rule.kind == "property" else f", incoming: {str(rule.incoming).lower()}"
        lines.append(f"  - {{label: {rule.label}, {what}{incoming}}}")
    return "\n".join(lines) + "\n"


def _published(node: Node, folder: Path, world: World) -> Any:
    for index, (dataset, models, rules) in enumerate(
        zip(DATASETS, world.models, world.rules, strict=True)
    ):
        if not models:
            continue
        files = []
        for number, triples in enumerate(models):
            path = folder / f"{dataset}-{number}.nt"
            path.write_bytes(serialize(triples, format=RdfFormat.N_TRIPLES) or b"")
            files.append(str(path))
        labels = folder / f"{dataset}.yaml"
        labels.write_text(labels_file(rules))
        arguments = {
            "files": files,
            "dataset": dataset,
            "labels": str(labels),
            "aside": index == 1 and world.aside,
            "force": True,
        }
        perform(node, "publish", arguments, _quietly)
        yield _as_kept(node, dataset, rules)


def _as_kept(node: Node, dataset: str, rules: tuple[Ruled, ...]) -> DataSet:
    """Read the models back whole, whatever cells they lie in."""
    manifest = node.record.current(dataset_iri(ORG, dataset))
    assert manifest is not None
    models: dict[str, tuple[Triple, ...]] = {
        model.iri: tuple(t for cell in model.cells for t in node.record.triples(cell.iri))
        for model in manifest.models
    }
    return DataSet(dataset, manifest.dataset, manifest.aside, models, rules)


def _policy(folder: Path, document: Mapping[str, Any]) -> str:
    path = folder / "policy.json"
    path.write_text(json.dumps(document))
    return str(path)


def _quietly(_name: str) -> None:
    """Take no notice of steps."""
