"""Why a caller may or may not read a label, in words, clause by clause.

In: a caller, labels, the policies and the time. Out: the decision (Cedar's), and for each clause
that concerns the data set what holds and what does not. For the owner everything is told; for
others only about labels that are openly known, and hidden things look like things that are not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kgnode.errors import NotFound
from kgnode.policy.caller import Caller
from kgnode.policy.decide import Visible, targets
from kgnode.policy.labels_file import CIM_NAMESPACES
from kgnode.policy.odrl import WEEKDAYS, Clause, Constraint
from kgnode.policy.policies import Decision, Policies, Target
from kgnode.store.cells import Manifest


def explain(
    caller: Caller,
    manifests: Sequence[Manifest],
    policies: Policies,
    *,
    org: str,
    now: datetime,
    label: str | None = None,
    prop: str | None = None,
) -> dict[str, Any]:
    """Return the decision on every label of the data sets, with the clauses behind it.

    Args:
        caller: whose access is explained.
        manifests: the data sets, complete.
        policies: policies in force.
        org: organisation of the home.
        now: the time of the decision.
        label: only this label (name or IRI).
        prop: only labels that a rule gives to this property.
    """
    wanted = [
        target
        for target in targets(manifests)
        if _is_label(target.label, label) and _has_property(target, prop, manifests)
    ]
    decisions = policies.decide(caller, wanted, now)
    owner = caller.owns(org)
    return {
        "caller": _caller(caller),
        "time": now.astimezone(UTC).isoformat(),
        "owner": owner,
        "closed": policies.closed,
        "labels": [
            _explained(target, decisions[target.label], caller, policies, owner, now)
            for target in wanted
        ],
    }


def why(
    caller: Caller,
    seen: Visible,
    manifests: Sequence[Manifest],
    policies: Policies,
    *,
    now: datetime,
    dataset: str,
    label: str | None = None,
    prop: str | None = None,
) -> dict[str, Any]:
    """Return what a caller may know about one decision of the policies on themselves.

    Raises:
        NotFound: the same for what does not exist and for what the caller may not know of.
    """
    known = {manifest.dataset for manifest in seen.discoverable}
    chosen = [m for m in manifests if m.dataset in known and m.dataset == dataset]
    wanted = [
        target
        for target in targets(chosen)
        if _is_label(target.label, label)
        and _has_property(target, prop, chosen)
        and _openly_known(target, chosen)
    ]
    if not wanted:
        raise NotFound(
            "Nothing is known here under that name.",
            hint="The catalogue lists what may be asked about.",
        )
    decisions = policies.decide(caller, wanted, now)
    return {
        "dataset": dataset,
        "decisions": [
            {
                "label": target.label,
                "allowed": decisions[target.label].allowed,
                "clauses": list(decisions[target.label].clauses),
                "reason": decisions[target.label].reason,
            }
            for target in wanted
        ],
    }


def _explained(
    target: Target,
    decision: Decision,
    caller: Caller,
    policies: Policies,
    owner: bool,
    now: datetime,
) -> dict[str, Any]:
    clauses = [
        clause
        for policy in policies.policies
        for clause in policy.clauses
        if target.label in clause.targets or target.dataset in clause.targets
    ]
    return {
        "label": target.label,
        "allowed": decision.allowed or owner,
        "reason": "The owner sees everything." if owner else decision.reason,
        "clauses": list(decision.clauses),
        "considered": [
            {
                "clause": clause.id,
                "effect": "permission" if clause.effect == "permit" else "prohibition",
                "holds": not failing,
                "because": "; ".join(failing) or "everything it asks holds",
            }
            for clause in clauses
            for failing in [unmet(clause, caller, target, now)]
        ],
    }


def unmet(clause: Clause, caller: Caller, target: Target, now: datetime) -> list[str]:
    """Return what a clause asks that does not hold, in words; empty where the clause applies.

    A plain reading of the profile, beside Cedar's: tests hold the two against one another.
    """
    failing = []
    who = clause.assignee
    if who is not None:
        if who.organisations and caller.org not in who.organisations:
            failing.append(f"the organisation is none of {', '.join(who.organisations)}")
        if who.roles and not caller.roles & set(who.roles):
            failing.append(f"the role is none of {', '.join(who.roles)}")
        if who.groups and not caller.groups & set(who.groups):
            failing.append(f"the group is none of {', '.join(who.groups)}")
    for part in clause.constraints:
        if not _holds(part, caller, target, now, clause.effect == "permit"):
            failing.append(f"not so: {part.written}")
    return failing


def _holds(part: Constraint, caller: Caller, target: Target, now: datetime, permits: bool) -> bool:
    moment = now.astimezone(UTC)
    values = set(part.values)
    wanted = part.operator != "isNoneOf"
    if part.left == "dateTime":
        return _compare(int(moment.timestamp() * 1000), part)
    if part.left == "timeOfDay":
        return _compare(moment.hour * 3600 + moment.minute * 60 + moment.second, part)
    if part.left == "dayOfWeek":
        return (WEEKDAYS[moment.weekday()] in values) == wanted
    if part.left == "purpose":
        if "any" in values:
            return wanted
        if caller.purpose in (None, "any"):
            return not permits
        return (caller.purpose in values) == wanted
    if permits:
        inside = target.areas <= values if wanted else not target.areas & values
        return bool(target.areas) and inside
    return bool(target.areas & values) == wanted


def _compare(value: int, part: Constraint) -> bool:
    bound = int(part.values[0])
    return {
        "lt": value < bound,
        "lteq": value <= bound,
        "gt": value > bound,
        "gteq": value >= bound,
    }[part.operator]


def _caller(caller: Caller) -> dict[str, Any]:
    return {
        "org": caller.org,
        "sub": caller.sub,
        "roles": sorted(caller.roles),
        "groups": sorted(caller.groups),
        "purpose": caller.purpose,
        "act": caller.act,
    }


def _is_label(iri: str, label: str | None) -> bool:
    return label is None or label in (iri, iri.rsplit(":", 1)[-1])


def _has_property(target: Target, prop: str | None, manifests: Sequence[Manifest]) -> bool:
    if prop is None:
        return True
    named = set(_about(target, manifests).get("properties") or ())
    local = prop.removeprefix("cim:")
    return bool(named & {prop, *(namespace + local for namespace in CIM_NAMESPACES)})


def _openly_known(target: Target, manifests: Sequence[Manifest]) -> bool:
    return _about(target, manifests).get("sensitivity") in ("open", "shared")


def _about(target: Target, manifests: Sequence[Manifest]) -> Mapping[str, Any]:
    name = target.label.rsplit(":", 1)[-1]
    for manifest in manifests:
        if manifest.dataset == target.dataset:
            return (manifest.attributes.get("labels") or {}).get(name) or {}
    return {}
