"""The fast ways of judging find what the plain one finds; queries are bound as SHACL says."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pyoxigraph as ox
import pytest

from kgnode.assurance import hierarchy
from kgnode.assurance.data import Data
from kgnode.assurance.graph import Graph, parse
from kgnode.assurance.judge import Judge
from kgnode.assurance.packs import load_packs
from kgnode.assurance.reading import read_shapes
from kgnode.assurance.reference import data_graph, judge, to_rdflib
from kgnode.assurance.sparql import with_having_spelled_out
from kgnode.cim.reader import ReadContext, read
from kgnode.names import CIM100
from tests.kgnode.assurance.broken import document, station

PREFIXES = """
@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix ex: <http://example.org/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
ex: sh:declare [ sh:prefix 'ex' ; sh:namespace 'http://example.org/' ] .
"""


def damaged(seed: int, tmp_path: Path, wrong: object = "wrong") -> Data:
    """Return the sound station with random damage."""
    file = tmp_path / f"{seed}.xml"
    file.write_text(document(station()))
    staged = read([file], ReadContext("https://a.example/id#", "https://b.example/id#"))
    triples = [t for model in staged.models for t in staged.graph(model.iri)]
    chance = random.Random(seed)
    out = []
    for triple in triples:
        luck = chance.random()
        if luck < 0.04:
            continue
        out.append((triple.subject, triple.predicate, triple.object))
        if luck < 0.08:
            out.append((triple.subject, triple.predicate, ox.Literal(wrong)))  # type: ignore[arg-type]
        elif luck < 0.12:
            out.append((triple.subject, triple.predicate, chance.choice(triples).object))
    return Data.of(out)


@pytest.mark.parametrize("seed", range(12))
def test_screening_changes_no_result(seed: int, tmp_path: Path) -> None:
    data = damaged(seed, tmp_path)
    (pack,) = load_packs(["gb-core"])
    shapes, pairs = pack.shapes(CIM100), hierarchy.pairs(CIM100)
    fast = Judge(data, shapes, pairs)
    plain = Judge(data, shapes, pairs, screen=False)
    a = Counter((*r.key, str(r.shape.id)) for r in fast.judge(fast.split()[0]))
    b = Counter((*r.key, str(r.shape.id)) for r in plain.judge(plain.split()[0]))
    assert a == b
    assert a


@pytest.mark.parametrize("seed", range(100, 103))
def test_damaged_data_is_judged_as_pyshacl_judges_it(seed: int, tmp_path: Path) -> None:
    data = damaged(seed, tmp_path, wrong=-3.5)  # rdflib orders text and numbers, SPARQL does not
    (pack,) = load_packs(["gb-core"])
    shapes, pairs = pack.shapes(CIM100), hierarchy.pairs(CIM100)
    mine = Judge(data, shapes, pairs)
    roots, left = mine.split()
    assert not left
    store = Graph((sub, hierarchy.SUBCLASS_OF, sup) for sub, sup in pairs)
    theirs = judge(data_graph(data), shapes, roots, ontology=to_rdflib(store))
    a = Counter((*r.key, str(r.shape.id)) for r in mine.judge(roots))
    b = Counter((*r.key, str(r.shape.id)) for r in theirs.results)
    assert a == b


def results(shapes: str, data: str) -> list[tuple[str, str]]:
    graph = Graph(parse((PREFIXES + shapes).encode(), "s.ttl"))
    read_in = read_shapes(graph)
    judging = Judge(Data.of(parse((PREFIXES + data).encode(), "d.ttl")), read_in, ())
    roots, left = judging.split()
    assert not left
    return sorted(
        (str(r.focus), str(r.value) if r.value is not None else "") for r in judging.judge(roots)
    )


def test_a_grouped_query_counts_for_each_focus_node_apart() -> None:
    shapes = '''
    ex:S a sh:NodeShape ; sh:targetClass ex:C ; sh:sparql [ sh:prefixes ex: ; sh:message 'many' ;
      sh:select """SELECT $this (COUNT(?o) AS ?value) WHERE { $this ex:p ?o }
        GROUP BY $this HAVING (?value > 1)""" ] .
    '''
    data = "ex:a a ex:C ; ex:p 1 , 2 . ex:b a ex:C ; ex:p 1 . ex:c a ex:C ."
    assert [focus for focus, _ in results(shapes, data)] == ["<http://example.org/a>"]


def test_names_in_having_are_spelled_out_at_their_own_level() -> None:
    inner = (
        "{ SELECT $this (COUNT(?x) AS ?n) WHERE { $this ex:p ?x } GROUP BY $this HAVING (?n>1) }"
    )
    text = f"SELECT $this (MAX(?n) AS ?m) WHERE {{ {inner} }} GROUP BY $this HAVING (?m > 2)"
    spelled = with_having_spelled_out(text)
    assert "HAVING ((COUNT(?x) )>1)" in spelled
    assert "HAVING ((MAX(?n) ) > 2)" in spelled
    with pytest.raises(ValueError, match="without GROUP BY"):
        with_having_spelled_out("SELECT $this ?n WHERE { $this ex:p ?n } HAVING(?n = 2)")


def test_a_filter_in_a_branch_of_its_own_sees_the_focus_node() -> None:
    shapes = """
    ex:S a sh:NodeShape ; sh:targetClass ex:C ; sh:sparql [ sh:prefixes ex: ; sh:message 'no' ;
      sh:select "SELECT $this WHERE { { FILTER($this = ex:a) } UNION { FILTER(false) } }" ] .
    """
    assert results(shapes, "ex:a a ex:C . ex:b a ex:C .") == [
        ("<http://example.org/a>", "<http://example.org/a>")
    ]


def test_numbers_of_derived_types_keep_their_type() -> None:
    shapes = (
        "ex:S a sh:NodeShape ; sh:targetClass ex:C ; "
        "sh:property [ sh:path ex:p ; sh:datatype xsd:byte ] ."
    )
    data = (
        "ex:a a ex:C ; ex:p '5'^^xsd:byte . ex:b a ex:C ; ex:p '300'^^xsd:byte . "
        "ex:c a ex:C ; ex:p 5 ."
    )
    found = results(shapes, data)
    assert [focus for focus, _ in found] == ["<http://example.org/b>", "<http://example.org/c>"]
    assert found[0][1] == '"300"^^<http://www.w3.org/2001/XMLSchema#byte>'


def test_two_packs_with_target_nodes_do_not_mix() -> None:
    data = Data.of(parse((PREFIXES + "ex:a ex:p 1 . ex:b ex:p 2 .").encode(), "d.ttl"))
    for name in ("a", "b"):
        text = (
            f"ex:S a sh:NodeShape ; sh:targetNode ex:{name} ;"
            " sh:property [ sh:path ex:p ; sh:maxCount 0 ] ."
        )
        judging = Judge(data, read_shapes(Graph(parse((PREFIXES + text).encode(), "s.ttl"))), ())
        found = [str(r.focus) for r in judging.judge(judging.split()[0])]
        assert found == [f"<http://example.org/{name}>"]
