"""The whole GB transmission network of 2,224 buses as a source, with invented names.

In: pandapower ``GBnetwork`` (Bukhsh and McKinnon, Edinburgh 2013), read from its tables, and a
seed for the names. Out: a ``Source``. The network has no names, no zones and no real positions,
and its ratings are placeholders: all four are invented, schematic or assumed, and marked so.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

from federation.demo.equipment import Rating
from federation.demo.gb29 import circuit, pandapower_networks, transformer
from federation.demo.layout import positions
from federation.demo.machines import Output
from federation.demo.placenames import invent
from federation.demo.source import (
    Bus,
    Circuit,
    Demand,
    Generator,
    Gsp,
    Shunt,
    Site,
    Source,
    substations,
)

GSPS = (
    ("GSP0659", "Ashcombe", "DNOA", 659),
    ("GSP0661", "Brackwell", "DNOA", 661),
    ("GSP0663", "Calderby", "DNOA", 663),
    ("GSP0664", "Dunmere", "DNOB", 664),
    ("GSP0666", "Elmsworth", "DNOB", 666),
    ("GSP1378", "Farrowdale", "DNOB", 1378),
)
NEIGHBOURS = (
    ("GSP0659", "GSP0661"),
    ("GSP0661", "GSP0663"),
    ("GSP0664", "GSP0666"),
    ("GSP0666", "GSP1378"),
    ("GSP0659", "GSP1378"),
    ("GSP0663", "GSP0664"),
)
RING = (-0.45, 52.62, 1.15, 0.70)
"""The six points are drawn on an ellipse: centre east and north, half axes, in degrees."""
ANGLES = (140, 72, 12, -48, -112, 190)
CIRCUIT_AMPERES = {400.0: 2600.0, 275.0: 1900.0, 132.0: 1100.0}
OTHER_AMPERES = 800.0
TRANSFORMER_MVA = 240.0
USED_AT_MOST = 0.6
"""A rating is raised until the source's own flow uses no more than this share of it."""


def read(seed: int, *, replace_loads: bool = True) -> Source:
    """Return the network with its six grid supply points.

    Args:
        seed: decides the invented names.
        replace_loads: leave out the lumped loads that the distribution networks stand for; False
            gives the source as it is, without grid supply points.

    Raises:
        MissingExtra: pandapower is not installed.
    """
    net = pandapower_networks().GBnetwork()
    amperes, mva = _base_flow(net)
    buses = [Bus(int(row.Index), float(row.vn_kv)) for row in net.bus.itertuples()]
    units = [
        transformer(row, 1 + _tap(row), _at_least(TRANSFORMER_MVA, flow, 10))
        for row, flow in zip(net.trafo.itertuples(), mva, strict=True)
    ]
    kv = {bus.index: bus.kv for bus in buses}
    circuits = [
        circuit(row, _rating(kv[int(row.from_bus)], flow))
        for row, flow in zip(net.line.itertuples(), amperes, strict=True)
    ]
    demands = [
        Demand(int(row.bus), float(row.p_mw), float(row.q_mvar)) for row in net.load.itertuples()
    ]
    taken = {bus for *_, bus in GSPS} if replace_loads else set()
    groups = substations(buses, units)
    return Source(
        title="GB transmission, 2,224 buses; names invented, ratings assumed, layout schematic",
        crs=("Schematic drawing in degrees, not geographic", "urn:gridspine:crs:schematic"),
        buses=tuple(buses),
        circuits=tuple(circuits),
        units=tuple(units),
        generators=tuple(_generators(net)),
        demands=tuple(demand for demand in demands if demand.bus not in taken),
        shunts=tuple(_shunts(net)),
        sites=tuple(_sites(groups, kv, circuits, seed)),
        spots={},
        gsps=tuple(_gsp(demands, *gsp) for gsp in GSPS) if replace_loads else (),
        neighbours=NEIGHBOURS,
    )


def _gsp(demands: Sequence[Demand], ident: str, name: str, owner: str, bus: int) -> Gsp:
    (lumped,) = [demand for demand in demands if demand.bus == bus]
    return Gsp(ident, name, owner, bus, lumped.mw, lumped.mvar)


def solve(net: Any) -> None:
    """Run pandapower's load flow on the source; it warns of its own table versions, unheard."""
    import pandapower

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pandapower.runpp(net, numba=False)


def _base_flow(net: Any) -> tuple[list[float], list[float]]:
    """Return A of each line and MVA of each transformer in the source's own load flow."""
    solve(net)
    lines = [float(value) * 1000 for value in net.res_line.i_ka]
    flows = net.res_trafo
    pairs = zip(flows.p_hv_mw, flows.q_hv_mvar, strict=True)
    return lines, [math.hypot(float(p), float(q)) for p, q in pairs]


def _rating(kv: float, flow: float) -> Rating:
    standard = CIRCUIT_AMPERES.get(kv, OTHER_AMPERES)
    return Rating(_at_least(standard, flow, 50), short_time=False)


def _at_least(rating: float, flow: float, step: int) -> float:
    needed = math.ceil(flow / USED_AT_MOST / step) * step
    return max(rating, float(needed))


def _tap(row: Any) -> float:
    step, position = float(row.tap_step_percent), float(row.tap_pos)
    return 0.0 if math.isnan(step) or math.isnan(position) else step * position / 100


def _generators(net: Any) -> list[Generator]:
    kv = net.bus.vn_kv
    found = []
    for row in net.gen.itertuples():
        mw = float(row.p_mw)
        limits = (min(float(row.min_p_mw), mw), max(float(row.max_p_mw), mw))
        mvar = (float(row.min_q_mvar), float(row.max_q_mvar))
        target = float(kv[row.bus]) * float(row.vm_pu)
        found.append(Generator(int(row.bus), Output(mw, 0.0, limits, mvar, target)))
    for row in net.sgen.itertuples():
        mw, reactive = float(row.p_mw), float(row.q_mvar)
        mvar = (min(reactive, 0.0), max(reactive, 0.0))
        found.append(Generator(int(row.bus), Output(mw, reactive, (0.0, max(mw, 0.0)), mvar)))
    row = next(net.ext_grid.itertuples())
    mw = float(net.res_ext_grid.p_mw.iloc[0])
    reference = Output(
        round(mw, 3),
        0.0,
        (float(row.min_p_mw), float(row.max_p_mw)),
        (float(row.min_q_mvar), float(row.max_q_mvar)),
        float(kv[row.bus]) * float(row.vm_pu),
        reference=True,
    )
    return [*found, Generator(int(row.bus), reference)]


def _shunts(net: Any) -> list[Shunt]:
    found = []
    for row in net.shunt.itertuples():
        square = float(row.vn_kv) ** 2
        found.append(Shunt(int(row.bus), float(row.p_mw) / square, -float(row.q_mvar) / square))
    return found


def _sites(
    groups: Sequence[tuple[int, ...]],
    kv: dict[int, float],
    circuits: Sequence[Circuit],
    seed: int,
) -> list[Site]:
    number = {bus: place for place, group in enumerate(groups) for bus in group}
    edges = sorted({(number[one.ends[0]], number[one.ends[1]]) for one in circuits})
    highest = [max(kv[bus] for bus in group) for group in groups]
    x, y, wide, high = RING
    pinned = {
        number[bus]: (
            x + wide * math.cos(math.radians(angle)),
            y + high * math.sin(math.radians(angle)),
        )
        for (*_, bus), angle in zip(GSPS, ANGLES, strict=True)
    }
    spots = positions([edge for edge in edges if edge[0] != edge[1]], highest, pinned)
    names = invent(f"{seed}/TNO")
    known = {number[bus]: name for _, name, _, bus in GSPS}
    taken = set(known.values())
    free = (name for name in names if name not in taken)
    return [
        Site(known.get(place) or next(free), *spots[place], group, "invented")
        for place, group in enumerate(groups)
    ]
