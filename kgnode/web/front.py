"""What the handlers of one node share: who asks, what they see, and the view they see it in.

In: an open ``Node``. Out: ``Front``: callers from requests, decisions, views, and answers of
summaries kept by view version, so that they are worked out once.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import Scope

from kgnode import asset, summary
from kgnode.alignment.apply import Rewriter
from kgnode.assurance.standing import Standing
from kgnode.errors import Forbidden, IdentityError, StoreFull
from kgnode.node import Node
from kgnode.operations import LOOKING, perform
from kgnode.policy.caller import Caller
from kgnode.policy.decide import Visible
from kgnode.query.answer import Desk
from kgnode.query.narrow import Reach
from kgnode.store.cells import Manifest
from kgnode.store.view import View, Views
from kgnode.trust import Member, gateway_of
from kgnode.trust.tokens import refusal
from kgnode.web.metrics import Metrics

COOKIE = "gridspine_token"
CALLER = "gridspine.caller"
"""Where a request keeps its caller, once that is known."""
ASKED_CHARACTERS = 2_000
SUMMARIES_KEPT = 256
CALL_SECONDS = 120.0


class Front:
    """The shared state of a node's web application.

    Args:
        node: the open home.
        routes: path templates that metrics may name.

    Attributes:
        caller_of_socket: the caller of everything on the home's own socket; None on the network.
    """

    def __init__(self, node: Node, routes: Iterable[str] = ()) -> None:
        self.node = node
        self.caller_of_socket: Caller | None = None
        self.views = Views(node.record, node.settings, node.home.path / "run")
        self.desk = Desk(
            record=node.record,
            views=self.views,
            policies=node.policies,
            org=node.org,
            settings=node.settings,
            audit=node.audit,
            mappings=Rewriter(node.mappings),
        )
        node.standing = Standing(node.settings.validation_kept_bytes)
        self._verifier = node.verifier()
        self.metrics = Metrics(routes, self.views.stats)
        self._following: set[asyncio.Future[None]] = set()
        self._summaries: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def on_socket(self) -> Front:
        """Return the same for the home's own socket, where everybody is the owner."""
        local = copy(self)
        local.caller_of_socket = Caller.owner(self.node.org)
        return local

    def authenticate(self, authorization: str | None) -> Caller:
        """Return the caller behind an ``Authorization`` header.

        Raises:
            IdentityError: a token that proves nothing; the audit log has it, without the token.
        """
        if self.caller_of_socket is not None:
            return self.caller_of_socket
        with self._refusals_kept():
            return self._verifier.caller(authorization)

    def gateway(self, authorization: str | None) -> Member:
        """Return the member whose gateway proves itself in a header, by an actor token.

        Raises:
            IdentityError: it proves nothing, or was used before; the audit log has it.
        """
        node, now = self.node, self.now()
        scheme, _, token = (authorization or "").partition(" ")
        with self._refusals_kept():
            if scheme.lower() != "bearer" or not token.strip():
                raise refusal("scheme")
            members, url = node.members.current(now), node.home.identity.node_url or ""
            return gateway_of(token.strip(), members, url, node.settings, node.seen_actors, now)

    @contextlib.contextmanager
    def _refusals_kept(self) -> Iterator[None]:
        """Put into the audit log what proves nothing, without the token."""
        try:
            yield
        except IdentityError as error:
            refused = {"action": "identify", "outcome": error.code, "status": error.status}
            self.node.audit.record({**refused, "reason": error.message})
            raise

    def caller(self, request: Request) -> Caller:
        """Return the caller of a request: header first, then the cookie of the pages.

        Raises:
            StoreFull: the audit log cannot be written, so nothing is answered.
            Forbidden: another site's page sends it with the cookie.
        """
        self.node.audit.require()
        header = request.headers.get("authorization")
        if header is None and (token := request.cookies.get(COOKIE)):
            own_page(request)
            header = f"Bearer {token}"
        caller = request.scope[CALLER] = self.authenticate(header)
        return caller

    def note(self, scope: Scope, status: int, size: int, seconds: float) -> None:
        """Write the audit entry of a request that had a caller; ``/sparql`` writes its own."""
        caller: Caller | None = scope.get(CALLER)
        if caller is None:
            return
        query = scope["query_string"].decode("latin-1")
        asked = f"{scope['method']} {scope['path']}{'?' if query else ''}{query}"
        with contextlib.suppress(StoreFull):  # the next request is refused then
            self.node.audit.record(
                {
                    "org": caller.org,
                    "sub": caller.sub,
                    "roles": sorted(caller.roles),
                    "act": caller.act,
                    "action": "request",
                    "purpose": caller.purpose,
                    "asked": asked[:ASKED_CHARACTERS],
                    "status": status,
                    "bytes": size,
                    "milliseconds": round(seconds * 1000, 3),
                }
            )

    def caller_of_page(self, request: Request) -> Caller:
        """Return the caller of a page; a cookie that has run out makes the public again."""
        try:
            return self.caller(request)
        except IdentityError:
            if "authorization" in request.headers:
                raise
            public = request.scope[CALLER] = Caller.public()
            return public

    def owner(self, request: Request, *roles: str) -> Caller:
        """Return the caller if the home's own organisation gave one of the roles.

        Raises:
            Forbidden: it did not, or a gateway asks in the caller's name, which may only read.
        """
        caller = self.caller(request)
        if caller.act is not None:
            raise Forbidden(
                f"{caller.act} may not do that in the name of {caller.sub}.",
                hint="Come to this node yourself.",
            )
        if caller.org != self.node.org or not caller.roles & set(roles):
            raise Forbidden(
                "Only the owner of this node may do that.",
                hint=f"Use a token of {self.node.org} with the role {' or '.join(roles)}.",
            )
        return caller

    def see(self, caller: Caller) -> Visible:
        """Return what the caller sees now."""
        return self.desk.see(caller, None)

    async def view(self, seen: Visible) -> tuple[View, Reach]:
        """Return the view of the default graph, and its reach, whose version counts."""
        reach = self.desk.reach(seen)
        return await self.desk.view(reach, graphs=False), reach

    async def summary(self, reach: Reach, names: Sequence[str]) -> bytes:
        """Return the summary of what a reach holds under mapping sets, once for each version."""
        return await self._summed((reach.version, "summary"), reach, names, "summarise")

    async def term_hashes(self, reach: Reach, names: Sequence[str]) -> bytes:
        """Return the term hashes of a reach, once for each version."""
        return await self._summed((reach.version, "terms"), reach, names, "term_hashes")

    async def literal_hashes(self, reach: Reach, names: Sequence[str], predicate: str) -> bytes:
        """Return the hashes of the literals at one predicate of a reach."""
        key = (reach.version, f"literals {predicate}")
        argument = predicate.encode()
        return await self._summed(key, reach, names, "literal_hashes", argument)

    async def shared_terms(self, reach: Reach, names: Sequence[str], hashes: bytes) -> bytes:
        """Return where shared terms stand in a reach."""
        return await self._summed(None, reach, names, "shared_terms", hashes)

    async def named_terms(self, reach: Reach, names: Sequence[str], hashes: bytes) -> bytes:
        """Return the IRIs behind hashes, as far as a reach holds them."""
        return await self._summed(None, reach, names, "named_terms", hashes)

    async def asset(self, view: View, iri: str) -> bytes:
        """Return what a view says of one asset, as JSON."""
        return await view.call(asset.describe, iri.encode(), CALL_SECONDS)

    async def _summed(
        self,
        key: tuple[str, str] | None,
        reach: Reach,
        names: Sequence[str],
        function: str,
        argument: bytes = b"",
    ) -> bytes:
        """Return what a function of ``kgnode.summary`` says, from what is kept if it has a key."""

        async def ask() -> bytes:
            following = await self.desk.following(reach, names) if names else None
            rules = None
            if following is not None and following.constructs:  # only a view can hold those
                view = await self.desk.view(replace(reach, derived=following), graphs=False)
            else:
                view = await self.desk.view(reach, graphs=False)
                rules = None if following is None else following.to_json()
            order = orjson.dumps({"function": function, "rules": rules})
            return await view.call(summary.answer, order + b"\n" + argument, CALL_SECONDS)

        return await ask() if key is None else await self._once(key, ask)

    async def _once(self, key: tuple[str, str], ask: Callable[[], Awaitable[bytes]]) -> bytes:
        found = self._summaries.get(key)
        if found is None:
            found = await ask()
            self._summaries[key] = found
            while len(self._summaries) > SUMMARIES_KEPT:
                self._summaries.popitem(last=False)
        else:
            self._summaries.move_to_end(key)
        return found

    async def perform(self, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Do a verb of ``kgnode.operations`` beside the answers, and bring views forward.

        It returns once no gateway can still take what was changed for what it was.
        """
        before = {manifest.dataset: manifest for manifest in self.node.record.datasets()}
        try:
            return await run_in_threadpool(perform, self.node, verb, arguments, lambda _name: None)
        finally:
            self._follow(before)
            if verb not in LOOKING:
                await self.node.leases.settle()

    def _follow(self, before: Mapping[str, Manifest]) -> None:
        """Bring views forward from the versions that were."""
        _return_memory()
        after = {manifest.dataset: manifest for manifest in self.node.record.datasets()}
        for dataset in before.keys() | after.keys():
            old, new = before.get(dataset), after.get(dataset)
            if old is not new:
                task = asyncio.ensure_future(self.views.follow(old, new))
                self._following.add(task)
                task.add_done_callback(self._following.discard)

    def now(self) -> datetime:
        """Return the time of decisions."""
        return datetime.now(UTC)


def own_page(request: Request) -> None:
    """Make sure that no page of another site sends a form for its visitor.

    A cookie is sent by any page of the same site, another port or another name below it too;
    browsers say whose page it was (Fetch Metadata, ``Sec-Fetch-Site``).

    Raises:
        Forbidden: it is one.
    """
    whose = request.headers.get("sec-fetch-site", "same-origin")
    if request.method not in ("GET", "HEAD") and whose not in ("same-origin", "none"):
        raise Forbidden(
            "Another site's page may not do that for you.", hint="Use this node's own pages."
        )


def _return_memory() -> None:
    """Give back what reading and checking took: a serving process lives on for months."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)
