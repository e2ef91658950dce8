"""Moved loads confirmed by switching in PowSyBl, not by the graph that proposed them.

In: the models' network and candidates. Out: for each, the loads that change to the receiver's
area. The ties between transmission and distribution are taken out of a copy of the network, so that
PowSyBl's own connected components are the supply areas; `update_boundary_lines(connected=False)`
would do nothing, silently, where no breaker lies between.
"""

from __future__ import annotations

from collections.abc import Iterable

from federation.rerouting.areas import Areas
from federation.rerouting.grid import Grid
from federation.rerouting.network import Network, plain_id
from federation.rerouting.transfers import Candidate


class Confirmation:
    """Supply areas as PowSyBl sees them."""

    def __init__(self, network: Network, grid: Grid, areas: Areas) -> None:
        import pypowsybl.network as pn

        self.grid, self.areas = grid, areas
        self.network = pn.load_from_binary_buffer(network.save_to_binary_buffer("XIIDM"))
        points = {point.node for gsp in areas.gsps.values() for point in gsp.points}
        upper = {
            plain_id(part.iri)
            for part in grid.equipment.values()
            if part.owner in areas.transmission and points & set(part.nodes)
        }
        ties = self.network.get_tie_lines(attributes=["boundary_line1_id", "boundary_line2_id"])
        cut = [
            own
            for own, one, other in ties.itertuples()
            if plain_id(one) in upper or plain_id(other) in upper
        ]
        self.network.remove_elements(cut)
        self._switches = {
            plain_id(i): i for i in self.network.get_switches(attributes=["open"]).index
        }
        self._lines = {
            plain_id(i): i for i in self.network.get_boundary_lines(attributes=["r"]).index
        }
        self._start = self.network.get_working_variant_id()

    def areas_by_load(self) -> dict[str, frozenset[str]]:
        """Return for every load the grid supply points in its connected component."""
        buses = self.network.get_buses(attributes=["connected_component"])["connected_component"]
        loads = self.network.get_loads(attributes=["bus_id"])["bus_id"].map(buses)
        fed: dict[int, set[str]] = {}
        table = self.network.get_boundary_lines(attributes=["bus_id"])["bus_id"].map(buses)
        for name, gsp in self.areas.gsps.items():
            for point in gsp.fed:
                for part in self._below(point.node):
                    if part in self._lines and table[self._lines[part]] >= 0:
                        fed.setdefault(int(table[self._lines[part]]), set()).add(name)
        known = {plain_id(iri): iri for iri in self.grid.loads}
        return {
            known[plain_id(own)]: frozenset(fed.get(int(component), ()) if component >= 0 else ())
            for own, component in loads.items()
            if plain_id(own) in known
        }

    def moved(self, candidate: Candidate) -> frozenset[str]:
        """Return the loads that the receiver feeds after the switching and did not feed before."""
        receiver = self.areas.area(candidate.receiver)
        assert receiver is not None  # noqa: S101 - a candidate's areas are those of its search
        wanted = frozenset(receiver.gsps)
        before = {load for load, gsps in self._base.items() if wanted & gsps}
        self.network.clone_variant(self._start, "confirm", True)
        self.network.set_working_variant("confirm")
        try:
            self._set((candidate.point.switch, *candidate.point.also), is_open=False)
            self._set(candidate.open, is_open=True)
            after = self.areas_by_load()
        finally:
            self.network.set_working_variant(self._start)
            self.network.remove_variant("confirm")
        return frozenset(
            load for load, gsps in after.items() if gsps == wanted and load not in before
        )

    @property
    def _base(self) -> dict[str, frozenset[str]]:
        if not hasattr(self, "_known"):
            self._known = self.areas_by_load()
        return self._known

    def _set(self, iris: Iterable[str], *, is_open: bool) -> None:
        ids = [self._switches[plain_id(iri)] for iri in iris]
        if ids:
            self.network.update_switches(id=ids, open=[is_open] * len(ids))

    def _below(self, node: int) -> list[str]:
        return [
            plain_id(part.iri)
            for part in self.grid.equipment.values()
            if node in part.nodes and part.owner not in self.areas.transmission
        ]
