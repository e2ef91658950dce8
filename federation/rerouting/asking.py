"""Members asked for what a study needs: the grid's columns and the models' triples.

In: the members of a federation, the pool that asks them and the caller's identity; every node
applies its own policy to that caller. Out: answers by organisation with the version of each view,
and, for those that failed, why. Nothing is fetched from anywhere else.
"""

from __future__ import annotations

import asyncio
import csv
import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from pyoxigraph import NamedNode, RdfFormat, parse

from federation.members.pool import JSON, NTRIPLES, Identity, Member, MemberPool, Reply
from federation.rerouting.extract import ASKED
from federation.rerouting.grid import Gap, ModelVersion
from federation.rerouting.questions import (
    FOLDER,
    Columns,
    Question,
    bound,
    columns_of,
    question,
)
from kgnode.cim.headers import Header
from kgnode.errors import MemberError
from kgnode.names import CIM16, CIM100, authority

if TYPE_CHECKING:
    from kgnode.cim.writer import ExportModel

CSV = "text/csv"
MODEL = (FOLDER / "model.construct.rq").read_text()
_WORDS = {"none": "none", "some": "some"}
NETWORK_PROFILES = ("Equipment", "Operation", "ShortCircuit", "SteadyStateHypothesis", "Topology")
"""Words in profile IRIs of the models a network is made of; state variables are recalculated."""


@dataclass(frozen=True)
class Answered:
    """What the members told.

    Attributes:
        answers: organisation -> question -> columns; members that failed are not in it.
        versions: organisation -> digest of the view the caller has there.
        withheld: organisation -> its data sets with network models -> ``none``, ``some`` or
            ``undisclosed``, as it declares to the caller.
        policies: organisation -> digest of the policy decision behind the view.
        mappings: organisation -> mapping sets it applied, with version and digest.
        lost: one gap per member that could not be asked.
    """

    answers: Mapping[str, Mapping[str, Columns]]
    versions: Mapping[str, str]
    withheld: Mapping[str, Mapping[str, str]]
    lost: tuple[Gap, ...]
    policies: Mapping[str, str] = field(default_factory=dict)
    mappings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


async def ask_members(
    pool: MemberPool, identity: Identity, members: Sequence[Member], *, seconds: float
) -> Answered:
    """Ask every member every question of a grid, in parallel and as the caller.

    A member that fails is reported as a gap; the others' answers stand.
    """
    deadline = time.monotonic() + seconds
    told, declared = await asyncio.gather(
        asyncio.gather(*(_ask_one(pool, identity, m, deadline) for m in members)),
        asyncio.gather(*(_declared(pool, identity, m, deadline) for m in members)),
    )
    answers: dict[str, Mapping[str, Columns]] = {}
    views: dict[str, Reply] = {}
    lost: list[Gap] = []
    for member, (columns, view, failure) in zip(members, told, strict=True):
        if failure:
            lost.append(Gap(member.id, f"its whole model ({failure})", "not there"))
        else:
            answers[member.id] = columns
            views[member.id] = view
    return Answered(
        answers,
        versions={org: view.version for org, view in views.items()},
        withheld={m.id: said for m, said in zip(members, declared, strict=True)},
        lost=tuple(lost),
        policies={org: view.policy for org, view in views.items() if view.policy},
        mappings={org: view.mappings for org, view in views.items() if view.mappings},
    )


async def fetch_models(
    pool: MemberPool,
    identity: Identity,
    members: Sequence[Member],
    models: Sequence[ModelVersion],
    *,
    seconds: float,
) -> tuple[ExportModel, ...]:
    """Return the models a network is made of, as triples each owner shows to the caller.

    A model published by several members (a boundary set) is fetched once.

    Raises:
        MemberError: a member did not give a model it had announced.
    """
    deadline = time.monotonic() + seconds
    by_id = {member.id: member for member in members}
    wanted: dict[str, ModelVersion] = {}
    for model in models:
        if any(word in profile for profile in model.profiles for word in NETWORK_PROFILES):
            wanted.setdefault(model.iri, model)
    chosen = [m for m in wanted.values() if m.owner in by_id]
    replies = await asyncio.gather(
        *(_fetch(pool, identity, by_id[model.owner], model.iri, deadline) for model in chosen)
    )
    return tuple(_model(model, reply) for model, reply in zip(chosen, replies, strict=True))


async def same_views(
    pool: MemberPool,
    identity: Identity,
    members: Sequence[Member],
    versions: Mapping[str, str],
    *,
    seconds: float,
) -> None:
    """Make sure that the caller's views are still those that were asked before.

    Raises:
        MemberError: a member's view has changed meanwhile, or it cannot be asked.
    """
    deadline = time.monotonic() + seconds
    asked = [member for member in members if member.id in versions]
    replies = await asyncio.gather(
        *(pool.query(member, identity, "SELECT ?none {}", CSV, deadline) for member in asked)
    )
    for member, reply in zip(asked, replies, strict=True):
        if not reply.ok or reply.version != versions[member.id]:
            raise MemberError(f"{member.id} published while it was asked.", hint="Ask again.")


async def _declared(
    pool: MemberPool, identity: Identity, member: Member, deadline: float
) -> Mapping[str, str]:
    """Return what a member declares to withhold, by data set that holds network models.

    A data set of which no model is shown may hold some, and counts. Saying nothing is
    ``undisclosed``.
    """
    reply = await pool.ask(member, identity, "GET", "/catalogue", JSON, deadline)
    try:
        entries = list(orjson.loads(reply.body)) if reply.ok else []
        return {
            str(entry["iri"]): _WORDS.get(str(entry["withheld"]), "undisclosed")
            for entry in entries
            if _may_hold_network(entry["models"])
        }
    except (ValueError, TypeError, KeyError):
        return {}


def _may_hold_network(models: Sequence[Mapping[str, Any]]) -> bool:
    profiles = [str(profile) for model in models for profile in model["profiles"] or ("",)]
    unknown = not profiles or "" in profiles
    return unknown or any(word in p for p in profiles for word in NETWORK_PROFILES)


async def _ask_one(
    pool: MemberPool, identity: Identity, member: Member, deadline: float
) -> tuple[Mapping[str, Columns], Reply, str]:
    async def ask(asked: Question) -> tuple[Columns, Reply]:
        reply = await pool.query(member, identity, asked.text, CSV, deadline)
        return (_columns(asked, reply) if reply.ok else {}), reply

    asked = await asyncio.gather(*(ask(question(name)) for name in ASKED))
    failed = next((reply for _, reply in asked if not reply.ok), None)
    if failed is not None:
        return {}, failed, f"{failed.outcome}: {failed.detail}" if failed.detail else failed.outcome
    answers = {name: columns for name, (columns, _) in zip(ASKED, asked, strict=True)}
    if not answers["terminals"]["terminal"]:
        instead = {"terminals_bus_branch": "terminals", "boundary_nodes_cgmes2": "boundary_points"}
        old = [*ASKED, *instead]
        cim = CIM16 if not answers["equipment"]["equipment"] else CIM100
        for name, (columns, reply) in zip(
            old, await asyncio.gather(*(ask(question(name, cim)) for name in old)), strict=True
        ):
            if reply.ok and any(columns.values()):
                answers[instead.get(name, name)] = columns
    return answers, asked[0][1], ""


async def _fetch(
    pool: MemberPool, identity: Identity, member: Member, model: str, deadline: float
) -> Reply:
    """Ask for a model's named graph, and only where there is none narrow the default graph."""
    text = bound(MODEL, "model", model)
    reply = await pool.query(member, identity, text, NTRIPLES, deadline)
    if reply.ok and not reply.body.strip():
        whole = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
        reply = await pool.query(
            member, identity, whole, NTRIPLES, deadline, default_graphs=(model,)
        )
    return reply


def _columns(asked: Question, reply: Reply) -> Columns:
    rows = csv.reader(io.StringIO(reply.body.decode()))
    next(rows, None)
    return columns_of(asked, list(rows))


def _model(model: ModelVersion, reply: Reply) -> ExportModel:
    from kgnode.cim.writer import ExportModel

    subject = NamedNode(model.iri)
    if not reply.ok:
        raise MemberError(
            f"{model.owner} did not give the model {model.iri}: {reply.outcome}.",
            hint="Ask again; the owner may have published a new version meanwhile.",
            subject=model.iri,
        )
    triples = tuple(quad.triple for quad in parse(reply.body, format=RdfFormat.N_TRIPLES))
    own = [(t.predicate.value, str(t.object.value)) for t in triples if t.subject == subject]
    used = {authority(t.predicate.value) for t in triples}
    cim = next((namespace for namespace in (CIM100, CIM16) if namespace in used), None)
    header = Header.of(model.iri, "full", own, cim)
    return ExportModel(header, triples, None, f"{model.owner}_{'_'.join(header.keywords)}.xml")
