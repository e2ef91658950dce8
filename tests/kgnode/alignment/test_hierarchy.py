"""Words of IES4 find what is called by a word under them, as IES4's own hierarchy says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pyoxigraph as ox
import pytest

from kgnode.alignment.apply import Rewriter
from kgnode.alignment.hierarchy import ies4_hierarchy
from kgnode.alignment.release import check_name
from kgnode.errors import BadRequest, NotFound
from tests.federation.mapped import product
from tests.kgnode.alignment.hierarchy import IES, TYPE, Hierarchy
from tests.kgnode.alignment.product import HERE, materialise, triples
from tests.kgnode.node import NodeUnderTest

SETS = ("cim-ies4@1", "ies4-hierarchy@4.3")
PREFIX = f"PREFIX ies: <{IES}> "


def test_every_thing_has_all_classes_that_stand_above_its_own(
    test_data: Path, tmp_path: Path
) -> None:
    mapped = triples(HERE / "grid.ttl")
    stated = {quad.triple for quad in mapped}
    materialise(mapped)
    words = triples(test_data / "vocab/ies4/ies4.ttl")
    words.extend(triples(HERE.parents[2] / "ontologies" / "gridspine-ies4.ttl"))
    above = Hierarchy(words)
    expected = {
        (quad.subject.value, one)  # type: ignore[union-attr]
        for quad in mapped.quads_for_pattern(None, TYPE, None, None)
        for one in above.closure({quad.object.value})  # type: ignore[union-attr]
        if one.startswith(IES)
    }

    async def main() -> None:
        node = NodeUnderTest(tmp_path)
        node.desk.mappings = Rewriter(product("cim-ies4"))
        node.publish("d", {"urn:m:1": {"open": stated}})

        async def asked(query: str, *sets: str) -> list[tuple[str, ...]]:
            got = await node.ask(PREFIX + query, mappings=sets)
            body = got.content or b"".join([part async for part in got.body])
            rows = orjson.loads(body)["results"]["bindings"]
            return sorted(tuple(term["value"] for term in row.values()) for row in rows)

        try:
            whole = f"SELECT ?s ?c {{ ?s a ?c FILTER(STRSTARTS(STR(?c), '{IES}')) }}"
            assert set(await asked(whole, *SETS)) == expected
            for name in ("Asset", "Location", "Measure", "State", "Event", "Representation"):
                query = f"SELECT ?s {{ ?s a ies:{name} }}"
                wanted = sorted((one,) for one, of in expected if of == IES + name)
                assert wanted and await asked(query, *SETS) == wanted
            assert len(await asked("SELECT ?s { ?s a ies:Asset }", SETS[0])) < len(
                await asked("SELECT ?s { ?s a ies:Asset }", *SETS)
            )
            named = "SELECT DISTINCT ?s { ?s ies:isRepresentedAs ?n }"
            assert set(await asked(named, *SETS)) > set(await asked(named, SETS[0]))
        finally:
            await node.close()

    asyncio.run(main())


def test_it_holds_what_ies4_says_and_nothing_else(test_data: Path) -> None:
    words = triples(test_data / "vocab/ies4/ies4.ttl")
    words.extend(triples(HERE.parents[2] / "ontologies" / "gridspine-ies4.ttl"))
    said = {
        (quad.subject.value, quad.object.value)  # type: ignore[union-attr]
        for name in ("subClassOf", "subPropertyOf")
        for quad in words.quads_for_pattern(
            None, ox.NamedNode(f"http://www.w3.org/2000/01/rdf-schema#{name}"), None, None
        )
    }
    rows = ies4_hierarchy().mappings
    ours = {(row.subject, row.object) for row in rows}
    assert ours <= said
    assert {pair for pair in said - ours if all("ies4#" in one for one in pair)} == set()


def test_no_set_of_a_node_takes_its_place() -> None:
    for name in ("ies4-hierarchy", "cim-namespaces"):
        with pytest.raises(BadRequest, match="cannot be the name"):
            check_name(name, "1")
    with pytest.raises(NotFound):
        Rewriter(product("cim-ies4")).wanted(["ies4-hierarchy@9"])
