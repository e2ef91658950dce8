"""Equipment verbs: what is put between the nodes of a grid, in EQ and SSH at once.

In: a ``Grid``, voltage levels, nodes and values in ohm, siemens, kV, MW, MVAr, MVA, A and km. Out:
the mRID of the equipment (switches and lines) or of its outer node (bays). Signs follow
IEC 61970-301: power is positive out of the node, so machines that generate have negative p.
"""

from __future__ import annotations

from dataclasses import dataclass

from federation.demo.emit import Ref, Term, Value
from federation.demo.grid import LIMITS, Grid, Level


@dataclass(frozen=True)
class Rating:
    """A current rating in A, where it comes from (empty: the source), with a 20-minute one?"""

    amperes: float
    basis: str = "assumed"
    short_time: bool = True


@dataclass(frozen=True)
class Taps:
    """A tap changer on end 1: position now, and the voltage it holds (None: fixed)."""

    step: int
    target_kv: float | None = None
    low: int = 1
    high: int = 19
    neutral: int = 10
    increment_percent: float = 1.43


@dataclass(frozen=True)
class Winding:
    """Impedance seen from end 1 in ohm and siemens, rated voltages in kV, power in MVA."""

    r: float
    x: float
    rated_kv: tuple[float, float]
    rated_mva: float
    g: float = 0.0
    b: float = 0.0
    basis: str = "assumed"
    short_time: bool = True


def busbar(grid: Grid, level: Level, name: str) -> str:
    """Define a busbar section with its node; return the node."""
    node = grid.node(level, f"{name} node")
    mrid = grid.eq.define(
        "BusbarSection",
        grid.identify("busbar", name),
        {"IdentifiedObject.name": name, "Equipment.EquipmentContainer": Ref(level.mrid)},
    )
    in_service(grid, "BusbarSection", mrid)
    terminal_at(grid, mrid, 1, node)
    return node


def switch(
    grid: Grid, level: Level, kind: str, name: str, ends: tuple[str, str], *, closed: bool = True
) -> str:
    """Define a breaker or disconnector; one that is not closed is a normally open point."""
    values: dict[str, Value] = {
        "IdentifiedObject.name": name,
        "Equipment.EquipmentContainer": Ref(level.mrid),
        "Switch.normalOpen": not closed,
        "Switch.retained": kind == "Breaker",
    }
    if not closed:
        values["IdentifiedObject.description"] = "Normally open point"
    mrid = grid.eq.define(kind, grid.identify(kind, name), values)
    state: dict[str, Value] = {"Switch.open": not closed, "Switch.locked": False}
    in_service(grid, kind, mrid, state)
    for number, node in enumerate(ends, 1):
        terminal_at(grid, mrid, number, node)
    return mrid


def bay(grid: Grid, level: Level, bar: str, name: str, *, closed: bool = True) -> tuple[str, str]:
    """Define a disconnector and a breaker from a busbar; return (outer node, breaker)."""
    inner, outer = (grid.node(level, f"{name} {part}") for part in ("inner", "outer"))
    switch(grid, level, "Disconnector", f"{name} DIS", (bar, inner))
    breaker = switch(grid, level, "Breaker", f"{name} CB", (inner, outer), closed=closed)
    return outer, breaker


def line(
    grid: Grid,
    name: str,
    kv: float,
    ends: tuple[str, str],
    impedance: tuple[float, float, float],
    rating: Rating,
    *,
    length_km: float,
    description: str = "",
) -> str:
    """Define an AC line segment; impedance is (r, x in ohm, b in siemens) of its whole length."""
    container = grid.eq.define(
        "Line", grid.identify("line", name), {"IdentifiedObject.name": f"{name} line"}
    )
    values: dict[str, Value] = {
        "IdentifiedObject.name": name,
        "Equipment.EquipmentContainer": Ref(container),
        "ConductingEquipment.BaseVoltage": Ref(grid.base_voltage(kv)),
        "Conductor.length": length_km,
        "ACLineSegment.r": impedance[0],
        "ACLineSegment.x": impedance[1],
        "ACLineSegment.bch": impedance[2],
    }
    if description:
        values["IdentifiedObject.description"] = description
    mrid = grid.eq.define("ACLineSegment", grid.identify("segment", name), values)
    in_service(grid, "ACLineSegment", mrid)
    for number, node in enumerate(ends, 1):
        terminal = terminal_at(grid, mrid, number, node)
        _limits(grid, f"{name} end {number}", terminal, rating)
    return mrid


def transformer(
    grid: Grid,
    name: str,
    substation: str,
    kv: tuple[float, float],
    ends: tuple[str, str],
    winding: Winding,
    taps: Taps | None = None,
    description: str = "",
) -> str:
    """Define a two-winding transformer with its tap changer and current limits."""
    values: dict[str, Value] = {
        "IdentifiedObject.name": name,
        "Equipment.EquipmentContainer": Ref(substation),
    }
    if description:
        values["IdentifiedObject.description"] = description
    mrid = grid.eq.define("PowerTransformer", grid.identify("transformer", name), values)
    in_service(grid, "PowerTransformer", mrid)
    first = ""
    for number, node in enumerate(ends, 1):
        terminal = terminal_at(grid, mrid, number, node)
        seen = 1.0 if number == 1 else 0.0
        end = grid.eq.define(
            "PowerTransformerEnd",
            grid.identify("end", name, number),
            {
                "IdentifiedObject.name": f"{name} end {number}",
                "PowerTransformerEnd.PowerTransformer": Ref(mrid),
                "TransformerEnd.Terminal": Ref(terminal),
                "TransformerEnd.BaseVoltage": Ref(grid.base_voltage(kv[number - 1])),
                "TransformerEnd.endNumber": number,
                "PowerTransformerEnd.ratedU": winding.rated_kv[number - 1],
                "PowerTransformerEnd.ratedS": winding.rated_mva,
                "PowerTransformerEnd.r": winding.r * seen,
                "PowerTransformerEnd.x": winding.x * seen,
                "PowerTransformerEnd.g": winding.g * seen,
                "PowerTransformerEnd.b": winding.b * seen,
            },
        )
        first = first or end
        amperes = winding.rated_mva / (3**0.5 * kv[number - 1]) * 1000
        rating = Rating(round(amperes, 1), winding.basis, winding.short_time)
        _limits(grid, f"{name} end {number}", terminal, rating)
    if taps is not None:
        _tap_changer(grid, name, first, grid.identify("terminal", mrid, 2), kv, taps)
    return mrid


def load(
    grid: Grid, level: Level, node: str, name: str, power: tuple[float, float], group: str
) -> str:
    """Define a conform load; power is (MW, MVAr); ``group`` a ``ConformLoadGroup``."""
    mrid = grid.eq.define(
        "ConformLoad",
        grid.identify("load", name),
        {
            "IdentifiedObject.name": name,
            "Equipment.EquipmentContainer": Ref(level.mrid),
            "ConformLoad.LoadGroup": Ref(group),
        },
    )
    state: dict[str, Value] = {"EnergyConsumer.p": power[0], "EnergyConsumer.q": power[1]}
    in_service(grid, "ConformLoad", mrid, state)
    terminal_at(grid, mrid, 1, node)
    return mrid


def load_group(grid: Grid, name: str) -> str:
    """Define a load area, its sub-area and the group of conform loads; return the group."""
    area = grid.eq.define(
        "LoadArea", grid.identify("load-area", name), {"IdentifiedObject.name": name}
    )
    sub = grid.eq.define(
        "SubLoadArea",
        grid.identify("sub-load-area", name),
        {"IdentifiedObject.name": name, "SubLoadArea.LoadArea": Ref(area)},
    )
    return grid.eq.define(
        "ConformLoadGroup",
        grid.identify("load-group", name),
        {"IdentifiedObject.name": name, "LoadGroup.SubLoadArea": Ref(sub)},
    )


def shunt(grid: Grid, level: Level, node: str, name: str, siemens: tuple[float, float]) -> str:
    """Define a fixed shunt of one section; siemens is (g, b)."""
    mrid = grid.eq.define(
        "LinearShuntCompensator",
        grid.identify("shunt", name),
        {
            "IdentifiedObject.name": name,
            "Equipment.EquipmentContainer": Ref(level.mrid),
            "ShuntCompensator.nomU": level.kv,
            "ShuntCompensator.maximumSections": 1,
            "ShuntCompensator.normalSections": 1,
            "LinearShuntCompensator.gPerSection": siemens[0],
            "LinearShuntCompensator.bPerSection": siemens[1],
        },
    )
    state: dict[str, Value] = {
        "ShuntCompensator.sections": 1.0,
        "RegulatingCondEq.controlEnabled": False,
    }
    in_service(grid, "LinearShuntCompensator", mrid, state)
    terminal_at(grid, mrid, 1, node)
    return mrid


def in_service(grid: Grid, kind: str, mrid: str, state: dict[str, Value] | None = None) -> None:
    """Say in SSH that an equipment is in service, and its state."""
    grid.ssh.about(kind, mrid, {"Equipment.inService": True, **(state or {})})


def terminal_at(grid: Grid, equipment: str, number: int, node: str) -> str:
    """Define a terminal of an equipment at a node; return it."""
    mrid = grid.eq.define(
        "Terminal",
        grid.identify("terminal", equipment, number),
        {
            "IdentifiedObject.name": f"T{number}",
            "Terminal.ConductingEquipment": Ref(equipment),
            "Terminal.ConnectivityNode": Ref(node),
            "ACDCTerminal.sequenceNumber": number,
        },
    )
    grid.ssh.about("Terminal", mrid, {"ACDCTerminal.connected": True})
    return mrid


def _limits(grid: Grid, name: str, terminal: str, rating: Rating) -> None:
    values: dict[str, Value] = {
        "IdentifiedObject.name": f"{name} limits",
        "OperationalLimitSet.Terminal": Ref(terminal),
    }
    if rating.basis:
        values["gs:basis"] = Term(f"gs:{rating.basis}")
    group = grid.eq.define("OperationalLimitSet", grid.identify("limits", terminal), values)
    for kind, (seconds, _, factor) in LIMITS.items():
        if seconds and not rating.short_time:
            continue
        mrid = grid.eq.define(
            "CurrentLimit",
            grid.identify("limit", terminal, kind),
            {
                "IdentifiedObject.name": kind,
                "OperationalLimit.OperationalLimitSet": Ref(group),
                "OperationalLimit.OperationalLimitType": Ref(grid.identify("limit-type", kind)),
                "CurrentLimit.normalValue": rating.amperes * factor,
            },
        )
        grid.ssh.about("CurrentLimit", mrid, {"CurrentLimit.value": rating.amperes * factor})


def _tap_changer(
    grid: Grid, name: str, end: str, terminal: str, kv: tuple[float, float], taps: Taps
) -> None:
    values: dict[str, Value] = {
        "IdentifiedObject.name": f"{name} taps",
        "RatioTapChanger.TransformerEnd": Ref(end),
        "RatioTapChanger.stepVoltageIncrement": taps.increment_percent,
        "TapChanger.ltcFlag": taps.target_kv is not None,
        "TapChanger.neutralU": kv[0],
        "TapChanger.lowStep": taps.low,
        "TapChanger.highStep": taps.high,
        "TapChanger.neutralStep": taps.neutral,
        "TapChanger.normalStep": taps.step,
    }
    if taps.target_kv is not None:
        control = regulate(
            grid,
            "TapChangerControl",
            f"{name} AVC",
            terminal,
            (taps.target_kv, round(0.018 * kv[1], 3)),
        )
        values["TapChanger.TapChangerControl"] = Ref(control)
    mrid = grid.eq.define("RatioTapChanger", grid.identify("taps", name), values)
    grid.ssh.about(
        "RatioTapChanger",
        mrid,
        {
            "TapChanger.step": float(taps.step),
            "TapChanger.controlEnabled": taps.target_kv is not None,
        },
    )


def regulate(grid: Grid, kind: str, name: str, terminal: str, target: tuple[float, float]) -> str:
    """Define a voltage control at a terminal; target is (kV, deadband in kV)."""
    control = grid.eq.define(
        kind,
        grid.identify("control", name),
        {
            "IdentifiedObject.name": name,
            "RegulatingControl.mode": Term("cim:RegulatingControlModeKind.voltage"),
            "RegulatingControl.Terminal": Ref(terminal),
        },
    )
    grid.ssh.about(
        kind,
        control,
        {
            "RegulatingControl.discrete": kind == "TapChangerControl",
            "RegulatingControl.enabled": True,
            "RegulatingControl.targetDeadband": target[1],
            "RegulatingControl.targetValue": target[0],
            "RegulatingControl.targetValueUnitMultiplier": Term("cim:UnitMultiplier.k"),
        },
    )
    return control
