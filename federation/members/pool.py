"""The members of a federation and how they are asked.

In: the signed membership document's entries, one caller's identity, a query for one member. Out: a
``Reply`` whose outcome is a word, never an exception: ok, unreachable, timeout, withheld, lacking,
truncated or protocol. Members are only ever reached at the URLs of the membership document.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from urllib.parse import quote, urlencode

import orjson

from federation.members.http import BrokenAnswer, HttpPool, Response, TooLarge, Unreachable
from federation.members.streams import Opened
from kgnode.leases import HEADER

Outcome = Literal[
    "ok", "unreachable", "timeout", "withheld", "truncated", "stale", "lacking", "protocol"
]

TSV = "text/tab-separated-values"
NTRIPLES = "application/n-triples"
JSON = "application/json"
RESULTS_JSON = "application/sparql-results+json"
BINARY = "application/octet-stream"

_STRANGERS_AT_ONCE = 2
"""Requests at a time to a plain endpoint of somebody else."""
_BREAKER_FAILURES = 3
_BREAKER_SECONDS = 5.0
_OUTCOME_OF_STATUS: dict[int, Outcome] = {
    401: "withheld",
    403: "withheld",
    422: "truncated",
    503: "unreachable",
    504: "timeout",
}


@dataclass(frozen=True)
class Member:
    """One member as the membership document says.

    ``node`` is the base URL of its node; where ``kind`` is sparql, the address of a plain SPARQL
    endpoint, whose results end at ``max_rows`` if it says so.
    """

    id: str
    name: str
    node: str
    gateway: str | None = None
    licence_role: str = ""
    active: bool = True
    datasets: tuple[str, ...] = ()
    kind: str = "node"
    max_rows: int | None = None

    @property
    def plain(self) -> bool:
        """True for a plain SPARQL endpoint, which knows nothing of ours."""
        return self.kind == "sparql"

    def url(self, path: str) -> str:
        """Return the URL of a path below the node."""
        return self.node.rstrip("/") + path


TokenProvider = Callable[[Member], Awaitable[str | None]]


async def no_token(_: Member) -> str | None:
    """The public caller's token provider."""
    return None


@dataclass(frozen=True)
class Identity:
    """For whom the members are asked, and in which of their views.

    ``key`` separates caches, ``token`` gets one per member, ``view`` goes with every request: the
    moment and the mapping sets asked for, as parameters of an address.
    """

    key: str = "public"
    token: TokenProvider = field(default=no_token, compare=False)
    org: str | None = None
    view: str = ""

    def viewing(self, at: datetime | None, mappings: Sequence[str]) -> Identity:
        """Return the same caller asking for the members' data at a moment, under mapping sets.

        >>> Identity().viewing(None, ("ies4@1", "dcat")).view
        'mappings=ies4%401%2Cdcat'
        """
        asked = {"at": at.isoformat() if at else "", "mappings": ",".join(mappings)}
        view = urlencode({name: value for name, value in asked.items() if value})
        return replace(self, key=f"{self.key}?{view}", view=view) if view else self


@dataclass(frozen=True)
class Reply:
    """What one member answered to one request."""

    member: str
    outcome: Outcome
    body: bytes = b""
    detail: str = ""
    version: str = ""
    etag: str = ""
    milliseconds: float = 0.0
    unchanged: bool = False
    mappings: tuple[str, ...] = ()
    """The mapping sets it applied: ``name@version;digest=...;used=...;lossy=...`` each."""
    warnings: tuple[str, ...] = ()
    """What is lossy about them, in sentences."""
    policy: str = ""
    """Digest of the policy decision behind the view."""
    lease: str = ""
    """Number of the lease that came with it."""
    status: int = 0
    """HTTP status; 0 where no answer came."""

    @property
    def ok(self) -> bool:
        """True when the body can be used."""
        return self.outcome == "ok"


@dataclass
class _Breaker:
    failures: int = 0
    open_until: float = 0.0


@dataclass
class Traffic:
    """Requests and bytes so far, for reports and benchmarks."""

    requests: int = 0
    received_bytes: int = 0


class MemberPool:
    """Asks members; one instance per gateway process and event loop."""

    def __init__(self, per_host: int = 8, answer_bytes: int = 512 << 20) -> None:
        self._http = HttpPool(per_host)
        self.strangers = HttpPool(_STRANGERS_AT_ONCE)
        self._breakers: dict[str, _Breaker] = {}
        self._answer_bytes = answer_bytes
        self.traffic = Traffic()

    async def query(
        self,
        member: Member,
        identity: Identity,
        text: str,
        accept: str,
        deadline: float,
        *,
        default_graphs: Sequence[str] = (),
        named_graphs: Sequence[str] = (),
        max_bytes: int | None = None,
    ) -> Reply:
        """Send one SPARQL query (SPARQL 1.1 Protocol, POST directly)."""
        target = _target(deadline, default_graphs, named_graphs)
        headers = {"Content-Type": "application/sparql-query", "Accept": accept}
        return await self.ask(
            member, identity, "POST", target, accept, deadline,
            headers=headers, body=text.encode(), max_bytes=max_bytes,
        )  # fmt: skip

    async def stream(
        self, member: Member, identity: Identity, text: str, accept: str, deadline: float
    ) -> tuple[Reply, Opened | None]:
        """Send one SPARQL query; returns the reply without its body, and the body to be read."""
        headers = {"Content-Type": "application/sparql-query", "Accept": accept}
        url = _viewed(member.url(_target(deadline)), identity)
        opened: Opened | None = None

        async def once() -> Reply:
            nonlocal opened
            start = time.monotonic()
            self.traffic.requests += 1
            try:
                async with asyncio.timeout(max(0.0, deadline - start)):
                    await _authorise(headers, member, identity)
                    begun = await self._http.begin("POST", url, headers, text.encode())
                connection, status, found, done = begun
                outcome, detail = _judge(Response(status, found, b""), accept)
                if outcome != "ok" or status != 200:
                    done(False)
                    return Reply(member.id, "protocol" if outcome == "ok" else outcome, b"", detail)
                try:
                    opened = Opened(connection, status, found, done, self._answer_bytes)
                except BrokenAnswer:
                    done(False)
                    raise
            except (TimeoutError, Unreachable, BrokenAnswer, Refused) as error:
                return _failed(member, "unreachable", str(error), start)
            return Reply(
                member.id,
                "ok",
                version=found.get("gridspine-version", ""),
                milliseconds=(time.monotonic() - start) * 1000,
                mappings=_listed(found.get("gridspine-mappings", ""), ","),
                warnings=_listed(found.get("gridspine-mapping-warnings", ""), "|"),
                policy=found.get("gridspine-policy", ""),
            )

        return await self.guarded(member, deadline, once), opened

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
        """Send one request to a node as the caller."""
        if member.plain:
            return Reply(member.id, "lacking", detail="it is a plain SPARQL endpoint")
        limit = self._answer_bytes if max_bytes is None else min(max_bytes, self._answer_bytes)

        async def once() -> Reply:
            return await self._once(
                member, identity, method, path, accept, deadline, dict(headers or {}), body, limit
            )

        return await self.guarded(member, deadline, once)

    async def guarded(
        self, member: Member, deadline: float, once: Callable[[], Awaitable[Reply]]
    ) -> Reply:
        """Do a request, again once if the member cannot be reached; not at all if it is down."""
        breaker = self._breakers.setdefault(member.id, _Breaker())
        if breaker.open_until > time.monotonic():
            return Reply(member.id, "unreachable", detail="failed several times just now")
        reply = Reply(member.id, "unreachable")
        for attempt in (1, 2):
            reply = await once()
            if reply.outcome != "unreachable" or attempt == 2:
                break
            if deadline - time.monotonic() < 0.2:
                break
            await asyncio.sleep(0.05)
        if reply.outcome in ("unreachable", "timeout"):
            breaker.failures += 1
            if breaker.failures >= _BREAKER_FAILURES:
                breaker.open_until = time.monotonic() + _BREAKER_SECONDS
        else:
            breaker.failures = 0
        return reply

    async def _once(
        self,
        member: Member,
        identity: Identity,
        method: str,
        path: str,
        accept: str,
        deadline: float,
        headers: dict[str, str],
        body: bytes,
        limit: int,
    ) -> Reply:
        start = time.monotonic()
        self.traffic.requests += 1
        try:
            async with asyncio.timeout(max(0.0, deadline - start)):
                await _authorise(headers, member, identity)
                headers.setdefault("Accept", accept)
                response = await self._http.request(
                    method, _viewed(member.url(path), identity), headers, body, max_bytes=limit
                )
            self.traffic.received_bytes += len(response.body)
            outcome, detail = _judge(response, accept)
            if response.status == 304 and "If-None-Match" not in headers:
                outcome, detail = "protocol", "says that nothing changed, unasked"
            if response.status in (400, 404) and identity.view:
                outcome, detail = "lacking", _problem(response.body) or detail
        except TimeoutError:
            return _failed(member, "timeout", "no answer in time", start)
        except Unreachable as error:
            return _failed(member, "unreachable", str(error), start)
        except BrokenAnswer as error:
            return _failed(member, "protocol", str(error), start)
        except TooLarge as error:
            return _failed(member, "truncated", str(error), start)
        except Refused as error:
            return _failed(member, "withheld", str(error), start)
        return Reply(
            member.id,
            outcome,
            response.body if outcome == "ok" else b"",
            detail,
            response.headers.get("gridspine-version", ""),
            response.headers.get("etag", ""),
            (time.monotonic() - start) * 1000,
            response.status == 304,
            _listed(response.headers.get("gridspine-mappings", ""), ","),
            _listed(response.headers.get("gridspine-mapping-warnings", ""), "|"),
            response.headers.get("gridspine-policy", ""),
            response.headers.get(HEADER.lower(), ""),
            response.status,
        )

    def close(self) -> None:
        """Close the kept connections."""
        self._http.close()
        self.strangers.close()


class Refused(Exception):
    """A token for a member was refused by the caller's own node."""


def _failed(member: Member, outcome: Outcome, detail: str, start: float) -> Reply:
    return Reply(member.id, outcome, detail=detail, milliseconds=(time.monotonic() - start) * 1000)


def _target(
    deadline: float, default_graphs: Sequence[str] = (), named_graphs: Sequence[str] = ()
) -> str:
    seconds = max(0.05, deadline - time.monotonic())
    parameters = [("timeout", f"{seconds:.2f}")]
    parameters += [("default-graph-uri", iri) for iri in default_graphs]
    parameters += [("named-graph-uri", iri) for iri in named_graphs]
    return "/sparql?" + "&".join(f"{k}={quote(v, safe='')}" for k, v in parameters)


def _viewed(url: str, identity: Identity) -> str:
    return f"{url}{'&' if '?' in url else '?'}{identity.view}" if identity.view else url


def _listed(header: str, between: str) -> tuple[str, ...]:
    parts = (part.strip()[:300] for part in header.split(between))
    return tuple(part for part in parts if part and part.isascii() and part.isprintable())


def _problem(body: bytes) -> str:
    """What a problem document says, made fit to show."""
    try:
        said = str(orjson.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return ""
    return "".join(c for c in said if c.isprintable())[:200]


def _judge(response: Response, accept: str) -> tuple[Outcome, str]:
    """Say what an answer is worth."""
    status = response.status
    if status == 304:
        return "ok", ""
    if 300 <= status < 400:
        return "protocol", "it redirects; redirects are not followed"
    if status != 200:
        outcome = _OUTCOME_OF_STATUS.get(status, "protocol")
        if status >= 500 and outcome == "protocol":
            outcome = "unreachable"
        return outcome, f"HTTP status {status}"
    if "gridspine-truncated" in response.headers:
        return "truncated", f"cut by {response.headers['gridspine-truncated'][:40]}"
    media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != accept:
        return "protocol", f"answered {media[:60] or 'no type'}, asked for {accept}"
    return "ok", ""


async def _authorise(headers: dict[str, str], member: Member, identity: Identity) -> None:
    """Put the caller's token for a member into a request, if the caller has one."""
    token = await identity.token(member)
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
