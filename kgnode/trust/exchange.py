"""Token exchange at the caller's own node (RFC 8693): a gateway gets tokens, one per audience.

In: the form of ``POST /token``. Out: the JSON answer of section 2.2.1. The caller's organisation
stays the issuer: the gateway shows the token it was given (meant for it) and proves who it is with
an actor token of its own; what comes back names it in ``act`` and lives no longer than the first.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from kgnode.errors import ExchangeError, IdentityError
from kgnode.settings import Settings
from kgnode.trust.keys import SigningKey
from kgnode.trust.members import Member, Members
from kgnode.trust.tokens import TYP, Claims, check, issue_token, refusal

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"
ACCESS_TYPE = "urn:ietf:params:oauth:token-type:access_token"
ACTOR_TYP = "gridspine-actor+jwt"
ACTOR_SECONDS = 60
HINT = "docs/identity.md shows a token exchange."


class Seen:
    """Remembers which single-use tokens were used, until they expire."""

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._until: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def first(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        """Tell whether this is the first use, and remember it.

        When too many are remembered, a further one is taken as used: safe, and only under attack.
        """
        with self._lock:
            moment = now.timestamp()
            if len(self._until) >= self._most:
                self._until = {k: v for k, v in self._until.items() if v > moment}
            key = (issuer, jti)
            if self._until.get(key, 0.0) > moment or len(self._until) >= self._most:
                return False
            self._until[key] = expires.timestamp() + 3600
            return True


def actor_token(key: SigningKey, member_id: str, audience: str, now: datetime | None = None) -> str:
    """Return the short, single-use proof with which a gateway shows a node who it is."""
    issued = int((now or datetime.now(UTC)).timestamp())
    claims = {
        "iss": member_id,
        "sub": member_id,
        "aud": audience,
        "iat": issued,
        "exp": issued + ACTOR_SECONDS,
        "jti": secrets.token_urlsafe(16),
    }
    return key.sign(orjson.dumps(claims), ACTOR_TYP)


def gateway_of(
    token: str, members: Members, node_url: str, settings: Settings, seen: Seen, now: datetime
) -> Member:
    """Return the member whose gateway made an actor token for this node, and use the token up.

    Raises:
        IdentityError: it proves no gateway, or was used before.
    """
    claims = check(token, members, node_url, settings, now, typ=ACTOR_TYP)
    if claims.subject != claims.issuer.id or claims.issuer.gateway is None:
        raise refusal("actor")
    if not seen.first(claims.issuer.id, claims.jti, claims.expires, now):
        raise refusal("replayed")
    return claims.issuer


def exchange(
    form: Mapping[str, str],
    *,
    key: SigningKey,
    org: str,
    members: Members,
    node_url: str,
    settings: Settings,
    seen: Seen,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Exchange a caller's token for one at another node.

    Args:
        form: fields of the request.
        key: signing key of this node's organisation.
        org: its member id.
        members: membership document in force.
        node_url: URL of this node, the audience of actor tokens.
        settings: clock skew and longest life.
        seen: actor tokens used so far.
        now: time of the request.

    Raises:
        ExchangeError: the request is malformed or the tokens do not allow it.
    """
    moment = now or datetime.now(UTC)
    _read(form)
    actor = _actor(form["actor_token"], members, node_url, settings, seen, moment)
    subject = _subject(form["subject_token"], org, actor, members, settings, moment)
    target = members.at_node(form["audience"])
    if target is None:
        raise _refused("invalid_target", "The audience is not the node of an active member.")
    left = int(subject.expires.timestamp() - moment.timestamp())
    life = min(left, settings.token_max_seconds)
    if life <= 0:
        raise _refused("invalid_grant", "The subject token has expired.")
    given = subject.everything
    token = issue_token(
        key,
        org,
        subject.subject,
        roles=given["roles"],
        purpose=given.get("purpose"),
        audience=target.node,
        now=moment,
        ttl_seconds=life,
        act=actor.id,
        groups=given.get("groups", ()),
    )
    return {
        "access_token": token,
        "issued_token_type": ACCESS_TYPE,
        "token_type": "Bearer",
        "expires_in": life,
    }


def _read(form: Mapping[str, str]) -> None:
    if form.get("grant_type") != GRANT:
        raise _refused("unsupported_grant_type", f"grant_type must be {GRANT}.")
    for name in ("subject_token", "actor_token", "audience"):
        if not form.get(name):
            raise _refused("invalid_request", f"{name} is missing.")
    for name in ("subject_token_type", "actor_token_type"):
        if form.get(name) not in (JWT_TYPE, ACCESS_TYPE):
            raise _refused("invalid_request", f"{name} must be {JWT_TYPE}.")
    if form.get("requested_token_type", ACCESS_TYPE) not in (ACCESS_TYPE, JWT_TYPE):
        raise _refused("invalid_request", f"requested_token_type must be {ACCESS_TYPE}.")


def _actor(
    token: str, members: Members, node_url: str, settings: Settings, seen: Seen, now: datetime
) -> Member:
    claims = _checked(token, members, node_url, settings, now, ACTOR_TYP, "actor_token")
    if claims.subject != claims.issuer.id:
        raise _refused("invalid_grant", "actor_token: its subject is not its issuer.")
    if not seen.first(claims.issuer.id, claims.jti, claims.expires, now):
        raise _refused("invalid_grant", f"actor_token: {refusal('replayed').message}")
    return claims.issuer


def _subject(
    token: str, org: str, actor: Member, members: Members, settings: Settings, now: datetime
) -> Claims:
    """Check the subject token: issued here, meant for the gateway of the actor, not passed on."""
    if actor.gateway is None:
        raise _refused("invalid_grant", "The actor has no gateway.")
    claims = _checked(token, members, actor.gateway, settings, now, TYP, "subject_token")
    if claims.issuer.id != org or claims.everything.get("org") != org:
        raise _refused("invalid_grant", "subject_token: it was not issued by this node.")
    if claims.everything.get("act") is not None:
        raise _refused("invalid_grant", "subject_token: it already acts for somebody.")
    roles = claims.everything.get("roles")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise _refused("invalid_grant", f"subject_token: {refusal('claims').message}")
    return claims


def _checked(
    token: str,
    members: Members,
    audience: str,
    settings: Settings,
    now: datetime,
    typ: str,
    name: str,
) -> Claims:
    try:
        return check(token, members, audience, settings, now, typ=typ)
    except IdentityError as error:
        raise _refused("invalid_grant", f"{name}: {error.message}") from error


def _refused(oauth_error: str, message: str) -> ExchangeError:
    return ExchangeError(
        message, hint=HINT, detail={"error": oauth_error, "error_description": message}
    )
