"""SPARQL results of strangers, read without trusting them: JSON, XML, yes or no.

In: a body and its media type. Out: rows of terms as N-Triples spells them, or a truth value (SPARQL
1.1 Query Results JSON and XML). No entity is expanded, nothing nests without end, every term is
checked; a blank node is refused, since it cannot be told from that of another request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pyoxigraph as ox

_JSON = ("application/sparql-results+json", "application/json")
_XML = ("application/sparql-results+xml", "application/xml", "text/xml")
_NESTED = re.compile(rb"<(?:[\w.-]+:)?triple[\s/>]")

Row = Mapping[str, str]


class Unusable(Exception):
    """A body that is no result, or one that cannot be used."""


def read(body: bytes, media: str) -> Sequence[Row] | bool:
    """Return the rows, variable to term, or the truth value.

    Raises:
        Unusable: the body is not what its type says, or has blank nodes.
    """
    if media in _JSON:
        return _json(body)
    if media in _XML:
        return _xml(body)
    raise Unusable(f"answered {media[:60] or 'no type'}, asked for SPARQL results")


def _json(body: bytes) -> Sequence[Row] | bool:
    try:
        document = orjson.loads(body)
        if "boolean" in document:
            return document["boolean"] is True
        bindings = document["results"]["bindings"]
        return [{name: _spelled(_term(term)) for name, term in row.items()} for row in bindings]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unusable("the results are ill-formed") from error


def _term(term: Mapping[str, Any]) -> ox.NamedNode | ox.Literal | ox.BlankNode:
    kind, value = term["type"], term["value"]
    if kind == "uri":
        return ox.NamedNode(value)
    if kind == "bnode":
        return ox.BlankNode()
    if kind not in ("literal", "typed-literal"):
        raise ValueError(kind)
    if (language := term.get("xml:lang")) is not None:
        return ox.Literal(value, language=language)
    datatype = term.get("datatype")
    return ox.Literal(value, datatype=None if datatype is None else ox.NamedNode(datatype))


def _xml(body: bytes) -> Sequence[Row] | bool:
    if _NESTED.search(body):
        raise Unusable("the results are ill-formed")
    try:
        found = ox.parse_query_results(body, format=ox.QueryResultsFormat.XML)
        if isinstance(found, ox.QueryBoolean):
            return bool(found)
        names = [variable.value for variable in found.variables]
        return [
            {name: _spelled(row[name]) for name in names if row[name] is not None} for row in found
        ]
    except (SyntaxError, ValueError, OSError) as error:
        raise Unusable("the results are ill-formed") from error


def _spelled(term: object) -> str:
    if isinstance(term, ox.BlankNode):
        raise Unusable("its blank nodes cannot be told apart between requests")
    if not isinstance(term, ox.NamedNode | ox.Literal):
        raise Unusable("the results are ill-formed")
    return str(term)
