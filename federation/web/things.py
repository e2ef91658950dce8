"""What a thing on the drawing is, where it stands and which member serves it.

In: the IRI of a place, IRIs of things, or a part of a name; who calls. Out: the things that members
show this caller, each with its member: every member is asked by itself, so that whose it is is
known. What no member shows is not there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from federation.members.pool import RESULTS_JSON, Identity, Member, Reply
from federation.members.subquery import TERM
from federation.run import Federation
from kgnode.errors import BadRequest

QUERIES = Path(__file__).parent / "queries"
MOST = 500
_SECONDS = 8.0
_MOST_BYTES = 16 << 20
_GENERAL = ("#Equipment", "#PowerSystemResource", "#IdentifiedObject", "#ConductingEquipment")
"""Classes that SSH files put beside the real one."""


@dataclass(frozen=True)
class Thing:
    """One thing of one member; ``place`` and ``level`` are IRIs, '' where they are not shown."""

    iri: str
    name: str
    kind: str
    member: str
    place: str
    level: str
    open: bool | None


@dataclass(frozen=True)
class Found:
    """The things found, and the members that could not be asked with the reason."""

    things: tuple[Thing, ...]
    lost: dict[str, str]

    def to_json(self) -> dict[str, object]:
        """Return plain values."""
        return asdict(self)


async def of_place(federation: Federation, identity: Identity, place: str) -> Found:
    """Return what stands in a substation or voltage level."""
    return await _things(federation, identity, "things_of_place", [_iri(place)])


async def by_iri(federation: Federation, identity: Identity, iris: Iterable[str]) -> Found:
    """Return what things are and where they stand."""
    wanted = sorted({_iri(iri) for iri in iris})
    if len(wanted) > MOST:
        raise BadRequest(f"More than {MOST} things are asked for.", hint="Ask for fewer at once.")
    return await _things(federation, identity, "things_by_iri", wanted)


async def by_name(federation: Federation, identity: Identity, text: str) -> Found:
    """Return equipment and substations whose name contains some text."""
    if len(text.strip()) < 2:
        raise BadRequest("The name is too short to look for.", hint="Type two letters or more.")
    wanted = orjson.dumps(text.strip().lower()[:100]).decode()
    if not TERM.fullmatch(wanted):
        raise BadRequest("The name has a control character.", hint="Type letters and digits.")
    return await _things(federation, identity, "things_by_name", [wanted])


async def served(federation: Federation, identity: Identity) -> dict[str, str]:
    """Return which member serves each voltage level and line, as far as they can be asked."""
    told = await _ask(federation, identity, (QUERIES / "owners.rq").read_text(encoding="utf-8"))
    return {row["thing"]: member.id for member, rows, _ in told for row in rows}


def _iri(text: str) -> str:
    if not TERM.fullmatch(term := f"<{text}>"):
        raise BadRequest(f"{text[:100]!r} is no IRI.", hint="Give an absolute IRI.")
    return term


async def _things(
    federation: Federation, identity: Identity, name: str, values: list[str]
) -> Found:
    query = (QUERIES / f"{name}.rq").read_text(encoding="utf-8")
    query = query.replace("{}", "{ " + " ".join(values) + " }", 1)
    found: dict[tuple[str, str], Thing] = {}
    lost = {}
    for member, rows, failed in await _ask(federation, identity, query):
        if failed:
            lost[member.id] = failed
        for row in rows:
            key = (member.id, row["thing"])
            if key not in found or row["class"].endswith(_GENERAL) < found[key].kind.endswith(
                _GENERAL
            ):
                found[key] = Thing(
                    row["thing"],
                    row["name"],
                    row["class"],
                    member.id,
                    row.get("place", ""),
                    row.get("level", ""),
                    row["open"] == "true" if "open" in row else None,
                )
    ordered = sorted(found.values(), key=lambda one: (one.name, one.iri))
    return Found(tuple(ordered), lost)


async def _ask(
    federation: Federation, identity: Identity, text: str
) -> list[tuple[Member, list[dict[str, str]], str]]:
    deadline = time.monotonic() + _SECONDS
    nodes = [member for member in federation.members.values() if not member.plain]
    replies = await asyncio.gather(
        *(
            federation.pool.query(
                member, identity, text, RESULTS_JSON, deadline, max_bytes=_MOST_BYTES
            )
            for member in nodes
        )
    )
    return [(member, *_rows(reply)) for member, reply in zip(nodes, replies, strict=True)]


def _rows(reply: Reply) -> tuple[list[dict[str, str]], str]:
    if not reply.ok:
        return [], f"{reply.outcome} {reply.detail}".strip()
    try:
        bindings = orjson.loads(reply.body)["results"]["bindings"]
        return [{k: str(v["value"]) for k, v in row.items()} for row in bindings], ""
    except (ValueError, KeyError, TypeError, AttributeError):
        return [], "protocol: its answer is no table of results"
