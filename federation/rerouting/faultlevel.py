"""Initial symmetrical short-circuit current by a sparse Z-bus (IEC 60909-0, method with c).

In: a `Circuit` of positive-sequence impedances, or a network in some switching state with its grid.
Out: I"k in kA per bus. Loads, shunts and line charging are left out and the voltage factor c stands
for them, as the standard does; network transformers are corrected by K_T, machines by K_G.
pypowsybl has no solver for this. Only the columns of the wanted buses are solved.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

from federation.rerouting.grid import Gap, Grid

if TYPE_CHECKING:
    from federation.rerouting.bench import Bench

C_MAX = 1.1
"""Voltage factor c for the largest current above 1 kV (IEC 60909-0, table 1)."""

BASE_MVA = 100.0
ASSUMED_SUBTRANSIENT_PU = 0.2
CONVERTERS = frozenset({"PowerElectronicsConnection"})
CONVERTER_PU = 0.83
"""A converter limits itself to about 1.2 times its rated current (assumed)."""
ASSUMED_RATING_KA = ((11.0, 13.1), (33.0, 17.5), (66.0, 21.9), (132.0, 21.9), (275.0, 31.5))
"""Design fault levels usual on British distribution networks, by kV (assumed)."""


@dataclass(frozen=True)
class Branch:
    """A series impedance per unit of 100 MVA between two buses."""

    one: int
    other: int
    z_pu: complex


@dataclass(frozen=True)
class Source:
    """A voltage source behind an impedance per unit of 100 MVA."""

    bus: int
    z_pu: complex


@dataclass(frozen=True)
class Circuit:
    """Buses by number with their nominal voltage in kV, branches and sources."""

    kv: Sequence[float]
    branches: Sequence[Branch]
    sources: Sequence[Source]


@dataclass(frozen=True)
class FaultLevel:
    """The most stressed busbar while in parallel.

    Attributes:
        ka: I"k there; rating_ka what it is held against.
        basis: where source data and rating come from.
    """

    ka: float
    rating_ka: float | None
    busbar: str
    basis: str
    rating_told: bool
    assumed: tuple[Gap, ...]

    def to_json(self, grid: Grid) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "ka": round(self.ka, 2),
            "rating_ka": self.rating_ka,
            "busbar": self.busbar,
            "name": grid.name(self.busbar),
            "basis": self.basis,
        }


def short_circuit_ka(
    circuit: Circuit, buses: Collection[int], c: float = C_MAX
) -> dict[int, float]:
    """Return I"k of a three-phase fault at some buses, in kA; 0 where no source is connected.

    I"k = c Un / (sqrt(3) |Zkk|) (IEC 60909-0, equation 29).
    """
    size = len(circuit.kv)
    rows: list[int] = []
    columns: list[int] = []
    values: list[complex] = []
    for branch in circuit.branches:
        y = 1.0 / branch.z_pu
        rows += [branch.one, branch.other, branch.one, branch.other]
        columns += [branch.one, branch.other, branch.other, branch.one]
        values += [y, y, -y, -y]
    for source in circuit.sources:
        rows.append(source.bus)
        columns.append(source.bus)
        values.append(1.0 / source.z_pu)
    live = _connected(circuit)
    kept = {bus: number for number, bus in enumerate(sorted(live))}
    chosen = [i for i, bus in enumerate(rows) if bus in kept]
    matrix = coo_array(
        (
            [values[i] for i in chosen],
            ([kept[rows[i]] for i in chosen], [kept[columns[i]] for i in chosen]),
        ),
        shape=(len(kept), len(kept)),
        dtype=complex,
    ).tocsc()
    found = {bus: 0.0 for bus in buses if bus < size}
    wanted = [bus for bus in buses if bus in kept]
    if wanted:
        factor = splu(matrix)
        for bus in wanted:
            column = np.zeros(len(kept), dtype=complex)
            column[kept[bus]] = 1.0
            z = abs(factor.solve(column)[kept[bus]])
            found[bus] = float(c * BASE_MVA / (math.sqrt(3.0) * circuit.kv[bus] * z))
    return found


def _connected(circuit: Circuit) -> set[int]:
    """Return the buses joined to any source."""
    near: dict[int, list[int]] = {}
    for branch in circuit.branches:
        near.setdefault(branch.one, []).append(branch.other)
        near.setdefault(branch.other, []).append(branch.one)
    seen = {source.bus for source in circuit.sources}
    queue = list(seen)
    while queue:
        for other in near.get(queue.pop(), ()):
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return seen


def transformer_correction(x_pu: float, c: float = C_MAX) -> float:
    """Return K_T of a network transformer; ``x_pu`` on its own rating (IEC 60909-0, eq. 12a).

    >>> round(transformer_correction(0.24), 4)
    0.9135
    """
    return 0.95 * c / (1.0 + 0.6 * x_pu)


def generator_correction(
    nominal_kv: float, rated_kv: float, x_pu: float, cos_phi: float = 0.8, c: float = C_MAX
) -> float:
    """Return K_G of a synchronous machine joined without a unit transformer (eq. 18)."""
    sin_phi = math.sqrt(1.0 - cos_phi**2)
    return (nominal_kv / rated_kv) * c / (1.0 + x_pu * sin_phi)


def assumed_rating_ka(kv: float) -> float | None:
    """Return the usual design fault level of a voltage, None where there is none."""
    return next((ka for level, ka in ASSUMED_RATING_KA if abs(kv - level) < 0.1 * level), None)


def circuit_of(bench: Bench) -> tuple[Circuit, dict[str, int], str]:
    """Return the circuit of the bench's working variant, its bus numbers and the data basis."""
    network = bench.network
    buses = network.get_buses(attributes=["voltage_level_id"])
    number = {bus: i for i, bus in enumerate(buses.index)}
    kv = [float(bench.nominal[level]) for level in buses["voltage_level_id"]]
    branches = [*_lines(bench, number, kv), *_transformers(bench, number, kv)]
    sources, basis = _machines(bench, number, kv)
    return Circuit(kv, branches, sources), number, basis


def _lines(bench: Bench, number: dict[str, int], kv: list[float]) -> list[Branch]:
    network = bench.network
    found: list[Branch] = []
    table = network.get_lines(attributes=["r", "x", "bus1_id", "bus2_id"])
    for r, x, start, end in zip(*_lists(table, "r", "x", "bus1_id", "bus2_id"), strict=True):
        if start in number and end in number:
            one, other = number[start], number[end]
            found.append(Branch(one, other, _per_unit(r, x, kv[one])))
    halves = network.get_boundary_lines(attributes=["r", "x", "bus_id"])
    ties = network.get_tie_lines(attributes=["boundary_line1_id", "boundary_line2_id"])
    half = dict(
        zip(halves.index, zip(*_lists(halves, "r", "x", "bus_id"), strict=True), strict=True)
    )
    for _, first, second in ties.itertuples():
        (r1, x1, start), (r2, x2, end) = half[first], half[second]
        if start in number and end in number:
            z = _per_unit(r1 + r2, x1 + x2, kv[number[start]])
            found.append(Branch(number[start], number[end], z))
    return found


def _transformers(bench: Bench, number: dict[str, int], kv: list[float]) -> list[Branch]:
    """Return transformers with K_T, nominal ratio, impedance referred to side 2 as PowSyBl has."""
    found: list[Branch] = []
    table = bench.network.get_2_windings_transformers(
        attributes=["r", "x", "rated_u2", "rated_s", "bus1_id", "bus2_id"]
    )
    columns = _lists(table, "r", "x", "rated_u2", "rated_s", "bus1_id", "bus2_id")
    for own, r, x, rated_kv, rated_s, start, end in zip(table.index, *columns, strict=True):
        if start not in number or end not in number:
            continue
        mva = float(rated_s)
        if math.isnan(mva) or mva <= 0:
            iri = bench.iris.get(str(own), "")
            ends = bench.grid.windings.get(iri, ())
            mva = max((end.rated_mva or 0.0 for end in ends), default=0.0)
        one, other = number[start], number[end]
        z = complex(r, x) * BASE_MVA / rated_kv**2
        if mva > 0:
            z *= transformer_correction(z.imag * mva / BASE_MVA)
        found.append(Branch(one, other, z or 1e-6j))
    return found


def _machines(bench: Bench, number: dict[str, int], kv: list[float]) -> tuple[list[Source], str]:
    found: list[Source] = []
    told = assumed = 0
    table = bench.network.get_generators(attributes=["bus_id", "connected", "max_p", "target_p"])
    columns = _lists(table, "bus_id", "connected", "max_p")
    for own, at, connected, max_mw in zip(table.index, *columns, strict=True):
        if not connected or at not in number:
            continue
        machine = bench.grid.machines.get(bench.iris.get(str(own), ""))
        mva = machine.rated_mva if machine else None
        x = machine.subtransient_pu if machine else None
        told, assumed = (told + 1, assumed) if mva and x else (told, assumed + 1)
        if machine is not None and bench.grid.equipment[machine.iri].kind in CONVERTERS:
            x = x or CONVERTER_PU
        rating = mva or abs(float(max_mw)) / 0.85 or 1.0
        reactance = x or ASSUMED_SUBTRANSIENT_PU
        bus = number[at]
        z = complex(0.07 * reactance, reactance) * BASE_MVA / rating
        found.append(Source(bus, z * generator_correction(kv[bus], kv[bus], reactance)))
    basis = f"IEC 60909 c {C_MAX}; {told} machines with published data"
    if assumed:
        basis += f", {assumed} with x''d {ASSUMED_SUBTRANSIENT_PU} assumed"
    return found, basis


def _lists(table: Any, *names: str) -> list[list[Any]]:
    """Return columns of a table as lists; reading a data frame row by row is slow."""
    return [table[name].tolist() for name in names]


def _per_unit(r_ohm: float, x_ohm: float, kv: float) -> complex:
    return complex(r_ohm, x_ohm) * BASE_MVA / kv**2 or 1e-6j


def worst_in_parallel(bench: Bench, busbars: Collection[str]) -> FaultLevel | None:
    """Return the most stressed of some distribution busbars in the bench's working variant."""
    circuit, number, basis = circuit_of(bench)
    if not circuit.sources:
        return None
    table = bench.network.get_busbar_sections(attributes=["bus_id"])["bus_id"]
    at = {iri: table[bench.id(iri)] for iri in busbars if bench.has(iri)}
    wanted = {iri: number[bus] for iri, bus in at.items() if bus in number}
    currents = short_circuit_ka(circuit, set(wanted.values()))
    worst: FaultLevel | None = None
    for iri, bus in sorted(wanted.items()):
        rating = assumed_rating_ka(circuit.kv[bus])
        level = FaultLevel(
            currents[bus], rating, iri, basis, False, _assumptions(bench, iri, rating)
        )
        if worst is None or _stress(level) > _stress(worst):
            worst = level
    return worst


def _assumptions(bench: Bench, busbar: str, rating: float | None) -> tuple[Gap, ...]:
    owner = bench.grid.equipment[busbar].owner
    words = f"{rating:g} kA" if rating else "nothing"
    return (Gap(owner, "fault rating of switchgear", words, (busbar,)),)


def _stress(level: FaultLevel) -> float:
    return level.ka / level.rating_ka if level.rating_ka else 0.0
