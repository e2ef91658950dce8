"""Who may read which triple, read plainly off the documents; shares no code with the product.

In: rules and policies as plain lists and dicts, triples as published. Out: the permitted triples.
Slow and simple on purpose: no index, no cells, no Cedar.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyoxigraph import NamedNode, Triple

CIM = "http://iec.ch/TC57/CIM100#"
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
CONTAINER = CIM + "Equipment.EquipmentContainer"


@dataclass(frozen=True)
class Asker:
    """A caller as the test knows one."""

    org: str | None
    roles: tuple[str, ...] = ()
    purpose: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Ruled:
    """A rule of a labels file: label, kind, value, incoming."""

    label: str
    kind: str
    value: str
    incoming: bool = True


def labels_of(item: Triple, everything: Iterable[Triple], rules: Sequence[Ruled]) -> set[str]:
    """Return the names of the labels on a triple."""
    everything = list(everything)
    found = set()
    for rule in rules:
        if rule.kind == "all":
            found.add(rule.label)
        elif rule.kind == "property":
            if item.predicate == NamedNode(rule.value):
                found.add(rule.label)
        else:
            matched = matching(rule, everything)
            if item.subject in matched or (rule.incoming and item.object in matched):
                found.add(rule.label)
    return found


def matching(rule: Ruled, everything: list[Triple]) -> set[Any]:
    """Return the subjects that a class, within or select rule is about."""
    if rule.kind == "class":
        kind = NamedNode(rule.value)
        return {t.subject for t in everything if t.predicate.value == TYPE and t.object == kind}
    if rule.kind == "select":
        return {t.subject for t in everything if t.predicate.value == rule.value}
    inside: set[Any] = {NamedNode(rule.value)}
    for _ in everything:
        inside |= {
            t.subject for t in everything if t.predicate.value == CONTAINER and t.object in inside
        }
    return inside


def may_read(
    documents: Sequence[Mapping[str, Any]],
    asker: Asker,
    label: str,
    dataset: str,
    areas: set[str],
    now: datetime,
) -> bool:
    """Return whether the policies let the asker read a label: some permission, no prohibition."""

    def applies(clause: Mapping[str, Any], permission: bool) -> bool:
        targets = clause["target"]
        targets = targets if isinstance(targets, list) else [targets]
        if label not in targets and dataset not in targets:
            return False
        return _is_assigned(clause["assignee"], asker) and all(
            _holds(part, asker, areas, now, permission) for part in clause.get("constraint", [])
        )

    permitted = any(applies(c, True) for d in documents for c in d["permission"])
    forbidden = any(applies(c, False) for d in documents for c in d["prohibition"])
    return permitted and not forbidden


def _is_assigned(assignee: Any, asker: Asker) -> bool:
    if assignee == "public":
        return True
    has = {"organisation": {asker.org}, "role": set(asker.roles), "group": {asker.group}}
    return all(has[kind] & set(names) for kind, names in assignee.items())


def _holds(
    part: Mapping[str, Any], asker: Asker, areas: set[str], now: datetime, permission: bool
) -> bool:
    right = part["rightOperand"]
    values = set(right) if isinstance(right, list) else {right}
    negative = part["operator"] == "isNoneOf"
    if part["leftOperand"] == "dateTime":
        bound = datetime.fromisoformat(right)
        return now < bound if part["operator"] == "lt" else now > bound
    if part["leftOperand"] == "purpose":
        if "any" in values:
            return not negative
        if asker.purpose is None or asker.purpose == "any":
            return not permission
        return (asker.purpose in values) != negative
    if permission and not areas:
        return False
    if negative:
        return not areas & values
    return areas <= values if permission else bool(areas & values)


@dataclass(frozen=True)
class DataSet:
    """A published data set as the test knows it."""

    id: str
    iri: str
    aside: bool
    models: Mapping[str, tuple[Triple, ...]]
    rules: tuple[Ruled, ...]

    def permitted(
        self,
        documents: Sequence[Mapping[str, Any]],
        asker: Asker,
        org: str,
        now: datetime,
    ) -> dict[str, set[Triple]]:
        """Return model -> the triples the asker may read; models without any are left out."""
        everything = [item for triples in self.models.values() for item in triples]
        owner = asker.org == org and bool({"publisher", "operator"} & set(asker.roles))
        shown: dict[str, set[Triple]] = {}
        for model, triples in self.models.items():
            for item in triples:
                names = labels_of(item, everything, self.rules)
                allowed = bool(names) and all(
                    may_read(
                        documents,
                        asker,
                        f"urn:gridspine:label:{org}:{self.id}:{name}",
                        self.iri,
                        self.areas(name),
                        now,
                    )
                    for name in names
                )
                if owner or allowed:
                    shown.setdefault(model, set()).add(item)
        return shown

    def areas(self, label: str) -> set[str]:
        """Return the areas a label is bounded by: those of its rules, if all are about areas."""
        own = [rule for rule in self.rules if rule.label == label]
        if any(rule.kind != "within" for rule in own):
            return set()
        return {rule.value for rule in own}
