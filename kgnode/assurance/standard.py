"""The validation report as the standard has it (SHACL 3.6), in Turtle or JSON-LD.

In: results. Out: RDF text with one sh:ValidationReport; blank nodes of the data appear as the
skolem IRIs that callers know.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyoxigraph as ox

from kgnode.assurance.data import named
from kgnode.assurance.graph import TYPE
from kgnode.assurance.results import Result
from kgnode.assurance.shapes import sh
from kgnode.names import PREFIXES, XSD


def triples(results: Sequence[Result], conforms: bool) -> list[ox.Triple]:
    """Return the report's triples."""
    report = ox.BlankNode()
    verdict = ox.Literal("true" if conforms else "false", datatype=ox.NamedNode(XSD + "boolean"))
    out = [
        ox.Triple(report, TYPE, sh("ValidationReport")),
        ox.Triple(report, sh("conforms"), verdict),
    ]
    for result in results:
        node = ox.BlankNode()
        out.append(ox.Triple(report, sh("result"), node))
        out.append(ox.Triple(node, TYPE, sh("ValidationResult")))
        out.append(ox.Triple(node, sh("focusNode"), named(result.focus)))
        out.append(ox.Triple(node, sh("resultSeverity"), ox.NamedNode(result.severity)))
        component = ox.NamedNode(result.component)
        out.append(ox.Triple(node, sh("sourceConstraintComponent"), component))
        out.append(ox.Triple(node, sh("sourceShape"), result.shape.id))
        if result.path is not None:
            out.append(ox.Triple(node, sh("resultPath"), result.path.triples(out)))
        if result.value is not None:
            out.append(ox.Triple(node, sh("value"), named(result.value)))
        if result.constraint is not None and result.constraint.kind == "sparql":
            source = result.constraint.sparql
            if source is not None and not isinstance(source.node, ox.Literal):
                out.append(ox.Triple(node, sh("sourceConstraint"), source.node))
        if result.message:
            out.append(ox.Triple(node, sh("resultMessage"), ox.Literal(result.message)))
    return out


def turtle(results: Sequence[Result], conforms: bool) -> str:
    """Return the report in Turtle."""
    return _serialize(results, conforms, ox.RdfFormat.TURTLE)


def jsonld(results: Sequence[Result], conforms: bool) -> str:
    """Return the report in JSON-LD."""
    return _serialize(results, conforms, ox.RdfFormat.JSON_LD)


def _serialize(results: Sequence[Result], conforms: bool, form: ox.RdfFormat) -> str:
    content = ox.serialize(triples(results, conforms), format=form, prefixes=PREFIXES)
    return "" if content is None else content.decode()
