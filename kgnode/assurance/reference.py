"""The pySHACL engine: for shapes that are not compiled, and the reference of all comparisons.

In: ``Data``, the triples of a shapes graph and the shapes to judge. Out: ``Result``s read from
pySHACL's report graph (SHACL 3.6). Slow and thorough; the data is copied into rdflib once.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import pyoxigraph as ox
import rdflib
from pyshacl import validate as pyshacl_validate
from pyshacl.errors import ReportableRuntimeError, ShapeLoadError
from rdflib.term import Node

from kgnode.assurance.data import Data, original
from kgnode.assurance.graph import TYPE, Graph, Subject, Term
from kgnode.assurance.paths import read_path
from kgnode.assurance.results import Result
from kgnode.assurance.shapes import Shape, Shapes, sh
from kgnode.assurance.terms import SH
from kgnode.errors import BadShapes
from kgnode.names import RDFS

_TYPE = rdflib.RDF.type
_COPIES: WeakKeyDictionary[Data, rdflib.Graph] = WeakKeyDictionary()
_CLASS_TYPES = (
    ox.NamedNode(RDFS + "Class"),
    ox.NamedNode("http://www.w3.org/2002/07/owl#Class"),
)


def to_rdflib(triples: Iterable[tuple[Subject, ox.NamedNode, Term]]) -> rdflib.Graph:
    """Return triples as an rdflib graph; blank node labels are kept."""
    graph = rdflib.Graph()
    for subject, predicate, value in triples:
        graph.add((_node(subject), _node(predicate), _node(value)))
    return graph


def data_graph(data: Data) -> rdflib.Graph:
    """Return the merged data as an rdflib graph, made once for each ``Data``."""
    known = _COPIES.get(data)
    if known is None:
        known = to_rdflib(
            (q.subject, q.predicate, original(q.object))  # type: ignore[misc, arg-type]
            for q in data.store.quads_for_pattern(None, None, None, ox.DefaultGraph())
        )
        _COPIES[data] = known
    return known


def _node(term: object) -> Node:
    if isinstance(term, ox.NamedNode):
        return rdflib.URIRef(term.value)
    if isinstance(term, ox.BlankNode):
        return rdflib.BNode(term.value)
    assert isinstance(term, ox.Literal)  # noqa: S101
    if term.language:
        return rdflib.Literal(term.value, lang=term.language)
    if term.datatype.value == "http://www.w3.org/2001/XMLSchema#string":
        return rdflib.Literal(term.value)
    return rdflib.Literal(term.value, datatype=rdflib.URIRef(term.datatype.value), normalize=False)


def _term(node: Node) -> Term:
    if isinstance(node, rdflib.URIRef):
        return ox.NamedNode(str(node))
    if isinstance(node, rdflib.BNode):
        return ox.BlankNode(str(node))
    assert isinstance(node, rdflib.Literal)  # noqa: S101
    if node.language:
        return ox.Literal(str(node), language=node.language)
    if node.datatype is None:
        return ox.Literal(str(node))
    return ox.Literal(str(node), datatype=ox.NamedNode(str(node.datatype)))


@dataclass(frozen=True)
class Judgement:
    """What pySHACL found, and the shapes it refused to judge with its reason."""

    results: list[Result]
    refused: tuple[tuple[Shape, str], ...]


def judge(
    data: rdflib.Graph,
    shapes: Shapes,
    roots: Collection[Shape],
    *,
    ontology: rdflib.Graph | None = None,
    pack: str = "",
) -> Judgement:
    """Return pySHACL's judgement on some targeted shapes; all others lose their targets for it.

    Where it fails on all together, each shape is given to it alone, so that one shape it cannot
    read does not silence the others.
    """
    try:
        return Judgement(_run(data, shapes, roots, ontology, pack), ())
    except BadShapes as failure:
        if len(roots) == 1:
            return Judgement([], ((next(iter(roots)), failure.message),))
    half = len(roots) // 2
    listed = list(roots)
    parts = [
        judge(data, shapes, part, ontology=ontology, pack=pack)
        for part in (listed[:half], listed[half:])
    ]
    return Judgement(
        [result for part in parts for result in part.results],
        tuple(refusal for part in parts for refusal in part.refused),
    )


def _run(
    data: rdflib.Graph,
    shapes: Shapes,
    roots: Collection[Shape],
    ontology: rdflib.Graph | None,
    pack: str,
) -> list[Result]:
    kept = _part(shapes.graph, roots)
    try:
        _, report, _ = pyshacl_validate(
            data, shacl_graph=to_rdflib(kept), ont_graph=ontology, advanced=True, inplace=False
        )
    except (ReportableRuntimeError, ShapeLoadError) as error:
        raise BadShapes(f"pySHACL refuses the shapes: {error}.") from error
    if not isinstance(report, rdflib.Graph):
        raise BadShapes(f"pySHACL failed: {getattr(report, 'message', report)}")
    return list(_results(report, shapes, pack))


def _part(graph: Graph, roots: Collection[Shape]) -> Iterator[tuple[Subject, ox.NamedNode, Term]]:
    """Yield what a shapes graph says of some shapes and all they refer to, rules left out.

    Shapes that are only referred to lose their targets, so that they judge nothing by themselves.
    """
    chosen = {root.id for root in roots}
    pending: list[Term] = [*chosen, *graph.subjects(TYPE, sh("ConstraintComponent"))]
    seen: set[Term] = set()
    while pending:
        node = pending.pop()
        if node in seen or isinstance(node, ox.Literal):
            continue
        seen.add(node)
        for predicate, values in graph.properties(node).items():
            if predicate == sh("rule"):
                continue
            for value in values:
                pending.append(value)
                if node in chosen or not _makes_a_target(predicate, value):
                    yield node, predicate, value


def _makes_a_target(predicate: ox.NamedNode, value: Term) -> bool:
    if predicate == TYPE:
        return value in _CLASS_TYPES
    return predicate.value.startswith(SH + "target")


def _results(report: rdflib.Graph, shapes: Shapes, pack: str) -> Iterator[Result]:
    index = Graph()
    for s, p, o in report:
        subject = _term(s)
        if not isinstance(subject, ox.Literal):
            index.add(subject, rdflib_predicate(p), _term(o))
    tops = [
        o
        for top in report.subjects(_TYPE, rdflib.URIRef(SH + "ValidationReport"))
        for o in report.objects(top, rdflib.URIRef(SH + "result"))
    ]
    for node in (_term(top) for top in tops):
        focus = index.value(node, sh("focusNode"))
        path = index.value(node, sh("resultPath"))
        component = index.value(node, sh("sourceConstraintComponent"))
        shape = index.value(node, sh("sourceShape"))
        severity = index.value(node, sh("resultSeverity"))
        if not isinstance(component, ox.NamedNode) or not isinstance(severity, ox.NamedNode):
            continue
        message = index.value(node, sh("resultMessage"))
        if focus is None or shape is None or shape not in shapes.by_id:
            continue
        source = shapes.by_id[shape]
        yield Result(
            focus=focus,
            path=None if path is None else read_path(index, path),
            value=index.value(node, sh("value")),
            component=component.value,
            shape=source,
            constraint=next(
                (c for c in source.constraints if ox.NamedNode(c.component) == component), None
            ),
            severity=severity.value,
            message=message.value if isinstance(message, ox.Literal) else "",
            pack=pack,
            engine="pyshacl",
        )


def rdflib_predicate(node: Node) -> ox.NamedNode:
    """Return a predicate as a pyoxigraph term."""
    return ox.NamedNode(str(node))


def n_triples(graph: rdflib.Graph) -> bytes:
    """Return an rdflib graph as N-Triples."""
    stream = io.BytesIO()
    graph.serialize(stream, format="nt", encoding="utf-8")
    return stream.getvalue()
