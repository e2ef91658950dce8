"""Fault level against pandapower's calc_sc with equal inputs, and by hand."""

from __future__ import annotations

import math
import warnings
from typing import Any

import pytest

from federation.rerouting.faultlevel import (
    BASE_MVA,
    Branch,
    Circuit,
    Source,
    generator_correction,
    short_circuit_ka,
    transformer_correction,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pp = pytest.importorskip("pandapower")
    import pandapower.networks
    import pandapower.shortcircuit


def circuit_of(net: Any) -> tuple[Circuit, dict[int, int]]:
    """The circuit of a pandapower network: its own tables, IEC 60909 formulas written out here."""
    number = {int(bus): i for i, bus in enumerate(net.bus.index)}
    kv = [float(net.bus.at[bus, "vn_kv"]) for bus in net.bus.index]
    branches: list[Branch] = []
    for line in net.line.itertuples():
        one, other = number[line.from_bus], number[line.to_bus]
        ohm = complex(line.r_ohm_per_km, line.x_ohm_per_km) * line.length_km / line.parallel
        branches.append(Branch(one, other, ohm * BASE_MVA / kv[one] ** 2))
    for trafo in net.trafo.itertuples():
        r = trafo.vkr_percent / 100.0
        x = math.sqrt((trafo.vk_percent / 100.0) ** 2 - r**2)
        z = complex(r, x) * transformer_correction(x) * BASE_MVA / trafo.sn_mva / trafo.parallel
        hv, lv = number[trafo.hv_bus], number[trafo.lv_bus]
        ratio = (trafo.vn_lv_kv / kv[lv]) ** 2
        branches.append(Branch(hv, lv, z * ratio))
    for switch in net.switch[(net.switch.et == "b") & net.switch.closed].itertuples():
        branches.append(Branch(number[switch.bus], number[switch.element], 1e-9j))
    sources: list[Source] = []
    for grid in net.ext_grid.itertuples():
        bus = number[grid.bus]
        z = 1.1 * BASE_MVA / grid.s_sc_max_mva
        x = z / math.sqrt(1.0 + grid.rx_max**2)
        sources.append(Source(bus, complex(grid.rx_max * x, x)))
    for machine in net.gen.itertuples():
        bus = number[machine.bus]
        x = machine.xdss_pu
        own = machine.vn_kv**2 / machine.sn_mva
        k = generator_correction(kv[bus], machine.vn_kv, x, machine.cos_phi)
        ohm = complex(machine.rdss_ohm, x * own) * k
        sources.append(Source(bus, ohm * BASE_MVA / kv[bus] ** 2))
    return Circuit(kv, branches, sources), number


def ring() -> Any:
    """Two supply points at 132 kV in parallel over a 33 kV tie, two machines."""
    net = pp.create_empty_network(sn_mva=BASE_MVA)
    high = [pp.create_bus(net, 132.0) for _ in range(2)]
    low = [pp.create_bus(net, 33.0) for _ in range(3)]
    for bus, mva in zip(high, (4000.0, 6000.0), strict=True):
        pp.create_ext_grid(net, bus, s_sc_max_mva=mva, rx_max=0.1)
    for bus, bar in zip(high, low, strict=False):
        for _ in range(2):
            pp.create_transformer_from_parameters(
                net, bus, bar, 90.0, 132.0, 33.0, 0.8, 24.0, 0.0, 0.0
            )
    for one, other, km in ((0, 1, 6.0), (1, 2, 3.0)):
        pp.create_line_from_parameters(net, low[one], low[other], km, 0.12, 0.36, 10.0, 0.65)
    pp.create_gen(
        net, low[2], 10.0, vn_kv=33.0, sn_mva=15.0, xdss_pu=0.18, cos_phi=0.85, rdss_ohm=0.6
    )
    return net


def radial() -> Any:
    """Pandapower's medium-voltage CIGRE network, its external grid given a fault level."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = pandapower.networks.create_cigre_network_mv()
    net.ext_grid["s_sc_max_mva"] = 5000.0
    net.ext_grid["rx_max"] = 0.1
    net.switch.drop(net.switch.index, inplace=True)
    return net


def city() -> Any:
    """Pandapower's Oberrhein network: two 110/20 kV infeeds, 179 buses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = pandapower.networks.mv_oberrhein()
    net.ext_grid["s_sc_max_mva"] = 1000.0
    net.ext_grid["rx_max"] = 0.1
    net.switch.drop(net.switch.index, inplace=True)
    return net


@pytest.mark.demo
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [ring, radial, city])
def test_fault_level_is_that_of_calc_sc(make: Any) -> None:
    net = make()
    net.sgen.drop(net.sgen.index, inplace=True)
    pandapower.shortcircuit.calc_sc(net, case="max", fault="3ph", ip=False, ith=False)
    circuit, number = circuit_of(net)
    ours = short_circuit_ka(circuit, number.values())
    theirs = {number[int(bus)]: float(ka) for bus, ka in net.res_bus_sc["ikss_ka"].items()}
    assert len(theirs) >= 5
    gaps = [abs(ours[bus] - ka) / ka for bus, ka in theirs.items() if ka > 0]
    assert len(gaps) == len(theirs)
    assert max(gaps) < 0.01


def test_one_source_behind_one_line_by_hand() -> None:
    circuit = Circuit([33.0, 33.0], [Branch(0, 1, 0.1j)], [Source(0, 0.02j)])
    base_ka = BASE_MVA / (math.sqrt(3.0) * 33.0)
    found = short_circuit_ka(circuit, [0, 1])
    assert found[0] == pytest.approx(1.1 * base_ka / 0.02)
    assert found[1] == pytest.approx(1.1 * base_ka / 0.12)


def test_closing_a_tie_raises_the_fault_level_on_both_sides() -> None:
    apart = Circuit([33.0, 33.0], [], [Source(0, 0.05j), Source(1, 0.08j)])
    joined = Circuit([33.0, 33.0], [Branch(0, 1, 0.1j)], apart.sources)
    before, after = short_circuit_ka(apart, [0, 1]), short_circuit_ka(joined, [0, 1])
    assert after[0] > before[0] and after[1] > before[1]


def test_a_bus_without_a_source_has_no_fault_level() -> None:
    circuit = Circuit([33.0, 33.0, 33.0], [Branch(1, 2, 0.1j)], [Source(0, 0.05j)])
    assert short_circuit_ka(circuit, [2]) == {2: 0.0}
