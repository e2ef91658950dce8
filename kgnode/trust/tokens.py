"""Access tokens: made by a caller's own organisation, checked by every node they are meant for.

In: an ``Authorization`` header. Out: a ``Caller``, or an ``IdentityError`` with one useful word.
JWT profile for access tokens (RFC 9068: ``typ`` ``at+jwt``) with the best practice of RFC 8725: the
algorithm follows from the key, the issuer must be an active member and equal ``org``, the audience
is exactly this node, and a token lives minutes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from kgnode.errors import GridspineError, IdentityError
from kgnode.policy.caller import Caller, concept
from kgnode.settings import Settings
from kgnode.trust.keys import SigningKey, unchecked_payload, verify_compact
from kgnode.trust.members import Member, Members, address

TYP = "at+jwt"
MAX_CHARACTERS = 8192
MAX_NAMES = 64
WORDS = {
    "form": "The token is malformed.",
    "header": "The token's header has members that are not accepted.",
    "type": "The token is not an access token.",
    "algorithm": "The token's algorithm is not accepted.",
    "key": "The token's key is not known.",
    "signature": "The token's signature does not verify.",
    "claims": "The token's claims are incomplete or malformed.",
    "issuer": "The token's issuer is not accepted.",
    "audience": "The token is not meant for this node.",
    "early": "The token is not valid yet.",
    "expired": "The token has expired.",
    "lifetime": "The token's lifetime is too long.",
    "actor": "The token's actor is not accepted.",
    "scheme": "The Authorization header is not a Bearer token.",
    "members": "Tokens cannot be checked at present.",
    "replayed": "The token has been used before.",
}
"""What a refused token is told; nothing else leaves the node."""


def refusal(word: str) -> IdentityError:
    """Return the 401 for one of the words above."""
    return IdentityError(
        WORDS[word],
        hint="Ask your organisation's node for a new token: kgnode token HOME ...",
        detail={"reason": word},
    )


@dataclass(frozen=True)
class Claims:
    """The claims of a token whose signature and times have been checked."""

    issuer: Member
    subject: str
    audience: str
    expires: datetime
    jti: str
    everything: Mapping[str, Any]


def issue_token(
    key: SigningKey,
    org: str,
    sub: str,
    *,
    roles: Iterable[str],
    purpose: str | None,
    audience: str,
    now: datetime | None = None,
    ttl_seconds: int = 300,
    act: str | None = None,
    groups: Iterable[str] = (),
) -> str:
    """Return a signed access token for one audience.

    Args:
        key: the organisation's signing key.
        org: member id; becomes ``iss`` and ``org``.
        sub: who calls, as the organisation names them.
        roles: roles given.
        purpose: the purpose stated.
        audience: URL of the one node or gateway it is for.
        now: time of issue.
        ttl_seconds: seconds until it expires.
        act: member id of the gateway that may use it, None for the caller alone.
        groups: groups within the organisation, without its prefix.
    """
    issued = int((now or datetime.now(UTC)).timestamp())
    claims: dict[str, Any] = {
        "iss": org,
        "org": org,
        "sub": sub,
        "roles": sorted(roles),
        "purpose": purpose,
        "aud": audience,
        "iat": issued,
        "exp": issued + ttl_seconds,
        "jti": secrets.token_urlsafe(12),
    }
    if act is not None:
        claims["act"] = act
    if groups := sorted(groups):
        claims["groups"] = groups
    return key.sign(orjson.dumps(claims), TYP)


class Verifier:
    """Turns an ``Authorization`` header into a caller.

    Args:
        members: gives the membership document in force at a time.
        audience: URL of this node or gateway.
        settings: clock skew and longest life.
    """

    def __init__(
        self, members: Callable[[datetime], Members], audience: str, settings: Settings
    ) -> None:
        self.members = members
        self.audience = audience
        self.settings = settings

    def caller(self, authorization: str | None, now: datetime | None = None) -> Caller:
        """Return who calls; without a header, the public.

        Raises:
            IdentityError: a token was given and does not prove who calls.
        """
        if authorization is None:
            return Caller.public()
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise refusal("scheme")
        moment = now or datetime.now(UTC)
        try:
            members = self.members(moment)
        except GridspineError as error:
            raise refusal("members") from error
        claims = check(token.strip(), members, self.audience, self.settings, moment, typ=TYP)
        return _caller(claims, members)


def ends(authorization: str) -> datetime:
    """Return when the token of a header that was found good runs out.

    Raises:
        ValueError: it holds no such time.
    """
    expires = unchecked_payload(authorization.partition(" ")[2].strip()).get("exp")
    if not isinstance(expires, int):
        raise ValueError("a token without an end")
    return datetime.fromtimestamp(expires, UTC)


def check(
    token: str, members: Members, audience: str, settings: Settings, now: datetime, *, typ: str
) -> Claims:
    """Check form, issuer, signature, audience and times of a token, in that order.

    Raises:
        IdentityError: with the word of the first that fails.
    """
    if len(token) > MAX_CHARACTERS:
        raise refusal("form")
    stated = unchecked_payload(token).get("iss")  # only to look up whose keys must verify it
    issuer = members.active(stated) if isinstance(stated, str) else None
    try:
        _, payload = verify_compact(token, issuer.keys if issuer is not None else {}, typ)
    except ValueError as error:
        word = str(error)
        raise refusal("issuer" if issuer is None and word == "key" else word) from error
    if issuer is None:
        raise refusal("issuer")
    claims = _object(payload)
    return _timely(_claims(issuer, claims), audience, settings, now)


def _object(payload: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(payload)
    except ValueError as error:
        raise refusal("form") from error
    if not isinstance(document, dict):
        raise refusal("form")
    return document


def _claims(issuer: Member, claims: dict[str, Any]) -> Claims:
    texts = [claims.get(name) for name in ("sub", "aud", "jti")]
    if not all(isinstance(text, str) and 0 < len(text) <= 512 for text in texts):
        raise refusal("claims")
    numbers = [claims.get("iat"), claims.get("exp"), claims.get("nbf", 0)]
    if not all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**40 for n in numbers):
        raise refusal("claims")
    if claims.get("org", issuer.id) != issuer.id or claims.get("iss") != issuer.id:
        raise refusal("issuer")
    return Claims(
        issuer,
        claims["sub"],
        claims["aud"],
        datetime.fromtimestamp(claims["exp"], UTC),
        claims["jti"],
        claims,
    )


def _timely(claims: Claims, audience: str, settings: Settings, now: datetime) -> Claims:
    if claims.audience != audience and address(claims.audience) != address(audience):
        raise refusal("audience")
    moment = now.timestamp()
    skew = settings.clock_skew_seconds
    issued, expires = claims.everything["iat"], claims.everything["exp"]
    if not 0 < expires - issued <= settings.token_max_seconds:
        raise refusal("lifetime")
    if issued > moment + skew or claims.everything.get("nbf", 0) > moment + skew:
        raise refusal("early")
    if expires <= moment - skew:
        raise refusal("expired")
    return claims


def _caller(claims: Claims, members: Members) -> Caller:
    given = claims.everything
    if given.get("org") != claims.issuer.id:
        raise refusal("issuer")
    actor = given.get("act")
    if actor is not None and (not isinstance(actor, str) or members.active(actor) is None):
        raise refusal("actor")
    purpose = given.get("purpose")
    if purpose is not None and (not isinstance(purpose, str) or not 0 < len(purpose) <= 512):
        raise refusal("claims")
    groups = frozenset(f"{claims.issuer.id}/{name}" for name in _names(given.get("groups", [])))
    return Caller(
        org=claims.issuer.id,
        sub=claims.subject,
        roles=frozenset(concept(name) for name in _names(given.get("roles"))),
        purpose=None if purpose is None else concept(purpose),
        act=actor,
        groups=claims.issuer.all_groups | groups,
        proof="token",
    )


def _names(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > MAX_NAMES:
        raise refusal("claims")
    if not all(isinstance(name, str) and 0 < len(name) <= 512 for name in value):
        raise refusal("claims")
    return value
