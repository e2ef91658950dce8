"""Which terms members share, and so which joins can only happen inside one member.

In: the members' term hashes, intersected once per set of versions, and where the shared ones stand
(``/summary/terms``, ``/summary/shared``). Out: ``Terms``, which says for a pattern and a variable
what could match there at a member. UUIDs say nothing by their prefix; this does.

Tokens at a position: the exact shared terms, "some local term", "literals", or unknown. Local terms
of different members never meet; unknown meets everything. It may over-state, never under-state.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import orjson

from federation.members.pool import BINARY, JSON, Identity, Member, MemberPool, Reply
from federation.members.summaries import Known
from federation.parsing.algebra import Path, Triple
from federation.parsing.spelling import IRI, RDF_TYPE
from kgnode.summary import term_hash

_MAX_BYTES = 256 << 20
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Tokens:
    """What can stand at one position; ``shared`` None is unknown."""

    shared: frozenset[int] | None = frozenset()
    local: bool = False
    literals: bool = False

    def meets(self, other: Tokens) -> bool:
        """True when the same term could stand at both, at two different members."""
        if self.literals and other.literals:
            return True
        if self.shared is None:
            return other.shared is None or bool(other.shared) or other.local or other.literals
        if other.shared is None:
            return bool(self.shared) or self.local or self.literals
        return not self.shared.isdisjoint(other.shared)

    def __or__(self, other: Tokens) -> Tokens:
        """Either."""
        shared = None
        if self.shared is not None and other.shared is not None:
            shared = self.shared | other.shared
        return Tokens(shared, self.local or other.local, self.literals or other.literals)


UNKNOWN = Tokens(None, True, True)
_SEVERAL = "\0"
NOTHING = Tokens()


@dataclass(frozen=True)
class _Positions:
    predicates: Mapping[str, tuple[Tokens, Tokens]] = field(default_factory=dict)
    classes: Mapping[str, Tokens] = field(default_factory=dict)


class Terms:
    """The shared terms of one set of summaries, for one caller."""

    def __init__(
        self,
        versions: Mapping[str, str],
        hashes: Mapping[str, Hashes],
        positions: Mapping[str, _Positions],
        shared: Hashes | None = None,
    ) -> None:
        self.versions = dict(versions)
        self._shared = shared
        self._hashes = hashes
        self._positions = positions

    def doubles(self, triple: Triple, members: Iterable[str]) -> list[int] | None:
        """Return the hashes of subjects that two of some members share in a pattern's matches."""
        counted: Counter[int] = Counter()
        for member in members:
            shared = self._at(member, triple, "subject").shared
            if shared is None or self._shared is None:
                return None
            counted.update(shared)
        found = sorted(at for at, held in counted.items() if held > 1)
        return [int(self._shared[at]) for at in found] if self._shared is not None else None

    def holds(self, member: str, iri: str) -> bool:
        """True when a member could have an IRI (in brackets) as subject or object."""
        hashes = self._hashes.get(member)
        if hashes is None:
            return True
        return contains(hashes, term_hash(iri[1:-1]))

    def held(self, member: str, iris: list[str]) -> list[str]:
        """Return those of many IRIs (in brackets) that a member could have."""
        hashes = self._hashes.get(member)
        if hashes is None or not iris:
            return iris
        wanted = np.array([term_hash(iri[1:-1]) for iri in iris], dtype=np.uint64)
        at = np.minimum(np.searchsorted(hashes, wanted), max(0, len(hashes) - 1))
        present = hashes[at] == wanted if len(hashes) else np.zeros(len(wanted), dtype=bool)
        return [iri for iri, there in zip(iris, present.tolist(), strict=True) if there]

    def at(self, member: str, triple: Triple, variable: str) -> Tokens:
        """Return what can stand at a variable of a pattern at a member."""
        found: Tokens | None = None
        for where in places(triple, variable):
            here = self._at(member, triple, where)
            found = here if found is None else found | here
        return UNKNOWN if found is None else found

    def _at(self, member: str, triple: Triple, where: str) -> Tokens:
        known = self._positions.get(member)
        if known is None or where not in ("subject", "object"):
            return UNKNOWN
        predicate = triple.predicate
        if isinstance(predicate, Path):
            return self._along(known, predicate)
        if predicate[0] == "?":
            return UNKNOWN
        if predicate == RDF_TYPE and where == "subject" and triple.object[0] == "<":
            return known.classes.get(triple.object, NOTHING)
        pair = known.predicates.get(predicate, (NOTHING, NOTHING))
        return pair[0] if where == "subject" else pair[1]

    def _along(self, known: _Positions, path: Path) -> Tokens:
        if path.has_empty() or path.negations():
            return UNKNOWN
        found = NOTHING
        for link in path.links():
            subjects, objects = known.predicates.get(link, (NOTHING, NOTHING))
            found = found | subjects | objects
        return found

    def stays(self, triple: Triple, members: Iterable[str]) -> bool:
        """True when a path through several links cannot cross from one member to another."""
        path = triple.predicate
        if not isinstance(path, Path):
            return True
        known = [self._positions.get(member) for member in members]
        if len(known) <= 1 and not path.has_empty():
            return True
        if any(entry is None for entry in known):
            return False
        along = [self._along(entry, path) for entry in known if entry is not None]
        return _apart(along, along)

    def local(
        self, one: Triple, ones: Iterable[str], other: Triple, others: Iterable[str], name: str
    ) -> bool:
        """True when a join of two patterns on a variable cannot cross members."""
        here = {member: self.at(member, one, name) for member in ones}
        there = {member: self.at(member, other, name) for member in others}
        if len(here.keys() | there.keys()) <= 1:
            return True
        if any(tokens.shared is None for tokens in (*here.values(), *there.values())):
            return not any(
                tokens.meets(against)
                for member, tokens in here.items()
                for second, against in there.items()
                if member != second
            )
        one_side = {member for member, tokens in here.items() if tokens.literals}
        other_side = {member for member, tokens in there.items() if tokens.literals}
        if one_side and other_side and len(one_side | other_side) > 1:
            return False
        owners: dict[int, str] = {}
        for member, tokens in there.items():
            for term in tokens.shared or ():
                owners[term] = member if owners.get(term, member) == member else _SEVERAL
        return all(
            owners.get(term, member) == member
            for member, tokens in here.items()
            for term in tokens.shared or ()
        )


def _apart(ones: list[Tokens], others: list[Tokens]) -> bool:
    return not any(
        one.meets(other)
        for at, one in enumerate(ones)
        for place, other in enumerate(others)
        if at != place
    )


def places(triple: Triple, variable: str) -> tuple[str, ...]:
    """Return where a variable stands in a pattern: subject, predicate, object, graph."""
    return tuple(
        name
        for name in ("subject", "predicate", "object", "graph")
        if getattr(triple, name) == variable
    )


def contains(hashes: Hashes, wanted: int) -> bool:
    """True when sorted hashes have one."""
    at = int(np.searchsorted(hashes, np.uint64(wanted)))
    return at < len(hashes) and int(hashes[at]) == wanted


def read_hashes(reply: Reply, version: str) -> Hashes | None:
    """Return the sorted hashes of an answer, None if they are none or of another version."""
    if not reply.ok or reply.version != version or len(reply.body) % 8:
        return None
    found = np.frombuffer(reply.body, dtype="<u8").astype(np.uint64)
    if len(found) > 1 and not bool(np.all(found[1:] > found[:-1])):
        return None
    return found


class TermDesk:
    """Fetches terms when versions change, and keeps the result per caller."""

    def __init__(self, pool: MemberPool) -> None:
        self._pool = pool
        self._kept: dict[str, Terms] = {}
        self._hashes: dict[tuple[str, str, str], Hashes] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def of(
        self,
        members: Mapping[str, Member],
        known: Mapping[str, Known],
        identity: Identity,
        deadline: float,
    ) -> Terms:
        """Return the terms that belong to the summaries given."""
        versions = {name: k.summary.version for name, k in known.items() if k.summary}
        async with self._locks.setdefault(identity.key, asyncio.Lock()):
            kept = self._kept.get(identity.key)
            if kept is not None and kept.versions == versions:
                return kept
            if len(self._kept) > 256:
                self._kept.clear()
                self._hashes.clear()
            made = await self._make(members, versions, identity, deadline)
            self._kept[identity.key] = made
            return made

    async def _make(
        self,
        members: Mapping[str, Member],
        versions: Mapping[str, str],
        identity: Identity,
        deadline: float,
    ) -> Terms:
        listed = await asyncio.gather(
            *(self._terms(members[m], versions[m], identity, deadline) for m in versions)
        )
        hashes = {m: h for m, h in zip(versions, listed, strict=True) if h is not None}
        if len(hashes) < len(versions) or not hashes:
            return Terms(versions, hashes, {})  # terms of one unknown: any could be shared with it
        every = np.concatenate(list(hashes.values()))
        every.sort()
        shared = np.unique(every[1:][every[1:] == every[:-1]])
        told = await asyncio.gather(
            *(self._shared(members[m], versions[m], shared, identity, deadline) for m in versions)
        )
        positions = {m: p for m, p in zip(versions, told, strict=True) if p is not None}
        return Terms(versions, hashes, positions, shared)

    async def named(
        self,
        hashes: list[int],
        members: Iterable[Member],
        identity: Identity,
        deadline: float,
    ) -> list[str] | None:
        """Return the IRIs (in brackets) behind hashes, None if a member does not tell them all."""
        body = np.array(hashes, dtype="<u8").tobytes()
        found: dict[int, str] = {}
        for member in members:
            reply = await self._pool.ask(
                member, identity, "POST", "/summary/shared?names=1", JSON, deadline,
                headers={"Content-Type": BINARY}, body=body, max_bytes=_MAX_BYTES,
            )  # fmt: skip
            try:
                told = orjson.loads(reply.body)["names"] if reply.ok else []
                names = [name for name in told if isinstance(name, str)]
            except (ValueError, KeyError, TypeError):
                names = []
            found |= {term_hash(name): name for name in names if IRI.fullmatch(f"<{name}>")}
            if found.keys() >= set(hashes):
                return [f"<{found[hashed]}>" for hashed in hashes]
        return None

    async def _terms(
        self, member: Member, version: str, identity: Identity, deadline: float
    ) -> Hashes | None:
        key = (identity.key, member.id, version)
        if key in self._hashes:
            return self._hashes[key]
        reply = await self._pool.ask(
            member, identity, "GET", "/summary/terms", BINARY, deadline, max_bytes=_MAX_BYTES
        )
        found = read_hashes(reply, version)
        if found is None:
            return None
        self._hashes = {k: v for k, v in self._hashes.items() if k[:2] != key[:2]}
        self._hashes[key] = found
        return found

    async def _shared(
        self, member: Member, version: str, shared: Hashes, identity: Identity, deadline: float
    ) -> _Positions | None:
        reply = await self._pool.ask(
            member, identity, "POST", "/summary/shared", JSON, deadline,
            headers={"Content-Type": BINARY}, body=shared.astype("<u8").tobytes(),
            max_bytes=_MAX_BYTES,
        )  # fmt: skip
        if not reply.ok or reply.version != version:
            return None
        try:
            document = orjson.loads(reply.body)
            predicates = {
                f"<{iri}>": (_tokens(entry["subjects"]), _tokens(entry["objects"]))
                for iri, entry in document["predicates"].items()
            }
            classes = {
                f"<{iri}>": _tokens(entry["subjects"]) for iri, entry in document["classes"].items()
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        return _Positions(predicates, classes)


def _tokens(document: Mapping[str, object]) -> Tokens:
    listed = document["shared"]
    shared = None if not isinstance(listed, list) else frozenset(int(at) for at in listed)
    return Tokens(shared, bool(document["local"]), bool(document["literals"]))
