"""The transmission model says what its source says: same voltages in two load flow programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from federation.demo import gb, transmission
from federation.demo.boundary import Boundary
from federation.demo.gb29 import pandapower_networks
from federation.demo.grid import Place
from federation.demo.source import Source
from tests.federation.demo.powsybl import load, solve

pytestmark = [pytest.mark.demo, pytest.mark.nightly]


def as_pandapower_solves_it(source: Source) -> Source:
    """Pandapower squares the no-load current and so takes every charging shunt as a reactor."""
    units = tuple(
        replace(unit, winding=replace(unit.winding, b=-abs(unit.winding.b)))
        for unit in source.units
    )
    return replace(source, units=units)


def test_every_bus_has_the_voltage_that_pandapower_finds(tmp_path: Path) -> None:
    boundary = Boundary("gb", 1)
    read = as_pandapower_solves_it(gb.read(1, replace_loads=False))
    made = transmission.build(read, Place("gb", 1, "TNO"), boundary)
    network = load([*made.grid.write(tmp_path)[:2], boundary.write(tmp_path)])
    status = solve(
        network,
        distributed_slack=False,
        use_reactive_limits=False,
        twt_split_shunt_admittance=True,
    )
    assert status == "CONVERGED"

    source = pandapower_networks().GBnetwork()
    gb.solve(source)
    found = network.get_buses(attributes=["v_mag", "voltage_level_id"]).set_index(
        "voltage_level_id"
    )["v_mag"]
    assert len(made.levels) == 2224
    worst = max(
        abs(found[made.levels[bus]] / source.bus.vn_kv[bus] - source.res_bus.vm_pu[bus])
        for bus in made.levels
    )
    assert worst < 1e-4
