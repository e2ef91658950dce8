"""Questions in IES4's words over the demo's CIM data: at one node and at the gateway."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pyoxigraph as ox
import pytest

from federation.answer import Ask, FederatedAnswer
from federation.ask import select
from federation.demo.scenario import build
from federation.members.pool import Member
from federation.rerouting import questions as asking
from kgnode.names import expand
from tests.federation.demo.cluster import running
from tests.federation.mapped import member, product
from tests.federation.oracle import ask_all, settings

pytestmark = [pytest.mark.demo, pytest.mark.timeout(600)]

CIM = asking.FOLDER.parent / "competency"
IES4 = sorted((CIM / "ies4").glob("*.rq"))
OPEN = ox.NamedNode(expand("cim:Switch.open"))
ACCEPT = "application/sparql-results+json"
MOVED = 5
SET = "cim-ies4@1"
Rows = list[tuple[tuple[str, str | float], ...]]


@dataclass(frozen=True)
class Served:
    """The members of a federation, and one node that holds what all of them do."""

    members: list[Member]
    whole: Member


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small demo, a few switches moved so that every question has an answer."""
    folder = tmp_path_factory.mktemp("mapped")
    with running(build("small", 1, folder / "files")) as cluster:
        stores = {name: node.store for name, node in cluster.nodes.items()}
    moved = sorted(
        (quad for store in stores.values() for quad in
         store.quads_for_pattern(None, OPEN, ox.Literal(False))), key=lambda q: str(q.subject)
    )[:MOVED]  # fmt: skip
    for store in stores.values():
        for quad in moved:
            if quad in store:
                store.remove(quad)
                store.add(ox.Quad(quad.subject, OPEN, ox.Literal(True)))
    sets = product("cim-ies4")
    with contextlib.ExitStack() as stack:
        members = [
            stack.enter_context(member(folder / name, name, (q.triple for q in store), sets))
            for name, store in stores.items()
        ]
        everything = {quad.triple for store in stores.values() for quad in store}
        whole = stack.enter_context(member(folder / "whole", "whole", everything, sets))
        yield Served(members, whole)


def _rows(bindings: list[dict[str, dict[str, str]]]) -> Rows:
    def value(term: dict[str, str]) -> str | float:
        if term.get("datatype", "").endswith(("#double", "#decimal", "#integer")):
            return round(float(term["value"]), 6)
        return term["value"]

    rows = [tuple(sorted((k, value(v)) for k, v in row.items())) for row in bindings]
    return sorted(rows, key=str)


@pytest.fixture(scope="module")
def in_cim(served: Served) -> dict[str, Rows]:
    """The rows of the questions in CIM's words at the one node."""
    return {path.name: _at_node(served, CIM / path.name) for path in IES4}


def _at_node(served: Served, path: Path, mappings: str = "") -> Rows:
    got = select(served.whole.node, path.read_text(), mappings=mappings)
    return _rows(got.sparql["results"]["bindings"])


@pytest.fixture(scope="module")
def federated(served: Served) -> dict[str, FederatedAnswer | Exception]:
    asks = [Ask(path.read_text(), accept=ACCEPT, mappings=(SET,)) for path in IES4]
    answers = ask_all(served.members, asks, settings(federation_timeout_seconds=120.0))
    return dict(zip((path.name for path in IES4), answers, strict=True))


@pytest.mark.parametrize("path", IES4, ids=lambda path: path.stem)
def test_a_question_in_ies4_at_a_node_gives_the_rows_of_the_one_in_cim(
    path: Path, served: Served, in_cim: dict[str, Rows]
) -> None:
    assert in_cim[path.name]
    assert _at_node(served, path, SET) == in_cim[path.name]


@pytest.mark.parametrize("path", IES4, ids=lambda path: path.stem)
def test_a_question_in_ies4_at_the_gateway_gives_the_rows_of_the_one_in_cim(
    path: Path, federated: dict[str, FederatedAnswer | Exception], in_cim: dict[str, Rows]
) -> None:
    got = federated[path.name]
    assert isinstance(got, FederatedAnswer), got
    assert got.status == "complete"
    assert _rows(orjson.loads(got.body)["results"]["bindings"]) == in_cim[path.name]
    assert any(entry.startswith(f"{SET};") for entry in got.report.mappings)


WIDER = """PREFIX ies: <http://ies.data.gov.uk/ontology/ies4#>
SELECT DISTINCT ?x ?site { ?x a ies:Asset ; ies:isPartOf ?whole . ?whole ies:relationship ?site .
  ?site a ies:Location . MINUS { ?x a ies:Actor } }"""
NARROWER = """PREFIX ies: <http://ies.data.gov.uk/ontology/ies4#>
SELECT DISTINCT ?x ?site { VALUES ?asset { ies:Asset ies:Device ies:Facility }
  VALUES ?location { ies:Location ies:Facility } ?x a ?asset ; ies:isPartOf|ies:inLocation ?whole .
  ?whole ies:relationship|ies:isPartOf|ies:inLocation ?site . ?site a ?location .
  MINUS { ?x a ies:Device } }"""


def test_a_wider_word_of_ies4_finds_what_has_a_narrower_one(served: Served) -> None:
    narrow = select(served.whole.node, NARROWER, mappings=SET)
    wanted = _rows(narrow.sparql["results"]["bindings"])
    assert len(wanted) > 20
    alone = select(served.whole.node, WIDER, mappings=SET)
    assert not alone.sparql["results"]["bindings"]
    sets = (SET, "ies4-hierarchy@4.3")
    got = select(served.whole.node, WIDER, mappings=",".join(sets))
    assert _rows(got.sparql["results"]["bindings"]) == wanted
    ask = Ask(WIDER, accept=ACCEPT, mappings=sets)
    [answer] = ask_all(served.members, [ask], settings(federation_timeout_seconds=120.0))
    assert isinstance(answer, FederatedAnswer) and answer.status == "complete"
    assert _rows(orjson.loads(answer.body)["results"]["bindings"]) == wanted
