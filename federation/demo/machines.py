"""Machines: generating units with their synchronous machines and voltage control.

In: a level, a node, power in MW and MVAr as generated (positive into the network). Out: the mRID
of the machine. The CIM sign of ``RotatingMachine.p`` is the opposite (IEC 61970-301).
"""

from __future__ import annotations

from dataclasses import dataclass

from federation.demo.emit import Ref, Term, Value
from federation.demo.equipment import in_service, regulate, terminal_at
from federation.demo.grid import Grid, Level


@dataclass(frozen=True)
class Output:
    """What a machine generates now (MW, MVAr), its limits, the voltage it holds (None: none)."""

    mw: float
    mvar: float
    mw_limits: tuple[float, float]
    mvar_limits: tuple[float, float]
    target_kv: float | None = None
    reference: bool = False


def machine(grid: Grid, level: Level, node: str, name: str, kind: str, output: Output) -> str:
    """Define a machine with its unit; kind is Thermal, Wind, Solar or empty (not known)."""
    unit_values: dict[str, Value] = {
        "IdentifiedObject.name": f"{name} unit",
        "Equipment.EquipmentContainer": Ref(level.substation),
        "GeneratingUnit.minOperatingP": output.mw_limits[0],
        "GeneratingUnit.maxOperatingP": output.mw_limits[1],
        "GeneratingUnit.initialP": output.mw,
    }
    if kind == "Wind":
        unit_values["WindGeneratingUnit.windGenUnitType"] = Term("cim:WindGenUnitKind.onshore")
    unit_kind = f"{kind}GeneratingUnit"
    unit = grid.eq.define(unit_kind, grid.identify("unit", name), unit_values)
    in_service(grid, unit_kind, unit, {"GeneratingUnit.normalPF": output.mw_limits[1]})
    mrid = grid.identify("machine", name)
    terminal = terminal_at(grid, mrid, 1, node)
    values: dict[str, Value] = {
        "IdentifiedObject.name": name,
        "Equipment.EquipmentContainer": Ref(level.mrid),
        "RotatingMachine.GeneratingUnit": Ref(unit),
        "RotatingMachine.ratedS": max(output.mw_limits[1] * 1.15, abs(output.mvar), 1.0),
        "RotatingMachine.ratedU": level.kv,
        "SynchronousMachine.type": Term("cim:SynchronousMachineKind.generator"),
        "SynchronousMachine.minQ": output.mvar_limits[0],
        "SynchronousMachine.maxQ": output.mvar_limits[1],
    }
    if output.target_kv is not None:
        control = regulate(
            grid, "RegulatingControl", f"{name} AVR", terminal, (output.target_kv, 0.0)
        )
        values["RegulatingCondEq.RegulatingControl"] = Ref(control)
    grid.eq.define("SynchronousMachine", mrid, values)
    state: dict[str, Value] = {
        "RegulatingCondEq.controlEnabled": output.target_kv is not None,
        "RotatingMachine.p": -output.mw,
        "RotatingMachine.q": -output.mvar,
        "SynchronousMachine.operatingMode": Term("cim:SynchronousMachineOperatingMode.generator"),
        "SynchronousMachine.referencePriority": int(output.reference),
    }
    in_service(grid, "SynchronousMachine", mrid, state)
    return mrid
