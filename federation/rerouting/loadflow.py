"""One AC load flow with pinned settings, and its result as tables.

In: a pypowsybl network. Out: a `LoadFlow` whose tables exist only where it converged: after a
failed run PowSyBl's own tables still hold the results of the run before. The start is always a DC
one, because previous values fail when a dead bus is energised; the slack is named, because the
angle reference otherwise differs from run to run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from federation.rerouting.network import Network

Table = Any
"""A ``pandas.DataFrame`` indexed by PowSyBl id."""


EVERYTHING: Mapping[str, Sequence[str]] = {
    "buses": ("v_mag", "v_angle", "voltage_level_id", "synchronous_component"),
    "lines": ("r", "x", "g1", "b1", "g2", "b2", "p1", "q1", "i1", "p2", "q2", "i2"),
    "boundary_lines": ("r", "x", "g", "b", "p", "q", "i", "boundary_p", "boundary_q"),
    "transformers": ("r", "x", "rated_u1", "rated_u2", "p1", "q1", "i1", "p2", "q2", "i2"),
    "transformers_3w": ("r1", "x1", "p1", "q1", "i1", "p2", "q2", "i2", "p3", "q3", "i3"),
    "loads": ("p0", "q0", "p", "q", "bus_id", "connected"),
    "generators": ("p", "q", "bus_id", "connected"),
}
"""Result tables and their columns, for comparing whole networks."""

JUDGED: Mapping[str, Sequence[str]] = {
    "buses": EVERYTHING["buses"],
    "lines": ("i1", "i2"),
    "boundary_lines": ("p", "q", "i"),
    "transformers": ("i1", "i2"),
    "transformers_3w": ("i1", "i2", "i3"),
    "loads": ("bus_id", "connected"),
}
"""What a transfer is judged by: reading the rest takes as long as a small load flow."""


class Status(StrEnum):
    """How a load flow ended."""

    CONVERGED = "converged"
    FAILED = "failed"
    NO_SOURCE = "no source"


@dataclass(frozen=True)
class Pinned:
    """The settings of a load flow that a reader needs to repeat it.

    Attributes:
        tap_control: whether transformers whose control is on may move (mode INCREMENTAL).
        slack_generator: id of the generator at the slack bus; None takes the largest.
        max_outer_loops: limit of the control loops.
        mismatch_pu: Newton-Raphson stopping criterion per equation.
    """

    tap_control: bool = True
    slack_generator: str | None = None
    max_outer_loops: int = 80
    mismatch_pu: float = 1e-6


@dataclass(frozen=True)
class LoadFlow:
    """Result of one run.

    Attributes:
        slack: id of the generator at the slack bus.
        iterations: Newton-Raphson iterations of the main component.
        tables: ``buses``, ``lines``, ``boundary_lines``, ``transformers``, ``transformers_3w``,
            ``loads``, ``generators``; empty unless converged. In kV, degrees, MW, MVAr, A.
    """

    status: Status
    message: str
    slack: str | None
    iterations: int
    settings: Pinned
    tables: dict[str, Table] = field(default_factory=dict)

    @property
    def converged(self) -> bool:
        """Whether the tables hold a solution."""
        return self.status is Status.CONVERGED


def load_flow(
    network: Network,
    settings: Pinned | None = None,
    columns: Mapping[str, Sequence[str]] = EVERYTHING,
) -> LoadFlow:
    """Run an AC load flow on the main component of the network's working variant.

    A network without a source (a distribution network alone) is no error: the status says so.
    """
    import pypowsybl.loadflow

    pinned = settings or Pinned()
    slack, main = pinned.slack_generator, None
    bus = _bus_now(network, slack) if slack is not None else ""
    if bus:
        main = _main(pypowsybl.loadflow.run_ac(network, parameters(pinned, bus)))
    if main is None or [found.id for found in main.slack_bus_results] != [bus]:
        slack, bus = slack_of(network, slack)
        if slack is None:
            return LoadFlow(Status.NO_SOURCE, "No generator in service.", None, 0, pinned)
        main = _main(pypowsybl.loadflow.run_ac(network, parameters(pinned, bus)))
    if main is None or main.status.name != "CONVERGED":
        text = main.status_text if main is not None else "no component was calculated"
        return LoadFlow(Status.FAILED, text, slack, 0, pinned)
    read = tables(network, columns)
    return LoadFlow(Status.CONVERGED, main.status_text, slack, main.iteration_count, pinned, read)


def _main(results: Sequence[Any]) -> Any:
    return results[0] if results else None


def parameters(pinned: Pinned, slack_bus: str) -> Any:
    """Return the ``pypowsybl.loadflow.Parameters`` of the pinned settings."""
    import pypowsybl.loadflow as lf

    return lf.Parameters(
        voltage_init_mode=lf.VoltageInitMode.DC_VALUES,
        transformer_voltage_control_on=pinned.tap_control,
        phase_shifter_regulation_on=False,
        distributed_slack=True,
        balance_type=lf.BalanceType.PROPORTIONAL_TO_GENERATION_P_MAX,
        use_reactive_limits=True,
        read_slack_bus=False,
        write_slack_bus=False,
        provider_parameters={
            "slackBusSelectionMode": "NAME",
            "slackBusesIds": slack_bus,
            "transformerVoltageControlMode": "INCREMENTAL_VOLTAGE_CONTROL",
            "maxOuterLoopIterations": str(pinned.max_outer_loops),
            "newtonRaphsonConvEpsPerEq": str(pinned.mismatch_pu),
        },
    )


def tables(network: Network, columns: Mapping[str, Sequence[str]] = EVERYTHING) -> dict[str, Table]:
    """Return the result tables of the last run; all rows are matched by id, never by order."""
    read = {
        "buses": network.get_buses,
        "lines": network.get_lines,
        "boundary_lines": network.get_boundary_lines,
        "transformers": network.get_2_windings_transformers,
        "transformers_3w": network.get_3_windings_transformers,
        "loads": network.get_loads,
        "generators": network.get_generators,
    }
    return {name: read[name](attributes=list(wanted)) for name, wanted in columns.items()}


def slack_of(network: Network, wanted: str | None) -> tuple[str | None, str]:
    """Return the generator whose bus is the slack, and that bus: the wanted one, else the largest.

    Only what stands in the main component counts; without any the answer is (None, "").
    """
    bus = _bus_of(network, wanted) if wanted is not None else ""
    if bus:
        return wanted, bus
    units = network.get_generators(attributes=["max_p", "bus_id", "connected"])
    buses = network.get_buses(attributes=["connected_component"])
    units = units[units["connected"] & units["bus_id"].isin(buses.index)]
    component = units["bus_id"].map(buses["connected_component"])
    units = units[component == 0]
    if units.empty:
        return None, ""
    ordered = sorted(units.itertuples(), key=lambda unit: (-unit.max_p, unit.Index))
    return str(ordered[0].Index), str(ordered[0].bus_id)


def _bus_of(network: Network, generator: str) -> str:
    """Return the bus of one generator in the main component, else ""."""
    bus = _bus_now(network, generator)
    if not bus:
        return ""
    component = network.get_buses(id=bus, attributes=["connected_component"])
    return bus if component["connected_component"].iloc[0] == 0 else ""


def _bus_now(network: Network, generator: str) -> str:
    """Return the bus of one generator, in whatever component; "" where it is on none.

    What it costs to know the component of a bus, a load flow that says its slack tells as well.
    """
    from pypowsybl import PyPowsyblError

    try:
        unit = network.get_generators(id=generator, attributes=["bus_id", "connected"]).iloc[0]
    except PyPowsyblError:
        return ""
    return str(unit["bus_id"]) if unit["connected"] and unit["bus_id"] else ""
