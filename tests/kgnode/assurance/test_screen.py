"""Screening by columns never loses, adds or changes a result, whatever terms the data holds."""

from __future__ import annotations

import random
from collections import Counter

import pyoxigraph as ox
import pytest

from kgnode.assurance import columns, screen
from kgnode.assurance.data import Data
from kgnode.assurance.graph import Graph, Term, parse
from kgnode.assurance.judge import Judge
from kgnode.assurance.reading import read_shapes

EX = "http://example.org/"
XSD = "http://www.w3.org/2001/XMLSchema#"
SHAPES = """
@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix ex: <http://example.org/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
ex:A a sh:NodeShape ; sh:targetClass ex:A , ex:B ;
  sh:property [ sh:path ex:p ; sh:minCount 1 ; sh:maxCount 1 ; sh:nodeKind sh:IRI ] ;
  sh:property [ sh:path ex:q ; sh:maxCount 2 ; sh:datatype xsd:decimal ; sh:minInclusive 2 ] ;
  sh:property [ sh:path ex:r ; sh:minCount 2 ; sh:class ex:B ] ;
  sh:property [ sh:path ex:s ; sh:minLength 2 ; sh:in ( "ab" 5 ex:n1 "x"@en ) ] ;
  sh:property [ sh:path [ sh:inversePath ex:p ] ; sh:minCount 1 ; sh:maxCount 2 ] ;
  sh:property [ sh:path [ sh:alternativePath ( ex:q ex:s ) ] ; sh:minCount 1 ;
    sh:datatype xsd:integer ] .
ex:S a sh:NodeShape ; sh:targetSubjectsOf ex:p ;
  sh:property [ sh:path ex:q ; sh:maxCount 0 ] ;
  sh:property [ sh:path ex:r ; sh:minCount 1 ; sh:class ex:A ; sh:pattern "n[12]" ] .
ex:O a sh:NodeShape ; sh:targetObjectsOf ex:p ;
  sh:property [ sh:path ex:r ; sh:minCount 1 ; sh:maxCount 1 ] ;
  sh:property [ sh:path ex:s ; sh:languageIn ( "en" ) ; sh:maxExclusive 3.5 ] .
ex:N a sh:NodeShape ; sh:targetNode ex:n1 , ex:n2 ; sh:targetClass ex:C ;
  sh:property [ sh:path ex:p ; sh:minCount 1 ; sh:class ex:C ;
    sh:property [ sh:path ex:q ; sh:minCount 1 ; sh:maxCount 1 ] ] .
"""
VALUES: list[Term] = [
    *(ox.NamedNode(f"{EX}n{number}") for number in range(9)),
    *(ox.BlankNode(f"b{number}") for number in range(3)),
    ox.Literal(""),
    ox.Literal("ab"),
    ox.Literal('tab\t"quote"\nline\\'),
    ox.Literal("", language="en"),
    ox.Literal("x", language="en"),
    ox.Literal("wrong", datatype=ox.NamedNode(XSD + "integer")),
    ox.Literal("5.0", datatype=ox.NamedNode(XSD + "decimal")),
    ox.Literal("5", datatype=ox.NamedNode(XSD + "decimal")),
    ox.Literal("5", datatype=ox.NamedNode(XSD + "double")),
    ox.Literal("", datatype=ox.NamedNode(EX + "type")),
    ox.Literal(5),
    ox.Literal(-1),
    ox.Literal(5.0),
    ox.Literal(value=True),
]


def some_data(seed: int, triples: int) -> Data:
    chance = random.Random(seed)
    nodes = [value for value in VALUES if not isinstance(value, ox.Literal)]
    made: list[tuple[ox.NamedNode | ox.BlankNode, ox.NamedNode, Term]] = []
    for _ in range(triples):
        subject = chance.choice(nodes)
        if chance.random() < 0.25:
            kind = ox.NamedNode(EX + chance.choice("ABC"))
            made.append((subject, ox.NamedNode(columns.TYPE.value), kind))
        else:
            made.append((subject, ox.NamedNode(EX + chance.choice("pqrs")), chance.choice(VALUES)))
    return Data.of(made)


def judged(data: Data, *, screened: bool) -> Counter[tuple[str, ...]]:
    shapes = read_shapes(Graph(parse(SHAPES.encode(), "s.ttl")))
    judge = Judge(data, shapes, (), screen=screened)
    mine, left = judge.split()
    assert not left
    return Counter((*r.key, str(r.shape.path)) for r in judge.judge(mine))


@pytest.mark.parametrize(("most", "few"), [(2_000, 1_000), (2, 1_000), (2_000, 0), (1, 3)])
@pytest.mark.parametrize("seed", range(40))
def test_screening_changes_no_result(
    seed: int, most: int, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "MOST", most)
    monkeypatch.setattr(screen, "FEW", few)
    monkeypatch.setattr(screen, "FIRST", 6 if few else 0)
    data = some_data(seed, 5 + 3 * seed)
    assert judged(data, screened=True) == judged(data, screened=False)


def test_threads_change_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_SMALL", 0)
    monkeypatch.setattr(columns, "_THREADS", 4)
    data = some_data(7, 400)
    assert judged(data, screened=True) == judged(data, screened=False)


def test_columns_are_read_anew_after_a_change() -> None:
    data = some_data(3, 60)
    before = judged(data, screened=True)
    node = ox.NamedNode(EX + "fresh")
    added = [ox.Triple(node, ox.NamedNode(columns.TYPE.value), ox.NamedNode(EX + "A"))]
    data.change(added, [])
    after = judged(data, screened=True)
    assert after == judged(data, screened=False)
    assert {key[0] for key in after - before} == {str(node)}
