"""Two networks and their load flows compared by identifier.

In: two `Snapshot` (a network with its load flow). Out: a `Comparison` that names the largest
difference. Buses have no identifier of their own in CIM, so a bus is known by what is connected
to it; boundary lines are compared as well, because they are not in PowSyBl's table of lines.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from federation.rerouting.loadflow import LoadFlow, Pinned, Status, Table, load_flow
from federation.rerouting.network import Network, plain_id

__all__ = [
    "Comparison",
    "LoadFlow",
    "Pinned",
    "Snapshot",
    "Status",
    "equal",
    "load_flow",
    "snapshot",
]


@dataclass(frozen=True)
class Snapshot:
    """What of a network is compared: values by (table, id, column)."""

    flow: LoadFlow
    rows: Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True)
class Comparison:
    """Outcome of `equal`.

    Attributes:
        largest: largest absolute difference found, in the unit of its column.
        where: table, id and column of it.
        counts: table -> number of rows on the left.
        only_left, only_right: ``table id`` of rows the other side lacks.
        reason: one sentence.
    """

    equal: bool
    largest: float
    where: str
    counts: Mapping[str, int]
    only_left: tuple[str, ...]
    only_right: tuple[str, ...]
    reason: str


def snapshot(network: Network, settings: Pinned | None = None) -> Snapshot:
    """Run a load flow and keep what `equal` compares."""
    flow = load_flow(network, settings)
    names = _bus_names(network)
    _forget_open_ends(network, flow)
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for name, table in flow.tables.items():
        numbers = table.select_dtypes("number").drop(
            columns=["synchronous_component"], errors="ignore"
        )
        keys = [names.get(i, i) if name == "buses" else plain_id(i) for i in table.index]
        rows[name] = dict(zip(keys, numbers.to_dict("records"), strict=True))
    return Snapshot(flow, rows)


def _forget_open_ends(network: Network, flow: LoadFlow) -> None:
    """Blank results at ends that are connected to nothing: PowSyBl keeps those of earlier runs."""
    if not flow.converged:
        return
    for name, table, sides in (
        ("lines", network.get_lines(attributes=["bus1_id", "bus2_id"]), "12"),
        (
            "transformers",
            network.get_2_windings_transformers(attributes=["bus1_id", "bus2_id"]),
            "12",
        ),
        ("boundary_lines", network.get_boundary_lines(attributes=["bus_id"]), ""),
    ):
        for side in sides or ("",):
            dead = table.index[table[f"bus{side}_id"] == ""]
            for quantity in "pqi":
                flow.tables[name].loc[dead, f"{quantity}{side}"] = math.nan


def equal(a: Snapshot, b: Snapshot, tolerance: float = 1e-6) -> Comparison:
    """Compare buses, lines, boundary lines, transformers, loads and generators by id.

    Args:
        a: left side.
        b: right side.
        tolerance: largest absolute difference accepted, in kV, degrees, MW, MVAr, A, ohm.
    """
    counts = {name: len(rows) for name, rows in a.rows.items()}
    if not (a.flow.converged and b.flow.converged):
        reason = f"load flow left {a.flow.status.value}, right {b.flow.status.value}"
        return Comparison(False, math.nan, "", counts, (), (), reason)
    left, right = _missing(a.rows, b.rows), _missing(b.rows, a.rows)
    largest, where = 0.0, ""
    for name, rows in a.rows.items():
        for key, values in rows.items():
            other = b.rows.get(name, {}).get(key, {})
            for column, value in values.items():
                gap = _gap(value, other.get(column, value))
                if gap > largest:
                    largest, where = gap, f"{name} {key} {column}"
    same = not left and not right and largest <= tolerance
    reason = "equal" if same else f"{len(left)} only left, {len(right)} only right, {where}"
    return Comparison(same, largest, where, counts, left, right, reason)


def _gap(value: float, other: float) -> float:
    if math.isnan(value) or math.isnan(other):
        return 0.0 if math.isnan(value) and math.isnan(other) else math.inf
    return abs(value - other)


def _missing(
    a: Mapping[str, Mapping[str, object]], b: Mapping[str, Mapping[str, object]]
) -> tuple[str, ...]:
    return tuple(
        sorted(f"{name} {key}" for name, rows in a.items() for key in rows.keys() - b[name].keys())
    )


def _bus_names(network: Network) -> dict[str, str]:
    """Return bus id -> a name made of the equipment ends connected to it."""
    ends: dict[str, list[str]] = {}
    for table, columns in _ended_tables(network):
        for column in columns:
            for key, bus in table[column].items():
                ends.setdefault(bus, []).append(f"{plain_id(key)}/{column}")
    return {bus: min(names) for bus, names in ends.items() if bus}


def _ended_tables(network: Network) -> list[tuple[Table, tuple[str, ...]]]:
    two = ("bus1_id", "bus2_id")
    return [
        (network.get_lines(attributes=list(two)), two),
        (network.get_2_windings_transformers(attributes=list(two)), two),
        (network.get_3_windings_transformers(attributes=[*two, "bus3_id"]), (*two, "bus3_id")),
        (network.get_boundary_lines(attributes=["bus_id"]), ("bus_id",)),
        (network.get_loads(attributes=["bus_id"]), ("bus_id",)),
        (network.get_generators(attributes=["bus_id"]), ("bus_id",)),
        (network.get_busbar_sections(attributes=["bus_id"]), ("bus_id",)),
        (network.get_shunt_compensators(attributes=["bus_id"]), ("bus_id",)),
    ]
