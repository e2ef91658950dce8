"""What a labels file would do, before it is applied.

In: staged models, rules, and the policies in force. Out: per label set the count and examples, the
rules that match nothing, what the public would then see, and who would see something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from kgnode.cim.staged import Staged
from kgnode.names import dataset_iri, shorten
from kgnode.policy.caller import ROLES, Caller
from kgnode.policy.decide import visible
from kgnode.policy.labels import assign, unused
from kgnode.policy.labels_file import LabelRules
from kgnode.policy.policies import Policies
from kgnode.store.cells import Cell, Manifest, StoredModel

EXAMPLES = 3


@dataclass(frozen=True)
class Part:
    """All triples of one model with one label set."""

    model: str
    labels: frozenset[str]
    triples: int
    examples: tuple[str, ...]


def preview(
    staged: Staged,
    rules: LabelRules,
    policies: Policies,
    *,
    org: str,
    dataset_id: str,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Return what the rules would do to the staged models; nothing is changed."""
    parts = list(_parts(assign(staged, rules, org, dataset_id)))
    manifest = _manifest(staged, parts, rules, dataset_iri(org, dataset_id))
    moment = now or datetime.now(UTC)
    rows = [
        {**_who(caller), "triples": sum(cell.triples for cell in seen.cells)}
        for caller in callers(policies, org, dataset_iri(org, dataset_id))
        for seen in [visible(caller, [manifest], policies, org=org, now=moment)]
    ]
    return {
        "sets": _sets(parts),
        "unused": [
            {"label": rule.label, "kind": rule.kind, "line": rule.line}
            for rule in unused(staged, rules)
        ],
        "triples": sum(part.triples for part in parts),
        "sees": [rows[0], *(row for row in rows[1:] if row["triples"] != rows[0]["triples"])],
    }


def callers(policies: Policies, org: str, dataset: str) -> Iterator[Caller]:
    """Yield the public, the owner's roles, and each organisation, group and role named."""
    yield Caller.public()
    organisations, groups, purposes = {org}, set[str](), {"", *_purposes(policies)}
    for policy in policies.policies:
        for clause in policy.clauses:
            if clause.assignee is not None:
                organisations |= set(clause.assignee.organisations)
                groups |= set(clause.assignee.groups)
    for organisation in sorted(organisations):
        for role in ROLES:
            for purpose in sorted(purposes):
                yield Caller(organisation, role, frozenset({role}), purpose or None, proof="token")
    for group in sorted(groups):
        for purpose in sorted(purposes):
            yield Caller(
                "(any)",
                "planner",
                frozenset({"planner"}),
                purpose or None,
                None,
                frozenset({group}),
            )


def _purposes(policies: Policies) -> set[str]:
    return {
        str(value)
        for policy in policies.policies
        for clause in policy.clauses
        for part in clause.constraints
        if part.left == "purpose"
        for value in part.values
        if value != "any"
    }


def _parts(cells: Mapping[str, Mapping[frozenset[str], Iterable[Any]]]) -> Iterator[Part]:
    for model, by_labels in cells.items():
        for labels, triples in by_labels.items():
            first = tuple(
                f"{shorten(t.subject.value)} {shorten(t.predicate.value)}"
                for t in islice(iter(triples), EXAMPLES)
            )
            yield Part(model, labels, len(triples), first)  # type: ignore[arg-type]


def _sets(parts: Sequence[Part]) -> list[dict[str, Any]]:
    found: dict[frozenset[str], list[Part]] = {}
    for part in parts:
        found.setdefault(part.labels, []).append(part)
    return [
        {
            "labels": sorted(label.rsplit(":", 1)[-1] for label in labels),
            "triples": sum(part.triples for part in same),
            "examples": [example for part in same for example in part.examples][:EXAMPLES],
        }
        for labels, same in sorted(found.items(), key=lambda item: sorted(item[0]))
    ]


def _manifest(staged: Staged, parts: Sequence[Part], rules: LabelRules, dataset: str) -> Manifest:
    models = []
    for model in staged.models:
        cells = tuple(
            Cell(f"{model.iri}#{index}", model.iri, part.labels, part.triples)
            for index, part in enumerate(parts)
            if part.model == model.iri
        )
        models.append(
            StoredModel(
                model.iri, model.header, model.content_hash, model.base, cells, model.triples
            )
        )
    attributes = {"labels": rules.to_json()}
    return Manifest(dataset, 1, datetime.now(UTC), tuple(models), False, attributes)


def _who(caller: Caller) -> dict[str, Any]:
    return {
        "org": caller.org,
        "roles": sorted(caller.roles),
        "groups": sorted(caller.groups),
        "purpose": caller.purpose,
    }
