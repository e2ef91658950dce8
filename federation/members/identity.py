"""For whom a gateway asks the members: one short-lived token per member, got by exchange.

In: the caller that the gateway has verified, with the token shown to it. Out: an ``Identity``
whose tokens come from the caller's own node (RFC 8693), each for one member's node, naming this
gateway as the actor. The gateway cannot make such tokens itself. Without a token the caller is
the public.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from hashlib import blake2b
from urllib.parse import urlencode

import orjson

from federation.members.http import BrokenAnswer, HttpPool, TooLarge, Unreachable
from federation.members.pool import Identity, Member, Refused
from kgnode.policy.caller import Caller
from kgnode.trust import Members, SigningKey, Verifier, actor_token
from kgnode.trust.exchange import GRANT, JWT_TYPE

_EARLY_SECONDS = 15
_KEPT = 4096


@dataclass(frozen=True)
class GatewayCaller(Caller):
    """A verified caller together with the token that was shown to the gateway."""

    token: str = field(default="", repr=False)


def authenticate(verifier: Verifier) -> Callable[[str | None], Caller]:
    """Return what turns an ``Authorization`` header into a ``GatewayCaller``."""

    def caller(header: str | None) -> Caller:
        found = verifier.caller(header)
        if header is None or found.is_public:
            return found
        values = {f.name: getattr(found, f.name) for f in fields(Caller)}
        return GatewayCaller(**values, token=header.partition(" ")[2].strip())

    return caller


def identity_key(caller: Caller) -> str:
    """Return what separates caches: equal only for callers with the same rights."""
    if caller.is_public:
        return "public"
    parts = [caller.org or "", caller.sub, caller.purpose or "", *sorted(caller.roles), "|"]
    parts += sorted(caller.groups)
    return blake2b("\x00".join(parts).encode(), digest_size=16).hexdigest()


class Exchanger:
    """Gets tokens for members at the caller's own node, and keeps them while they live."""

    def __init__(
        self, key: SigningKey, org: str, members: Callable[[datetime], Members], http: HttpPool
    ) -> None:
        self._key, self._org, self._members, self._http = key, org, members, http
        self._kept: dict[tuple[str, str], tuple[str, float]] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    def identity(self, caller: Caller) -> Identity:
        """Return the identity to ask members with."""
        if caller.is_public or not isinstance(caller, GatewayCaller):
            return Identity()
        shown = caller

        async def token(member: Member) -> str | None:
            return await self._token(shown, member)

        return Identity(identity_key(caller), token, caller.org)

    async def _token(self, caller: GatewayCaller, member: Member) -> str:
        key = (blake2b(caller.token.encode(), digest_size=16).hexdigest(), member.node)
        kept = self._kept.get(key)
        if kept is not None and kept[1] > time.monotonic():
            return kept[0]
        async with self._locks.setdefault(key, asyncio.Lock()):
            kept = self._kept.get(key)
            if kept is not None and kept[1] > time.monotonic():
                return kept[0]
            if len(self._kept) >= _KEPT:
                self._kept.clear()
                self._locks.clear()
            token, seconds = await self._exchange(caller, member)
            self._kept[key] = (token, time.monotonic() + max(0, seconds - _EARLY_SECONDS))
            return token

    async def _exchange(self, caller: GatewayCaller, member: Member) -> tuple[str, int]:
        home = self._members(datetime.now(UTC)).active(caller.org or "")
        if home is None:
            raise Refused("the caller's organisation is not an active member")
        form = {
            "grant_type": GRANT,
            "subject_token": caller.token,
            "subject_token_type": JWT_TYPE,
            "actor_token": actor_token(self._key, self._org, home.node),
            "actor_token_type": JWT_TYPE,
            "audience": member.node,
        }
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        url = home.node.rstrip("/") + "/token"
        try:
            response = await self._http.request(
                "POST", url, headers, urlencode(form).encode(), max_bytes=1 << 16
            )
        except Unreachable as error:
            raise Unreachable(f"the caller's own node gives no token: {error}") from error
        except (BrokenAnswer, TooLarge) as error:
            raise Refused(f"the caller's own node gives no token: {error}") from error
        if response.status != 200:
            raise Refused(f"the caller's own node refused a token ({response.status})")
        try:
            document = orjson.loads(response.body)
            return str(document["access_token"]), int(document["expires_in"])
        except (ValueError, KeyError, TypeError) as error:
            raise Refused("the caller's own node answered no token") from error
