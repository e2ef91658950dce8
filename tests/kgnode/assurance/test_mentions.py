"""What a query looks at: typings above all, since every change of a model changes its header's."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pyoxigraph as ox
import pytest

from kgnode.assurance.data import Data
from kgnode.assurance.graph import TYPE
from kgnode.assurance.incremental import Session
from kgnode.assurance.mentions import mentions
from kgnode.assurance.packs import load_packs
from kgnode.assurance.sparql import Sparql
from kgnode.assurance.validate import validate_data
from kgnode.names import RDF

EX = "https://example.com/"
PREFIXES = f"PREFIX ex: <{EX}> PREFIX rdf: <{RDF}> "
ONE_CLASS = (
    "$this a ex:B .",
    "FILTER NOT EXISTS { ?x ex:p $this . ?x a ex:B }",
    "$this ex:p ?x . ?x rdf:type ex:B ; ex:q ?y .",
    "$this ex:p [ a ex:B ] .",
    "$this ex:p/a ex:B .",
    'FILTER EXISTS { $this a ex:B } FILTER(" a ?x " != "")',
)
ANY_CLASS = (
    "$this a ?class .",
    "$this a ex:B , ?class .",
    "ex:B ^a $this .",
    "$this ^a ?x .",
    "$this (a|ex:p) ex:B .",
    "$this a/ex:sub* ex:B .",
    "$this a* ex:B .",
    "$this ex:p ?x . FILTER EXISTS { ?x rdf:type $class }",
    "$this ex:p ?x . FILTER(?x = rdf:type)",
    "rdf:type ex:p $this .",
)


def query(where: str) -> Sparql:
    return Sparql("select", f"{PREFIXES} SELECT $this WHERE {{ {where} }}", ox.BlankNode())


@pytest.mark.parametrize("where", ONE_CLASS)
def test_a_typing_that_names_its_class_is_known(where: str) -> None:
    found = mentions(query(where))
    assert found is not None
    assert found.classes == {EX + "B"}


@pytest.mark.parametrize("where", ANY_CLASS)
def test_any_other_typing_may_be_of_any_class(where: str) -> None:
    found = mentions(query(where))
    assert found is None or found.classes is None


def test_a_query_without_typings_looks_at_none() -> None:
    found = mentions(query("$this ex:p ?x . ?x ex:q ?y ."))
    assert found is not None
    assert found.classes == frozenset()
    assert found.iris == {EX + "p", EX + "q"}


@pytest.mark.parametrize("seed", range(3))
def test_changed_typings_are_judged_as_in_full(tmp_path: Path, seed: int) -> None:
    """Every form above as a constraint, with sh:class and logic beside them."""
    shapes = [
        f"ex:S{number} a sh:NodeShape ; sh:targetClass ex:A ; sh:sparql [ a sh:SPARQLConstraint ; "
        f"sh:select '''{query(where).text}''' ] ."
        for number, where in enumerate((*ONE_CLASS, *ANY_CLASS))
        if "$class" not in where and "FILTER(?x = rdf:type)" not in where
    ]
    shapes.append(
        "ex:Logic a sh:NodeShape ; sh:targetClass ex:A ; sh:or ( [ sh:property [ sh:path ex:p ; "
        "sh:class ex:B ; sh:minCount 1 ] ] [ sh:property [ sh:path rdf:type ; sh:hasValue ex:C ] "
        "] ) ; sh:not [ sh:property [ sh:path ex:q ; sh:qualifiedMinCount 1 ; "
        "sh:qualifiedValueShape [ sh:class ex:D ] ] ] ."
    )
    place = tmp_path / "typings.ttl"
    place.write_text(
        f"@prefix ex: <{EX}> . @prefix rdf: <{RDF}> . @prefix sh: <http://www.w3.org/ns/shacl#> .\n"
        + "\n".join(shapes)
    )
    packs = load_packs([place])
    chance = random.Random(seed)
    nodes = [ox.NamedNode(f"{EX}n{number}") for number in range(12)]
    classes = [ox.NamedNode(EX + name) for name in "ABCDE"]
    properties = [ox.NamedNode(EX + name) for name in ("p", "q", "sub")]

    def some(number: int) -> set[ox.Triple]:
        typings = {
            ox.Triple(chance.choice(nodes), TYPE, chance.choice(classes)) for _ in "x" * number
        }
        others = {
            ox.Triple(
                chance.choice(nodes), chance.choice(properties), chance.choice(nodes + classes)
            )
            for _ in range(number // 4)
        }
        return typings | others

    now = some(60)
    session = Session(Data.of((t.subject, t.predicate, t.object) for t in now), packs)
    seen = 0
    for _ in range(25):
        removed = set(chance.sample(sorted(now, key=str), chance.randint(0, 3)))
        added = some(chance.randint(0, 4)) - removed
        now = (now - removed) | added
        found = Counter(r.key for r in session.apply(added, removed))
        whole = Data.of((t.subject, t.predicate, t.object) for t in now)
        assert found == Counter(r.key for r in validate_data(whole, packs).results)
        seen += len(found)
    assert seen
