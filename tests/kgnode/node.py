"""A node in the test's own process: real record, real views, real policies, HTTP where wanted."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyoxigraph as ox
import uvicorn

from kgnode.cim.headers import Header
from kgnode.errors import IdentityError
from kgnode.names import ODRL_PROFILE, dataset_iri, label_iri
from kgnode.policy.caller import Caller
from kgnode.policy.policies import Policies
from kgnode.query.answer import Desk, SparqlAnswer, answer
from kgnode.query.describe import describe
from kgnode.query.protocol import SparqlRequest
from kgnode.settings import Settings
from kgnode.store.cells import NewModel
from kgnode.store.record import FolderRecord, open_record
from kgnode.store.view import Views
from kgnode.web.lane import lane
from kgnode.web.patience import Patient
from kgnode.web.sparql import SparqlEndpoint

ORG = "DNOA"
OWNER = Caller(ORG, "olga", frozenset({"operator"}), proof="token")
PLANNER = Caller("NESO", "paul", frozenset({"planner"}), "network-planning", proof="token")
PUBLIC = Caller.public()
TOKENS = {"Bearer owner": OWNER, "Bearer planner": PLANNER}


def authenticate(header: str | None) -> Caller:
    """Stand in for the verifier of tokens: three callers known by name."""
    if header is not None and header not in TOKENS:
        raise IdentityError("The token proves nothing.")
    return PUBLIC if header is None else TOKENS[header]


def read_policy(dataset: str, label: str, assignee: object) -> bytes:
    """Return a policy that lets an assignee read one label."""
    return orjson.dumps(
        {
            "@context": "gridspine-odrl",
            "@type": "Set",
            "uid": f"urn:gridspine:policy:{ORG}:{dataset}-{label}",
            "profile": ODRL_PROFILE,
            "permission": [
                {"target": label_iri(ORG, dataset, label), "action": "read", "assignee": assignee}
            ],
        }
    )


def triples(text: str) -> list[ox.Triple]:
    """Parse Turtle with the prefix ``:`` bound."""
    document = f"@prefix : <http://x/> . {text}".encode()
    return [quad.triple for quad in ox.parse(document, format=ox.RdfFormat.TURTLE)]


def model(iri: str, cells: Mapping[str | None, Iterable[ox.Triple]], dataset: str) -> NewModel:
    """Return a model whose cells carry one label each; None is no label."""
    labelled = {
        frozenset() if label is None else frozenset({label_iri(ORG, dataset, label)}): list(found)
        for label, found in cells.items()
    }
    return NewModel(iri, Header(iri, "rdf"), iri.encode().hex().ljust(64, "0"), iri, b"", labelled)


class NodeUnderTest:
    """A desk with what is needed to fill it."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.settings = Settings(**settings)
        self.record: FolderRecord = open_record(folder / "record")
        (folder / "run").mkdir()
        self.views = Views(self.record, self.settings, folder / "run")
        self.policies = Policies([])
        self.desk = Desk(self.record, self.views, lambda: self.policies, ORG, self.settings)

    def publish(
        self,
        dataset: str,
        models: Mapping[str, Mapping[str | None, Iterable[ox.Triple]]],
        *,
        aside: bool = False,
    ) -> str:
        """Publish models (IRI -> label -> triples) and return the data set's IRI."""
        iri = dataset_iri(ORG, dataset)
        new = [model(name, cells, dataset) for name, cells in models.items()]
        self.record.publish(iri, new, aside=aside, attributes={}, keep=10)
        return iri

    async def ask(self, query: str, caller: Caller = OWNER, **request: Any) -> SparqlAnswer:
        """Answer a query."""
        return await answer(SparqlRequest(query, **request), caller, self.desk)

    def endpoint(self) -> SparqlEndpoint:
        """Return the ASGI application."""

        async def answerer(request: SparqlRequest, caller: Caller) -> SparqlAnswer:
            return await answer(request, caller, self.desk)

        async def describer(request: SparqlRequest, caller: Caller, address: str) -> SparqlAnswer:
            return await describe(request, caller, address, self.desk)

        return SparqlEndpoint(
            answerer,
            authenticate,
            describe=describer,
            max_text_bytes=self.settings.query_max_text_bytes,
            cookie="gridspine_token",
        )

    async def close(self) -> None:
        """End the views."""
        await self.views.close()
        self.record.close()


@contextlib.contextmanager
def served(
    app: Callable[..., Any],
    on_close: Callable[[], Any] | None = None,
    *,
    short: bool = True,
    patient: int = 5,
) -> Iterator[str]:
    """Serve an ASGI application over real HTTP in a thread and yield its address.

    An endpoint is served as ``kgnode serve`` does, by the short way, unless that is not wanted.
    """

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                if message["type"] == "lifespan.startup":
                    await send({"type": "lifespan.startup.complete"})
                else:
                    if on_close is not None:
                        await on_close()
                    await send({"type": "lifespan.shutdown.complete"})
                    return
        await app(scope, receive, send)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = uvicorn.Config(
            wrapped, log_level="critical", lifespan="on", http=Patient, timeout_keep_alive=patient
        )
        if short and isinstance(app, SparqlEndpoint):
            config.http = lane(app, lambda *_: None)  # type: ignore[assignment]
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server did not start")
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/sparql"
        finally:
            server.should_exit = True
            thread.join()
