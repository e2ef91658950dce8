"""The reduced GB network of 29 buses as a source, with real zone names and positions.

In: pandapower ``GBreducednetwork`` (Bukhsh and McKinnon, Edinburgh 2013), read from its tables.
Out: a ``Source``. Stated changes: generation is scaled to meet the demand, the 2 degree phase
shifts of four transformers are left out, and two supergrid transformers are added at four buses.
"""

from __future__ import annotations

import logging
import math
from typing import Any

from federation.demo.equipment import Rating, Taps, Winding
from federation.demo.machines import Output
from federation.demo.source import (
    Bus,
    Circuit,
    Demand,
    Generator,
    Gsp,
    Site,
    Source,
    Unit,
    substations,
)
from kgnode.errors import MissingExtra

ZONES = (
    ("Beauly", -4.53, 57.47),
    ("Peterhead", -1.80, 57.48),
    ("Errochty", -4.05, 56.72),
    ("Denny", -3.73, 56.11),
    ("Neilston", -4.41, 55.81),
    ("Strathaven", -3.88, 55.75),
    ("Torness", -2.51, 55.92),
    ("Eccles", -2.23, 55.68),
    ("Harker", -2.85, 54.93),
    ("Stella West", -1.67, 54.99),
    ("Penwortham", -2.68, 53.78),
    ("Deeside", -3.07, 53.22),
    ("Daines", -2.18, 53.36),
    ("Stocksbridge", -1.39, 53.47),
    ("Drax", -0.99, 53.83),
    ("Keadby", -0.68, 53.49),
    ("Ratcliffe", -1.07, 52.88),
    ("Feckenham", -1.96, 52.30),
    ("Walpole", 0.24, 52.73),
    ("Bramford", 1.16, 52.09),
    ("Pelham", 0.16, 51.98),
    ("Sundon", -0.63, 51.96),
    ("Melksham", -2.22, 51.42),
    ("Bramley", -0.98, 51.29),
    ("London", -0.13, 51.53),
    ("Kemsley", 0.77, 51.38),
    ("Sellindge", 1.12, 51.10),
    ("Lovedean", -1.00, 50.91),
    ("South West Peninsula", -2.27, 51.00),
)
"""Zone of each bus, in the order of the bus index: name, degrees east, degrees north."""

GENERATION_SCALE = 0.75932
"""The source generates 15.9 GW more than it needs; every machine is scaled by this."""

GSPS = (
    Gsp("GSP23", "Bramley", "DNOA", 123, 95.0, 0.0),
    Gsp("GSP22", "Melksham", "DNOA", 122, 110.0, 0.0),
    Gsp("GSP21", "Sundon", "DNOB", 121, 70.0, 0.0),
    Gsp("GSP20", "Pelham", "DNOB", 120, 85.0, 0.0),
)
NEIGHBOURS = (
    ("GSP23", "GSP22"),
    ("GSP21", "GSP20"),
    ("GSP23", "GSP21"),
    ("GSP22", "GSP20"),
)
SGT_MVA, SGT_X_PERCENT, SGT_X_OVER_R, SGT_STEP = 240.0, 20.0, 40.0, 7
LEVEL_ADDED_KV = 132.0


def pandapower_networks() -> Any:
    """Return pandapower's networks module.

    Raises:
        MissingExtra: pandapower is not installed.
    """
    logging.getLogger("pandapower").setLevel(logging.ERROR)
    try:
        import pandapower.networks as networks
    except ImportError as error:
        raise MissingExtra(
            "The demo needs pandapower, which is not installed.",
            hint="Install it: pip install 'gridspine[demo]'.",
        ) from error
    return networks


def read() -> Source:
    """Return the network with its four grid supply points.

    Raises:
        MissingExtra: pandapower is not installed.
    """
    net = pandapower_networks().GBreducednetwork()
    buses = [Bus(int(row.Index), float(row.vn_kv)) for row in net.bus.itertuples()]
    units = [transformer(row) for row in net.trafo.itertuples()]
    demands = {int(row.bus): (float(row.p_mw), float(row.q_mvar)) for row in net.load.itertuples()}
    gsps = []
    for gsp in GSPS:
        bus = gsp.bus - 100
        total_mw, total_mvar = demands[bus]
        mvar = round(total_mvar * gsp.mw / total_mw, 4)
        demands[bus] = (total_mw - gsp.mw, total_mvar - mvar)
        gsps.append(Gsp(gsp.ident, gsp.name, gsp.owner, gsp.bus, gsp.mw, mvar))
        buses.append(Bus(gsp.bus, LEVEL_ADDED_KV))
        units += [_added_transformer(bus, gsp.bus)] * 2
    groups = substations(buses, units)
    return Source(
        title="GB transmission, reduced to 29 buses; generation scaled, phase shifts left out",
        crs=("WGS 84", "urn:ogc:def:crs:EPSG::4326"),
        buses=tuple(buses),
        circuits=tuple(circuit(row) for row in net.line.itertuples()),
        units=tuple(units),
        generators=tuple(_generators(net)),
        demands=tuple(Demand(bus, *power) for bus, power in demands.items()),
        shunts=(),
        sites=tuple(_site(group) for group in groups),
        spots={bus.index: ZONES[bus.index % 100] for bus in buses},
        gsps=tuple(gsps),
        neighbours=NEIGHBOURS,
    )


def circuit(row: Any, rating: Rating | None = None) -> Circuit:
    """Return a row of pandapower's line table as a circuit (50 Hz)."""
    length = float(row.length_km)
    return Circuit(
        (int(row.from_bus), int(row.to_bus)),
        float(row.r_ohm_per_km) * length,
        float(row.x_ohm_per_km) * length,
        2 * math.pi * 50 * float(row.c_nf_per_km) * 1e-9 * length,
        rating or Rating(round(float(row.max_i_ka) * 1000, 1), ""),
    )


def transformer(row: Any, ratio: float = 1.0, mva: float | None = None) -> Unit:
    """Return a row of pandapower's transformer table, its impedance moved to end 1.

    The source gives the impedance on the low-voltage side; the square of the ratio moves it.
    A negative ``i0_percent`` is charging, as the source's converter writes it.
    """
    high, low = float(row.vn_hv_kv), float(row.vn_lv_kv)
    base = low**2 / float(row.sn_mva)
    r_percent, z_percent = float(row.vkr_percent), float(row.vk_percent)
    x_percent = math.copysign(math.sqrt(z_percent**2 - r_percent**2), z_percent)
    move = (high * ratio / low) ** 2
    basis = "" if mva is None else "assumed"
    winding = Winding(
        r=r_percent / 100 * base * move,
        x=x_percent / 100 * base * move,
        b=-float(row.i0_percent) / 100 / base / move,
        rated_kv=(high * ratio, low),
        rated_mva=float(row.sn_mva) if mva is None else mva,
        basis=basis,
        short_time=mva is None,
    )
    shift = float(row.shift_degree)
    note = f"The source's phase shift of {shift:g} degrees is left out" if shift else ""
    return Unit((int(row.hv_bus), int(row.lv_bus)), winding, description=note)


def _added_transformer(high_bus: int, low_bus: int) -> Unit:
    x = SGT_X_PERCENT / 100 * 400**2 / SGT_MVA
    winding = Winding(x / SGT_X_OVER_R, x, (400.0, LEVEL_ADDED_KV), SGT_MVA)
    return Unit((high_bus, low_bus), winding, Taps(SGT_STEP), "Added for the demo")


def _generators(net: Any) -> list[Generator]:
    found = []
    kv = net.bus.vn_kv
    for row in net.gen.itertuples():
        mw = float(row.p_mw) * GENERATION_SCALE
        limits = (min(float(row.min_p_mw), mw), max(float(row.max_p_mw), mw))
        mvar = (float(row.min_q_mvar), float(row.max_q_mvar))
        target = float(kv[row.bus]) * float(row.vm_pu)
        found.append(Generator(int(row.bus), Output(mw, 0.0, limits, mvar, target)))
    for row in net.sgen.itertuples():
        mw, reactive = float(row.p_mw) * float(row.scaling), float(row.q_mvar)
        mvar = (min(float(row.min_q_mvar), reactive), max(float(row.max_q_mvar), reactive))
        limits = (min(float(row.min_p_mw), mw), max(float(row.max_p_mw), mw))
        found.append(Generator(int(row.bus), Output(mw, reactive, limits, mvar)))
    row = next(net.ext_grid.itertuples())
    target = float(kv[row.bus]) * float(row.vm_pu)
    limits = (float(row.min_p_mw), float(row.max_p_mw))
    mvar = (float(row.min_q_mvar), float(row.max_q_mvar))
    reference = Output(500.0, 0.0, limits, mvar, target, reference=True)
    return [*found, Generator(int(row.bus), reference)]


def _site(group: tuple[int, ...]) -> Site:
    zones = [ZONES[bus % 100] for bus in group]
    names = list(dict.fromkeys(name for name, _, _ in zones))
    x = sum(zone[1] for zone in zones) / len(zones)
    y = sum(zone[2] for zone in zones) / len(zones)
    return Site(names[0] if len(names) == 1 else f"{names[0]} group", x, y, group, "")
