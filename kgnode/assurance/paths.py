"""Property paths (SHACL 2.3.1): from RDF to a value, to SPARQL text, to words and back to RDF.

In: a node of a shapes graph. Out: a frozen ``Path``; equal paths compare equal whatever blank
nodes they were written with.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import pyoxigraph as ox

from kgnode.assurance.graph import FIRST, NIL, REST, Graph, Subject, Term
from kgnode.assurance.terms import SH
from kgnode.errors import BadShapes
from kgnode.names import shorten

Operator = Literal["iri", "inverse", "sequence", "alternative", "star", "plus", "optional"]

_UNARY: dict[str, Operator] = {
    "inversePath": "inverse",
    "zeroOrMorePath": "star",
    "oneOrMorePath": "plus",
    "zeroOrOnePath": "optional",
}
DEEPEST = 50
"""Paths within paths."""
_MARK = {"star": "*", "plus": "+", "optional": "?"}


@dataclass(frozen=True)
class Path:
    """One property path.

    Attributes:
        operator: what the path does with its parts.
        iri: the property, for operator ``iri``.
        parts: the operands, for all others.
    """

    operator: Operator
    iri: str = ""
    parts: tuple[Path, ...] = ()

    @property
    def simple(self) -> bool:
        """Whether the path is one property."""
        return self.operator == "iri"

    def sparql(self) -> str:
        """Return the path in SPARQL 1.1 syntax."""
        return self._sparql

    @cached_property
    def _sparql(self) -> str:
        return self._text(lambda iri: f"<{iri}>")

    def __str__(self) -> str:
        """Return the path for people, with short names."""
        return self._text(shorten)

    def _text(self, name: object) -> str:
        assert callable(name)  # noqa: S101
        if self.operator == "iri":
            return str(name(self.iri))
        inner = [part._text(name) for part in self.parts]
        if self.operator == "sequence":
            return "(" + "/".join(inner) + ")"
        if self.operator == "alternative":
            return "(" + "|".join(inner) + ")"
        if self.operator == "inverse":
            return "^" + inner[0] if self.parts[0].simple else f"^({inner[0]})"
        wrapped = inner[0] if self.parts[0].simple else f"({inner[0]})"
        return wrapped + _MARK[self.operator]

    def triples(self, out: list[ox.Triple]) -> Subject:
        """Append the path's RDF to ``out`` and return the node that stands for it."""
        if self.operator == "iri":
            return ox.NamedNode(self.iri)
        if self.operator == "sequence":
            return self._list(out)
        node = ox.BlankNode()
        if self.operator == "alternative":
            out.append(ox.Triple(node, ox.NamedNode(SH + "alternativePath"), self._list(out)))
        else:
            term = next(key for key, value in _UNARY.items() if value == self.operator)
            out.append(ox.Triple(node, ox.NamedNode(SH + term), self.parts[0].triples(out)))
        return node

    def _list(self, out: list[ox.Triple]) -> Subject:
        head: Subject = NIL
        for part in reversed(self.parts):
            node = ox.BlankNode()
            out.append(ox.Triple(node, FIRST, part.triples(out)))
            out.append(ox.Triple(node, REST, head))
            head = node
        return head


def predicate(iri: str) -> Path:
    """Return the path that is one property."""
    return Path("iri", iri)


def read_path(graph: Graph, node: Term, _seen: frozenset[Term] = frozenset()) -> Path:
    """Return the path a node of a shapes graph stands for.

    Raises:
        BadShapes: the node is no well-formed path, or contains itself.
    """
    if isinstance(node, ox.NamedNode) and node != NIL:
        return Path("iri", node.value)
    if isinstance(node, ox.Literal) or node in _seen or len(_seen) > DEEPEST:
        raise _bad(node)
    seen = _seen | {node}
    if graph.is_list(node):
        parts = tuple(read_path(graph, item, seen) for item in graph.items(node))
        if len(parts) < 2:
            raise _bad(node)
        return Path("sequence", parts=parts)
    alternatives = graph.value(node, ox.NamedNode(SH + "alternativePath"))
    if alternatives is not None:
        parts = tuple(read_path(graph, item, seen) for item in graph.items(alternatives))
        if len(parts) < 2:
            raise _bad(node)
        return Path("alternative", parts=parts)
    for name, operator in _UNARY.items():
        inner = graph.value(node, ox.NamedNode(SH + name))
        if inner is not None:
            return Path(operator, parts=(read_path(graph, inner, seen),))
    raise _bad(node)


def _bad(node: Term) -> BadShapes:
    return BadShapes(
        f"{node} is not a property path.",
        hint="Write a property, a list of two or more, or one of sh:inversePath, "
        "sh:alternativePath, sh:zeroOrMorePath, sh:oneOrMorePath, sh:zeroOrOnePath.",
        subject=str(node),
    )
