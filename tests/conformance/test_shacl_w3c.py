"""The W3C SHACL test suite through the whole engine, and how much of it the compiler does alone.

Compared: conforms, and the multiset of (focus node, path, value, component, severity).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox
import pytest

from kgnode.assurance.data import Data
from kgnode.assurance.graph import TYPE, Graph, Term
from kgnode.assurance.packs import Pack
from kgnode.assurance.paths import read_path
from kgnode.assurance.reading import read_shapes
from kgnode.assurance.shapes import sh
from kgnode.assurance.validate import Engine, validate_data
from kgnode.errors import BadShapes

MF = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
SHT = "http://www.w3.org/ns/shacl-test#"
CORE, SPARQL = 98, 23
BY_COMPILER_ALONE = {"core": 98, "sparql": 23}


@dataclass(frozen=True)
class Case:
    """One test of the suite."""

    name: str
    data: Path
    shapes: Path
    fails: bool
    conforms: bool
    results: Counter[tuple[str, str, str, str, str]]


def triples(path: Path) -> list[tuple[object, ox.NamedNode, Term]]:
    found = ox.parse(
        path.read_bytes(), format=ox.RdfFormat.TURTLE, base_iri=path.resolve().as_uri()
    )
    return [(quad.subject, quad.predicate, quad.object) for quad in found]


def cases(folder: Path) -> Iterator[Case]:
    for path in sorted(folder.rglob("*.ttl")):
        graph = Graph(triples(path))  # type: ignore[arg-type]
        for node in graph.subjects(TYPE, ox.NamedNode(SHT + "Validate")):
            yield case(graph, node, path.stem)


def case(graph: Graph, node: Term, name: str) -> Case:
    action = graph.value(node, ox.NamedNode(MF + "action"))
    expected = graph.value(node, ox.NamedNode(MF + "result"))
    assert action is not None
    assert expected is not None
    files = [graph.value(action, ox.NamedNode(SHT + kind)) for kind in ("dataGraph", "shapesGraph")]
    data, shapes = (Path(file.value.removeprefix("file://")) for file in files)  # type: ignore[union-attr]
    conforms = graph.value(expected, sh("conforms"))
    return Case(
        name=name,
        data=data,
        shapes=shapes,
        fails=expected == ox.NamedNode(SHT + "Failure"),
        conforms=conforms is not None and conforms.value == "true",  # type: ignore[union-attr]
        results=Counter(key(graph, result) for result in graph.objects(expected, sh("result"))),
    )


def key(graph: Graph, result: Term) -> tuple[str, str, str, str, str]:
    path = graph.value(result, sh("resultPath"))
    value = graph.value(result, sh("value"))
    return (
        str(graph.value(result, sh("focusNode"))),
        "" if path is None else read_path(graph, path).sparql(),
        "" if value is None else str(value),
        graph.value(result, sh("sourceConstraintComponent")).value,  # type: ignore[union-attr]
        graph.value(result, sh("resultSeverity")).value,  # type: ignore[union-attr]
    )


def outcome(test: Case, engine: Engine) -> str:
    """Return an empty string if the engine agrees with the suite, else what differs."""
    pack = Pack("w3c", "1", "", "", (), (), "", {}, (), test.shapes)
    try:
        shapes = read_shapes(Graph(triples(test.shapes)))  # type: ignore[arg-type]
        pack._made[None, None] = shapes
        report = validate_data(Data.of(triples(test.data)), [pack], engine=engine)
    except BadShapes as refused:
        return "" if test.fails else f"refused: {refused}"
    if test.fails:
        return "should have been refused"
    found = Counter(result.key for result in report.results)
    if report.conforms != test.conforms or found != test.results:
        return f"missing {test.results - found}, surplus {found - test.results}"
    return ""


def suite(test_data: Path, part: str) -> list[Case]:
    return list(cases(test_data / "suites" / "w3c_shacl" / "tests" / part))


@pytest.mark.parametrize(("part", "size"), [("core", CORE), ("sparql", SPARQL)])
def test_the_whole_engine_passes_the_whole_suite(test_data: Path, part: str, size: int) -> None:
    tests = suite(test_data, part)
    assert len(tests) == size
    wrong = {test.name: outcome(test, "auto") for test in tests}
    assert {name: why for name, why in wrong.items() if why} == {}


@pytest.mark.parametrize("part", ["core", "sparql"])
def test_how_much_the_compiler_does_alone(test_data: Path, part: str) -> None:
    passed = sum(not outcome(test, "compiled") for test in suite(test_data, part))
    assert passed >= BY_COMPILER_ALONE[part]
