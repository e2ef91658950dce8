"""What the demo's answers are held against, worked out from the files alone.

In: a ``Scenario``. Out: the answers of one store that holds all files, the load flow of the files,
and the loads that go dark when the breakers of a grid supply point open. No node is asked.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyoxigraph as ox

from federation.demo.scenario import Scenario, questions
from kgnode.cim.reader import ReadContext, read

Row = frozenset[tuple[str, str | float]]
DIGITS = 6
"""Sums of doubles differ in their last digits with the order of the terms."""


@dataclass(frozen=True)
class FlowOfFiles:
    """The load flow of the files, and the dark loads of each grid supply point by its code."""

    snapshot: Any
    dark: Mapping[str, frozenset[str]]


def one_store(scenario: Scenario) -> dict[str, frozenset[Row]]:
    """Return the answer to each question of one store with everything in it."""
    store = ox.Store()
    for organisation in scenario.organisations:
        base = f"https://{organisation.id.lower()}.example/id#"
        staged = read(organisation.files, ReadContext(base, scenario.boundary_base))
        store.bulk_extend(ox.Quad(q.subject, q.predicate, q.object) for q in staged.store)
    found = {}
    for path in questions():
        solutions: Any = store.query(path.read_text(encoding="utf-8"))
        names = [variable.value for variable in solutions.variables]
        rows = [{name: row[name] for name in names if row[name] is not None} for row in solutions]
        found[path.stem] = comparable(rows)
    return found


def comparable(rows: Sequence[Mapping[str, Any]]) -> frozenset[Row]:
    """Return rows so that equal answers are equal, numbers rounded."""
    return frozenset(frozenset((name, _value(term)) for name, term in row.items()) for row in rows)


def _value(term: Any) -> str | float:
    datatype = term.datatype.value if isinstance(term, ox.Literal) else ""
    if datatype.endswith(("#double", "#decimal", "#integer", "#float")):
        return round(float(term.value), DIGITS) + 0.0
    return str(term.value)


def flow_of_files(scenario: Scenario) -> FlowOfFiles:
    """Return the load flow of the files and what each grid supply point feeds."""
    logging.getLogger("powsybl").addHandler(logging.NullHandler())
    from federation.rerouting.loadflow import Pinned
    from federation.rerouting.network import load_files
    from federation.rerouting.verify import snapshot

    network = load_files(
        list(scenario.network_files), boundary_points=scenario.facts.boundary_points
    )
    pinned = Pinned(tap_control=False, slack_generator=scenario.facts.reference_machine)
    return FlowOfFiles(snapshot(network, pinned), _dark(network, scenario))


def _dark(network: Any, scenario: Scenario) -> dict[str, frozenset[str]]:
    """Open the breakers of one grid supply point after the other and see which loads are cut."""
    from federation.rerouting.network import plain_id

    found = {}
    switches = {plain_id(name): name for name in network.get_switches(attributes=[]).index}
    for gsp in scenario.facts.gsps:
        breakers = [switches[breaker] for breaker in gsp.breakers]
        for breaker in breakers:
            network.open_switch(breaker)
        buses = network.get_buses(attributes=["connected_component"])
        live = set(buses.index[buses["connected_component"] == 0])
        loads = network.get_loads(attributes=["bus_id"])["bus_id"]
        found[gsp.name] = frozenset(
            plain_id(load) for load, bus in loads.items() if bus not in live
        )
        for breaker in breakers:
            network.close_switch(breaker)
    return found
