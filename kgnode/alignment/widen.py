"""A query in one vocabulary becomes the query that also finds equal terms of others.

In: SPARQL 1.1 text and, per IRI, the IRIs that mean the same. Out: the widened text. Predicates
become alternative paths, classes and values in patterns a variable with its VALUES, comparisons a
list; what stands elsewhere (templates, graph names, functions) is left alone. The text is changed
by spans of its syntax tree, never by searching in it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import tree_sitter
import tree_sitter_sparql

from kgnode.errors import RefusedQuery

Equals = Callable[[str], tuple[str, ...]]
"""IRI -> all IRIs that mean the same, itself among them."""

VARIABLE = "gs_equal_"
_IRI_NODES = ("prefixed_name", "iri_reference")
_ESCAPE = re.compile(r"\\(.)")


@lru_cache(maxsize=1)
def _parser() -> tree_sitter.Parser:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        language = tree_sitter.Language(tree_sitter_sparql.language())
    return tree_sitter.Parser(language)


@dataclass
class _Widening:
    text: bytes
    equals: Equals
    prefixes: dict[str, str] = field(default_factory=dict)
    edits: list[tuple[int, int, str]] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    counter: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def source(self, node: tree_sitter.Node) -> str:
        return self.text[node.start_byte : node.end_byte].decode()

    def same(self, node: tree_sitter.Node) -> list[str] | None:
        """Return all spellings of a constant as IRI references; None if it has only one."""
        iri = self.iri(node)
        found = self.equals(iri) if iri else ()
        if len(found) < 2:
            return None
        self.used.add(iri or "")
        return [f"<{other}>" for other in found]

    def iri(self, node: tree_sitter.Node) -> str | None:
        if node.type == "iri_reference":
            return self.source(node)[1:-1]
        prefix, _, local = self.source(node).partition(":")
        namespace = self.prefixes.get(prefix)
        return None if namespace is None else namespace + _ESCAPE.sub(r"\1", local)

    def walk(self, node: tree_sitter.Node, group: tree_sitter.Node | None) -> None:
        """Visit the tree; ``group`` is the innermost group pattern."""
        kind = node.type
        if kind == "prefix_declaration":
            name, iri = node.named_children[:2]
            self.prefixes[self.source(name).rstrip(":")] = self.source(iri)[1:-1]
            return
        if kind in ("construct_template", "select_clause", "dataset_clause"):
            return
        if kind == "group_graph_pattern":
            group = node
        elif kind == "path_one_in_property_set":
            return self._negated(node)
        elif kind == "data_block":
            return self._values(node)
        elif kind == "binary_expression" and self._comparison(node):
            return None
        elif kind == "expression_list":
            self._list(node)
        for child in node.named_children:
            if child.type in _IRI_NODES:
                self._constant(child, node, group)
            elif not (kind == "graph_graph_pattern" and child.type in _IRI_NODES):
                self.walk(child, group)
        return None

    def _constant(
        self, node: tree_sitter.Node, parent: tree_sitter.Node, group: tree_sitter.Node | None
    ) -> None:
        if group is None:
            return
        if parent.type in ("path_element", "property", "binary_path"):
            found = self.same(node)
            if found:
                self.edit(node, f"({'|'.join(found)})")
        elif parent.type in ("object_list", "triples_same_subject", "collection"):
            found = self.same(node)
            if found:
                name = f"?{VARIABLE}{next(self.counter)}"
                self.edit(node, name)
                start = group.start_byte + 1
                self.edits.append((start, start, f" VALUES {name} {{ {' '.join(found)} }} "))

    def _negated(self, node: tree_sitter.Node) -> None:
        constant = next((c for c in node.named_children if c.type in _IRI_NODES), None)
        found = self.same(constant) if constant else None
        if found:
            sign = "^" if self.source(node).startswith("^") else ""
            self.edit(node, "|".join(f"{sign}{iri}" for iri in found))

    def _values(self, node: tree_sitter.Node) -> None:
        """Give VALUES a row for every spelling."""
        children = node.children
        opened = next(at for at, child in enumerate(children) if child.type == "{")
        rows: list[list[tree_sitter.Node]] = []
        for child in children[opened + 1 :]:
            if child.type == "(":
                rows.append([child])
            elif rows and rows[-1][0].type == "(" and rows[-1][-1].type != ")":
                rows[-1].append(child)
            elif child.is_named or self.source(child).upper() == "UNDEF":
                rows.append([child])
        for row in rows:
            options = [
                (self.same(cell) if cell.type in _IRI_NODES else None) or [self.source(cell)]
                for cell in row
            ]
            if any(len(option) > 1 for option in options):
                lines = [" ".join(cells) for cells in itertools.product(*options)]
                self.edits.append((row[0].start_byte, row[-1].end_byte, " ".join(lines)))

    def _comparison(self, node: tree_sitter.Node) -> bool:
        """Turn ``x = term`` into ``x IN (...)``; tell whether it was such a comparison."""
        if len(node.children) != 3:
            return False
        left, sign, right = node.children
        operator = {"=": "IN", "!=": "NOT IN"}.get(self.source(sign))
        if operator is None:
            return False
        if left.type in _IRI_NODES and right.type not in _IRI_NODES:
            left, right = right, left
        found = self.same(right) if right.type in _IRI_NODES else None
        if not found or left.type in _IRI_NODES:
            return False
        if left.type != "var":
            self.walk(left, None)
            return False
        self.edit(node, f"({self.source(left)} {operator} ({', '.join(found)}))")
        return True

    def _list(self, node: tree_sitter.Node) -> None:
        for child in node.named_children:
            found = self.same(child) if child.type in _IRI_NODES else None
            if found:
                self.edit(child, ", ".join(found))

    def edit(self, node: tree_sitter.Node, text: str) -> None:
        self.edits.append((node.start_byte, node.end_byte, text))

    def done(self) -> str:
        text = self.text
        for start, end, new in sorted(self.edits, key=lambda edit: edit[:2], reverse=True):
            text = text[:start] + new.encode() + text[end:]
        return text.decode()


def widen(text: str, equals: Equals) -> tuple[str, frozenset[str]]:
    """Return the query that also finds equal terms, and the IRIs of it that were widened.

    ``SELECT *`` and ``DESCRIBE *`` show the variables of the query as it was written. A triple that
    is there in two spellings counts twice.

    Raises:
        RefusedQuery: the text cannot be understood well enough to change it.
    """
    source = text.encode()
    root = _parser().parse(source).root_node
    if root.has_error:
        raise RefusedQuery(
            "The query cannot be read well enough to widen it to equal terms.",
            hint="Write it without rare escapes, or ask without mappings.",
        )
    widening = _Widening(source, equals)
    widening.walk(root, None)
    if any(new.startswith(f" VALUES ?{VARIABLE}") for _, _, new in widening.edits):
        for clause in _clauses_with_star(root, source):
            names = sorted(visible(clause.parent, source)) if clause.parent else []
            star = source.index(b"*", clause.start_byte, clause.end_byte)
            widening.edits.append((star, star + 1, " ".join(names)))
    return widening.done(), frozenset(widening.used)


def _clauses_with_star(node: tree_sitter.Node, source: bytes) -> Iterator[tree_sitter.Node]:
    if node.type == "select_clause" and source[node.start_byte : node.end_byte].endswith(b"*"):
        yield node
    elif node.type == "describe_query" and node.named_children[0].type == "where_clause":
        yield node.children[0] if b"*" in (node.children[0].text or b"") else node.children[1]
    for child in node.named_children:
        yield from _clauses_with_star(child, source)


def visible(node: tree_sitter.Node, source: bytes) -> set[str]:
    """Return the variables in scope at the end of a pattern (SPARQL 1.1 section 18.2.1)."""
    found: set[str] = set()
    for child in node.named_children:
        if child.type == "var":
            found.add(source[child.start_byte : child.end_byte].decode())
        elif child.type in ("filter", "minus_graph_pattern", "select_clause", "solution_modifier"):
            continue
        elif child.type in ("sub_select", "subselect"):
            clause = next((c for c in child.named_children if c.type == "select_clause"), None)
            starred = clause is None or source[: clause.end_byte].endswith(b"*")
            found |= visible(child, source) if starred else _projected(clause, source)
        elif child.type == "bind":
            found.add(source[child.named_children[-1].start_byte : child.end_byte - 1].decode())
        else:
            found |= visible(child, source)
    return {name.strip() for name in found}


def _projected(clause: tree_sitter.Node | None, source: bytes) -> set[str]:
    """Return the variables a SELECT clause names: plain ones, and those behind AS."""
    found, depth, word = set(), 0, ""
    for child in clause.children if clause else ():
        text = source[child.start_byte : child.end_byte].decode().strip()
        depth += {"(": 1, ")": -1}.get(text, 0)
        if child.type == "var" and (depth == 0 or word == "AS"):
            found.add(text)
        word = text.upper()
    return found
