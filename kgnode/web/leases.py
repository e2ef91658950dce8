"""Leases over HTTP: how gateways open a session and keep it, and how a summary comes with a lease.

In: requests of gateways that prove who they are, and summaries asked for within a session. Out:
JSON, and the header ``Gridspine-Lease``. The rules are those of ``kgnode.leases``; a lease says
nothing but that a view still has the version that its caller was told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import orjson
from fastapi import Request, Response

from kgnode.errors import BadRequest
from kgnode.leases import HEADER
from kgnode.policy.caller import Caller
from kgnode.trust import ends
from kgnode.web.front import Front

KEPT_MAX_BYTES = 1 << 16
_MOST_DROPPED = 4096

TagAt = Callable[[Front, Caller, Sequence[str], datetime], str]
"""Returns the entity tag of a caller's summary under mapping sets, at a moment."""


async def open_session(request: Request) -> Response:
    """Open a session for leases; the Authorization header holds a gateway's actor token."""
    here: Front = request.app.state.front
    leases = here.node.leases
    name = leases.open(here.gateway(request.headers.get("authorization")).id)
    return _answer({"session": name, "seconds": leases.seconds})


async def keep_session(request: Request, session: str) -> Response:
    """Keep a session: answers when leases are called back, at the latest after a while."""
    here: Front = request.app.state.front
    heard, dropped, over = _read(await _body(request))
    if over:
        here.node.leases.give_up(session)
        return _answer({"turn": 0, "recalled": []})
    turn, recalled = await here.node.leases.keep(session, heard, dropped)
    return _answer({"turn": turn, "recalled": recalled})


def leased(
    request: Request, here: Front, tag: str, names: Sequence[str], tag_at: TagAt
) -> dict[str, str]:
    """Return the header of a lease on what a summary is about to tell, if one is asked and given.

    There is none on a moment of the past, nor on a view that changes by itself before it would end:
    by a time in a policy, by the end of the token.
    """
    name = request.headers.get(HEADER)
    if name is None or "at" in request.query_params:
        return {}
    caller = here.caller(request)
    authorization = request.headers.get("authorization")
    if not caller.is_public and (authorization is None or caller.act is None):
        return {}
    last = None if authorization is None else ends(authorization)
    members = here.node.members_now()
    ahead = timedelta(seconds=here.node.leases.seconds)

    def look() -> str:
        nonlocal members
        now = here.now()
        if (current := here.node.members_now()) is not members:
            if current != members:  # the caller may be somebody else by it
                return ""
            members = current
        if last is not None and now + ahead >= last:
            return ""
        moments = [now, *here.node.policies().turns(now, now + ahead)]
        tags = {tag_at(here, caller, names, moment) for moment in moments}
        return tags.pop() if len(tags) == 1 else ""

    number = here.node.leases.grant(name, caller.act, tag, look)
    return {} if number is None else {HEADER: str(number)}


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > KEPT_MAX_BYTES:
            raise BadRequest(f"The body is longer than {KEPT_MAX_BYTES} bytes.", hint="Send less.")
        parts.append(part)
    return b"".join(parts)


def _read(body: bytes) -> tuple[int, list[int], bool]:
    """Read what a gateway says: the turn it has heard of, leases it dropped, whether it ends."""
    try:
        said = orjson.loads(body or b"{}")
        heard, dropped = said.get("heard", 0), said.get("dropped", [])
        numbers = isinstance(dropped, list) and all(type(number) is int for number in dropped)
        if type(heard) is not int or not numbers or len(dropped) > _MOST_DROPPED:
            raise ValueError("a number that is none")
        return heard, dropped, said.get("over") is True
    except (ValueError, AttributeError) as error:
        raise BadRequest(
            f"The body is not understood: {error}.", hint='Send {"heard": 0, "dropped": []}.'
        ) from error


def _answer(content: object) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(content), media_type="application/json", headers=headers)
