"""Clauses as Cedar policies, and the request that Cedar decides.

In: clauses of the ODRL profile; a caller, labels and the time. Out: Cedar text and requests. What
a caller does not state counts against them: a permission that asks for it does not hold, a
prohibition that mentions it does. Every value in the text has passed the profile's patterns and is
quoted as JSON, whose escapes of these characters Cedar shares.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from kgnode.policy.caller import Caller
from kgnode.policy.odrl import WEEKDAYS, Assignee, Clause, Constraint

COMPARE = {"lt": "<", "lteq": "<=", "gt": ">", "gteq": ">="}
TIMES = {"dateTime": "now", "timeOfDay": "second"}


def policy_set(clauses: Iterable[Clause]) -> str:
    """Return the Cedar text of the clauses, each annotated with its id."""
    return "\n".join(_clause(clause) for clause in clauses)


def _clause(clause: Clause) -> str:
    conditions = [_any_of(_target(target) for target in clause.targets)]
    if clause.assignee is not None:
        conditions += _assignee(clause.assignee)
    conditions += [_constraint(part, clause.effect == "permit") for part in clause.constraints]
    return (
        f"@id({_text(clause.id)})\n{clause.effect} "
        f'(principal, action == Action::"read", resource) when {{ {" && ".join(conditions)} }};'
    )


def _target(target: str) -> str:
    if target.startswith("urn:gridspine:label:"):
        return f"resource == Label::{_text(target)}"
    return f"context.dataset == {_text(target)}"


def _assignee(assignee: Assignee) -> list[str]:
    conditions = []
    if assignee.organisations:
        conditions.append(
            f"(context has org && {_set(assignee.organisations)}.contains(context.org))"
        )
    if assignee.roles:
        conditions.append(f"{_set(assignee.roles)}.containsAny(context.roles)")
    if assignee.groups:
        conditions.append(f"{_set(assignee.groups)}.containsAny(context.groups)")
    return conditions


def _constraint(part: Constraint, permits: bool) -> str:
    if part.left in TIMES:
        return f"context.{TIMES[part.left]} {COMPARE[part.operator]} {part.values[0]}"
    if part.left == "dayOfWeek":
        return _negated(f"{_set(part.values)}.contains(context.day)", part.operator)
    if part.left == "spatial":
        return _spatial(part, permits)
    if "any" in part.values:
        return _negated("true", part.operator)
    stated = _negated(f"{_set(part.values)}.contains(context.purpose)", part.operator)
    if permits:
        return f"(context has purpose && {stated})"
    return f"(!(context has purpose) || {stated})"


def _spatial(part: Constraint, permits: bool) -> str:
    """A permission needs all of the label in the areas; a prohibition bites where any is."""
    areas = _set(part.values)
    if part.operator == "isNoneOf":
        apart = f"!({areas}.containsAny(context.areas))"
        return f"(!(context.areas.isEmpty()) && {apart})" if permits else apart
    if permits:
        return f"(!(context.areas.isEmpty()) && {areas}.containsAll(context.areas))"
    return f"{areas}.containsAny(context.areas)"


def _negated(condition: str, operator: str) -> str:
    return f"!({condition})" if operator == "isNoneOf" else condition


def _any_of(conditions: Iterable[str]) -> str:
    return f"({' || '.join(conditions)})"


def _set(values: Iterable[str | int]) -> str:
    return f"[{', '.join(_text(str(value)) for value in values)}]"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def request(caller: Caller, label: str, dataset: str, areas: frozenset[str], now: datetime) -> Any:
    """Return the Cedar request: may this caller read what carries the label, at this time?"""
    moment = now.astimezone(UTC)
    context: dict[str, Any] = {
        "dataset": dataset,
        "roles": sorted(caller.roles),
        "groups": sorted(caller.groups),
        "areas": sorted(areas),
        "now": int(moment.timestamp() * 1000),
        "second": moment.hour * 3600 + moment.minute * 60 + moment.second,
        "day": WEEKDAYS[moment.weekday()],
    }
    if caller.org is not None:
        context["org"] = caller.org
    if caller.purpose not in (None, "any"):  # "any" commits to nothing, as if it were not stated
        context["purpose"] = caller.purpose
    return {
        "principal": {"type": "Caller", "id": "caller"},
        "action": {"type": "Action", "id": "read"},
        "resource": {"type": "Label", "id": label},
        "context": context,
    }
