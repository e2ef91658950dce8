"""The network as a graph: what the query files tell, with the owner of every part.

In: columns by organisation (see `extract`). Out: a frozen `Grid` of nodes by number, equipment,
switches, loads and boundary points. Models meet only where they name the same connectivity node
(IEC 61970-301 Terminal, ConnectivityNode); nothing is guessed from names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

SWITCHES = frozenset(
    {
        "Breaker",
        "Disconnector",
        "LoadBreakSwitch",
        "Switch",
        "Fuse",
        "Jumper",
        "GroundDisconnector",
        "DisconnectingCircuitBreaker",
        "Recloser",
    }
)
BREAKERS = frozenset({"Breaker", "LoadBreakSwitch", "DisconnectingCircuitBreaker", "Recloser"})
"""Kinds that may be opened and closed under load."""

LOADS = frozenset({"EnergyConsumer", "ConformLoad", "NonConformLoad", "StationSupply"})
SOURCES = frozenset({"SynchronousMachine", "ExternalNetworkInjection", "EnergySource"})
MACHINES = frozenset({*SOURCES, "AsynchronousMachine", "PowerElectronicsConnection"})


@dataclass(frozen=True, slots=True)
class Equipment:
    """One piece of conducting equipment.

    Attributes:
        kind: local name of its class.
        nodes: numbers of the nodes at its ends, by sequence number.
        live: for each end, whether the terminal is connected and the equipment in service.
    """

    iri: str
    kind: str
    name: str
    owner: str
    container: str | None
    nodes: tuple[int, ...]
    live: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Switch:
    """One switching device; ``stated`` tells whether its actual position was published."""

    iri: str
    kind: str
    name: str
    owner: str
    container: str | None
    nodes: tuple[int, int]
    normal_open: bool
    open: bool
    stated: bool

    @property
    def breaks_load(self) -> bool:
        """Whether it may be operated under load."""
        return self.kind in BREAKERS


@dataclass(frozen=True, slots=True)
class Injection:
    """Demand (positive) or generation (negative) at a node; None where it is not told.

    Machines also have their rating in MVA and the subtransient reactance per unit of it.
    """

    iri: str
    name: str
    owner: str
    node: int
    p_mw: float | None
    q_mvar: float | None
    rated_mva: float | None = None
    subtransient_pu: float | None = None


@dataclass(frozen=True, slots=True)
class BoundaryPoint:
    """Where models meet: the node, the sides the boundary set names and those found."""

    iri: str
    name: str
    node: int
    declared: tuple[str, ...]
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """A voltage level: nominal voltage and the limits its owner states, in kV."""

    iri: str
    name: str
    owner: str
    substation: str
    kv: float | None
    low_kv: float | None
    high_kv: float | None


@dataclass(frozen=True, slots=True)
class Winding:
    """One end of a transformer."""

    transformer: str
    number: int
    node: int | None
    rated_kv: float | None
    rated_mva: float | None
    x_ohm: float | None


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One model that stands in the answer."""

    iri: str
    owner: str
    profiles: tuple[str, ...]
    version: str
    scenario_time: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Something a study needs and was not told: hidden, or missing in the data."""

    owner: str
    what: str
    assumed: str
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grid:
    """The whole graph; node numbers index ``nodes`` and ``node_level``.

    Attributes:
        rated: branches with at least one current limit.
        base_kv: line -> base voltage in kV.
        twice: assets given by several organisations -> their ids.
    """

    nodes: tuple[str, ...]
    node_level: tuple[str | None, ...]
    levels: Mapping[str, Level]
    substations: Mapping[str, str]
    equipment: Mapping[str, Equipment]
    switches: Mapping[str, Switch]
    loads: Mapping[str, Injection]
    machines: Mapping[str, Injection]
    windings: Mapping[str, tuple[Winding, ...]]
    rated: frozenset[str]
    base_kv: Mapping[str, float]
    boundary: tuple[BoundaryPoint, ...]
    models: tuple[ModelVersion, ...]
    owners: tuple[str, ...]
    gaps: tuple[Gap, ...] = ()
    twice: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    index: Mapping[str, int] = field(default_factory=dict)

    def kv(self, node: int) -> float | None:
        """Return the nominal voltage of a node in kV, where its level is known."""
        level = self.node_level[node]
        return self.levels[level].kv if level is not None and level in self.levels else None

    def substation(self, node: int) -> str | None:
        """Return the substation of a node; boundary nodes stand in none."""
        level = self.node_level[node]
        return self.levels[level].substation if level is not None and level in self.levels else None

    def name(self, iri: str) -> str:
        """Return the name of anything known here, else its IRI."""
        for table in (self.equipment, self.switches, self.levels):
            if iri in table:
                return str(table[iri].name)
        return self.substations.get(iri, iri)


def links(grid: Grid, without: Collection[str] = ()) -> Iterator[tuple[int, int, str]]:
    """Yield (node, node, equipment) of everything that conducts now, switches included."""
    for part in grid.equipment.values():
        if len(part.nodes) < 2 or part.iri in without:
            continue
        switch = grid.switches.get(part.iri)
        if switch is not None:
            if not switch.open:
                yield (*switch.nodes, part.iri)
            continue
        first = next((i for i, live in enumerate(part.live) if live), None)
        if first is None:
            continue
        for node, live in zip(part.nodes[first + 1 :], part.live[first + 1 :], strict=True):
            if live:
                yield part.nodes[first], node, part.iri
