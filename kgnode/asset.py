"""Everything a caller's view says of one asset, ready to be shown.

In: the store of a view and an IRI (UTF-8). Out: JSON with the asset's name, classes, properties and
what refers to it. Run inside an evaluator, through ``View.call``; no query text is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Store

from kgnode.errors import BadRequest
from kgnode.names import CIM16, CIM100, CIM_UCAIUG, PREFIXES, RDF, XSD, shorten

NAMES = tuple(
    NamedNode(iri)
    for iri in (
        f"{CIM100}IdentifiedObject.name",
        f"{CIM16}IdentifiedObject.name",
        f"{CIM_UCAIUG}IdentifiedObject.name",
        f"{PREFIXES['rdfs']}label",
        f"{PREFIXES['dct']}title",
        f"{PREFIXES['skos']}prefLabel",
    )
)
"""Properties that give a name for people, best first."""

MOST_REFERENCES = 500
"""Incoming references shown of one asset."""


def describe(store: Store, iri: bytes) -> bytes:
    """Return JSON ``{"iri", "name", "classes", "properties", "references", "more"}``.

    ``null`` if the view says nothing of the IRI. Each property and reference is
    ``{"property", "value", "kind": "iri"|"literal", "datatype", "name"}``; ``more`` tells that
    incoming references were left out beyond :data:`MOST_REFERENCES`.

    Raises:
        BadRequest: no IRI.
    """
    text = iri.decode()
    try:
        subject = NamedNode(text)
    except ValueError as error:
        raise BadRequest(f"{text!r} is no IRI.", hint="Give an absolute IRI.") from error
    outgoing = _sorted(store.quads_for_pattern(subject, None, None, DefaultGraph()))
    incoming: list[Quad] = []
    more = False
    for quad in store.quads_for_pattern(None, None, subject, DefaultGraph()):
        if len(incoming) == MOST_REFERENCES:
            more = True
            break
        incoming.append(quad)
    if not outgoing and not incoming:
        return b"null"
    rdf_type = f"{RDF}type"
    document = {
        "iri": text,
        "name": name_of(store, subject),
        "classes": [
            q.object.value
            for q in outgoing
            if q.predicate.value == rdf_type and isinstance(q.object, NamedNode)
        ],
        "properties": [
            _value(store, quad.predicate, quad.object)
            for quad in outgoing
            if quad.predicate.value != rdf_type
        ],
        "references": [_value(store, quad.predicate, quad.subject) for quad in _sorted(incoming)],
        "more": more,
    }
    return orjson.dumps(document)


def name_of(store: Store, subject: NamedNode) -> str | None:
    """Return the asset's name for people, None if the view has none."""
    for predicate in NAMES:
        for quad in store.quads_for_pattern(subject, predicate, None, DefaultGraph()):
            if isinstance(quad.object, Literal):
                return quad.object.value
    return None


def _value(store: Store, predicate: NamedNode, term: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {"property": predicate.value, "label": shorten(predicate.value)}
    if isinstance(term, NamedNode):
        return shown | {
            "kind": "iri",
            "value": term.value,
            "name": name_of(store, term) or shorten(term.value),
        }
    if isinstance(term, Literal):
        return shown | {
            "kind": "literal",
            "value": term.value,
            "datatype": term.datatype.value.removeprefix(XSD),
        }
    return shown | {"kind": "blank", "value": term.value if isinstance(term, BlankNode) else ""}


def _sorted(quads: Iterable[Quad]) -> list[Quad]:
    return sorted(
        quads, key=lambda quad: (quad.predicate.value, str(quad.object), str(quad.subject))
    )
