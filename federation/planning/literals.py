"""Which members hold a literal that a query gives, such as a name.

In: the literals of a query's patterns, the members' hashes of the literals at those predicates
(``/summary/terms?predicate=``, of the caller's own view), fetched once per version and predicate.
Out: for a member, predicate and literal, whether a match is possible. It may over-state.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from federation.members.pool import BINARY, Identity, Member, MemberPool
from federation.members.summaries import Known
from federation.parsing.algebra import Triple
from federation.parsing.spelling import stored
from federation.planning.tokens import Hashes, contains, read_hashes
from kgnode.summary import term_hash

_MAX_BYTES = 64 << 20
_KEPT_BYTES = 512 << 20


@dataclass(frozen=True)
class Literals:
    """The literals that members hold at some predicates, as far as they told."""

    hashes: Mapping[tuple[str, str], Hashes] = field(default_factory=dict)

    def holds(self, member: str, triple: Triple) -> bool:
        """True when a member could match the literal of a pattern."""
        hashes = self.hashes.get((member, str(triple.predicate)))
        text = stored(triple.object) if hashes is not None and given(triple) else None
        return hashes is None or text is None or contains(hashes, term_hash(text))


def given(triple: Triple) -> bool:
    """True for a pattern with a literal at a predicate."""
    named = isinstance(triple.predicate, str) and triple.predicate[0] == "<"
    return named and triple.object[0] not in "?<"


class LiteralDesk:
    """Fetches literals when a query gives one, and keeps them per caller and version."""

    def __init__(self, pool: MemberPool) -> None:
        self._pool = pool
        self._kept: OrderedDict[tuple[str, str, str, str], Hashes] = OrderedDict()
        self._bytes = 0

    async def of(
        self,
        triples: Iterable[Triple],
        members: Mapping[str, Member],
        known: Mapping[str, Known],
        identity: Identity,
        deadline: float,
    ) -> Literals:
        """Return what is needed to route patterns with literals."""
        predicates = dict.fromkeys(str(triple.predicate) for triple in triples if given(triple))
        wanted = [
            (member, predicate, known[member].summary.version)  # type: ignore[union-attr]
            for predicate in predicates
            for member in _holders(predicate, known)
        ]
        found = await asyncio.gather(
            *(self._one(members[m], p, version, identity, deadline) for m, p, version in wanted)
        )
        pairs = zip(wanted, found, strict=True)
        return Literals({(m, p): hashes for (m, p, _), hashes in pairs if hashes is not None})

    async def _one(
        self, member: Member, predicate: str, version: str, identity: Identity, deadline: float
    ) -> Hashes | None:
        key = (identity.key, member.id, version, predicate)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        path = f"/summary/terms?predicate={quote(predicate[1:-1], safe='')}"
        reply = await self._pool.ask(
            member, identity, "GET", path, BINARY, deadline, max_bytes=_MAX_BYTES
        )
        found = read_hashes(reply, version)
        if found is not None:
            self._kept[key] = found
            self._bytes += found.nbytes
            while self._bytes > _KEPT_BYTES:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return found


def _holders(predicate: str, known: Mapping[str, Known]) -> list[str]:
    """The members with literals at a predicate; none where there is nothing to choose."""
    cards = {m: k.summary.predicates.get(predicate) for m, k in known.items() if k.summary}
    found = [m for m, card in cards.items() if card is not None and "literal" in card.objects]
    return found if len(found) > 1 else []
