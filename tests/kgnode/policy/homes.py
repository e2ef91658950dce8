"""Manifests and policy documents for tests, made small."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from kgnode.cim.headers import Header
from kgnode.names import ODRL_PROFILE, dataset_iri, label_iri
from kgnode.store.cells import Cell, Manifest, StoredModel

ORG = "DNOA"
NOW = datetime(2026, 12, 1, 12, 30, tzinfo=UTC)


def label(name: str, dataset: str = "network") -> str:
    return label_iri(ORG, dataset, name)


def manifest(
    sets: Iterable[Iterable[str]],
    dataset: str = "network",
    *,
    attributes: Mapping[str, Any] | None = None,
    number: int = 1,
) -> Manifest:
    """A data set of one model with one cell of ten triples per label set."""
    cells = tuple(
        Cell(
            f"urn:cell:{dataset}:{n}",
            f"urn:model:{dataset}",
            frozenset(label(name, dataset) for name in names),
            10,
        )
        for n, names in enumerate(sets)
    )
    header = Header(f"urn:model:{dataset}", "full", description="secret header")
    model = StoredModel(f"urn:model:{dataset}", header, "c0ffee", "b", cells, 10 * len(cells))
    return Manifest(
        dataset_iri(ORG, dataset), number, NOW, (model,), False, attributes or {"title": dataset}
    )


def clause(target: str, assignee: Any = "public", *constraints: tuple[str, str, Any]) -> Any:
    made: dict[str, Any] = {"target": target, "action": "read", "assignee": assignee}
    if constraints:
        made["constraint"] = [
            {"leftOperand": left, "operator": operator, "rightOperand": right}
            for left, operator, right in constraints
        ]
    return made


def policy(uid: str, permission: list[Any], prohibition: list[Any] | None = None) -> bytes:
    return json.dumps(
        {
            "@context": "gridspine-odrl",
            "@type": "Set",
            "uid": f"urn:gridspine:policy:{ORG}:{uid}",
            "profile": ODRL_PROFILE,
            "permission": permission,
            "prohibition": prohibition or [],
        }
    ).encode()
