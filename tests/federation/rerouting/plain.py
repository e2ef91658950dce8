"""One candidate verified the plain way: a freshly loaded network per state, whole tables, loops.

It shares with the code under test the pinned load flow and the identifiers, and nothing of what
makes it fast: no variants, no kept arrays, no chosen columns, no sparse matrix.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from federation.rerouting.bench import Bench
from federation.rerouting.faultlevel import C_MAX, generator_correction, transformer_correction
from federation.rerouting.footprint import Footprint
from federation.rerouting.loadflow import LoadFlow, Pinned, load_flow
from federation.rerouting.network import Network
from federation.rerouting.transfers import Candidate
from tests.federation.rerouting.conftest import Fresh


@dataclass
class Plain:
    """Numbers of one candidate, by the names of the states."""

    failed: str = ""
    thermal: dict[str, float] = field(default_factory=dict)
    voltage: dict[str, tuple[float, float]] = field(default_factory=dict)
    unfed: list[int] = field(default_factory=list)
    step_percent: float = 0.0
    spread: int = 0
    worse: dict[str, float] = field(default_factory=dict)
    fault_ka: dict[str, float] = field(default_factory=dict)


def verify(fresh: Fresh, bench: Bench, footprint: Footprint, candidate: Candidate) -> Plain:
    """Verify a candidate; the bench lends identifiers, limits and its supergrid transformers."""
    found = Plain()
    slack = bench.base.slack
    network = _network(fresh, bench, {}, {})
    taps = _settled(network, slack)
    network = _network(fresh, bench, {}, taps)
    before = base = load_flow(network, Pinned(tap_control=False, slack_generator=slack))
    _note(found, "before", bench, footprint, base)
    closing = [candidate.point.switch, *candidate.point.also]
    positions: dict[str, bool] = {}
    for switch in (*closing, *candidate.open):
        positions[switch] = switch in candidate.open
        network = _network(fresh, bench, positions, taps)
        flow = load_flow(network, Pinned(tap_control=False, slack_generator=slack))
        if not flow.converged:
            found.failed = "opening" if switch in candidate.open else "in parallel"
            return found
        found.unfed.append(len(_unfed(flow) - _unfed(base)))
        found.step_percent = max(found.step_percent, _step(bench, footprint, before, flow))
        before = flow
        if switch == closing[-1]:
            _note(found, "parallel", bench, footprint, flow)
            found.fault_ka = fault_levels(bench, network)
    _note(found, "just after", bench, footprint, before)
    taps = _settled(network, slack)
    network = _network(fresh, bench, positions, taps)
    after = load_flow(network, Pinned(tap_control=False, slack_generator=slack))
    _note(found, "after", bench, footprint, after)
    found.spread = max((max(g) - min(g) for g in _twin_taps(network)), default=0)
    was, now = _loadings(bench, base), _loadings(bench, after)
    found.worse = {i: p for i, p in now.items() if p > 100.0 and p > was.get(i, 0.0) + 1.0}
    return found


def _network(
    fresh: Fresh, bench: Bench, positions: dict[str, bool], taps: dict[str, int]
) -> Network:
    network = fresh()
    for own, row in network.get_ratio_tap_changers().iterrows():
        owner = bench.grid.equipment[bench.iris[own]].owner
        if row["regulating"] and owner in bench.areas.transmission:
            network.update_ratio_tap_changers(id=own, regulating=False)
    for own, tap in taps.items():
        network.update_ratio_tap_changers(id=own, tap=tap)
    for switch, is_open in positions.items():
        network.update_switches(id=bench.id(switch), open=is_open)
    return network


def _settled(network: Network, slack: str | None) -> dict[str, int]:
    """Return the taps after a run with free taps, twins no more than one apart."""
    assert load_flow(network, Pinned(slack_generator=slack)).converged
    for own, row in network.get_ratio_tap_changers(all_attributes=True).iterrows():
        if not math.isnan(row["solved_tap_position"]):
            network.update_ratio_tap_changers(id=own, tap=int(row["solved_tap_position"]))
    for group in _twins(network):
        taps = sorted(int(network.get_ratio_tap_changers().loc[own, "tap"]) for own in group)
        if taps[-1] - taps[0] > 1:
            middle = round(statistics.median(taps))
            for own in group:
                network.update_ratio_tap_changers(id=own, tap=middle)
    return {own: int(row["tap"]) for own, row in network.get_ratio_tap_changers().iterrows()}


def _twin_taps(network: Network) -> list[list[int]]:
    taps = network.get_ratio_tap_changers()["tap"]
    return [[int(taps[own]) for own in group] for group in _twins(network)]


def _twins(network: Network) -> list[list[str]]:
    taps = network.get_ratio_tap_changers()
    table = network.get_2_windings_transformers()
    table = table[table["connected1"] & table["connected2"] & table.index.isin(taps.index)]
    table = table[(table["bus1_id"] != "") & (table["bus2_id"] != "")]
    groups = table.groupby(["bus1_id", "bus2_id", "rated_u1", "rated_u2"]).groups.values()
    return [list(group) for group in groups if len(group) > 1]


def _note(found: Plain, state: str, bench: Bench, footprint: Footprint, flow: LoadFlow) -> None:
    percents = [p for iri, p in _loadings(bench, flow).items() if iri in footprint.assets]
    found.thermal[state] = max(percents)
    levels = {bench.id(level): bench.grid.levels[level].kv for level in footprint.levels}
    pu = [
        row["v_mag"] / levels[row["voltage_level_id"]]
        for _, row in flow.tables["buses"].iterrows()
        if row["voltage_level_id"] in levels and not math.isnan(row["v_mag"])
    ]
    found.voltage[state] = (min(pu), max(pu))


def _loadings(bench: Bench, flow: LoadFlow) -> dict[str, float]:
    found: dict[str, float] = {}
    ends = [("lines", "i1", "ONE"), ("lines", "i2", "TWO"), ("boundary_lines", "i", "NONE")]
    ends += [("transformers", "i1", "ONE"), ("transformers", "i2", "TWO")]
    for table, column, side in ends:
        for own, row in flow.tables[table].iterrows():
            limit, iri = bench.limit_a(own, side), bench.iris.get(own)
            if limit and iri and not math.isnan(row[column]):
                found[iri] = max(100.0 * row[column] / limit, found.get(iri, 0.0))
    return found


def _step(bench: Bench, footprint: Footprint, before: LoadFlow, after: LoadFlow) -> float:
    def at_loads(flow: LoadFlow) -> dict[str, float]:
        buses = flow.tables["buses"]
        found: dict[str, float] = {}
        for iri, load in bench.grid.loads.items():
            bus = flow.tables["loads"].loc[bench.id(iri), "bus_id"]
            level = bench.grid.node_level[load.node]
            if level in footprint.levels and bus in buses.index:
                found[iri] = buses.loc[bus, "v_mag"] / bench.grid.levels[str(level)].kv
        return found

    one, other = at_loads(before), at_loads(after)
    return max(100.0 * abs(other[iri] - one[iri]) for iri in one.keys() & other.keys())


def _unfed(flow: LoadFlow) -> set[str]:
    buses = flow.tables["buses"]["synchronous_component"]
    return {
        own
        for own, row in flow.tables["loads"].iterrows()
        if not row["connected"] or row["bus_id"] not in buses.index or buses[row["bus_id"]] != 0
    }


def fault_levels(bench: Bench, network: Network) -> dict[str, float]:
    """Return I"k in kA by busbar section (IRI), from a dense admittance matrix on 100 MVA."""
    buses = network.get_buses()
    place = {bus: i for i, bus in enumerate(buses.index)}
    kv = network.get_voltage_levels()["nominal_v"]
    matrix = np.zeros((len(place), len(place)), dtype=complex)

    def join(start: str, end: str, z_pu: complex) -> None:
        if start in place and end in place:
            one, other = place[start], place[end]
            matrix[one, one] += 1 / z_pu
            matrix[other, other] += 1 / z_pu
            matrix[one, other] -= 1 / z_pu
            matrix[other, one] -= 1 / z_pu

    for _, row in network.get_lines().iterrows():
        base = kv[row["voltage_level1_id"]] ** 2 / 100.0
        join(row["bus1_id"], row["bus2_id"], complex(row["r"], row["x"]) / base)
    halves = network.get_boundary_lines()
    for _, tie in network.get_tie_lines().iterrows():
        one, other = halves.loc[tie["boundary_line1_id"]], halves.loc[tie["boundary_line2_id"]]
        base = kv[one["voltage_level_id"]] ** 2 / 100.0
        ohm = complex(one["r"] + other["r"], one["x"] + other["x"])
        join(one["bus_id"], other["bus_id"], ohm / base)
    for own, row in network.get_2_windings_transformers().iterrows():
        ends = bench.grid.windings[bench.iris[own]]
        mva = row["rated_s"] if row["rated_s"] > 0 else max(end.rated_mva or 0 for end in ends)
        z = complex(row["r"], row["x"]) * 100.0 / row["rated_u2"] ** 2
        join(row["bus1_id"], row["bus2_id"], z * transformer_correction(z.imag * mva / 100.0))
    for own, row in network.get_generators().iterrows():
        if row["connected"] and row["bus_id"] in place:
            _add_machine(matrix, place[row["bus_id"]], bench, own, row)
    inverse = np.linalg.inv(matrix)
    found: dict[str, float] = {}
    for own, row in network.get_busbar_sections().iterrows():
        if row["bus_id"] in place:
            i, level = place[row["bus_id"]], kv[row["voltage_level_id"]]
            found[bench.iris[own]] = C_MAX * 100.0 / (math.sqrt(3) * level * abs(inverse[i, i]))
    return found


def _add_machine(matrix: Any, bus: int, bench: Bench, own: str, row: Any) -> None:
    machine = bench.grid.machines[bench.iris[own]]
    x = machine.subtransient_pu or 0.2
    if bench.grid.equipment[machine.iri].kind == "PowerElectronicsConnection":
        x = machine.subtransient_pu or 0.83
    mva = machine.rated_mva or abs(row["max_p"]) / 0.85 or 1.0
    z = complex(0.07 * x, x) * 100.0 / mva * generator_correction(1.0, 1.0, x)
    matrix[bus, bus] += 1 / z
