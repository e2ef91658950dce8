"""A plan as page, RDF and difference model; studies kept and compared."""

from __future__ import annotations

import copy
import os
import re
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest

from federation.rerouting.documents import difference_model
from federation.rerouting.page import plan_page
from federation.rerouting.studies import Studies, compare
from federation.rerouting.turtle import plan_turtle
from kgnode.cim.reader import ReadContext, read
from kgnode.errors import NotFound
from kgnode.names import CIM100, GS

SWITCH = "urn:uuid:0000000{}-0000-4000-8000-000000000000"


def _switch(number: int, owner: str = "DNOA") -> dict[str, Any]:
    return {"id": SWITCH.format(number), "name": f"CB {number} <b>&", "owner": owner}


@pytest.fixture
def plan() -> dict[str, Any]:
    step = {"n": 1, "action": "close", "switch": _switch(1), "state": "in parallel"}
    return {
        "id": "abc",
        "from": "Northgate",
        "to": "Southgate",
        "close": _switch(1),
        "also_close": [],
        "open": [_switch(2), _switch(3, "DNOB")],
        "path": ["urn:uuid:1"],
        "kv": 33.0,
        "moved": {"net_mw": 12.5, "gross_mw": 13.0, "mvar": 3.0, "loads": [SWITCH.format(9)],
                  "demand_points": 1, "unknown": []},
        "thermal": {"before": None, "parallel": None, "after": None},
        "voltage": {"before": None, "parallel": None, "after": None, "step_percent": None},
        "n1": None,
        "fault_level": None,
        "headroom": None,
        "across": None,
        "steps": [step],
        "parallel_minutes": 10.0,
        "return_steps": [step],
        "window": None,
        "approvals": [{"owner": "DNOA", "why": ["operates a switch"]}],
        "protection": {"verdict": "manual", "note": "none published"},
        "missing": [{"owner": None, "what": "time", "assumed": "5 min"}],
        "verdict": "not_assessable",
        "reasons": ["ask DNOB: current rating"],
        "verified": False,
    }  # fmt: skip


@pytest.fixture
def study(plan: dict[str, Any]) -> dict[str, Any]:
    ssh = "http://iec.ch/TC57/ns/CIM/SteadyStateHypothesis-EU/3.0"
    return {
        "from": None,
        "to": None,
        "made": "2026-12-01T17:30:00+00:00",
        "model_versions": {"DNOA": "v1"},
        "policies": {"DNOA": "p1"},
        "mappings": {"DNOA": ["cim-ies4@1;digest=d1"]},
        "tools": {"gridspine": "0.1", "pypowsybl": "1.16.1"},
        "models": [
            {"iri": "urn:uuid:0000000a-0000-4000-8000-000000000000", "owner": "DNOA",
             "profiles": [ssh], "version": "1", "scenario_time": "2026-12-01T17:30:00Z"}
        ],
        "candidates": [plan],
    }  # fmt: skip


def test_a_page_shows_the_plan_and_escapes_what_members_say(
    study: dict[str, Any], plan: dict[str, Any]
) -> None:
    page = plan_page("study1", study, plan)
    assert "Move 12.5 MW from Northgate to Southgate" in page
    assert "ask DNOB: current rating" in page and "not verified by load flow" in page
    assert "CB 1 &lt;b&gt;&amp;" in page and "<b>&" not in page
    assert "<script" not in page and not re.search(r'\son\w+="', page)


def test_turtle_says_what_is_switched_and_what_it_was_made_from(
    study: dict[str, Any], plan: dict[str, Any]
) -> None:
    store = ox.Store()
    store.load(plan_turtle("study1", study, plan), format=ox.RdfFormat.TURTLE)
    query = f"""PREFIX gs: <{GS}> PREFIX prov: <http://www.w3.org/ns/prov#>
        SELECT ?closed ?model ?verdict (COUNT(?opened) AS ?n) WHERE {{
          ?plan gs:closes ?closed ; gs:opens ?opened ; gs:verdict ?verdict ;
                prov:wasGeneratedBy/prov:used ?model }} GROUP BY ?closed ?model ?verdict"""
    (row,) = list(store.query(query))  # type: ignore[arg-type]
    assert row["closed"].value == SWITCH.format(1) and row["n"].value == "2"
    assert row["verdict"].value == f"{GS}not_assessable"
    assert row["model"].value == study["models"][0]["iri"]


def test_turtle_carries_versions_of_models_views_policies_mappings_and_tools(
    study: dict[str, Any], plan: dict[str, Any]
) -> None:
    store = ox.Store()
    store.load(plan_turtle("study1", study, plan), format=ox.RdfFormat.TURTLE)
    query = f"""PREFIX gs: <{GS}> PREFIX prov: <http://www.w3.org/ns/prov#>
        SELECT ?name ?value WHERE {{
          ?plan prov:wasGeneratedBy ?study .
          {{ ?study ?name ?value }} UNION {{ ?study prov:used ?model . ?model ?name ?value }} }}"""
    found = {(row["name"].value, row["value"].value) for row in store.query(query)}  # type: ignore[union-attr,index]
    assert found >= {
        (f"{GS}modelVersion", "1"),
        (f"{GS}viewVersion", "DNOA v1"),
        (f"{GS}policyDigest", "DNOA p1"),
        (f"{GS}mappingSet", "DNOA cim-ies4@1;digest=d1"),
        (f"{GS}toolVersion", "pypowsybl 1.16.1"),
    }


def test_the_difference_model_is_read_back_as_the_switching(
    study: dict[str, Any], plan: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "switching_DIFF.xml"
    path.write_bytes(difference_model(study, plan))
    staged = read([path], ReadContext("https://x.example/id#", "https://b.example/id#"))
    (model,) = staged.models
    assert model.header.kind == "difference"
    assert model.header.supersedes == (study["models"][0]["iri"],)
    difference = staged.differences[model.iri]
    wanted = {SWITCH.format(1): "false", SWITCH.format(2): "true", SWITCH.format(3): "true"}
    for spool, turned in ((difference.forward, False), (difference.reverse, True)):
        found = {
            t.subject.value: t.object.value
            for t in spool
            if t.predicate.value == f"{CIM100}Switch.open"
        }
        flipped = {k: {"true": "false", "false": "true"}[v] for k, v in wanted.items()}
        assert found == (flipped if turned else wanted)


def test_a_study_opens_again_only_for_whom_it_was_made(
    study: dict[str, Any], tmp_path: Path
) -> None:
    studies = Studies(tmp_path / "studies")
    kept = studies.keep("planner-of-NESO", {"from": "Northgate"}, study)
    assert studies.get(kept.id, "planner-of-NESO") == kept
    assert [k.id for k in studies.mine("planner-of-NESO")] == [kept.id]
    assert studies.mine("public") == []
    for identifier, who in ((kept.id, "public"), ("../secret", "planner-of-NESO"), ("x" * 20, "")):
        with pytest.raises(NotFound, match="no such study"):
            studies.get(identifier, who)


def test_studies_are_swept_by_age_and_by_number_of_one_caller(
    study: dict[str, Any], tmp_path: Path
) -> None:
    studies = Studies(tmp_path / "studies", most=2, days=1.0)
    other = studies.keep("bob", {}, study)
    made = [studies.keep("anna", {"n": n}, study) for n in range(4)]
    assert {k.id for k in studies.mine("anna")} == {k.id for k in made[2:]}
    assert studies.get(other.id, "bob") == other  # anna's many do not push out bob's one
    (path,) = (tmp_path / "studies").rglob(f"{other.id}.json")
    os.utime(path, (0, 0))
    assert studies.sweep() == 1
    with pytest.raises(NotFound):
        studies.get(other.id, "bob")
    assert len(Studies(tmp_path / "studies", most=1).mine("anna")) == 1


def test_a_comparison_says_what_changed(study: dict[str, Any]) -> None:
    newer = copy.deepcopy(study)
    newer["model_versions"]["DNOA"] = "v2"
    newer["candidates"][0]["verdict"] = "green"
    newer["candidates"].append({**newer["candidates"][0], "id": "def"})
    found = compare(study, newer)
    assert found["versions"] == {"DNOA": ["v1", "v2"]}
    assert found["new"] == ["def"] and found["gone"] == []
    assert found["changed"][0]["verdict"] == ["not_assessable", "green"]
    assert compare(study, study) == {"versions": {}, "gone": [], "new": [], "changed": []}
