"""Who may see what in the demo: labels files and ODRL policies of each organisation.

In: an organisation, a data set, and the substation that is treated as a critical site. Out: a
labels file (YAML) and a policy (ODRL 2.2 JSON-LD). The system operator's planner sees everything,
a planner of another network owner the network without demand, the public only what is where.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kgnode.names import ODRL_PROFILE, label_iri

NETWORK_OWNERS = ("DNOA", "DNOB", "TNO")
EVERYBODY = "public"
PURPOSES = ["network-planning", "system-operation"]
UNTIL = "2036-12-31T23:59:59Z"


@dataclass(frozen=True)
class Label:
    """A label: what it protects, how sensitive, which classes and properties carry it."""

    reason: str
    sensitivity: str
    classes: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    incoming: bool = True


def _cim(names: str) -> tuple[str, ...]:
    return tuple(f"cim:{name}" for name in names.split())


NETWORK: Mapping[str, Label] = {
    "places": Label(
        "what is where",
        "open",
        (
            "md:FullModel",
            *_cim(
                """GeographicalRegion SubGeographicalRegion Substation VoltageLevel BaseVoltage
            CoordinateSystem Location PositionPoint"""
            ),
        ),
        incoming=False,
    ),
    "network": Label(
        "connectivity and impedance",
        "shared",
        _cim(
            """Line ACLineSegment ConnectivityNode Terminal BusbarSection Breaker Disconnector
            PowerTransformer PowerTransformerEnd RatioTapChanger TapChangerControl
            RegulatingControl LinearShuntCompensator"""
        ),
    ),
    "ratings": Label(
        "thermal ratings",
        "shared",
        ("cim:OperationalLimitType", "cim:OperationalLimitSet", "cim:CurrentLimit"),
        ("cim:PowerTransformerEnd.ratedS",),
    ),
    "demand": Label(
        "customers' demand",
        "shared",
        ("cim:ConformLoad", "cim:ConformLoadGroup", "cim:SubLoadArea", "cim:LoadArea"),
    ),
    "generation": Label(
        "generators' output",
        "shared",
        _cim(
            """SynchronousMachine GeneratingUnit ThermalGeneratingUnit WindGeneratingUnit
            SolarGeneratingUnit"""
        ),
    ),
}
BOUNDARY: Mapping[str, Label] = {
    "points": Label(
        "where owners meet",
        "open",
        ("md:FullModel", "cim:Line", "cim:ConnectivityNode", "eu:BoundaryPoint"),
        incoming=False,
    )
}
REGISTER: Mapping[str, Label] = {
    "register": Label("the GSP register", "open", ("gs:GridSupplyPoint",), incoming=False)
}
PLANNING: Mapping[str, Label] = {
    "outages": Label("planned outages", "shared", ("gs:PlannedOutage",), incoming=False),
    "profiles": Label(
        "demand profiles",
        "shared",
        ("gs:DemandShape", "gs:DemandForecast"),
        ("gs:halfHour", "gs:factor"),
        incoming=False,
    ),
}


def readers(label: str, owner: str) -> tuple[str, ...] | str:
    """Return the organisations whose planners may read what carries a label."""
    if label in ("places", "points", "register"):
        return EVERYBODY
    if label in ("network", "ratings", "outages", "profiles"):
        return ("NESO", *NETWORK_OWNERS)
    return tuple(sorted({"NESO", owner}))


def write(
    folder: Path, owner: str, dataset: str, labels: Mapping[str, Label], site: str | None
) -> tuple[Path, Path]:
    """Write the labels file and the policy of a data set; return their paths.

    Args:
        folder: where the files go.
        owner: member id of the owner.
        dataset: id of the data set.
        labels: its labels.
        site: mRID of a substation that is closed to all but NESO and the owner.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [*labels, *(["site"] if site else [])]
    labels_file = folder / f"{dataset}.labels.yaml"
    labels_file.write_text("\n".join(_labels(labels, site)) + "\n", encoding="utf-8")
    policy = folder / f"{dataset}.policy.json"
    document = _policy(owner, dataset, names)
    policy.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return labels_file, policy


def _labels(labels: Mapping[str, Label], site: str | None) -> Iterable[str]:
    yield "labels:"
    for name, label in labels.items():
        yield f'  {name}: {{sensitivity: {label.sensitivity}, reason: "{label.reason}"}}'
    if site:
        yield '  site: {sensitivity: closed, reason: "critical site"}'
    yield "rules:"
    for name, label in labels.items():
        incoming = "" if label.incoming else ", incoming: false"
        for kind in label.classes:
            yield f'  - {{label: {name}, class: "{kind}"{incoming}}}'
        if label.properties:
            listed = ", ".join(f'"{item}"' for item in label.properties)
            yield f"  - {{label: {name}, property: [{listed}]}}"
    if site:
        yield f'  - {{label: site, within: "urn:uuid:{site}"}}'


def _policy(owner: str, dataset: str, names: Iterable[str]) -> dict[str, object]:
    permissions = []
    for name in names:
        who = readers(name, owner)
        permission: dict[str, object] = {
            "target": label_iri(owner, dataset, name),
            "action": "read",
            "assignee": who,
        }
        if not isinstance(who, str):
            permission["assignee"] = {"organisation": list(who), "role": ["planner"]}
            permission["constraint"] = [
                {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": PURPOSES},
                {"leftOperand": "dateTime", "operator": "lt", "rightOperand": UNTIL},
            ]
        permissions.append(permission)
    return {
        "@context": "gridspine-odrl",
        "@type": "Set",
        "uid": f"urn:gridspine:policy:{owner}:{dataset}",
        "profile": ODRL_PROFILE,
        "permission": permissions,
        "prohibition": [],
    }
