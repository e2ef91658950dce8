"""Everything one node needs to answer, in one place.

In: the record, the views, the policies in force. Out: what a caller sees, the cells behind it, a
view that answers, the limits. Made once per process; holds nothing that a restart may not lose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from pyoxigraph import Store
from tree_sitter import Node

from kgnode.alignment.apply import Applied, Rewriter, derivation
from kgnode.errors import BadRequest
from kgnode.policy.caller import Caller
from kgnode.policy.decide import Policies, Visible, labelled_alike, visible
from kgnode.query.cache import AnswerCache
from kgnode.query.narrow import Reach, whole
from kgnode.query.parse import ParsedQuery, parse
from kgnode.query.protocol import SparqlRequest
from kgnode.settings import Settings
from kgnode.store.cells import Manifest
from kgnode.store.derive import Derivation
from kgnode.store.record import Record
from kgnode.store.view import Limits, View, Views

CallOnStore = Callable[[Store, bytes], bytes]
REMEMBERED = 256
"""How many decisions have their cells worked out and kept in mind."""


class AuditLog(Protocol):
    """Where entries go; raising means that nothing may be answered."""

    def require(self) -> None:
        """Make sure that an entry would be accepted."""

    def record(self, entry: Mapping[str, Any]) -> None:
        """Keep one entry."""


@dataclass
class Desk:
    """One node's means to answer.

    Attributes:
        policies: returns the policies in force now.
        org: the organisation whose home this is.
        audit: None only where nothing leaves the process (tests, commands on the owner's home).
        mappings: applies mapping sets to queries; None where the node has none.
    """

    record: Record
    views: Views
    policies: Callable[[], Policies]
    org: str
    settings: Settings
    audit: AuditLog | None = None
    mappings: Rewriter | None = None
    cache: AnswerCache = field(init=False)
    _public_limits: tuple[Limits, Limits] = field(init=False)
    _member_limits: tuple[Limits, Limits] = field(init=False)
    _reaches: dict[int, tuple[Visible, Reach]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        own = self.settings
        self.cache = AnswerCache(own.answer_cache_bytes)
        self._public_limits = _limits(own, own.query_timeout_public_seconds)
        self._member_limits = _limits(own, own.query_timeout_seconds)

    def see(self, caller: Caller, at: datetime | None, now: datetime | None = None) -> Visible:
        """Return what the caller sees now, in the versions current at ``at``.

        A version that other labelling rules labelled than those in force is the owner's alone: what
        the owner has closed since stands open in it.
        """
        manifests: tuple[Manifest, ...] = self.record.datasets()
        if at is not None:
            then = ((self.record.at(last.dataset, at), last) for last in manifests)
            owner = caller.owns(self.org)
            manifests = tuple(
                old
                for old, last in then
                if old is not None and (owner or labelled_alike(old, last))
            )
        return visible(
            caller, manifests, self.policies(), org=self.org, now=now or datetime.now(UTC)
        )

    def reach(self, seen: Visible) -> Reach:
        """Return the cells of a query that names no graph, worked out once per decision."""
        kept = self._reaches.get(id(seen))
        if kept is None or kept[0] is not seen:
            if len(self._reaches) >= REMEMBERED:
                self._reaches.clear()
            kept = (seen, whole(seen, self.settings.view_named_graphs))
            self._reaches[id(seen)] = kept
        return kept[1]

    def ready(self, reach: Reach, *, graphs: bool) -> View | None:
        """Return the view that ``view`` would, if it stands ready."""
        return self.views.ready(reach.cells, reach.named if graphs else frozenset(), reach.derived)

    async def view(self, reach: Reach, *, graphs: bool) -> View:
        """Return a view that answers from a reach.

        Named graphs are held only for queries that ask for them (``graphs``): they double a
        view's memory and slow down every other query on it.

        Raises:
            NotFound: a version was replaced meanwhile; decide again.
        """
        named = reach.named if graphs else frozenset()
        return await self.views.get(reach.cells, named, reach.derived)

    async def apply(self, parsed: ParsedQuery, names: Sequence[str], reach: Reach) -> Applied:
        """Return what becomes of a query under mapping sets, for who sees a reach.

        Raises:
            NotFound: no such set or version.
        """
        text = parsed.without_dataset()

        def tree() -> Node | None:
            reading = parse(text)
            return None if reading.doubtful else reading.tree.root_node

        asked = Asked(self, reach, parsed.asks_graphs)
        return await self.rewriter().apply(text, tree, names, asked)

    async def following(self, reach: Reach, names: Sequence[str]) -> Derivation | None:
        """Return what follows from a reach under mapping sets; None where nothing does."""
        rewriter, plain = self.rewriter(), Asked(self, reach, graphs=False)
        active = (await rewriter.known(rewriter.wanted(names), plain)).active
        return None if active.idle else derivation(active)

    def rewriter(self) -> Rewriter:
        """Return what applies mapping sets. Raises BadRequest where the node has none."""
        if self.mappings is None:
            raise BadRequest("This node applies no mapping sets to queries.")
        return self.mappings

    def limits(self, request: SparqlRequest, caller: Caller) -> Limits:
        """Return the limits of the caller's class; a request can only tighten them."""
        whole, cut = self._public_limits if caller.org is None else self._member_limits
        limits = cut if request.limit_cut else whole
        asked = request.timeout_seconds
        if asked is None or asked >= limits.timeout_seconds:
            return limits
        return replace(limits, timeout_seconds=asked)


def _limits(own: Settings, seconds: float) -> tuple[Limits, Limits]:
    """Return the limits of a class of callers: of answers that are refused, or cut, beyond them."""
    most = (seconds, own.query_max_rows, own.query_max_bytes)
    return Limits(*most, cut=False), Limits(*most, cut=True)


@dataclass(frozen=True)
class Asked:
    """The view of a reach as it is, made only when something is asked of it."""

    desk: Desk
    reach: Reach
    graphs: bool

    @property
    def version(self) -> str:
        """Digest of what it holds."""
        own = self.reach if not self.reach.rules else Reach(self.reach.cells, self.reach.named)
        return f"{own.version} {self.graphs}"

    async def call(self, function: CallOnStore, argument: bytes, timeout_seconds: float) -> bytes:
        """Run one of our functions on the view."""
        plain = replace(self.reach, derived=None)
        view = await self.desk.view(plain, graphs=self.graphs)
        return await view.call(function, argument, timeout_seconds)
