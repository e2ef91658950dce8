"""The membership document: who belongs to the scheme, where they are, and which keys are theirs.

In: a compact JWS by the scheme's key, pinned when joining. Out: frozen ``Members``. A document
that is forged, malformed, expired or older than the one known is refused; so is one in which two
members share an id, a key or an address, since then a token would not say who calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson

from kgnode.errors import BadRequest, MembersExpired, MembersInvalid
from kgnode.home import DEFAULT_BOUNDARY_BASE
from kgnode.names import IDENTIFIER
from kgnode.trust.keys import SigningKey, key_algorithm, verify_compact

TYP = "gridspine-members+jws"
MAX_BYTES = 4 << 20


@dataclass(frozen=True)
class Member:
    """One organisation of the scheme.

    Attributes:
        id: member id, for example ``DNOA``.
        name: name for people.
        status: ``active`` or ``suspended``.
        licence_role: TNO, DNO, ESO or what else the scheme has; a group policies can name.
        node: URL of its node.
        gateway: URL of its federation gateway, None without one.
        jwks: public JWK set its tokens are signed with.
        datasets: ids of the data sets it is known to hold.
        groups: further groups that the scheme puts it in.
        kind: ``node``, or ``sparql`` where ``node`` is the address of somebody's plain SPARQL
            endpoint: it has no keys, so nobody of it calls and no token is for it.
        max_rows: where such an endpoint cuts its results, None if it is not known.
    """

    id: str
    name: str
    licence_role: str
    node: str
    gateway: str | None = None
    jwks: Mapping[str, Any] = field(default_factory=lambda: {"keys": []})
    datasets: tuple[str, ...] = ()
    status: str = "active"
    groups: tuple[str, ...] = ()
    kind: str = "node"
    max_rows: int | None = None

    @property
    def keys(self) -> dict[str, Mapping[str, Any]]:
        """Key id -> public JWK."""
        return {key["kid"]: key for key in self.jwks["keys"]}

    @property
    def all_groups(self) -> frozenset[str]:
        """The groups its callers are in: its licence role and what the scheme adds."""
        return frozenset({self.licence_role, *self.groups})


@dataclass(frozen=True)
class Members:
    """A membership document that has been understood."""

    scheme: str
    sequence: int
    issued: datetime
    expires: datetime
    boundary_base: str
    members: tuple[Member, ...] = ()

    def member(self, member_id: str) -> Member | None:
        """Return the member with that id, whatever its status."""
        return next((m for m in self.members if m.id == member_id), None)

    def active(self, member_id: str) -> Member | None:
        """Return the member with that id if it is active."""
        found = self.member(member_id)
        return found if found is not None and found.status == "active" else None

    def at_node(self, url: str) -> Member | None:
        """Return the active member whose node has that URL."""
        found = self._at("node", url)
        return found if found is not None and found.kind == "node" else None

    def at_gateway(self, url: str) -> Member | None:
        """Return the active member whose gateway has that URL."""
        return self._at("gateway", url)

    def _at(self, kind: str, url: str) -> Member | None:
        wanted = address(url)
        for member in self.members:
            place = getattr(member, kind)
            if member.status == "active" and place is not None and address(place) == wanted:
                return member
        return None

    def add(self, member: Member) -> Members:
        """Return the document with one more member, or with that member replaced."""
        kept = tuple(m for m in self.members if m.id != member.id)
        return replace(self, members=tuple(sorted((*kept, member), key=lambda m: m.id)))

    def suspend(self, member_id: str) -> Members:
        """Return the document with a member suspended: its tokens count for nothing."""
        return self.add(replace(self._known(member_id), status="suspended"))

    def resume(self, member_id: str) -> Members:
        """Return the document with a member active again."""
        return self.add(replace(self._known(member_id), status="active"))

    def rotate(self, member_id: str, jwk: Mapping[str, Any], *, keep_old: bool = True) -> Members:
        """Return the document with a new key for a member; old ones stay until dropped."""
        member = self._known(member_id)
        old = [k for k in member.jwks["keys"] if k["kid"] != jwk["kid"]] if keep_old else []
        return self.add(replace(member, jwks={"keys": [dict(jwk), *old]}))

    def issue(self, now: datetime, days: float = 30) -> Members:
        """Return the document ready to be signed: next sequence number, new dates."""
        moment = now.astimezone(UTC).replace(microsecond=0)
        return replace(
            self,
            sequence=self.sequence + 1,
            issued=moment,
            expires=moment + timedelta(days=days),
        )

    def _known(self, member_id: str) -> Member:
        member = self.member(member_id)
        if member is None:
            raise BadRequest(
                f"{member_id!r} is not in the membership document.",
                hint=f"Members: {', '.join(m.id for m in self.members) or 'none'}.",
            )
        return member

    def to_json(self) -> dict[str, Any]:
        """Return the document that is signed."""
        return {
            "scheme": self.scheme,
            "sequence": self.sequence,
            "issued": self.issued.isoformat(),
            "expires": self.expires.isoformat(),
            "boundary_base": self.boundary_base,
            "members": [asdict(member) for member in self.members],
        }


def new_members(scheme: str, boundary_base: str = DEFAULT_BOUNDARY_BASE) -> Members:
    """Return an empty document, not yet issued."""
    if not IDENTIFIER.match(scheme):
        raise BadRequest(f"{scheme!r} cannot name a scheme.", hint="Use letters, digits, dashes.")
    start = datetime.fromtimestamp(0, UTC)
    return Members(scheme, 0, start, start, boundary_base)


def sign_members(members: Members, key: SigningKey) -> str:
    """Return the compact JWS of an issued document, after checking it as a reader would.

    Raises:
        MembersInvalid: the document would be refused by those who read it.
    """
    parse_members(members.to_json())
    return key.sign(orjson.dumps(members.to_json()), TYP)


def load_members(
    jws: str | bytes, scheme_key: Mapping[str, Any], now: datetime, known_sequence: int = 0
) -> Members:
    """Check and read a membership document.

    Args:
        jws: the compact JWS.
        scheme_key: public JWK of the scheme, as pinned.
        now: the time against which expiry is judged.
        known_sequence: sequence of the document known so far; an equal one is accepted.

    Raises:
        MembersInvalid: signature, form or sequence is wrong.
        MembersExpired: its time is over.
    """
    text = jws.decode("ascii", "replace") if isinstance(jws, bytes) else jws
    if len(text) > MAX_BYTES:
        raise _invalid("it is too large")
    try:
        _, payload = verify_compact(text.strip(), {str(scheme_key.get("kid")): scheme_key}, TYP)
        document = orjson.loads(payload)
    except ValueError as error:
        raise _invalid(f"its {error} is not that of the scheme") from error
    members = parse_members(document)
    if members.sequence < known_sequence:
        raise _invalid(f"it has sequence {members.sequence}, {known_sequence} is already known")
    if now >= members.expires:
        raise MembersExpired(
            f"The membership document expired on {members.expires:%Y-%m-%d %H:%M} UTC.",
            hint="Get the current one from the scheme and join again with it.",
        )
    return members


def parse_members(document: Any) -> Members:
    """Read the JSON form of a membership document strictly.

    Raises:
        MembersInvalid: something is missing, of the wrong kind, or not unique.
    """
    try:
        members = Members(
            scheme=_text(document["scheme"]),
            sequence=_number(document["sequence"]),
            issued=_time(document["issued"]),
            expires=_time(document["expires"]),
            boundary_base=_text(document["boundary_base"]),
            members=tuple(_member(item) for item in document["members"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _invalid(f"it is malformed ({error})") from error
    for what, values in _unique(members):
        if len(values) != len(set(values)):
            raise _invalid(f"two members have the same {what}")
    return members


def _unique(members: Members) -> Iterator[tuple[str, list[str]]]:
    yield "id", [m.id for m in members.members]
    yield "key", [kid for m in members.members for kid in m.keys]
    yield "node address", [address(m.node) for m in members.members]
    yield "gateway address", [address(m.gateway) for m in members.members if m.gateway]


def _member(item: Mapping[str, Any]) -> Member:
    keys = tuple(dict(key) for key in item["jwks"]["keys"])
    for key in keys:
        if key_algorithm(key) is None or "d" in key:
            raise ValueError("a key is not a public Ed25519 or P-256 key")
        _text(key["kid"])
    status = item["status"]
    if status not in ("active", "suspended"):
        raise ValueError(f"status {status!r}")
    member_id = _text(item["id"])
    if not IDENTIFIER.match(member_id):
        raise ValueError(f"id {member_id!r}")
    gateway = item.get("gateway")
    kind, max_rows = item.get("kind", "node"), item.get("max_rows")
    if kind not in ("node", "sparql") or (kind == "sparql" and (keys or gateway is not None)):
        raise ValueError(f"kind {kind!r} with these keys or this gateway")
    return Member(
        id=member_id,
        name=_text(item["name"]),
        licence_role=_text(item["licence_role"]),
        node=_url(item["node"]),
        gateway=None if gateway is None else _url(gateway),
        jwks={"keys": keys},
        datasets=tuple(_text(name) for name in item.get("datasets", ())),
        status=status,
        groups=tuple(_text(name) for name in item.get("groups", ())),
        kind=kind,
        max_rows=None if max_rows is None else max(1, _number(max_rows)),
    )


def address(url: str) -> str:
    """Return a URL in the form in which two are compared: lower-case host, no trailing slash."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > 2048:
        raise ValueError(f"{value!r} is no text")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no sequence number")
    return value


def _time(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no zone")
    return moment.astimezone(UTC)


def _url(value: Any) -> str:
    parts = urlsplit(_text(value))
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise ValueError(f"{value!r} is no plain http address")
    return str(value)


def _invalid(why: str) -> MembersInvalid:
    return MembersInvalid(
        f"The membership document is refused: {why}.",
        hint="Get the current document, and the scheme's key, from the scheme itself.",
    )
