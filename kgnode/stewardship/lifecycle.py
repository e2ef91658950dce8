"""What stewards do to mapping sets: propose, review, approve, reject, retire, undo, release.

In: an open ``Node`` and a verb's arguments, among them who acts. Out: the verb's ``result``: the
claims as they stand now and the conflicts they are in. The rules stand in ``alignment.standing``;
here they meet the shelf, the journal, the event log and the home's key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kgnode.alignment import release as releases
from kgnode.alignment import sssom_json, sssom_rdf, sssom_tsv
from kgnode.alignment import standing as lifecycle
from kgnode.alignment.mapping import Mapping as Claimed
from kgnode.alignment.mapping import MappingSet, Status, kind_of
from kgnode.alignment.slots import SEMAPV
from kgnode.alignment.standing import OPEN, RELATIONS, Actor, Standing, standings, steward
from kgnode.alignment.working import Working, head_json
from kgnode.errors import BadMapping, BadRequest
from kgnode.governance import content, text
from kgnode.names import expand
from kgnode.node import Node
from kgnode.stewardship.mappings import (
    by_claim,
    caller_of,
    claim_json,
    found_conflicts,
    set_confidence,
)

Arguments = Mapping[str, Any]
Step = Callable[[str], None]
MOST_AT_ONCE = 5000


def _actor(node: Node, arguments: Arguments) -> Actor:
    return steward(caller_of(node, arguments))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _result(node: Node, name: str, changed: Sequence[Standing], **more: Any) -> dict[str, Any]:
    """Return the changed claims as they stand, with the conflicts they take part in."""
    working = node.mappings.working(name)
    terms = node.mappings.terms
    against = by_claim(found_conflicts(working, terms), working)
    return {
        "set": name,
        "changed": [
            claim_json(
                one, terms, against.get(one.key, ()), told=True, of_set=set_confidence(working)
            )
            for one in changed[:50]
        ],
        "count": len(changed),
        **more,
    }


def take_in(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Import an SSSOM document: its claims are proposals here, whatever it says of their status.

    ``file`` or ``content`` with ``form`` (tsv, json, ttl), or ``shipped``, a set that came with a
    newer product; ``set`` names the set. A claim that is there already is left alone, one that is
    denied here is refused and named.
    """
    actor = _actor(node, arguments)
    shipped = arguments.get("shipped")
    read = node.mappings.shipped_set(str(shipped)) if shipped else _read(arguments)
    name = arguments.get("set") or read.name
    releases.check_name(name, "1")
    at = _now()
    with node.writing:
        there = name in node.mappings.names()
        working = node.mappings.working(name) if there else Working(read)
        known = {standing.claim for standing in working.standings.values()}
        fresh = [
            replace(row, status=Status.PROPOSED, reviewers=(), replaced_by=None)
            for row in read.mappings
            if row.claim not in known
        ]
        blocked = [row for row in fresh if working.denial_of(row.claim) is not None]
        refused = {row.id for row in blocked}
        taken = standings(row for row in fresh if row.id not in refused)
        clash = taken.keys() & working.standings.keys()
        if clash:
            raise BadMapping(
                f"The record {min(clash)} means another mapping here.",
                hint="Give the record another record_id.",
                subject=min(clash),
            )
        head = replace(read, name=name, mappings=())
        detail: dict[str, Any] = {"source": read.label, "notes": list(read.notes[:20])}
        if not there:
            detail["head"] = head_json(head)
        changes = list(taken.values())
        node.mappings.record(name, "import", actor.org, actor.sub, at, changes, detail)
        node.events.append("mappings-imported", {"set": name, "claims": len(changes)})
    return _result(
        node,
        name,
        changes,
        known=len(read.mappings) - len(fresh),
        blocked=[row.id for row in blocked],
        notes=list(read.notes),
    )


def _read(arguments: Arguments) -> MappingSet:
    path, form = arguments.get("file"), arguments.get("form")
    data = arguments.get("content")
    if path:
        data = content(path)
        form = form or str(path).rpartition(".")[2].lower()
    if not isinstance(data, bytes):
        data = str(data or "").encode()
    name = arguments.get("set") or ""
    if form in ("tsv", "csv", None):
        return sssom_tsv.read(data, file=path, name=name)
    if form == "json":
        return sssom_json.read(data, file=path, name=name)
    if form in ("ttl", "nt", "rdf", "owl"):
        return sssom_rdf.read(data, file=path, name=name)
    raise BadRequest(f"{form!r} is no form of a mapping set.", hint="Use tsv, json, ttl or rdf.")


def propose(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Propose one mapping; a denied claim cannot be proposed."""
    actor = _actor(node, arguments)
    name = text(arguments, "set")
    relation = str(arguments.get("relation") or "exact")
    predicate = RELATIONS.get(relation) or expand(relation)
    subject, object_ = expand(text(arguments, "subject")), expand(text(arguments, "object"))
    terms = node.mappings.terms
    types = {"class": "owl class", "property": "rdf property", "": None}
    confidence = arguments.get("confidence")
    row = Claimed(
        "",
        subject,
        predicate,
        object_,
        negative=bool(arguments.get("negative")),
        kind=kind_of(predicate, (types[terms.get(subject).kind], types[terms.get(object_).kind])),
        justification=SEMAPV + str(arguments.get("justification") or "ManualMappingCuration"),
        confidence=None if confidence is None else float(confidence),
        comment=str(arguments.get("comment") or ""),
        subject_label=terms.get(subject).label,
        object_label=terms.get(object_).label,
        other={
            slot: kind
            for slot, kind in (
                ("subject_type", types[terms.get(subject).kind]),
                ("object_type", types[terms.get(object_).kind]),
            )
            if kind
        },
    )
    with node.writing:
        working = node.mappings.working(name)
        made = _fresh(working, lifecycle.propose(working.head.id, row, actor, _now()))
        node.mappings.record(name, "propose", actor.org, actor.sub, _now(), [made])
    return _result(node, name, [made])


def _fresh(working: Working, made: Standing) -> Standing:
    """Return a new claim that nothing forbids, under a key that was never used.

    Raises:
        BadMapping: it is there already, or its denial stands.
    """
    for standing in working.standings.values():
        if standing.claim == made.claim and standing.live:
            raise BadMapping(
                f"The mapping is there already, {standing.status}.",
                hint="Review that one.",
                subject=standing.key,
            )
    denial = working.denial_of(made.claim)
    if denial is not None:
        raise BadMapping(
            "The mapping was rejected, and its denial stands.",
            hint="Withdraw the denial first, saying why.",
            subject=denial.key,
        )
    key, number = made.key, 1
    while key in working.standings:
        number += 1
        key = f"{made.key}-{number}"
    return replace(made, key=key, rows=(replace(made.first, id=key),))


def _chosen(working: Working, arguments: Arguments, actor: Actor) -> list[Standing]:
    ids = arguments.get("ids") or ([arguments["id"]] if arguments.get("id") else [])
    if arguments.get("all"):
        return [
            standing
            for standing in working.standings.values()
            if standing.status in OPEN
            and actor.org not in {said.org for said in standing.approvals}
        ]
    if not ids or len(ids) > MOST_AT_ONCE:
        raise BadRequest("No mapping is named.", hint="Name its id, or several.")
    return [working.find(str(one)) for one in dict.fromkeys(ids)]


def _act(
    verb: str, change: Callable[[Working, Standing, Actor, str, Arguments], Sequence[Standing]]
) -> Callable[[Node, Arguments, Step], dict[str, Any]]:
    """Return the verb that changes each claim named, all or none."""

    def act(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
        actor = _actor(node, arguments)
        name = text(arguments, "set")
        with node.writing:
            working = node.mappings.working(name)
            at = _now()
            changes: dict[str, Standing] = {}
            for standing in _chosen(working, arguments, actor):
                for changed in change(working, standing, actor, at, arguments):
                    changes[changed.key] = changed
            told = list(changes.values())
            detail = {"text": said} if (said := _text(arguments)) else {}
            if told:
                node.mappings.record(name, verb, actor.org, actor.sub, at, told, detail)
        return _result(node, name, told)

    act.__doc__ = change.__doc__
    return act


def _text(arguments: Arguments) -> str:
    return lifecycle.clean(str(arguments.get("text") or ""))


def _review(
    working: Working, standing: Standing, actor: Actor, at: str, arguments: Arguments
) -> Sequence[Standing]:
    """Take claims into review, or say that one is unsure of them."""
    return [lifecycle.review(standing, actor, at, _text(arguments))]


def _approve(
    working: Working, standing: Standing, actor: Actor, at: str, arguments: Arguments
) -> Sequence[Standing]:
    """Approve claims; two organisations must."""
    denial = working.denial_of(standing.claim)
    if denial is not None:
        raise BadMapping(
            "The mapping is denied, so it cannot be approved.",
            hint="Withdraw one of the two.",
            subject=standing.key,
        )
    return [lifecycle.approve(standing, actor, at, _text(arguments))]


def _reject(
    working: Working, standing: Standing, actor: Actor, at: str, arguments: Arguments
) -> Sequence[Standing]:
    """Reject claims: withdrawn, and denied so that they are not proposed again."""
    if standing.first.negative:
        return [lifecycle.retire(standing, Status.WITHDRAWN, actor, at, text=_text(arguments))]
    gone, denied = lifecycle.reject(standing, working.head.id, actor, at, _text(arguments))
    if working.denial_of(standing.claim) is not None:
        return [gone]
    return [gone, _fresh(working, denied)]


def _revise(
    working: Working, standing: Standing, actor: Actor, at: str, arguments: Arguments
) -> Sequence[Standing]:
    """Claim another relation between the same terms instead."""
    old, new = lifecycle.revise(
        standing, text(arguments, "relation"), working.head.id, actor, at, _text(arguments)
    )
    new = _fresh(working, new)
    rows = tuple(replace(row, replaced_by=new.key) for row in old.rows)
    return [replace(old, rows=rows), new]


def _deprecate(
    working: Working, standing: Standing, actor: Actor, at: str, arguments: Arguments
) -> Sequence[Standing]:
    """Deprecate claims: they stay in documents and no longer work from the next release on."""
    return [_retired(working, standing, Status.DEPRECATED, actor, at, arguments)]


def _withdraw(
    working: Working, standing: Standing, actor: Actor, at: str, arguments: Arguments
) -> Sequence[Standing]:
    """Withdraw claims, naming what replaces them where something does."""
    return [_retired(working, standing, Status.WITHDRAWN, actor, at, arguments)]


def _retired(
    working: Working, standing: Standing, status: Status, actor: Actor, at: str, given: Arguments
) -> Standing:
    by = given.get("replaced_by")
    other = working.find(str(by)).key if by else None
    return lifecycle.retire(standing, status, actor, at, text=_text(given), replaced_by=other)


def _comment(
    working: Working, standing: Standing, actor: Actor, at: str, arguments: Arguments
) -> Sequence[Standing]:
    """Say something about claims."""
    if not _text(arguments):
        raise BadRequest("The comment is empty.", hint="Say something.")
    return [standing.said(actor, at, _text(arguments))]


def undo(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Take back one's own last step on a set, or the one of a number."""
    actor = _actor(node, arguments)
    name = text(arguments, "set")
    with node.writing:
        working = node.mappings.working(name)
        number = arguments.get("number")
        entry = working.undoable(actor, int(number) if number is not None else None)
        detail = {"of": entry.number, "verb": entry.verb}
        node.mappings.record(name, "undo", actor.org, actor.sub, _now(), [], detail)
        left = [working.standings[s.key] for s in entry.changes if s.key in working.standings]
    return _result(node, name, left, undone=entry.told())


CHANGING: Mapping[str, Callable[[Node, Arguments, Step], dict[str, Any]]] = {
    "mappings-import": take_in,
    "mappings-propose": propose,
    "mappings-review": _act("review", _review),
    "mappings-approve": _act("approve", _approve),
    "mappings-reject": _act("reject", _reject),
    "mappings-revise": _act("revise", _revise),
    "mappings-deprecate": _act("deprecate", _deprecate),
    "mappings-withdraw": _act("withdraw", _withdraw),
    "mappings-comment": _act("comment", _comment),
    "mappings-undo": undo,
}
