"""One SPARQL query from the command line, to a home or to an address.

In: a home or URL, the query or a file of it, a token file. Out: the answer in the wanted format. A
home that is served answers over its socket; one that is not is opened and asked in this process.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from kgnode.console import table
from kgnode.errors import BadRequest, MemberError, MissingFile
from kgnode.home import Home
from kgnode.names import shorten
from kgnode.policy.caller import Caller
from kgnode.problems import from_problem
from kgnode.query.answer import answer
from kgnode.query.protocol import SparqlRequest
from kgnode.remote import SocketConnection, desk_of, served

ACCEPT = {
    "table": "application/sparql-results+json, application/n-triples;q=0.5",
    "json": "application/sparql-results+json, application/ld+json;q=0.5",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "xml": "application/sparql-results+xml, application/rdf+xml;q=0.5",
    "ttl": "text/turtle",
    "nt": "application/n-triples",
}
CONNECT_SECONDS = 120.0


@dataclass(frozen=True)
class Reply:
    """What came back: the body, its type, and the headers of the protocol."""

    content: bytes
    media_type: str
    headers: Mapping[str, str]
    milliseconds: float
    form: str

    @property
    def result(self) -> dict[str, Any]:
        """The ``result`` of the command."""
        parsed: Any = None
        if "json" in self.media_type:
            parsed = orjson.loads(self.content)
        return {
            "sparql": parsed if parsed is not None else self.content.decode(),
            "version": self.headers.get("gridspine-version"),
            "milliseconds": round(self.milliseconds, 1),
            "status": self.headers.get("gridspine-status", "complete"),
            "report": self.headers.get("gridspine-report"),
            "truncated": self.headers.get("gridspine-truncated"),
        }

    def show(self) -> None:
        """Print the answer: a table for people, or the bytes as they came."""
        if self.form != "table" or "sparql-results+json" not in self.media_type:
            sys.stdout.buffer.write(self.content)
            sys.stdout.buffer.flush()
            return
        document = orjson.loads(self.content)
        if "boolean" in document:
            sys.stdout.write("yes\n" if document["boolean"] else "no\n")
            return
        names = document["head"]["vars"]
        rows = [
            [_shown(row.get(name)) for name in names] for row in document["results"]["bindings"]
        ]
        table(names, rows)
        sys.stdout.write(f"{len(rows)} rows, {self.milliseconds:.0f} ms\n")


def _shown(term: Mapping[str, str] | None) -> str | float | int:
    if term is None:
        return ""
    kind = term.get("datatype", "").rpartition("#")[2]
    try:
        if kind in ("integer", "int", "long"):
            return int(term["value"])
        if kind in ("double", "float", "decimal"):
            return float(term["value"])
    except ValueError:
        return term["value"]
    return shorten(term["value"]) if term["type"] == "uri" else term["value"]


def ask(where: str, text: str, token: Path | None, form: str, options: Mapping[str, Any]) -> Reply:
    """Ask a home or an address and return the reply.

    Args:
        where: a home, or the address of a node or gateway (with or without ``/sparql``).
        text: SPARQL, or ``@`` and the name of a file.
        token: file with an access token; ignored for a home, whose owner asks.
        form: a key of :data:`ACCEPT`.
        options: further parameters of the protocol; None values are left out.

    Raises:
        BadRequest: no such format. MissingFile: the query or token file cannot be read.
        MemberError: the address cannot be reached. GridspineError: what the node answered.
    """
    if form not in ACCEPT:
        raise BadRequest(f"There is no format {form}.", hint=f"Use one of {', '.join(ACCEPT)}.")
    query = _file(Path(text[1:])) if text.startswith("@") else text
    chosen = {key: str(value) for key, value in options.items() if value is not None}
    started = time.perf_counter()
    if where.startswith(("http://", "https://")):
        kept = _file(token).strip() if token else None
        content, headers = _over_http(where, query, ACCEPT[form], chosen, kept)
    else:
        home = Home(Path(where))
        if served(home):
            connection = SocketConnection(home.socket, CONNECT_SECONDS)
            content, headers = _exchange(connection, "/sparql", query, ACCEPT[form], chosen, None)
        else:
            content, headers = asyncio.run(_in_process(home, query, ACCEPT[form], chosen))
    took = (time.perf_counter() - started) * 1000
    return Reply(content, headers.get("content-type", ""), headers, took, form)


def _file(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise MissingFile(
            f"{path} cannot be read: {error}.", hint="Name an existing text file.", file=str(path)
        ) from error


def _over_http(
    url: str, query: str, accept: str, options: Mapping[str, str], token: str | None
) -> tuple[bytes, dict[str, str]]:
    connection, path = _connection(url)
    path = path if path.endswith("/sparql") else f"{path}/sparql"
    return _exchange(connection, path, query, accept, options, token)


def fetch(
    url: str, path: str, token: Path | None, options: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Return the JSON that a node answers at a path of its own.

    Raises:
        BadRequest: no address. MissingFile: the token file cannot be read.
        MemberError: the address cannot be reached. GridspineError: what the node answered.
    """
    connection, stem = _connection(url)
    kept = _file(token).strip() if token else None
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {kept}"} if kept else {})
    target = f"{stem.removesuffix('/sparql')}{path}?{urlencode(options)}"
    found: dict[str, Any] = orjson.loads(_sent(connection, "GET", target, None, headers)[0])
    return found


def _connection(url: str) -> tuple[HTTPConnection, str]:
    """Return a connection to an address, and the path that the address has."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise BadRequest(f"{url} is no address.", hint="For example http://127.0.0.1:8700.")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname, parts.port, timeout=CONNECT_SECONDS), parts.path.rstrip("/")


def _exchange(
    connection: HTTPConnection,
    path: str,
    query: str,
    accept: str,
    options: Mapping[str, str],
    token: str | None,
) -> tuple[bytes, dict[str, str]]:
    headers = {"Content-Type": "application/sparql-query", "Accept": accept}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    target = f"{path}?{urlencode(options)}" if options else path
    return _sent(connection, "POST", target, query.encode(), headers)


def _sent(
    connection: HTTPConnection,
    method: str,
    target: str,
    body: bytes | None,
    headers: Mapping[str, str],
) -> tuple[bytes, dict[str, str]]:
    try:
        connection.request(method, target, body, dict(headers))
        reply = connection.getresponse()
        content = reply.read()
    except (OSError, HTTPException) as error:
        raise MemberError(
            f"{connection.host} could not be asked: {error}.",
            hint="Is the node being served there? kgnode serve HOME.",
        ) from error
    finally:
        connection.close()
    if reply.status != 200:
        raise from_problem(content)
    return content, {name.lower(): value for name, value in reply.getheaders()}


async def _in_process(
    home: Home, query: str, accept: str, options: Mapping[str, str]
) -> tuple[bytes, dict[str, str]]:
    async with desk_of(home) as (node, desk):
        request = SparqlRequest(
            query,
            accept=accept,
            timeout_seconds=float(options["timeout"]) if "timeout" in options else None,
            at=datetime.fromisoformat(options["at"]) if "at" in options else None,
            mappings=tuple(options.get("mappings", "").split(",")) if "mappings" in options else (),
        )
        got = await answer(request, Caller.owner(node.org), desk)
        content = await got.read()
        headers = {name.lower(): value for name, value in got.headers}
        return content, headers | {"content-type": got.media_type}
