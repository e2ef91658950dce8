"""Triple patterns and paths of one block.

In: the syntax of a triples block. Out: ``Triple`` values, with blank nodes, property lists and
collections written out through fresh variables (SPARQL 1.1 section 4.1.4 and 4.2) and paths as
``Path`` (section 9).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from tree_sitter import Node as Syntax

from federation.parsing.algebra import Path, Triple
from federation.parsing.spelling import RDF_FIRST, RDF_NIL, RDF_REST, Unread

_FRESH = "?gridspine_b"
_MODIFIERS = {"*": "star", "+": "plus", "?": "maybe"}


class Terms(Protocol):
    """What reads single terms."""

    def term(self, node: Syntax) -> str:
        """Return a term in its one spelling."""

    def text(self, node: Syntax) -> str:
        """Return the source text."""


class TripleReader:
    """Reads blocks; ``graph`` is the graph that a subquery inside GRAPH reads from."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.graph: str | None = None
        self._labels: dict[str, str] = {}
        self._fresh = 0

    def block(self, node: Syntax, graph: str | None) -> tuple[Triple, ...]:
        """Return all triples of a block in one graph."""
        found: list[Triple] = []
        graph = graph if graph is not None else self.graph
        for part in node.children:
            if part.type == "triples_same_subject":
                self._same_subject(part, graph, found)
            elif part.type not in (".", "comment"):
                raise Unread(part.type)
        return tuple(found)

    def _same_subject(self, node: Syntax, graph: str | None, found: list[Triple]) -> None:
        parts = [part for part in node.children if part.type != "comment"]
        subject = self._node(parts[0], graph, found)
        for part in parts[1:]:
            self._properties(subject, part, graph, found)

    def _properties(
        self, subject: str, node: Syntax, graph: str | None, found: list[Triple]
    ) -> None:
        if node.type != "property_list":
            raise Unread(node.type)
        for part in node.children:
            if part.type == "property":
                verb, *objects = [c for c in part.children if c.type != "comment"]
                predicate = self._verb(verb)
                for listed in objects:
                    for item in listed.children:
                        if item.type not in (",", "comment"):
                            value = self._node(item, graph, found)
                            found.append(Triple(subject, predicate, value, graph))
            elif part.type not in (";", "comment"):
                raise Unread(part.type)

    def fresh(self) -> str:
        """Return a variable that no query uses."""
        self._fresh += 1
        return f"{_FRESH}{self._fresh}"

    def _node(self, node: Syntax, graph: str | None, found: list[Triple]) -> str:
        kind = node.type
        if kind == "anon":
            return self.fresh()
        if kind == "blank_node_label":
            label = self.terms.text(node)
            if label not in self._labels:
                self._labels[label] = self.fresh()
            return self._labels[label]
        if kind == "nil":
            return RDF_NIL
        if kind == "blank_node_property_list":
            name = self.fresh()
            for part in node.children:
                if part.type == "property_list":
                    self._properties(name, part, graph, found)
            return name
        if kind == "collection":
            return self._collection(node, graph, found)
        return self.terms.term(node)

    def _collection(self, node: Syntax, graph: str | None, found: list[Triple]) -> str:
        items = [part for part in node.children if part.type not in ("(", ")", "comment")]
        heads = [self.fresh() for _ in items]
        for at, item in enumerate(items):
            rest = heads[at + 1] if at + 1 < len(heads) else RDF_NIL
            found.append(Triple(heads[at], RDF_FIRST, self._node(item, graph, found), graph))
            found.append(Triple(heads[at], RDF_REST, rest, graph))
        return heads[0] if heads else RDF_NIL

    # paths

    def _verb(self, node: Syntax) -> str | Path:
        if node.type == "var":
            return self.terms.term(node)
        if node.type in ("iri_reference", "prefixed_name", "a"):
            return self.terms.term(node)
        path = self._path(node)
        return path.iri if path.kind == "link" else path

    def _path(self, node: Syntax) -> Path:
        if node.type == "binary_path":
            left, operator, right = [c for c in node.children if c.type != "comment"]
            if operator.type not in ("/", "|"):
                raise Unread(f"path operator {operator.type}")
            kind = "sequence" if operator.type == "/" else "choice"
            return _flat(kind, self._path(left), self._path(right))
        if node.type == "path_element":
            return self._element([c for c in node.children if c.type != "comment"])
        if node.type in ("iri_reference", "prefixed_name", "a"):
            return Path("link", self.terms.term(node))
        raise Unread(f"path {node.type}")

    def _element(self, parts: list[Syntax]) -> Path:
        if parts[0].type in ("path_inverse", "^"):
            return Path("inverse", parts=(self._element(parts[1:]),))
        if parts[-1].type == "path_mod":
            modifier = self.terms.text(parts[-1])
            return Path(_MODIFIERS[modifier], parts=(self._element(parts[:-1]),))
        if parts[0].type == "!":
            return Path("none_of", parts=tuple(self._negated(parts[1])))
        if parts[0].type == "(":
            return self._path(parts[1])
        if len(parts) == 1:
            return self._path(parts[0])
        raise Unread("path element")

    def _negated(self, node: Syntax) -> Iterator[Path]:
        for part in node.children:
            if part.type == "path_one_in_property_set":
                link = Path("link", self.terms.term(part.children[-1]))
                inverse = part.child_count == 2
                yield Path("inverse", parts=(link,)) if inverse else link
            elif part.type not in ("(", ")", "|", "comment"):
                raise Unread(part.type)


def _flat(kind: str, left: Path, right: Path) -> Path:
    parts: tuple[Path, ...] = ()
    for side in (left, right):
        parts += side.parts if side.kind == kind else (side,)
    return Path(kind, parts=parts)
