"""The triples of a statement, written out one by one.

In: the syntax of a ``triples_same_subject``. Out: ``Spelled`` triples in order: blank nodes,
property lists and collections become fresh variables (SPARQL 1.1 sections 4.1.4, 4.2), so that each
triple may stand in a group of its own. A blank node and such a variable match the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tree_sitter import Node as Syntax

from kgnode.alignment.rules import TYPE
from kgnode.names import RDF

MARK = "gs_m"
IRIS = ("prefixed_name", "iri_reference")
_ESCAPE = re.compile(r"\\([_~.\-!$&'()*+,;=/?#@%])")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_SPACE = (".", ",", ";", "comment")


class Undecided(Exception):
    """A query that cannot be rewritten exactly; a view that holds what follows answers it.

    Attributes:
        everything: whether any mapping may play a part.
    """

    def __init__(self, reason: str, *, everything: bool = False) -> None:
        super().__init__(reason)
        self.everything = everything


@dataclass(frozen=True)
class Term:
    """A subject or object: its text, its IRI if it is one, its syntax where it stands so."""

    text: str
    iri: str | None = None
    node: Syntax | None = None

    @property
    def variable(self) -> bool:
        """Whether it is a variable, a fresh one too."""
        return self.text[0] == "?"


@dataclass(frozen=True)
class Spelled:
    """One triple: its verb is the syntax of a path, or the IRI of a collection's predicate."""

    subject: Term
    verb: Syntax | str
    object: Term


@dataclass
class Terms:
    """Reads terms and statements of one query.

    Attributes:
        mark: begins the names of variables that no query uses; it stands nowhere in the text.
    """

    source: bytes
    prefixes: dict[str, str] = field(default_factory=dict)
    fresh: int = 0
    mark: str = field(init=False, default=MARK)

    def __post_init__(self) -> None:
        while self.mark.encode() in self.source:
            self.mark += "m"

    def text(self, node: Syntax) -> str:
        """Return what stands in the query."""
        return self.source[node.start_byte : node.end_byte].decode()

    def declare(self, prologue: Syntax) -> None:
        """Take note of prefixes."""
        for part in prologue.children:
            if part.type == "prefix_declaration":
                name, iri = (self.text(child) for child in part.named_children[:2])
                self.prefixes[name.rstrip(":").strip()] = iri[1:-1]

    def iri(self, node: Syntax) -> str:
        """Return the IRI of a constant.

        Raises:
            Undecided: it is relative, or escaped.
        """
        if node.type == "a":
            return TYPE
        text = self.text(node)
        if node.type == "iri_reference":
            iri = text[1:-1]
        else:
            prefix, _, local = text.partition(":")
            if prefix not in self.prefixes:
                raise Undecided(f"the prefix {prefix}: is not declared", everything=True)
            iri = self.prefixes[prefix] + _ESCAPE.sub(r"\1", local)
        if _ABSOLUTE.match(iri) is None or "\\" in iri:
            raise Undecided("an IRI is relative or escaped", everything=True)
        return iri

    def variable(self) -> str:
        """Return a variable that no query uses."""
        self.fresh += 1
        return f"?{self.mark}{self.fresh}"

    def label(self, text: str) -> str:
        """Return the variable in place of a blank node's label."""
        plain = re.sub(r"[^A-Za-z0-9]", lambda match: f"_{ord(match[0]):x}_", text[2:])
        return f"?{self.mark}_{plain}"

    def statement(self, node: Syntax) -> list[Spelled]:
        """Return the triples of a statement."""
        found: list[Spelled] = []
        subject, *rest = [part for part in node.children if part.type not in _SPACE]
        term = self._term(subject, found)
        for part in rest:
            self._properties(term, part, found)
        return found

    def _properties(self, subject: Term, node: Syntax, found: list[Spelled]) -> None:
        for verb, objects in properties(node):
            for item in objects:
                found.append(Spelled(subject, verb, self._term(item, found)))

    def _term(self, node: Syntax, found: list[Spelled]) -> Term:
        kind = node.type
        if kind == "anon":
            return Term(self.variable())
        if kind == "blank_node_label":
            return Term(self.label(self.text(node)))
        if kind == "nil":
            return Term(f"<{RDF}nil>", f"{RDF}nil")
        if kind == "blank_node_property_list":
            name = Term(self.variable())
            for part in node.children:
                if part.type == "property_list":
                    self._properties(name, part, found)
            return name
        if kind == "collection":
            return self._collection(node, found)
        if kind in IRIS:
            return Term(self.text(node), self.iri(node), node)
        if kind == "var":
            return Term("?" + self.text(node)[1:], None, node)
        return Term(self.text(node), None, node)

    def _collection(self, node: Syntax, found: list[Spelled]) -> Term:
        items = [part for part in node.children if part.type not in ("(", ")", "comment")]
        heads = [Term(self.variable()) for _ in items]
        nil = Term(f"<{RDF}nil>", f"{RDF}nil")
        for at, item in enumerate(items):
            rest = heads[at + 1] if at + 1 < len(heads) else nil
            found.append(Spelled(heads[at], f"{RDF}first", self._term(item, found)))
            found.append(Spelled(heads[at], f"{RDF}rest", rest))
        return heads[0] if heads else nil


def properties(node: Syntax) -> Iterator[tuple[Syntax, list[Syntax]]]:
    """Yield verbs with their objects from a property list."""
    for part in node.children:
        if part.type == "property":
            verb, *lists = [child for child in part.children if child.type not in _SPACE]
            yield verb, [c for found in lists for c in found.children if c.type not in _SPACE]


def link(verb: Syntax) -> Syntax | None:
    """Return the IRI or variable that a verb is; None if it is a longer path."""
    node = verb
    while node.type == "path_element" and len(node.children) == 1:
        node = node.children[0]
    return node if node.type in (*IRIS, "a", "var") else None


def links(path: Syntax, *, once: bool = False) -> Iterator[tuple[Syntax, bool]]:
    """Yield the IRIs of a path, and whether what is passed twice there is found once.

    That is so below ``*``, ``+`` and ``?`` (SPARQL 1.1 section 18.4).

    Raises:
        Undecided: it has a negated set, which a derived predicate may match.
    """
    if path.type == "path_negated_property_set" or path.type == "!":
        raise Undecided("a negated property set", everything=True)
    if path.type in (*IRIS, "a"):
        yield path, once
        return
    once = once or any(child.type == "path_mod" for child in path.children)
    for child in path.children:
        yield from links(child, once=once)


def nullable(path: Syntax) -> bool:
    """Tell whether a path matches where nothing is passed (SPARQL 1.1 section 9.3)."""
    parts = [child for child in path.children if child.type not in ("(", ")", "comment")]
    if path.type == "binary_path":
        sides = [nullable(side) for side in (parts[0], parts[-1])]
        return any(sides) if parts[1].type == "|" else all(sides)
    if path.type != "path_element" or not parts:
        return False
    modifier = parts[-1]
    if modifier.type == "path_mod" and modifier.text in (b"*", b"?"):
        return True
    return any(nullable(part) for part in parts)


def changed(text: bytes, node: Syntax, edits: Sequence[tuple[int, int, str]]) -> str:
    """Return the text of a node with edits (start, end, new text) made in it."""
    start, end = node.start_byte, node.end_byte
    found = text[start:end]
    for begin, stop, new in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        if start <= begin and stop <= end:
            found = found[: begin - start] + new.encode() + found[stop - start :]
    return found.decode()
