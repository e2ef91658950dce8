"""A small real HTTP server with many nodes, each a SPARQL store, and faults to order.

It speaks what the gateway asks of a node (query, summary, term hashes, shared terms) over plain
sockets, so that a test can also make it break off, stall, lie or refuse.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import orjson
import pyoxigraph as ox

from federation.members.pool import Member
from kgnode import summary
from kgnode.errors import GridspineError
from kgnode.leases import HEADER, Leases
from kgnode.settings import load_settings

SKOLEM = "urn:gridspine:bnode:t:"
_MEDIA = {
    "text/tab-separated-values": ox.QueryResultsFormat.TSV,
    "application/sparql-results+json": ox.QueryResultsFormat.JSON,
    "application/n-triples": ox.RdfFormat.N_TRIPLES,
}


def skolem(term: Any) -> Any:
    """Return a blank node as the IRI that nodes hold in its place."""
    return ox.NamedNode(SKOLEM + term.value) if isinstance(term, ox.BlankNode) else term


@dataclass
class Node:
    """One node: a store, and an optional fault that takes over the answer to a request."""

    name: str
    store: ox.Store = field(default_factory=ox.Store)
    version: str = "1"
    fault: Callable[[str], Fault | None] = lambda _: None
    requests: list[str] = field(default_factory=list)
    required_token: str | None = None
    views: dict[str, Node] = field(default_factory=dict)
    """What answers instead under ``at`` or ``mappings``, by the parameter's value."""
    extra: tuple[tuple[str, str], ...] = ()
    """Headers of every answer."""
    plain: bool = False
    """True for a plain SPARQL endpoint of somebody else."""
    most_rows: int | None = None
    """Where a plain endpoint cuts its results, without a word."""
    formats: tuple[str, ...] = ("application/sparql-results+json",)
    methods: tuple[str, ...] = ("GET", "POST")
    documents: dict[str, Any] = field(default_factory=dict)
    """What it answers as JSON at paths that it does not know otherwise, such as ``catalogue``."""
    cache: dict[Any, ox.Store] = field(default_factory=dict)
    leases: Leases | None = None
    """The leases it gives; None for a node that gives none."""

    def whole(self) -> ox.Store:
        """All triples of all graphs in the default graph, for summaries."""
        if "whole" not in self.cache:
            store = ox.Store()
            store.extend(ox.Quad(q.subject, q.predicate, q.object) for q in self.store)
            for graph in self.store.named_graphs():
                store.add_graph(graph)
            self.cache["whole"] = store
        return self.cache["whole"]

    def narrowed(self, default: tuple[str, ...], named: tuple[str, ...]) -> ox.Store:
        """The store that a request's dataset leaves."""
        key = (default, named)
        if key not in self.cache:
            store = ox.Store()
            for iri in default:
                for quad in self.store.quads_for_pattern(None, None, None, ox.NamedNode(iri)):
                    store.add(ox.Quad(quad.subject, quad.predicate, quad.object))
            for iri in named:
                for quad in self.store.quads_for_pattern(None, None, None, ox.NamedNode(iri)):
                    store.add(quad)
            self.cache[key] = store
        return self.cache[key]


@dataclass(frozen=True)
class Fault:
    """How a request goes wrong; ``raw`` is sent as it is, then the connection closes."""

    raw: bytes | None = None
    stall_seconds: float = 0.0
    change: Callable[[bytes], bytes] | None = None
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()


class Cluster:
    """All nodes behind one port, each below its own path.

    With ``lease_seconds`` nodes give leases, and ``publish`` waits for them as a node does.
    """

    def __init__(self, lease_seconds: float = 0.0) -> None:
        self._lease_seconds = lease_seconds
        self._homes = tempfile.TemporaryDirectory()
        self.nodes: dict[str, Node] = {}
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    def close(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._homes.cleanup()

    def publish(self, name: str, change: Callable[[Node], None]) -> None:
        """Change a node's data or policy as a publish does; returns when it is acknowledged."""

        async def changed() -> None:
            node = self.nodes[name]
            change(node)
            node.version = f"{node.version}+"
            node.cache.clear()
            if node.leases is not None:
                await node.leases.settle()

        asyncio.run_coroutine_threadsafe(changed(), self._loop).result(90)

    def restart(self, name: str) -> None:
        """Let a node forget all it had in mind, as after a crash."""
        self._loop.call_soon_threadsafe(self._give_leases, self.nodes[name])

    def _give_leases(self, node: Node) -> None:
        used = load_settings(lease_seconds=self._lease_seconds)
        node.leases = Leases(Path(self._homes.name) / node.name, used)

    def add(self, name: str, quads: Iterable[ox.Quad] = (), data: str = "") -> Node:
        """Add a node with quads or Turtle."""
        node = Node(name)
        node.store.extend(
            ox.Quad(skolem(q.subject), q.predicate, skolem(q.object), q.graph_name) for q in quads
        )
        if data:
            node.store.load(data.encode(), format=ox.RdfFormat.TRIG)
        if self._lease_seconds:
            self._give_leases(node)
        self.nodes[name] = node
        return node

    def members(self) -> list[Member]:
        """Return the members as a membership document would list them."""
        base = f"http://127.0.0.1:{self.port}"
        return [
            Member(name, f"Node {name}", f"{base}/{name}/plain", kind="sparql")
            if node.plain
            else Member(name, f"Node {name}", f"{base}/{name}")
            for name, node in self.nodes.items()
        ]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError, OSError
        ):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode().split("\r\n")
                method, target, _ = lines[0].split(" ")
                headers = {
                    k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])
                }
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if not await self._one(method, target, headers, body, writer):
                    break
        writer.close()

    async def _one(
        self, method: str, target: str, headers: dict[str, str], body: bytes, writer: Any
    ) -> bool:
        url = urlsplit(target)
        _, name, action = url.path.split("/", 2)
        node = self.nodes[name]
        node.requests.append(f"{method} {action} {body[:2000].decode(errors='replace')}")
        fault = node.fault(action)
        parameters = dict(parse_qsl(url.query))
        wanted = parameters.get("mappings") or parameters.get("at")
        missing = wanted is not None and wanted not in node.views
        node = node.views.get(wanted or "", node)
        if fault is not None:
            await asyncio.sleep(fault.stall_seconds)
            if fault.raw is not None:
                writer.write(fault.raw)
                await writer.drain()
                return False
        if node.plain:
            node.requests[-1] = f"{method} {unquote_plus(url.query + body.decode())}"
            status, media, content = self._endpoint(node, method, url.query, headers, body)
        else:
            status, media, content = self._answer(node, action, url.query, headers, body)
        lease: tuple[tuple[str, str], ...] = ()
        if action.startswith("leases"):
            status, content = await self._lease(node, action, headers, body)
        elif action == "summary" and status in (200, 304) and node.leases is not None:
            number = node.leases.grant(
                headers.get(HEADER.lower(), ""), None, node.version, lambda: node.version
            )
            lease = ((HEADER, str(number)),) if number is not None else ()
        if missing:
            status, content = 404, orjson.dumps({"detail": f"There is no {wanted} here."})
        extra = node.extra + lease
        if fault is not None:
            status = fault.status or status
            extra += fault.headers
            content = fault.change(content) if fault.change else content
        lines = [
            f"HTTP/1.1 {status} X",
            f"Content-Type: {media}",
            f"Content-Length: {len(content)}",
            f"Gridspine-Version: {node.version}",
            f'ETag: "{node.version}"',
            *(f"{k}: {v}" for k, v in extra),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode() + content)
        await writer.drain()
        return True

    async def _lease(
        self, node: Node, action: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes]:
        """Answer what gateways ask about leases, by the rules that nodes have."""
        try:
            if node.leases is None:
                return 404, b"{}"
            if action == "leases":
                name = node.leases.open(headers["authorization"].removeprefix("Bearer "))
                return 200, orjson.dumps({"session": name, "seconds": node.leases.seconds})
            name, said = action.removeprefix("leases/"), orjson.loads(body)
            if said["over"]:
                node.leases.give_up(name)
                return 200, b'{"turn": 0, "recalled": []}'
            turn, recalled = await node.leases.keep(name, said["heard"], said["dropped"])
            return 200, orjson.dumps({"turn": turn, "recalled": recalled})
        except GridspineError as error:
            return error.status, b"{}"

    def _endpoint(
        self, node: Node, method: str, query: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, str, bytes]:
        """Answer as a plain endpoint does, with the limits of such servers."""
        assert "authorization" not in headers
        if method not in node.methods:
            return 405, "text/plain", b""
        form = parse_qsl(query or body.decode())
        default = tuple(v for k, v in form if k == "default-graph-uri")
        named = tuple(v for k, v in form if k == "named-graph-uri")
        store = node.narrowed(default, named) if default or named else node.store
        media = node.formats[0]
        kind = ox.QueryResultsFormat.from_media_type(media)
        result = store.query(dict(form)["query"])
        if isinstance(result, ox.QuerySolutions) and node.most_rows is not None:
            store = ox.Store()
            text = f"SELECT * WHERE {{ {{ {dict(form)['query']} }} }} LIMIT {node.most_rows}"
            result = node.store.query(text)
        return 200, media, result.serialize(format=kind)  # type: ignore

    def _answer(
        self, node: Node, action: str, query: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, str, bytes]:
        if node.required_token and headers.get("authorization") != f"Bearer {node.required_token}":
            return 403, "application/problem+json", b"{}"
        if headers.get("if-none-match") == f'"{node.version}"':
            return 304, "application/json", b""
        if action == "summary":
            document = {
                "node": node.name,
                "version": node.version,
                "datasets": [],
                "graphs": sorted(graph.value for graph in node.store.named_graphs()),
                **orjson.loads(summary.summarise(node.whole())),
            }
            return 200, "application/json", orjson.dumps(document)
        predicate = dict(parse_qsl(query)).get("predicate")
        if action == "summary/terms" and predicate is not None:
            found = summary.literal_hashes(node.whole(), predicate.encode())
            return 200, "application/octet-stream", found
        if action == "summary/terms":
            return 200, "application/octet-stream", summary.term_hashes(node.whole())
        if action == "summary/shared" and "names" in dict(parse_qsl(query)):
            return 200, "application/json", summary.named_terms(node.whole(), body)
        if action == "summary/shared":
            return 200, "application/json", summary.shared_terms(node.whole(), body)
        if action in ("catalogue", "mappings", "asset"):
            document = node.documents.get(action)
            status = 404 if document is None else 200
            return status, "application/json", orjson.dumps(document)
        parameters = parse_qsl(query)
        default = tuple(v for k, v in parameters if k == "default-graph-uri")
        named = tuple(v for k, v in parameters if k == "named-graph-uri")
        store = node.narrowed(default, named) if default or named else node.store
        accept = headers["accept"]
        try:
            result = store.query(body.decode())
            return 200, accept, result.serialize(format=_MEDIA[accept])  # type: ignore
        except (SyntaxError, ValueError) as error:
            return 400, "application/problem+json", orjson.dumps({"detail": str(error)})


@contextlib.contextmanager
def cluster(lease_seconds: float = 0.0) -> Iterator[Cluster]:
    """A cluster for the length of a block."""
    running = Cluster(lease_seconds)
    try:
        yield running
    finally:
        running.close()
