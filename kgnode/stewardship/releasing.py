"""Releases of mapping sets: made here, or taken over from another member of the scheme.

In: an open ``Node`` and a verb's arguments. Out: the verb's ``result``. A release holds what two
organisations approved (and what ended, for the record), the CONSTRUCT files of the set, and what
the reasoner said; a set with an error among its conflicts, or an incoherent one, is not released.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kgnode.alignment import release as releases
from kgnode.alignment.conflicts import conflicts
from kgnode.alignment.mapping import Mapping as Claimed
from kgnode.alignment.mapping import MappingSet, Status
from kgnode.alignment.reasoning import Verdict, reason
from kgnode.alignment.release import Release
from kgnode.alignment.standing import (
    APPROVALS,
    OPEN,
    Actor,
    Said,
    Standing,
    standings,
    steward,
)
from kgnode.alignment.working import Working
from kgnode.errors import BadMapping, Forbidden
from kgnode.governance import content, text
from kgnode.node import Node
from kgnode.stewardship.mappings import caller_of

Arguments = Mapping[str, Any]
Step = Callable[[str], None]
ENDED = frozenset({Status.DEPRECATED, Status.WITHDRAWN})


def release(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Release a set under a version: checked, reasoned about, signed, and never changed again.

    ``reasoner: false`` leaves the reasoner out, which the release then says.
    """
    actor = _own(node, arguments)
    name = text(arguments, "set")
    working = node.mappings.working(name)
    version = str(arguments.get("version") or working.head.version or "")
    releases.check_name(name, version)
    found = replace(working.head, version=version, mappings=_releasable(working))
    _must_hold_something(found)
    warnings = _must_agree(node, found)
    step("reason")
    verdict = _verdict(node, found, bool(arguments.get("reasoner", True)))
    attested = {
        "issuer": node.org,
        "released_by": actor.name,
        "issued": datetime.now(UTC).isoformat(),
        "approved": sum(row.status is Status.APPROVED for row in found.mappings),
        "organisations": _organisations(working),
        "warnings": warnings,
        "reasoning": verdict.to_json(),
        "notice": str(arguments.get("notice") or ""),
    }
    made = releases.make(found, _rules(node, name), attested, node.key.sign)
    with node.writing:
        node.mappings.keep(made)
        at = attested["issued"]
        detail = {"version": version, "sha256": made.manifest["sha256"]}
        node.mappings.record(name, "release", actor.org, actor.sub, str(at), [], detail)
        node.events.append("mappings-released", {"set": found.label, "by": actor.name})
    return {"set": name, "version": version, "release": made.told()}


def _releasable(working: Working) -> tuple[Claimed, ...]:
    """Return what two organisations approved here, and what ended."""
    return tuple(
        row
        for standing in working.standings.values()
        if standing.status in ENDED
        or (
            standing.status is Status.APPROVED
            and len({approval.org for approval in standing.approvals}) >= APPROVALS
        )
        for row in standing.rows
    )


def _must_hold_something(found: MappingSet) -> None:
    if not any(row.status is Status.APPROVED for row in found.mappings):
        raise BadMapping(
            f"Nothing in {found.name} is approved, so there is nothing to release.",
            hint="Stewards of two organisations approve a mapping.",
        )


def _must_agree(node: Node, found: MappingSet) -> int:
    """Refuse a set whose approved claims contradict each other; return the number of warnings."""
    approved = [row for row in found.mappings if row.status is Status.APPROVED]
    against = conflicts(approved, node.mappings.terms)
    errors = [conflict for conflict in against if conflict.severity == "error"]
    if errors:
        raise BadMapping(
            f"{found.name} contradicts itself: {errors[0].message}",
            hint="Withdraw one of the mappings named.",
            subject=errors[0].mappings[0],
            count=len(errors),
            detail={"conflicts": [conflict.to_json() for conflict in errors]},
        )
    return len(against)


def _verdict(node: Node, found: MappingSet, wanted: bool) -> Verdict:
    """Return what the reasoner says of the approved claims.

    Raises:
        BadMapping: they are incoherent; the smallest set of culprits is named.
    """
    if not wanted:
        return Verdict(False, reason="It was left out by who released the set.")
    approved = [row for row in found.mappings if row.works]
    verdict = reason(approved, node.mappings.terms, node.settings.reasoning_seconds)
    if verdict.coherent is False:
        empty = verdict.unsatisfiable[0] if verdict.unsatisfiable else "a class"
        raise BadMapping(
            f"By {found.name}, {empty} could have no member; together these make it so: "
            f"{', '.join(verdict.culprits) or 'the vocabularies themselves'}.",
            hint="Withdraw or change one of them.",
            subject=verdict.culprits[0] if verdict.culprits else empty,
            detail={"reasoning": verdict.to_json()},
        )
    return verdict


def _organisations(working: Working) -> list[str]:
    return sorted(
        {
            approval.org
            for standing in working.standings.values()
            if standing.status is Status.APPROVED
            for approval in standing.approvals
        }
    )


def _rules(node: Node, name: str) -> Mapping[str, str]:
    """Return the CONSTRUCT files of a set: those that come with the product, or of its release."""
    if name in node.mappings.shipped_names():
        return node.mappings.shipped_rules(name)
    return node.mappings.rules(name) if node.mappings.versions(name) else {}


def adopt(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Take over a release that another member of the scheme signed, given as a document.

    Its decisions become those of the set here, where nobody has decided otherwise: what is
    withdrawn, deprecated or denied here stays so.
    """
    actor = _own(node, arguments)
    data = content(arguments["file"]) if arguments.get("file") else arguments.get("content") or b""
    with node.writing:
        taken = node.mappings.adopt(data if isinstance(data, bytes) else str(data).encode())
        name, label = taken.mappings.name, taken.mappings.label
        changes = _adopted(node.mappings.working(name), taken)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        detail = {"source": label, "issuer": taken.manifest["issuer"]}
        node.mappings.record(name, "adopt", actor.org, actor.sub, at, changes, detail)
        node.events.append("mappings-adopted", {"set": label, "by": actor.name})
    return {"set": name, "count": len(changes), "release": taken.told()}


def _adopted(working: Working, taken: Release) -> list[Standing]:
    """Return the claims of a release as they are to stand here, by the word of who signed it."""
    issuer, told = str(taken.manifest["issuer"]), taken.mappings.label
    approvals = tuple(
        Said(str(org), "", taken.issued, f"by the word of {issuer} in {told}")
        for org in taken.manifest.get("organisations", ())
    )
    by_claim = {standing.claim: standing for standing in working.standings.values()}
    changes = []
    for standing in standings(taken.mappings.mappings).values():
        here = by_claim.get(standing.claim)
        decided = here is not None and here.status not in OPEN
        if decided or working.denial_of(standing.claim) is not None:
            continue
        if here is None and standing.key in working.standings:
            continue
        key = here.key if here else standing.key
        remarks = here.remarks if here else ()
        if standing.status is Status.APPROVED:
            changes.append(Standing(key, standing.rows, approvals, remarks))
        elif here is not None:
            changes.append(Standing(key, standing.rows, (), remarks))
    return changes


def vocabulary(node: Node, arguments: Arguments, step: Step) -> dict[str, Any]:
    """Keep a vocabulary, so that its labels, definitions and neighbours are shown and weighed.

    ``file`` or ``content`` with ``form`` (ttl, nt, rdf); ``set`` is the name it is kept under.
    """
    actor = _own(node, arguments)
    path, data = arguments.get("file"), arguments.get("content")
    if path:
        data = content(path)
    name = arguments.get("set") or Path(str(path or "")).stem
    form = str(arguments.get("form") or (Path(str(path)).suffix[1:] if path else "ttl"))
    with node.writing:
        count = node.mappings.keep_vocabulary(
            name, data if isinstance(data, bytes) else str(data or "").encode(), form
        )
        node.events.append("vocabulary-kept", {"vocabulary": name, "by": actor.name})
    return {"vocabulary": name, "terms": count}


def _own(node: Node, arguments: Arguments) -> Actor:
    """Return the steward of the home's own organisation who acts.

    Raises:
        Forbidden: somebody else acts.
    """
    actor = steward(caller_of(node, arguments))
    if actor.org != node.org:
        raise Forbidden(
            f"Only a steward of {node.org} may release, adopt or add a vocabulary here.",
            hint="Do it at your own node.",
        )
    return actor


RELEASING: Mapping[str, Callable[[Node, Arguments, Step], dict[str, Any]]] = {
    "mappings-release": release,
    "mappings-adopt": adopt,
    "mappings-vocabulary": vocabulary,
}
