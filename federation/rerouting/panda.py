"""A network as a pandapower object in the state that PowSyBl solved, for a planner's own tool.

In: a pypowsybl network. Out: a ``pandapowerNet`` with buses, lines, tie lines, transformers, loads,
machines and shunts of the main component, named by their identifiers. Machines hold the power that
PowSyBl gave them, and the voltage only where they reached it; so ``pandapower.runpp`` repeats the
load flow without controls of its own. pandapower's own reader of CIM needs a topology profile.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from federation.rerouting.loadflow import LoadFlow, Pinned, load_flow
from federation.rerouting.network import Network
from kgnode.errors import InputError, MissingExtra

HERTZ = 50.0
BASE_MVA = 100.0
AT_TARGET = 1e-5
"""A machine within this of its target, per unit, controls the voltage; the others hold MVAr."""


def pandapower_network(network: Network, settings: Pinned | None = None) -> Any:
    """Return the pandapower network of the working variant's load flow, taps where they stand.

    Raises:
        MissingExtra: pandapower is not installed.
        InputError: the load flow does not converge, or the network has equipment without a form
            here: three windings, phase shift, HVDC, static compensators.
    """
    try:
        import pandapower
    except ImportError as error:
        raise MissingExtra(
            "This needs pandapower.", hint="Install it: pip install 'gridspine[demo]'."
        ) from error
    _refuse_unknown(network)
    flow = load_flow(network, settings or Pinned(tap_control=False))
    if not flow.converged:
        raise InputError(f"The load flow does not converge: {flow.message}")
    return _Builder(pandapower, network, flow).net()


def _refuse_unknown(network: Network) -> None:
    tables = {
        "three-winding transformers": network.get_3_windings_transformers(),
        "HVDC lines": network.get_hvdc_lines(),
        "static compensators": network.get_static_var_compensators(),
    }
    shifts = network.get_2_windings_transformers(attributes=["alpha"])["alpha"]
    found = [name for name, table in tables.items() if len(table)]
    found += ["phase shifts"] if (shifts.abs() > 0).any() else []
    if found:
        raise InputError(f"There is no pandapower form here for {', '.join(found)}.")


class _Builder:
    """Builds one pandapower network; kept together because all refers to its bus numbers."""

    def __init__(self, pandapower: Any, network: Network, flow: LoadFlow) -> None:
        self.pp, self.network, self.flow = pandapower, network, flow
        self.made = pandapower.create_empty_network(f_hz=HERTZ, sn_mva=BASE_MVA)
        nominal = network.get_voltage_levels(attributes=["nominal_v"])["nominal_v"]
        buses = flow.tables["buses"]
        buses = buses[buses["synchronous_component"] == 0]
        self.kv = {own: float(nominal[row["voltage_level_id"]]) for own, row in buses.iterrows()}
        self.bus = {own: place for place, own in enumerate(self.kv)}
        self.rows: dict[str, list[dict[str, Any]]] = {}

    def net(self) -> Any:
        """Return the network; rows are gathered first, since adding them one by one is slow."""
        pp, made = self.pp, self.made
        pp.create_buses(made, len(self.bus), list(self.kv.values()), name=list(self.bus))
        self._lines()
        self._ties()
        self._transformers()
        self._injections()
        self._machines()
        for kind, rows in self.rows.items():
            columns = {name: [row[name] for row in rows] for name in rows[0]}
            getattr(pp, f"create_{kind}")(made, **columns)
        return made

    def _row(self, kind: str, **values: Any) -> None:
        self.rows.setdefault(kind, []).append(values)

    def _lines(self) -> None:
        columns = ["bus1_id", "bus2_id", "r", "x", "g1", "b1", "g2", "b2"]
        for own, row in self.network.get_lines(attributes=columns).iterrows():
            ends = (row["bus1_id"], row["bus2_id"])
            shunts = (complex(row["g1"], row["b1"]), complex(row["g2"], row["b2"]))
            self._branch(own, ends, complex(row["r"], row["x"]), shunts)

    def _ties(self) -> None:
        """Put the two halves of each tie line in series; a half's shunt lies at its own bus."""
        halves = self.network.get_boundary_lines(attributes=["bus_id", "r", "x", "g", "b"])
        ties = self.network.get_tie_lines(attributes=["boundary_line1_id", "boundary_line2_id"])
        for own, first, second in ties.itertuples():
            one, other = halves.loc[first], halves.loc[second]
            z = complex(one["r"] + other["r"], one["x"] + other["x"])
            shunts = (complex(one["g"], one["b"]), complex(other["g"], other["b"]))
            self._branch(own, (one["bus_id"], other["bus_id"]), z, shunts)

    def _branch(
        self, own: str, ends: tuple[str, str], z_ohm: complex, shunts: tuple[complex, complex]
    ) -> None:
        """Add a series impedance with a shunt in siemens at each end; an open end leaves one."""
        one, other = ends
        if one in self.bus and other in self.bus:
            base = self.kv[one] * self.kv[other] / BASE_MVA
            z = z_ohm / base
            self._row(
                "impedances",
                from_buses=self.bus[one],
                to_buses=self.bus[other],
                rft_pu=z.real,
                xft_pu=z.imag,
                sn_mva=BASE_MVA,
                name=own,
            )
            self._shunt(own, one, shunts[0])
            self._shunt(own, other, shunts[1])
            return
        for near, here, there in ((one, *shunts), (other, *shunts[::-1])):
            if near in self.bus:
                series = 1.0 / z_ohm
                through = series * there / (series + there) if there else 0j
                self._shunt(own, near, here + through)

    def _shunt(self, own: str, bus: str, siemens: complex) -> None:
        if siemens:
            power = siemens.conjugate() * self.kv[bus] ** 2
            self._row(
                "shunts",
                buses=self.bus[bus],
                q_mvar=power.imag,
                p_mw=power.real,
                vn_kv=self.kv[bus],
                name=own,
            )

    def _transformers(self) -> None:
        """PowSyBl: ratio at side 1, then the shunt, then the impedance referred to side 2."""
        columns = ["bus1_id", "bus2_id", "rated_u2", "rated_s", "rho"]
        columns += [f"{name}_at_current_tap" for name in "rxgb"]
        for own, row in self.network.get_2_windings_transformers(attributes=columns).iterrows():
            ends = (row["bus1_id"], row["bus2_id"])
            if not all(end in self.bus for end in ends):
                continue
            r, x = row["r_at_current_tap"], row["x_at_current_tap"]
            mva = row["rated_s"] if row["rated_s"] > 0 else BASE_MVA
            base = row["rated_u2"] ** 2 / mva
            self._row(
                "transformers_from_parameters",
                hv_buses=self.bus[ends[0]],
                lv_buses=self.bus[ends[1]],
                sn_mva=mva,
                vn_hv_kv=row["rated_u2"] / row["rho"],
                vn_lv_kv=row["rated_u2"],
                vk_percent=100.0 * math.copysign(math.hypot(r, x), x) / base,
                vkr_percent=100.0 * r / base,
                pfe_kw=0.0,
                i0_percent=0.0,
                name=own,
            )
            y = complex(row["g_at_current_tap"], row["b_at_current_tap"])
            self._shunt(own, ends[0], y * row["rho"] ** 2)

    def _injections(self) -> None:
        for own, row in self.flow.tables["loads"].iterrows():
            if row["connected"] and row["bus_id"] in self.bus:
                bus = self.bus[row["bus_id"]]
                self._row("loads", buses=bus, p_mw=row["p"], q_mvar=row["q"], name=own)
        columns = ["bus_id", "connected", "g", "b"]
        for own, row in self.network.get_shunt_compensators(attributes=columns).iterrows():
            if row["connected"] and row["bus_id"] in self.bus:
                self._shunt(own, row["bus_id"], complex(row["g"], row["b"]))

    def _machines(self) -> None:
        slack = str(self.network.get_generators(attributes=["bus_id"])["bus_id"][self.flow.slack])
        buses = self.flow.tables["buses"]
        held: Mapping[str, float] = {
            bus: float(buses.loc[bus, "v_mag"]) / kv for bus, kv in self.kv.items()
        }
        angle = float(buses.loc[slack, "v_angle"])
        self.pp.create_ext_grid(
            self.made, self.bus[slack], vm_pu=held[slack], va_degree=angle, name="slack"
        )
        columns = ["bus_id", "connected", "voltage_regulator_on", "target_v", "p", "q"]
        columns += ["regulated_bus_id"]
        for own, row in self.network.get_generators(attributes=columns).iterrows():
            bus = row["bus_id"]
            if not row["connected"] or bus not in self.bus:
                continue
            local = row["voltage_regulator_on"] and row["regulated_bus_id"] == bus
            if local and abs(row["target_v"] / self.kv[bus] - held[bus]) < AT_TARGET:
                self._row("gens", buses=self.bus[bus], p_mw=-row["p"], vm_pu=held[bus], name=own)
            else:
                self._row("sgens", buses=self.bus[bus], p_mw=-row["p"], q_mvar=-row["q"], name=own)
