"""Policies to start from, in words and as documents.

In: organisation and data set ids. Out: templates an owner copies and changes. ``words`` puts any
policy of the profile into sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from kgnode.names import ODRL_PROFILE, dataset_iri, label_iri
from kgnode.policy.odrl import CONTEXT, Clause, Policy, load_policy


@dataclass(frozen=True)
class Template:
    """A policy to copy: its name, what it says, and the document."""

    name: str
    words: tuple[str, ...]
    document: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the result's form."""
        return {"name": self.name, "words": list(self.words), "document": self.document}


def templates(org: str = "ORG", dataset: str = "DATASET") -> tuple[Template, ...]:
    """Return the ready policies for a data set of an organisation."""
    whole = dataset_iri(org, dataset)
    topology = label_iri(org, dataset, "topology")
    partners = {"organisation": ["PARTNER"], "role": ["planner"]}
    planning = _constraint("purpose", "isAnyOf", ["network-planning"])
    return (
        _template(org, "open-to-all", [{"target": whole, "assignee": "public"}]),
        _template(org, "open-topology", [{"target": topology, "assignee": "public"}]),
        _template(
            org,
            "planning-partners",
            [{"target": topology, "assignee": partners, "constraint": [planning]}],
        ),
        _template(
            org,
            "until-a-day",
            [
                {
                    "target": whole,
                    "assignee": {"organisation": ["PARTNER"]},
                    "constraint": [_constraint("dateTime", "lt", "2027-12-31T23:59:59Z")],
                }
            ],
        ),
        _template(
            org,
            "licence-group",
            [{"target": topology, "assignee": {"group": ["DNO"]}, "constraint": [planning]}],
        ),
        _template(
            org,
            "working-hours",
            [
                {
                    "target": topology,
                    "assignee": partners,
                    "constraint": [
                        _constraint("timeOfDay", "gteq", "08:00"),
                        _constraint("timeOfDay", "lt", "18:00"),
                        _constraint("dayOfWeek", "isNoneOf", ["saturday", "sunday"]),
                    ],
                }
            ],
        ),
        _template(
            org,
            "all-but-one",
            [{"target": whole, "assignee": {"role": ["planner"]}}],
            [{"target": whole, "assignee": {"organisation": ["COMPETITOR"]}}],
        ),
    )


def words(policy: Policy) -> tuple[str, ...]:
    """Return a policy as sentences, one a clause."""
    return tuple(_sentence(clause) for clause in policy.clauses)


def _sentence(clause: Clause) -> str:
    what = ", ".join(_target(target) for target in clause.targets)
    verb = "may read" if clause.effect == "permit" else "may not read"
    conditions = [f"only if {_condition(part.written)}" for part in clause.constraints]
    if clause.effect == "forbid":
        conditions = [f"if {_condition(part.written)}" for part in clause.constraints]
    return (
        " ".join([f"{_who(clause)} {verb} {what}", *[f", {c}" for c in conditions]]).replace(
            " ,", ","
        )
        + "."
    )


def _who(clause: Clause) -> str:
    if clause.assignee is None:
        return "Everybody"
    parts = []
    if clause.assignee.roles:
        parts.append(f"callers with the role {' or '.join(clause.assignee.roles)}")
    if clause.assignee.organisations:
        parts.append(f"of {' or '.join(clause.assignee.organisations)}")
    if clause.assignee.groups:
        parts.append(f"in the group {' or '.join(clause.assignee.groups)}")
    said = " ".join(parts)
    return said[0].upper() + said[1:] if clause.assignee.roles else f"Callers {said}"


def _target(target: str) -> str:
    parts = target.split(":")
    if parts[2] == "dataset":
        return f"all of data set {parts[4]} of {parts[3]}"
    return f"what is labelled {parts[5]} in data set {parts[4]} of {parts[3]}"


def _condition(written: str) -> str:
    left, operator, value = written.split(" ", 2)
    left = {
        "purpose": "the purpose",
        "dateTime": "the time",
        "timeOfDay": "the time of day (UTC)",
        "dayOfWeek": "the day",
        "spatial": "the area",
    }[left]
    operator = {
        "eq": "is",
        "isAnyOf": "is one of",
        "isNoneOf": "is none of",
        "lt": "is before",
        "lteq": "is not after",
        "gt": "is after",
        "gteq": "is not before",
    }[operator]
    return f"{left} {operator} {value}"


def _constraint(left: str, operator: str, right: Any) -> dict[str, Any]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def _template(
    org: str,
    name: str,
    permission: list[dict[str, Any]],
    prohibition: list[dict[str, Any]] | None = None,
) -> Template:
    document = {
        "@context": CONTEXT,
        "@type": "Set",
        "uid": f"urn:gridspine:policy:{org}:{name}",
        "profile": ODRL_PROFILE,
        "permission": [{"action": "read", **clause} for clause in permission],
        "prohibition": [{"action": "read", **clause} for clause in prohibition or []],
    }
    return Template(name, words(load_policy(orjson.dumps(document))), document)
