"""Members that are plain SPARQL 1.1 endpoints of others, without anything of ours.

In: patterns for one endpoint of the membership document. Out: a ``Reply`` as a node would give it,
made of SELECT results in JSON or XML; and answers to ASK, kept for a while. An endpoint is asked
as the public, without a token, one pattern at a time. A result at a limit, stated in the document
or told by the server or found by counting, is cut: it never passes for whole.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from federation.members.http import BrokenAnswer, Response, TooLarge, Unreachable
from federation.members.pool import NTRIPLES, Identity, Member, MemberPool, Outcome, Reply
from federation.members.results import Row, Unusable, read
from federation.members.subquery import SubQuery
from federation.parsing.algebra import Path, Triple
from federation.parsing.spelling import stored

ROWS_EXPECTED = 10_000
"""What a pattern at an endpoint is taken for, since it tells no counts."""

_GET_BYTES = 2000
_ROUND = 100
"""Server limits are round numbers; a result of so many rows, or a multiple, is counted again."""
_PROBES_KEPT = 20_000
_ACCEPT = "application/sparql-results+json, application/sparql-results+xml;q=0.8"
_OUTCOMES: dict[int, Outcome] = {
    401: "withheld", 403: "withheld", 408: "timeout", 413: "truncated", 429: "unreachable",
    502: "unreachable", 503: "unreachable", 504: "timeout",
}  # fmt: skip
_OTHER_METHOD = (405, 414, 415, 501)
_PARTIAL = ("x-sparql-maxrows", "x-sql-state")
"""Headers by which servers say that they cut a result (OpenLink Virtuoso)."""


class _Failed(Exception):
    """A request that gave nothing usable: ``args`` are the outcome and the detail."""


@dataclass
class PlainEndpoints:
    """Asks plain endpoints; one per gateway process and event loop."""

    pool: MemberPool
    probe_seconds: float
    _methods: dict[str, str] = field(default_factory=dict)
    _probes: dict[tuple[str, str], tuple[bool, float]] = field(default_factory=dict)

    async def fetch(
        self,
        member: Member,
        identity: Identity,
        query: SubQuery,
        graphs: tuple[Sequence[str], Sequence[str]],
        deadline: float,
        max_bytes: int,
    ) -> Reply:
        """Return the matches of all patterns of a query, in the form the query asks for."""
        if identity.view:
            detail = "a plain endpoint has neither moments nor mapping sets"
            return Reply(member.id, "lacking", detail=detail)

        async def once() -> Reply:
            start = time.monotonic()
            try:
                async with asyncio.timeout(max(0.0, deadline - start)):
                    limits = query.limits if identity.key == "public" else None
                    parts = []
                    for triple in dict.fromkeys(query.patterns):
                        text = select(triple, limits)
                        found = await self._rows(member, text, graphs, max_bytes)
                        parts.append(_body(found, triple, query.accept))
            except _Failed as failed:
                outcome, detail = failed.args
                return Reply(member.id, outcome, detail=detail)
            except TimeoutError:
                return Reply(member.id, "timeout", detail="no answer in time")
            spent = (time.monotonic() - start) * 1000
            return Reply(member.id, "ok", b"".join(parts), milliseconds=spent)

        return await self.pool.guarded(member, deadline, once)

    async def refused(
        self, member: Member, triples: Iterable[Triple], deadline: float
    ) -> tuple[frozenset[Triple], float]:
        """Return the patterns that an endpoint says it has no match for, and how old the word is.

        Age in seconds, of the oldest answer used. A probe that fails says nothing.
        """
        now = time.monotonic()
        wanted = {triple: text for triple in triples if (text := probe(triple))}
        keys = {triple: (member.id, text) for triple, text in wanted.items()}
        asked = {
            key
            for key in keys.values()
            if key not in self._probes or now - self._probes[key][1] > self.probe_seconds
        }
        if len(self._probes) > _PROBES_KEPT:
            self._probes.clear()
        await asyncio.gather(*(self._probe(member, key, deadline) for key in sorted(asked)))
        told = {t: self._probes[key] for t, key in keys.items() if key in self._probes}
        no = {triple: at for triple, (yes, at) in told.items() if not yes}
        return frozenset(no), max((now - at for at in no.values()), default=0.0)

    async def _probe(self, member: Member, key: tuple[str, str], deadline: float) -> None:
        self._probes.pop(key, None)
        now = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(deadline, now + 5.0) - now)):
                response = await self._send(member, key[1], ((), ()), 1 << 16)
            answer = _parsed(response)
        except (_Failed, TimeoutError):
            return
        if isinstance(answer, bool):
            self._probes[key] = answer, now

    async def _rows(
        self,
        member: Member,
        text: str,
        graphs: tuple[Sequence[str], Sequence[str]],
        max_bytes: int,
    ) -> Sequence[Row]:
        response = await self._send(member, text, graphs, max_bytes)
        found = _parsed(response)
        if isinstance(found, bool):
            raise _Failed("protocol", "no rows")
        if member.max_rows is not None and len(found) >= member.max_rows:
            raise _Failed("truncated", f"cut at its limit of {member.max_rows} rows")
        told = [name for name in _PARTIAL if name in response.headers]
        if told or response.status == 206:
            raise _Failed("truncated", "the server says that the result is partial")
        if found and len(found) % _ROUND == 0:
            await self._recount(member, text, graphs, len(found))
        return found

    async def _recount(
        self, member: Member, text: str, graphs: tuple[Sequence[str], Sequence[str]], rows: int
    ) -> None:
        """Make sure that a suspiciously round result is whole."""
        count = f"SELECT (COUNT(*) AS ?rows) WHERE {{ {{ {text} }} }}"
        answer = _parsed(await self._send(member, count, graphs, 1 << 16))
        told = [row.get("rows", "") for row in answer] if not isinstance(answer, bool) else []
        if len(told) != 1 or told[0].split('"')[1:2] != [str(rows)]:
            raise _Failed("truncated", f"{rows} rows, which are not all it counts")

    async def _send(
        self,
        member: Member,
        text: str,
        graphs: tuple[Sequence[str], Sequence[str]],
        max_bytes: int,
    ) -> Response:
        """Send by GET where the address stays short, else by POST, as the server takes it."""
        form = [("query", text)]
        form += [("default-graph-uri", iri) for iri in graphs[0]]
        form += [("named-graph-uri", iri) for iri in graphs[1]]
        encoded = urlencode(form)
        first = self._methods.get(member.id, "GET" if len(encoded) <= _GET_BYTES else "POST")
        second = "POST" if first == "GET" else "GET"
        for method in (first, second):
            response = await self._request(member, method, encoded, max_bytes)
            if response.status not in _OTHER_METHOD:
                break
            if method == first and response.status != 414:
                self._methods[member.id] = second
        if response.status in (200, 206):
            return response
        if 300 <= response.status < 400:
            raise _Failed("protocol", "it redirects; redirects are not followed")
        outcome = _OUTCOMES.get(response.status, "protocol")
        raise _Failed(outcome, f"HTTP status {response.status}")

    async def _request(self, member: Member, method: str, encoded: str, max_bytes: int) -> Response:
        headers = {"Accept": _ACCEPT, "User-Agent": "gridspine-gateway"}
        self.pool.traffic.requests += 1
        try:
            if method == "GET":
                url = f"{member.node}?{encoded}"
                response = await self.pool.strangers.request(
                    "GET", url, headers, max_bytes=max_bytes
                )
            else:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
                response = await self.pool.strangers.request(
                    "POST", member.node, headers, encoded.encode(), max_bytes=max_bytes
                )
        except Unreachable as error:
            raise _Failed("unreachable", str(error)) from error
        except BrokenAnswer as error:
            raise _Failed("protocol", str(error)) from error
        except TooLarge as error:
            raise _Failed("truncated", str(error)) from error
        self.pool.traffic.received_bytes += len(response.body)
        return response


def select(triple: Triple, limits: tuple[str, Sequence[str]] | None) -> str:
    """Return the query for all matches of one plain pattern."""
    subject, predicate, object_ = triple.subject, triple.predicate, triple.object
    body = f"{subject} {predicate} {object_}"
    if triple.graph is not None:
        body = f"GRAPH {triple.graph} {{ {body} }}"
    if limits is not None and limits[0] in triple.variables:
        body = f"VALUES {limits[0]} {{ {' '.join(limits[1])} }} {body}"
    names = " ".join(sorted(triple.variables))
    if not names:  # SELECT wants a variable
        return f"SELECT DISTINCT ?gridspine_s WHERE {{ {body} BIND({subject} AS ?gridspine_s) }}"
    return f"SELECT DISTINCT {names} WHERE {{ {body} }}"


def probe(triple: Triple) -> str:
    """Return the ASK for a pattern, variables by place so that it is kept for all; "" for none."""
    predicate = triple.predicate
    if isinstance(predicate, Path):
        if predicate.may_be_empty() or predicate.negations():
            return ""
        links = " UNION ".join(f"{{ ?s {iri} ?o }}" for iri in sorted(predicate.links()))
        return f"ASK {{ {links} }}"
    places = (("?s", triple.subject), ("?p", predicate), ("?o", triple.object))
    terms = [name if term[0] == "?" else term for name, term in places]
    if terms == ["?s", "?p", "?o"]:
        return ""
    body = " ".join(terms)
    if triple.graph is None:
        return f"ASK {{ {body} }}"
    return f"ASK {{ GRAPH {'?g' if triple.graph[0] == '?' else triple.graph} {{ {body} }} }}"


def _parsed(response: Response) -> Sequence[Row] | bool:
    media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        return read(response.body, media)
    except Unusable as error:
        raise _Failed("protocol", str(error)) from error


def _body(found: Sequence[Row], triple: Triple, accept: str) -> bytes:
    """Return rows as triples, or as the table that a node answers a pattern inside GRAPH with."""
    names = sorted(triple.variables)
    table = [[_of(row, name) for name in names] for row in found]
    if accept != NTRIPLES:
        lines = ["\t".join(names or ["?gridspine_none"])]
        lines += ["\t".join(row) for row in table]
        return ("\n".join(lines) + "\n").encode()
    lines = []
    fixed = triple.object if triple.object[0] in "?<" else stored(triple.object)
    given = (triple.subject, str(triple.predicate), fixed or "")
    for row in table:
        bound = dict(zip(names, row, strict=True))
        subject, predicate, object_ = (bound.get(term, term) for term in given)
        if not subject[0] == predicate[0] == "<":
            raise _Failed("protocol", "a row that is no triple")
        lines.append(f"{subject} {predicate} {object_} .\n")
    return "".join(lines).encode()


def _of(row: Row, name: str) -> str:
    if name[1:] not in row:
        raise _Failed("protocol", "a row with something unbound")
    return row[name[1:]]
