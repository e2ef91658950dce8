"""Initial symmetrical short-circuit current by a sparse Z-bus (IEC 60909-0, method with c).

In: a `Circuit` of positive-sequence impedances, or a network in some switching state with its grid.
Out: I"k in kA per bus. Loads, shunts and line charging are left out and the voltage factor c stands
for them, as the standard does; network transformers are corrected by K_T, machines by K_G.
pypowsybl has no solver for this. Only the columns of the wanted buses are solved.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

from federation.rerouting.grid import Gap, Grid
from federation.rerouting.loadflow import Table

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
            "rating_told": self.rating_told,
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
        unit = np.zeros((len(kept), len(wanted)), dtype=complex)
        for place, bus in enumerate(wanted):
            unit[kept[bus], place] = 1.0
        solved = splu(matrix).solve(unit)
        for place, bus in enumerate(wanted):
            z = abs(solved[kept[bus], place])
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


class Impedances:
    """What of a network does not change with switching: impedances by PowSyBl id, per bench."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        network = bench.network
        lines = network.get_lines(attributes=["r", "x"])
        halves = network.get_boundary_lines(attributes=["r", "x"])
        self.ohm = {own: complex(r, x) for t in (lines, halves) for own, r, x in t.itertuples()}
        ties = network.get_tie_lines(attributes=["boundary_line1_id", "boundary_line2_id"])
        self.ties = [(one, other) for _, one, other in ties.itertuples()]
        table = network.get_2_windings_transformers(attributes=["r", "x", "rated_u2", "rated_s"])
        self.pu = {own: self._transformer(own, *row) for own, *row in table.itertuples()}
        units = network.get_generators(attributes=["max_p"])["max_p"]
        self.machines = {own: self._machine(own, abs(float(mw))) for own, mw in units.items()}

    def circuit(self, buses: Table) -> tuple[Circuit, dict[str, int], str]:
        """Return the circuit of the bench's working variant, its bus numbers and the data basis.

        Args:
            buses: table of buses of a load flow in this variant.
        """
        number = {bus: i for i, bus in enumerate(buses.index.tolist())}
        kv = [self.bench.nominal[level] for level in buses["voltage_level_id"].tolist()]
        branches = [*self._lines(number, kv), *self._transformers(number)]
        sources, basis = self._sources(number, kv)
        return Circuit(kv, branches, sources), number, basis

    def _transformer(
        self, own: str, r: float, x: float, rated_kv: float, rated_mva: float
    ) -> complex:
        """Return the impedance with K_T; PowSyBl refers it to side 2."""
        mva = float(rated_mva)
        if math.isnan(mva) or mva <= 0:
            ends = self.bench.grid.windings.get(self.bench.iris.get(own, ""), ())
            mva = max((end.rated_mva or 0.0 for end in ends), default=0.0)
        z = complex(r, x) * BASE_MVA / rated_kv**2
        if mva > 0:
            z *= transformer_correction(z.imag * mva / BASE_MVA)
        return z or 1e-6j

    def _machine(self, own: str, max_mw: float) -> tuple[float, float, bool]:
        """Return MVA and reactance per unit of it, and whether both are published."""
        grid = self.bench.grid
        machine = grid.machines.get(self.bench.iris.get(own, ""))
        mva = machine.rated_mva if machine else None
        x = machine.subtransient_pu if machine else None
        told = bool(mva and x)
        if machine is not None and grid.equipment[machine.iri].kind in CONVERTERS:
            x = x or CONVERTER_PU
        return mva or max_mw / 0.85 or 1.0, x or ASSUMED_SUBTRANSIENT_PU, told

    def _lines(self, number: Mapping[str, int], kv: Sequence[float]) -> Iterator[Branch]:
        network = self.bench.network
        table = network.get_lines(attributes=["bus1_id", "bus2_id"])
        joined = [(self.ohm[own], start, end) for own, start, end in table.itertuples()]
        at = network.get_boundary_lines(attributes=["bus_id"])["bus_id"].to_dict()
        joined += [(self.ohm[a] + self.ohm[b], at[a], at[b]) for a, b in self.ties]
        for ohm, start, end in joined:
            if start in number and end in number:
                one, other = number[start], number[end]
                yield Branch(one, other, ohm * BASE_MVA / kv[one] ** 2 or 1e-6j)

    def _transformers(self, number: Mapping[str, int]) -> Iterator[Branch]:
        table = self.bench.network.get_2_windings_transformers(attributes=["bus1_id", "bus2_id"])
        for own, start, end in table.itertuples():
            if start in number and end in number:
                yield Branch(number[start], number[end], self.pu[own])

    def _sources(self, number: Mapping[str, int], kv: Sequence[float]) -> tuple[list[Source], str]:
        found: list[Source] = []
        published = 0
        table = self.bench.network.get_generators(attributes=["bus_id", "connected"])
        for own, at, connected in table.itertuples():
            if not connected or at not in number:
                continue
            mva, x, told = self.machines[own]
            published += told
            bus = number[at]
            z = complex(0.07 * x, x) * BASE_MVA / mva
            found.append(Source(bus, z * generator_correction(kv[bus], kv[bus], x)))
        basis = f"IEC 60909 c {C_MAX}; {published} machines with published data"
        if len(found) > published:
            assumed = len(found) - published
            basis += f", {assumed} with x''d {ASSUMED_SUBTRANSIENT_PU} assumed"
        return found, basis


def worst_in_parallel(
    impedances: Impedances, buses: Table, busbars: Collection[str]
) -> FaultLevel | None:
    """Return the most stressed of some distribution busbars in the bench's working variant.

    Args:
        impedances: of the bench.
        buses: table of buses of a load flow in this variant.
        busbars: by IRI.
    """
    bench = impedances.bench
    circuit, number, basis = impedances.circuit(buses)
    if not circuit.sources:
        return None
    owns = {bench.id(iri): iri for iri in busbars if bench.has(iri)}
    if not owns:
        return None
    table = bench.network.get_busbar_sections(id=list(owns), attributes=["bus_id"])["bus_id"]
    at = {owns[own]: bus for own, bus in table.items()}
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
