"""The drawing of the network: from rows to places, lines and areas."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from federation.answer import Federation
from federation.demo.outline import OUTLINE
from federation.demo.scenario import Scenario
from federation.members.pool import Identity
from federation.web.drawing import NAMES, QUERIES, draw
from federation.web.network import collect
from tests.federation.cluster import Cluster, Fault
from tests.federation.oracle import settings

EMPTY: dict[str, list[dict[str, str]]] = {name: [] for name in NAMES}


def collected(nodes: Cluster) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        federation = Federation.of(nodes.members(), settings())
        await federation.evaluators.start()
        try:
            return await collect(federation, Identity())
        finally:
            await federation.close()

    return asyncio.run(run())


def level(ident: str, substation: str, region: str, kv: str = "33") -> dict[str, str]:
    return {
        "level": ident,
        "level_name": f"{ident} name",
        "kv": kv,
        "substation": substation,
        "name": f"{substation} name",
        "region": region,
    }


def spot(thing: str, x: float) -> dict[str, str]:
    return {"thing": thing, "x": str(x), "y": "50", "system": "drawing"}


def test_nothing_visible_is_an_empty_drawing() -> None:
    drawing = draw(EMPTY)
    assert (drawing.places, drawing.lines, drawing.areas) == ((), (), ())


def test_halves_that_meet_at_a_boundary_node_become_one_line_between_owners() -> None:
    point = {"name": "G", "mw": "1", "substation": "none"}
    rows = EMPTY | {
        "positions": [spot("S1", 1), spot("S2", 2)],
        "levels": [level("L1", "S1", "R1"), level("L2", "S2", "R2")],
        "nodes": [{"node": "N1", "level": "L1"}, {"node": "N2", "level": "L2"}],
        "lines": [
            {"line": "A", "name": "tie A half", "kv": "33", "node": "N1"},
            {"line": "A", "name": "tie A half", "kv": "33", "node": "B"},
            {"line": "Z", "name": "tie Z half", "kv": "33", "node": "B"},
            {"line": "Z", "name": "tie Z half", "kv": "33", "node": "N2"},
        ],
        "open": [{"switch": "CB", "name": "tie breaker", "node": "N2"}],
        "supply_points": [
            {**point, "code": "G1", "owner": "X", "region": "R1"},
            {**point, "code": "G2", "owner": "Y", "region": "R2"},
        ],
    }
    drawing = draw(rows, {"A": "X", "Z": "Y", "L1": "X", "L2": "Y"})
    (line,) = drawing.lines
    assert (line.ids, line.members) == (("A", "Z"), ("X", "Y"))
    assert [place.member for place in drawing.places] == ["X", "Y"]
    (switch,) = drawing.switches
    assert (switch.id, switch.place, switch.line) == ("CB", 1, 0)
    assert line.name == "tie"
    assert line.open
    assert line.crosses == "owners"
    assert draw({**rows, "lines": rows["lines"][:2]}).lines == ()


def test_a_level_with_a_position_of_its_own_is_a_place_of_its_own() -> None:
    rows = EMPTY | {
        "positions": [spot("S1", 1), spot("L2", 5)],
        "levels": [level("L1", "S1", "R", "400"), level("L2", "S1", "R", "275")],
    }
    assert {(p.name, p.x, p.kv) for p in draw(rows).places} == {
        ("S1 name", 1.0, 400.0),
        ("L2 name", 5.0, 275.0),
    }


@pytest.mark.demo
def test_the_demo_is_drawn_as_it_was_built(small: Scenario, nodes: Cluster) -> None:
    drawing = collected(nodes)
    assert drawing["status"] == "complete"
    facts = small.facts
    assert {area["code"] for area in drawing["areas"]} == {gsp.ident for gsp in facts.gsps}
    opened = Counter(line["crosses"] for line in drawing["lines"] if line["open"])
    across = len(facts.ties_across_owners)
    between = len(facts.ties_between_gsps)
    inside = len(facts.ties) - between
    assert opened == {"owners": across, "areas": between - across, "": inside}
    assert not [line for line in drawing["lines"] if line["crosses"] and not line["open"]]
    assert len(drawing["places"]) > 60


@pytest.mark.demo
def test_a_drawing_that_rests_on_a_lost_member_says_so(nodes: Cluster) -> None:
    whole = collected(nodes)
    nodes.nodes["DNOB"].fault = lambda _: Fault(raw=b"")
    try:
        drawing = collected(nodes)
    finally:
        nodes.nodes["DNOB"].fault = lambda _: None
    assert drawing["status"] != "complete"
    assert len(drawing["places"]) < len(whole["places"])


def test_the_backdrop_is_the_outline_that_positions_are_made_for() -> None:
    import json

    text = (QUERIES.parent / "static" / "backdrop-gb.json").read_text()
    assert [tuple(point) for point in json.loads(text)] == list(OUTLINE)
