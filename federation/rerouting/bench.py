"""A network prepared for switching: states by name, identifiers both ways, taps in step.

In: a pypowsybl network with its `Grid` and `Areas`. Out: `State` records of one switching state
each. Every state is a variant of the base; supergrid transformers keep their taps, and what moves
in a load flow is written back before the next run with frozen taps (a load flow itself leaves the
written tap as it was).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from federation.rerouting.areas import Areas
from federation.rerouting.grid import Grid
from federation.rerouting.loadflow import LoadFlow, Pinned, Table, load_flow
from federation.rerouting.network import Network, plain_id
from federation.rerouting.openpoints import Busbars
from federation.rerouting.ratings import Loading, Ratings
from kgnode.errors import NotFound

BASE = "base"
_SCRATCH = "switched"


@dataclass(frozen=True)
class Voltage:
    """Lowest and highest voltage of live buses, per unit of nominal."""

    min_pu: float
    max_pu: float


class Bench:
    """One network, switched and measured.

    Attributes:
        base: the state before any switching, with taps settled.
        spread: the largest tap difference between parallel transformers in the base state.
    """

    def __init__(
        self,
        network: Network,
        grid: Grid,
        areas: Areas,
        pinned: Pinned | None = None,
        *,
        without: Collection[str] = (),
    ) -> None:
        self.network, self.grid, self.areas = network, grid, areas
        self.pinned = pinned or Pinned()
        if without:
            _remove(network, without)
        self._ids = self._identifiers()
        self._limits = self._permanent_limits()
        network.clone_variant(network.get_working_variant_id(), BASE, True)
        network.set_working_variant(BASE)
        self._fix_supergrid_taps()
        self.base = self.settle()
        if self.base.converged:
            self.pinned = replace(self.pinned, slack_generator=self.base.slack)
            self.base = self.run(frozen=True)
        self.spread = self.tap_spread()

    # identifiers

    def id(self, iri: str) -> str:
        """Return PowSyBl's id of an asset.

        Raises:
            NotFound: the network has no such asset.
        """
        found = self._ids.get(plain_id(iri))
        if found is None:
            raise NotFound(f"The network has no {self.grid.name(iri)}.", subject=iri)
        return found

    def has(self, iri: str) -> bool:
        """Whether the network has this asset."""
        return plain_id(iri) in self._ids

    @cached_property
    def iris(self) -> Mapping[str, str]:
        """PowSyBl id -> IRI of equipment and voltage levels."""
        known = {plain_id(iri): iri for iri in (*self.grid.equipment, *self.grid.levels)}
        return {own: known[key] for key, own in self._ids.items() if key in known}

    def _identifiers(self) -> dict[str, str]:
        network = self.network
        indexes = [
            network.get_switches(attributes=["open"]).index,
            network.get_lines(attributes=["r"]).index,
            network.get_boundary_lines(attributes=["r"]).index,
            network.get_2_windings_transformers(attributes=["r"]).index,
            network.get_3_windings_transformers(attributes=["r1"]).index,
            network.get_loads(attributes=["p0"]).index,
            network.get_generators(attributes=["target_p"]).index,
            network.get_busbar_sections(attributes=["v"]).index,
            network.get_voltage_levels(attributes=["nominal_v"]).index,
        ]
        return {plain_id(i): i for index in indexes for i in index}

    def _permanent_limits(self) -> dict[str, dict[str, float]]:
        """Return side -> id -> permanent current limit in A."""
        read = getattr(self.network, "get_loading_limits", None)  # newer name of the same table
        limits = (read or self.network.get_operational_limits)().reset_index()
        limits = limits[(limits["type"] == "CURRENT") & (limits["acceptable_duration"] == -1)]
        found: dict[str, dict[str, float]] = {"ONE": {}, "TWO": {}, "NONE": {}}
        for row in limits.itertuples():
            if row.side in found and row.value > 0:
                known = found[row.side].get(row.element_id, math.inf)
                found[row.side][row.element_id] = min(known, row.value)
        return found

    def limit_a(self, element: str, side: str) -> float | None:
        """Return the permanent current limit of an element (PowSyBl id) at a side, in A."""
        return self._limits.get(side or "NONE", {}).get(element)

    # switching

    @contextmanager
    def switched(self, name: str = _SCRATCH) -> Iterator[None]:
        """Work on a copy of the base state, and come back to the base."""
        self.network.clone_variant(BASE, name, True)
        self.network.set_working_variant(name)
        try:
            yield
        finally:
            self.network.set_working_variant(BASE)
            self.network.remove_variant(name)

    def operate(self, *, close: Iterable[str] = (), open: Iterable[str] = ()) -> None:
        """Close and open switches, by IRI, in the working variant."""
        for iris, position in ((close, False), (open, True)):
            ids = [self.id(iri) for iri in iris]
            if ids:
                self.network.update_switches(id=ids, open=[position] * len(ids))

    # running

    def run(self, *, frozen: bool) -> LoadFlow:
        """Run a load flow of the working variant, taps frozen or free."""
        return load_flow(self.network, replace(self.pinned, tap_control=not frozen))

    def settle(self) -> LoadFlow:
        """Run with free taps, keep parallel transformers in step and write the taps back."""
        flow = self.run(frozen=False)
        if not flow.converged:
            return flow
        taps = self.network.get_ratio_tap_changers(attributes=["solved_tap_position", "tap"])
        solved = taps["solved_tap_position"].dropna().astype(int)
        solved = solved[solved != taps.loc[solved.index, "tap"]]
        if len(solved):
            self.network.update_ratio_tap_changers(id=list(solved.index), tap=solved.tolist())
        if self._align_twins():
            flow = self.run(frozen=True)
        return flow

    def twins(self) -> list[list[str]]:
        """Return groups of transformers with tap changers between the same two live buses."""
        table = self.network.get_2_windings_transformers(
            attributes=["bus1_id", "bus2_id", "connected1", "connected2", "rated_u1", "rated_u2"]
        )
        table = table[table["connected1"] & table["connected2"]]
        taps = self.network.get_ratio_tap_changers(attributes=["tap", "low_tap", "high_tap"])
        table = table[table.index.isin(taps.index)].join(taps)
        keys = ["bus1_id", "bus2_id", "rated_u1", "rated_u2", "low_tap", "high_tap"]
        groups = table.groupby(keys).groups.values()
        return [sorted(group) for group in groups if len(group) > 1]

    def tap_spread(self) -> int:
        """Return the largest tap difference between parallel transformers."""
        taps = self.network.get_ratio_tap_changers(attributes=["tap"])["tap"]
        return max(
            (int(taps[group].max() - taps[group].min()) for group in self.twins()), default=0
        )

    def _align_twins(self) -> bool:
        """Bring parallel transformers more than one tap apart to their median tap."""
        taps = self.network.get_ratio_tap_changers(attributes=["tap"])["tap"]
        apart = [g for g in self.twins() if taps[g].max() - taps[g].min() > 1]
        for group in apart:
            median = round(float(np.median(taps[group])))
            self.network.update_ratio_tap_changers(id=group, tap=[median] * len(group))
        return bool(apart)

    def _fix_supergrid_taps(self) -> None:
        taps = self.network.get_ratio_tap_changers(attributes=["regulating"])
        fixed = [
            own
            for own in taps.index[taps["regulating"]]
            if own in self.iris
            and self.grid.equipment[self.iris[own]].owner in self.areas.transmission
        ]
        if fixed:
            self.network.update_ratio_tap_changers(id=fixed, regulating=[False] * len(fixed))

    # measuring

    @cached_property
    def busbars(self) -> Busbars:
        """Finds the busbar nearest to a node."""
        return Busbars(self.grid)

    def upper_tails(self, node: int) -> list[str]:
        """Return the transmission side's boundary lines (PowSyBl ids) at a boundary node."""
        return self._upper.get(node, [])

    @cached_property
    def _upper(self) -> Mapping[int, list[str]]:
        points = {p.node for gsp in self.areas.gsps.values() for p in gsp.points}
        lines = set(self.network.get_boundary_lines(attributes=["r"]).index)
        found: dict[int, list[str]] = {}
        for part in self.grid.equipment.values():
            if part.owner in self.areas.transmission and self._ids.get(plain_id(part.iri)) in lines:
                for node in points & set(part.nodes):
                    found.setdefault(node, []).append(self._ids[plain_id(part.iri)])
        return found

    def loadings(self, flow: LoadFlow, assets: Collection[str] | None = None) -> dict[str, float]:
        """Return percent of permanent rating by IRI; assets without a rating are left out."""
        return self._ratings.percent(flow, assets)

    def loading(self, flow: LoadFlow, assets: Collection[str]) -> Loading:
        """Return the most loaded of some assets."""
        return self._ratings.worst(flow, assets)

    @cached_property
    def _ratings(self) -> Ratings:
        return Ratings(self._limits, self.iris)

    def voltages(self, flow: LoadFlow, levels: Collection[str]) -> Table:
        """Return per-unit voltage of the live buses of some voltage levels (IRIs), by bus id."""
        own = {self._ids[plain_id(level)] for level in levels if self.has(level)}
        buses = flow.tables["buses"]
        nominal = self.nominal
        buses = buses[buses["voltage_level_id"].isin(own) & buses["v_mag"].notna()]
        return buses["v_mag"] / buses["voltage_level_id"].map(nominal)

    @cached_property
    def nominal(self) -> Table:
        """Nominal voltage by PowSyBl id of the voltage level, kV."""
        return self.network.get_voltage_levels(attributes=["nominal_v"])["nominal_v"]

    def voltage(self, flow: LoadFlow, levels: Collection[str]) -> Voltage:
        """Return the voltage range of some voltage levels (IRIs)."""
        found = self.voltages(flow, levels)
        if found.empty:
            return Voltage(math.nan, math.nan)
        return Voltage(float(found.min()), float(found.max()))

    def at(self, flow: LoadFlow, node: int) -> tuple[float, float]:
        """Return (per-unit voltage, angle in degrees) of the live busbar nearest to a node.

        The open end of a circuit has no voltage of its own.
        """
        nearest = self.busbars.nearest(node)
        if nearest is None or not self.has(nearest):
            return math.nan, math.nan
        own = self.id(nearest)
        if self.grid.equipment[nearest].kind == "BusbarSection":
            row = self.network.get_busbar_sections(attributes=["bus_id"]).loc[own]
        else:
            row = self.network.get_loads(attributes=["bus_id"]).loc[own]
        buses = flow.tables["buses"]
        if row["bus_id"] not in buses.index:
            return math.nan, math.nan
        bus = buses.loc[row["bus_id"]]
        return float(bus["v_mag"] / self.nominal[bus["voltage_level_id"]]), float(bus["v_angle"])


def _remove(network: Network, iris: Collection[str]) -> None:
    """Take assets out of the network for good.

    Opening their switches is not enough: where none lies between, PowSyBl does nothing, silently.
    """
    wanted = {plain_id(iri) for iri in iris}
    ties = network.get_tie_lines(attributes=["boundary_line1_id", "boundary_line2_id"])
    halves = [
        own
        for own, one, other in ties.itertuples()
        if plain_id(one) in wanted or plain_id(other) in wanted
    ]
    network.remove_elements(halves)
    tables = (
        network.get_lines(attributes=["r"]),
        network.get_boundary_lines(attributes=["r"]),
        network.get_2_windings_transformers(attributes=["r"]),
        network.get_3_windings_transformers(attributes=["r1"]),
        network.get_generators(attributes=["target_p"]),
    )
    network.remove_elements([own for t in tables for own in t.index if plain_id(own) in wanted])
