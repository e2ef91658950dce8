"""A transmission network as plain tables, whatever network it was read from.

In: nothing. Out: frozen rows: impedances in ohm and siemens seen from end 1, voltages in kV, powers
in MW and MVAr, ratings in A and MVA, positions in degrees. ``gb29`` and ``gb`` fill them,
``transmission`` turns them into CIM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from federation.demo.equipment import Rating, Taps, Winding
from federation.demo.machines import Output


@dataclass(frozen=True)
class Bus:
    """A bus of the source: becomes a voltage level with one busbar."""

    index: int
    kv: float


@dataclass(frozen=True)
class Circuit:
    """A line between two buses."""

    ends: tuple[int, int]
    r: float
    x: float
    b: float
    rating: Rating


@dataclass(frozen=True)
class Unit:
    """A transformer between two buses, the first at the higher voltage."""

    ends: tuple[int, int]
    winding: Winding
    taps: Taps | None = None
    description: str = ""


@dataclass(frozen=True)
class Generator:
    """A machine at a bus."""

    bus: int
    output: Output


@dataclass(frozen=True)
class Demand:
    """A load at a bus."""

    bus: int
    mw: float
    mvar: float


@dataclass(frozen=True)
class Shunt:
    """A fixed shunt at a bus, in siemens."""

    bus: int
    g: float
    b: float


@dataclass(frozen=True)
class Site:
    """The substation of some buses: name, position, and what of it is invented."""

    name: str
    x: float
    y: float
    buses: tuple[int, ...]
    basis: str


@dataclass(frozen=True)
class Gsp:
    """A grid supply point whose lumped load is replaced by a distribution network.

    ``bus`` is the 132 kV bus of the source that the distribution network is connected to.
    """

    ident: str
    name: str
    owner: str
    bus: int
    mw: float
    mvar: float


@dataclass(frozen=True)
class Source:
    """A whole transmission network with its grid supply points."""

    title: str
    crs: tuple[str, str]
    buses: tuple[Bus, ...]
    circuits: tuple[Circuit, ...]
    units: tuple[Unit, ...]
    generators: tuple[Generator, ...]
    demands: tuple[Demand, ...]
    shunts: tuple[Shunt, ...]
    sites: tuple[Site, ...]
    spots: dict[int, tuple[str, float, float]]
    gsps: tuple[Gsp, ...]
    neighbours: tuple[tuple[str, str], ...]
    """Pairs of GSP ids with ties between them, inside a DNO and across two."""


def substations(buses: Sequence[Bus], units: Sequence[Unit]) -> list[tuple[int, ...]]:
    """Group buses joined by transformers: the least that one substation must hold.

    >>> substations([Bus(0, 400.0), Bus(1, 132.0), Bus(2, 400.0)], [])
    [(0,), (1,), (2,)]
    """
    root = {bus.index: bus.index for bus in buses}

    def find(index: int) -> int:
        while root[index] != index:
            root[index] = root[root[index]]
            index = root[index]
        return index

    for unit in units:
        first, second = sorted(find(end) for end in unit.ends)
        root[second] = first
    groups: dict[int, list[int]] = {}
    for bus in buses:
        groups.setdefault(find(bus.index), []).append(bus.index)
    return [tuple(group) for group in groups.values()]
