"""Judging a view over HTTP: it says that it is a view, shows nothing hidden and leaves no trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest

from kgnode.assurance.register import add_pack
from kgnode.assurance.view import NOTE, answer, order
from tests.kgnode.web.test_app import World, rows, world

__all__ = ["world"]

HIDDEN = ("Keadby", "eq.xml", ">region<", '"region"')
EVERYTHING = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
GRAPHS = "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }"
SHAPE = """
@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix cim: <http://iec.ch/TC57/CIM100#> .
cim:Prying a sh:NodeShape ; sh:targetClass cim:Substation ;
  sh:sparql [ sh:message "saw {{?value}}" ; sh:select '''{query}''' ] .
"""


def judged(world: World, headers: dict[str, str], *packs: str, task: str = "validate") -> Any:
    found = world.client.get(f"/{task}", params=[("pack", p) for p in packs], headers=headers)
    assert found.status_code == 200, found.text
    return found


def register(world: World, folder: Path, name: str, query: str) -> None:
    file = folder / f"{name}.ttl"
    file.write_text(SHAPE.format(query=query))
    add_pack(file, world.node.home.path / "packs", id=name)


def test_a_view_is_judged_like_a_store_of_what_may_be_seen(world: World) -> None:
    for headers in ({}, world.token("NESO", "planner"), world.token("TNO", "operator")):
        asked = {"query": EVERYTHING}
        accept = {**headers, "Accept": "application/n-triples"}
        visible = world.client.get("/sparql", params=asked, headers=accept).content
        store = ox.Store()
        store.load(visible, format=ox.RdfFormat.N_TRIPLES)
        expected = json.loads(answer(store, order("validate", ["gb-core"])))
        found = judged(world, headers, "gb-core").json()
        for document in (expected, found):
            document.pop("seconds")
        assert found == expected
        assert found["notes"][0] == NOTE


def test_what_is_hidden_cannot_be_seen_through_a_validation(world: World, tmp_path: Path) -> None:
    name = "http://iec.ch/TC57/CIM100#IdentifiedObject.name"
    prying = (
        "SELECT $this ?value WHERE { GRAPH ?g { ?other ?p ?value } }",
        f"SELECT $this ?value WHERE {{ ?other <{name}> ?value }}",
        "SELECT $this (GROUP_CONCAT(STR(?o)) AS ?value) WHERE { ?s ?p ?o } GROUP BY $this",
    )
    for number, query in enumerate(prying):
        register(world, tmp_path, f"prying{number}", query)
    packs = ("gb-core", *(f"prying{number}" for number in range(len(prying))))
    for task in ("validate", "gaps"):
        public = judged(world, {}, *packs, task=task).text
        assert not [word for word in HIDDEN if word in public]
    member = judged(world, world.token("NESO", "planner"), *packs).text
    assert "Keadby" in member, "who may see it, sees it: the test is not blind"


def test_a_validation_leaves_no_trace_in_the_view(world: World) -> None:
    def shown() -> tuple[set[str], set[str]]:
        graphs = rows(world.client.get("/sparql", params={"query": GRAPHS}))
        text = world.client.get("/sparql", params={"query": EVERYTHING}).text
        return graphs, {line for line in text.splitlines() if "_:" not in line}

    before = shown()
    for _ in range(4):  # more often than there are evaluators
        judged(world, {})
        assert shown() == before


def test_gaps_are_those_of_the_callers_view(world: World) -> None:
    name = "http://iec.ch/TC57/CIM100#IdentifiedObject.name"
    public = judged(world, {}, "mappings", task="gaps").json()
    member = judged(world, world.token("NESO"), "mappings", task="gaps").json()
    assert name not in public["properties"]
    assert member["properties"][name] == 2
    assert public["notes"] == [NOTE]


def test_bad_packs_are_refused(world: World, tmp_path: Path) -> None:
    for name, status in (("../gb-core", 400), ("nowhere", 404), ("/etc", 400)):
        refused = world.client.get("/validate", params={"pack": name})
        assert refused.status_code == status, refused.text
        assert refused.json()["hint"]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDSPINE_VALIDATION_VIEW_SECONDS", "2")


def test_an_endless_rule_ends_at_the_deadline_and_the_node_goes_on(
    hasty: None, world: World, tmp_path: Path
) -> None:
    cross = " ".join(f"?a{n} ?b{n} ?c{n} ." for n in range(9))
    register(world, tmp_path, "endless", f"SELECT $this WHERE {{ {cross} FILTER(?a0 = ?c8) }}")
    late = world.client.get("/validate", params={"pack": "endless"})
    assert late.status_code == 504, late.text
    assert world.client.get("/sparql", params={"query": GRAPHS}).status_code == 200
    assert judged(world, {}, "gb-core").json()["notes"][0] == NOTE
