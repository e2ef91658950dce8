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

from federation.rerouting.areas import Areas
from federation.rerouting.grid import Grid, Injection
from federation.rerouting.loadflow import JUDGED, LoadFlow, Pinned, load_flow
from federation.rerouting.network import Network, plain_id
from federation.rerouting.openpoints import Busbars
from federation.rerouting.ratings import Loading, Ratings
from federation.rerouting.taps import Taps
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
        without: equipment taken out of service, by IRI.
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
        demand: Mapping[str, Injection] | None = None,
    ) -> None:
        self.network, self.grid, self.areas = network, grid, areas
        self.without = frozenset(without)
        self.pinned = pinned or Pinned()
        if without:
            _remove(network, without)
        self._ids = self._identifiers()
        self._limits = self._permanent_limits()
        network.clone_variant(network.get_working_variant_id(), BASE, True)
        network.set_working_variant(BASE)
        self.taps = Taps(network, self._area_of_tap_changers())
        if demand:
            self.set_demand({k: (i.p_mw, i.q_mvar) for k, i in demand.items()})
        self.base = self._settle_base()
        self.spread = self.taps.spread()

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
        found: dict[str, dict[str, float]] = {"ONE": {}, "TWO": {}, "THREE": {}, "NONE": {}}
        for row in limits.itertuples():
            if row.side in found and row.value > 0:
                known = found[row.side].get(row.element_id, math.inf)
                found[row.side][row.element_id] = min(known, row.value)
        return found

    def limit_a(self, element: str, side: str) -> float | None:
        """Return the permanent current limit of an element (PowSyBl id) at a side, in A."""
        return self._limits.get(side or "NONE", {}).get(element)

    def _area_of_tap_changers(self) -> dict[str, str | None]:
        """Return the area of every tap changer with control below transmission."""
        taps = self.network.get_ratio_tap_changers(attributes=["regulating"])["regulating"]
        keys = {area.number: area.key for area in self.areas.areas}
        found: dict[str, str | None] = {}
        for own in taps.index[taps]:
            part = self.grid.equipment.get(self.iris.get(own, ""))
            if part is None:
                found[own] = None
            elif part.owner not in self.areas.transmission:
                numbers = [self.areas.of_node[node] for node in part.nodes]
                found[own] = keys.get(max(numbers, default=-1))
        return found

    # switching

    @contextmanager
    def switched(self, areas: Iterable[str | None] = (), name: str = _SCRATCH) -> Iterator[None]:
        """Work on a copy of the base state, and come back to the base.

        Args:
            areas: keys of the areas whose taps may move, where not all may move at once.
            name: of the copy.
        """
        self.network.clone_variant(BASE, name, True)
        self.network.set_working_variant(name)
        self.taps.free(areas)
        try:
            yield
        finally:  # the copy stays: writing over it is cheaper than making it anew
            self.network.set_working_variant(BASE)

    def operate(self, *, close: Iterable[str] = (), open: Iterable[str] = ()) -> None:
        """Close and open switches, by IRI, in the working variant."""
        for iris, position in ((close, False), (open, True)):
            ids = [self.id(iri) for iri in iris]
            if ids:
                self.network.update_switches(id=ids, open=[position] * len(ids))

    def set_demand(self, demand: Mapping[str, tuple[float | None, float | None]]) -> None:
        """Set MW and MVAr of loads, by IRI, in the working variant; None leaves them."""
        told = {self.id(iri): pq for iri, pq in demand.items() if self.has(iri)}
        known = {own: pq for own, pq in told.items() if None not in pq}
        p_mw, q_mvar = ([pq[i] for pq in known.values()] for i in (0, 1))
        if known:
            self.network.update_loads(id=list(known), p0=p_mw, q0=q_mvar)

    # running

    def run(self, *, frozen: bool) -> LoadFlow:
        """Run a load flow of the working variant, taps frozen or free; reads what is judged."""
        return load_flow(self.network, replace(self.pinned, tap_control=not frozen), JUDGED)

    def settle(self) -> LoadFlow:
        """Run with free taps, keep parallel transformers in step and write the taps back."""
        flow = self.run(frozen=False)
        if not flow.converged:
            return flow
        self.taps.write_back()
        return self.run(frozen=True) if self.taps.align() else flow

    def _settle_base(self) -> LoadFlow:
        """Settle all taps; where there are too many to move at once, some areas after the others.

        Solving for the moves takes a dense matrix of controllers by equations.
        """
        for group in self.taps.groups():
            self.taps.free(group)
            flow = self.settle()
            if not flow.converged:
                return flow
            if self.pinned.slack_generator is None:
                self.pinned = replace(self.pinned, slack_generator=flow.slack)
        self.taps.free(())
        return self.run(frozen=True)

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

    @cached_property
    def base_loadings(self) -> Mapping[str, float]:
        """Percent of permanent rating in the base state, by IRI."""
        return self.loadings(self.base)

    def above(self, flow: LoadFlow, limit_percent: float) -> dict[str, float]:
        """Return percent of permanent rating by IRI of what is loaded above a limit."""
        return self._ratings.above(flow, limit_percent)

    def loadings(self, flow: LoadFlow, assets: Collection[str] | None = None) -> dict[str, float]:
        """Return percent of permanent rating by IRI; assets without a rating are left out."""
        return self._ratings.percent(flow, assets)

    def loading(self, flow: LoadFlow, assets: Collection[str]) -> Loading:
        """Return the most loaded of some assets."""
        return self._ratings.worst(flow, assets)

    @cached_property
    def _ratings(self) -> Ratings:
        return Ratings(self._limits, self.iris)

    def per_unit(self, flow: LoadFlow, levels: Collection[str] | None = None) -> dict[str, float]:
        """Return per-unit voltage by bus id of the live buses, of all or some levels (IRIs)."""
        buses = flow.tables["buses"]
        own = (
            None
            if levels is None
            else {self._ids[k] for k in map(plain_id, levels) if k in self._ids}
        )
        columns = (
            buses.index.tolist(),
            buses["voltage_level_id"].tolist(),
            buses["v_mag"].tolist(),
        )
        return {
            bus: kv / self.nominal[level]
            for bus, level, kv in zip(*columns, strict=True)
            if kv == kv and (own is None or level in own)
        }

    @cached_property
    def nominal(self) -> Mapping[str, float]:
        """Nominal voltage by PowSyBl id of the voltage level, kV."""
        table = self.network.get_voltage_levels(attributes=["nominal_v"])["nominal_v"]
        return {str(own): float(kv) for own, kv in table.items()}

    def voltage(self, flow: LoadFlow, levels: Collection[str]) -> Voltage:
        """Return the voltage range of some voltage levels (IRIs)."""
        found = self.per_unit(flow, levels).values()
        if not found:
            return Voltage(math.nan, math.nan)
        return Voltage(min(found), max(found))

    def at_base(self, node: int) -> tuple[float, float]:
        """Return (per-unit voltage, angle in degrees) in the base state near a node.

        The open end of a circuit has no voltage of its own: the nearest live busbar has.
        """
        nearest = self.busbars.nearest(node)
        if nearest is None or not self.has(nearest):
            return math.nan, math.nan
        bus = self._base_bus.get(self.id(nearest), "")
        buses = self.base.tables["buses"]
        if bus not in buses.index:
            return math.nan, math.nan
        row = buses.loc[bus]
        return float(row["v_mag"] / self.nominal[row["voltage_level_id"]]), float(row["v_angle"])

    @cached_property
    def _base_bus(self) -> Mapping[str, str]:
        """Bus of each busbar section and load in the base state."""
        working = self.network.get_working_variant_id()
        self.network.set_working_variant(BASE)
        bars = self.network.get_busbar_sections(attributes=["bus_id"])["bus_id"]
        loads = self.network.get_loads(attributes=["bus_id"])["bus_id"]
        self.network.set_working_variant(working)
        return {**loads.to_dict(), **bars.to_dict()}


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
