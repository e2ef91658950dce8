"""Policies: the ODRL 2.2 profile of this project, read strictly.

In: one JSON-LD document with the local context (plain JSON; nothing is fetched). Out: a frozen
``Policy`` of clauses. A term, operator or value that the profile (ontologies/odrl-profile.ttl) does
not have refuses the whole document with the place named: what is not understood must not be
half enforced.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from kgnode.errors import BadPolicy
from kgnode.names import IDENTIFIER, ODRL_PROFILE
from kgnode.policy.caller import PURPOSES, ROLES, concept

CONTEXT = "gridspine-odrl"
ODRL_CONTEXT = "http://www.w3.org/ns/odrl.jsonld"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ORDERED = ("lt", "lteq", "gt", "gteq")
SETS = ("eq", "isAnyOf", "isNoneOf")
OPERATORS = {
    "purpose": SETS,
    "dateTime": ORDERED,
    "timeOfDay": ORDERED,
    "dayOfWeek": SETS,
    "spatial": SETS,
}
TARGET = re.compile(
    r"urn:gridspine:(?:dataset:[A-Za-z][\w.-]*:[A-Za-z][\w.-]*"
    r"|label:[A-Za-z][\w.-]*:[A-Za-z][\w.-]*:[A-Za-z][\w.-]*)\Z",
    re.ASCII,
)
IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|\\^`]+\Z")
GROUP = re.compile(r"[A-Za-z][\w.-]*(?:/[A-Za-z][\w.-]*)?\Z", re.ASCII)
CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\Z", re.ASCII)
MAX_BYTES = 4 << 20


@dataclass(frozen=True)
class Assignee:
    """To whom a clause applies: to each who is in one of every non-empty kind."""

    organisations: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Constraint:
    """One condition; all of a clause must hold.

    ``values``: names (purpose, dayOfWeek), IRIs (spatial), one time in milliseconds since 1970
    (dateTime) or in seconds since midnight UTC (timeOfDay).
    """

    left: str
    operator: str
    values: tuple[str | int, ...]
    written: str


@dataclass(frozen=True)
class Clause:
    """One permission or prohibition; ``assignee`` None is everybody."""

    id: str
    effect: Literal["permit", "forbid"]
    targets: tuple[str, ...]
    assignee: Assignee | None
    constraints: tuple[Constraint, ...]


@dataclass(frozen=True)
class Policy:
    """One document, understood."""

    uid: str
    title: str
    clauses: tuple[Clause, ...]


def load_policy(content: bytes, file: str | None = None) -> Policy:
    """Read one policy document.

    Raises:
        BadPolicy: it is no JSON or says something the profile does not have.
    """
    return _Reader(file).policy(content)


class _Reader:
    """Walks the document and keeps the place, for example ``permission[0].constraint[1]``."""

    def __init__(self, file: str | None) -> None:
        self.file = file

    def refuse(self, place: str, message: str, hint: str = "") -> BadPolicy:
        return BadPolicy(
            f"{place}: {message}" if place else message,
            hint=hint or "kgnode policy HOME templates prints policies to start from.",
            file=self.file,
            subject=place or None,
        )

    def policy(self, content: bytes) -> Policy:
        document = self.document(content)
        known = ("@context", "@type", "uid", "profile", "title", "description", "assigner")
        self.known(document, "", (*known, "permission", "prohibition"))
        self.frame(document)
        uid = document.get("uid")
        if not isinstance(uid, str) or not IRI.match(uid):
            raise self.refuse("uid", "every policy needs an IRI of its own.")
        clauses = [
            self.clause(item, effect, f"{name}[{n}]", f"{uid}#{name}-{n + 1}")
            for name, effect in (("permission", "permit"), ("prohibition", "forbid"))
            for n, item in enumerate(self.listed(document.get(name, []), name))
        ]
        if not clauses:
            raise self.refuse("", "The policy has neither a permission nor a prohibition.")
        title = document.get("title", "")
        if not isinstance(title, str):
            raise self.refuse("title", "it must be a text.")
        return Policy(uid, title, tuple(clauses))

    def document(self, content: bytes) -> dict[str, Any]:
        if len(content) > MAX_BYTES:
            raise self.refuse("", f"The policy is larger than {MAX_BYTES >> 20} MiB.")

        def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            seen = dict(pairs)
            if len(seen) != len(pairs):
                names = [name for name, _ in pairs]
                twice = next(name for name in names if names.count(name) > 1)
                raise self.refuse(twice, "it is said twice in one object.")
            return seen

        try:
            document = json.loads(content, object_pairs_hook=once)
        except (ValueError, RecursionError) as error:
            line = error.lineno if isinstance(error, json.JSONDecodeError) else None
            raise BadPolicy(
                "The policy is not JSON.",
                hint="It must be one JSON-LD object.",
                file=self.file,
                line=line,
            ) from error
        if not isinstance(document, dict):
            raise self.refuse("", "The policy must be one JSON object.")
        return document

    def frame(self, document: dict[str, Any]) -> None:
        context = document.get("@context")
        contexts = context if isinstance(context, list) else [context]
        if CONTEXT not in contexts or any(c not in (CONTEXT, ODRL_CONTEXT) for c in contexts):
            raise self.refuse("@context", f"it must be {CONTEXT!r}; no other is read or fetched.")
        if document.get("@type") != "Set":
            raise self.refuse("@type", "only 'Set' is read.")
        if document.get("profile") != ODRL_PROFILE:
            raise self.refuse("profile", f"it must be {ODRL_PROFILE!r}.")

    def known(self, item: dict[str, Any], place: str, names: tuple[str, ...]) -> None:
        for name in item:
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                raise self.refuse(
                    f"{place}.{name}" if place else name,
                    "the profile does not have this term.",
                    f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(names)}.",
                )

    def listed(self, value: Any, place: str) -> list[Any]:
        if not isinstance(value, list):
            raise self.refuse(place, "it must be a list.")
        return value

    def names(self, value: Any, place: str) -> tuple[str, ...]:
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(item, str) and item for item in values):
            raise self.refuse(place, "it must be a text or a list of texts, not empty.")
        return tuple(values)

    def clause(self, item: Any, effect: Any, place: str, clause_id: str) -> Clause:
        if not isinstance(item, dict):
            raise self.refuse(place, "it must be an object.")
        self.known(item, place, ("target", "action", "assignee", "constraint"))
        targets = self.names(item.get("target"), f"{place}.target")
        for target in targets:
            if not TARGET.match(target):
                raise self.refuse(
                    f"{place}.target",
                    f"{target!r} is neither a label nor a data set.",
                    "Write urn:gridspine:label:ORG:DATASET:NAME or urn:gridspine:dataset:ORG:ID.",
                )
        if item.get("action") not in ("read", "odrl:read"):
            raise self.refuse(f"{place}.action", "the only action is 'read'.")
        if "assignee" not in item:
            raise self.refuse(
                f"{place}.assignee", "it is missing.", "Write 'public' to mean everybody."
            )
        constraints = tuple(
            self.constraint(part, f"{place}.constraint[{n}]")
            for n, part in enumerate(self.listed(item.get("constraint", []), f"{place}.constraint"))
        )
        assignee = self.assignee(item["assignee"], f"{place}.assignee")
        return Clause(clause_id, effect, targets, assignee, constraints)

    def assignee(self, value: Any, place: str) -> Assignee | None:
        if value == "public":
            return None
        if not isinstance(value, dict) or not value:
            raise self.refuse(place, "it must be 'public' or name organisation, role or group.")
        self.known(value, place, ("organisation", "role", "group"))
        parts = {kind: self.names(value[kind], f"{place}.{kind}") for kind in value}
        for organisation in parts.get("organisation", ()):
            if not IDENTIFIER.match(organisation):
                raise self.refuse(f"{place}.organisation", f"{organisation!r} is no member id.")
        for group in parts.get("group", ()):
            if not GROUP.match(group):
                raise self.refuse(f"{place}.group", f"{group!r} is no name of a group.")
        roles = self.concepts(parts.get("role", ()), ROLES, f"{place}.role")
        return Assignee(parts.get("organisation", ()), roles, parts.get("group", ()))

    def concepts(
        self, values: tuple[str, ...], known: tuple[str, ...], place: str
    ) -> tuple[str, ...]:
        """Return names of the vocabulary, or IRIs of concepts that an owner added."""
        found = tuple(concept(value) for value in values)
        for name in found:
            if name not in known and not IRI.match(name):
                near = difflib.get_close_matches(name, known, 1)
                raise self.refuse(
                    place,
                    f"{name!r} is not in the vocabulary.",
                    f"Did you mean {near[0]!r}?"
                    if near
                    else f"Use one of {', '.join(known)}, or the IRI of a concept of your own.",
                )
        return found

    def constraint(self, item: Any, place: str) -> Constraint:
        if not isinstance(item, dict):
            raise self.refuse(place, "it must be an object.")
        self.known(item, place, ("leftOperand", "operator", "rightOperand"))
        left = item.get("leftOperand")
        left = "spatial" if left == "area" else left
        if left not in OPERATORS:
            raise self.refuse(
                f"{place}.leftOperand",
                f"{left!r} is not known.",
                f"Known: {', '.join(OPERATORS)}.",
            )
        operator = item.get("operator")
        if operator not in OPERATORS[left]:
            raise self.refuse(
                f"{place}.operator",
                f"{operator!r} does not go with {left}.",
                f"Use one of {', '.join(OPERATORS[left])}.",
            )
        values = self.right(left, item.get("rightOperand"), f"{place}.rightOperand")
        if operator == "eq" and len(values) != 1:
            raise self.refuse(f"{place}.rightOperand", "eq takes one value.", "Use isAnyOf.")
        right = item["rightOperand"]
        said = ", ".join(right) if isinstance(right, list) else right
        return Constraint(left, operator, values, f"{left} {operator} {said}")

    def right(self, left: str, value: Any, place: str) -> tuple[str | int, ...]:
        values = self.names(value, place)
        if left == "purpose":
            return self.concepts(values, PURPOSES, place)
        if left == "dayOfWeek":
            for day in values:
                if day not in WEEKDAYS:
                    raise self.refuse(place, f"{day!r} is no day.", f"Use {', '.join(WEEKDAYS)}.")
            return values
        if left == "spatial":
            for area in values:
                if not IRI.match(area):
                    raise self.refuse(place, f"{area!r} is not the IRI of an area.")
            return values
        if len(values) != 1:
            raise self.refuse(place, f"{left} takes one value.")
        return (
            self.instant(values[0], place) if left == "dateTime" else self.clock(values[0], place),
        )

    def instant(self, value: str, place: str) -> int:
        try:
            moment = datetime.fromisoformat(value)
            if "T" not in value or moment.tzinfo is None:
                raise ValueError(value)
        except ValueError as error:
            raise self.refuse(
                place,
                f"{value!r} is no date and time with a zone.",
                "Write it as 2027-12-31T23:59:59Z.",
            ) from error
        return round(moment.timestamp() * 1000)

    def clock(self, value: str, place: str) -> int:
        match = CLOCK.match(value)
        if match is None:
            raise self.refuse(place, f"{value!r} is no time of day.", "Write it as 08:30 (UTC).")
        return int(match[1]) * 3600 + int(match[2]) * 60
