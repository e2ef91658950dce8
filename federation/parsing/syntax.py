"""From a parsed query to the algebra.

In: the syntax tree of a query. Out: a ``Select`` (SPARQL 1.1 section 18.2), or ``Unread`` where
the text uses something this module does not follow; the planner then fetches everything its caller
may see, which is slow and right. What is not known here is never skipped over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tree_sitter import Node as Syntax

from federation.parsing.algebra import (
    Expression,
    Extend,
    Filter,
    Graph,
    Join,
    LeftJoin,
    Minus,
    Node,
    Projection,
    Select,
    Sub,
    Triple,
    Union,
    Values,
)
from federation.parsing.spelling import RDF_TYPE, Prologue, Unread
from federation.parsing.triples import TripleReader

_FORMS = {
    "select_query": "SELECT",
    "ask_query": "ASK",
    "construct_query": "CONSTRUCT",
    "describe_query": "DESCRIBE",
}
_MOST_DIGITS = 18
_LITERALS = ("integer", "decimal", "double", "boolean_literal")


def read(root: Syntax, source: bytes) -> Select:
    """Return the algebra of a whole query.

    Raises:
        Unread: something in it is not followed.
    """
    return _Reader(source).query(root)


class _Reader:
    """One pass over one syntax tree."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.prologue = Prologue()
        self.triples = TripleReader(self)

    def text(self, node: Syntax) -> str:
        """Return the source text of a syntax node."""
        return self.source[node.start_byte : node.end_byte].decode()

    # terms

    def term(self, node: Syntax) -> str:
        """Return a variable, IRI or literal in its one spelling."""
        kind = node.type
        if kind == "var":
            return "?" + self.text(node)[1:]
        if kind == "iri_reference":
            return self.prologue.iri(self.text(node))
        if kind == "prefixed_name":
            return self.prologue.name(self.text(node))
        if kind in _LITERALS:
            return self.text(node)
        if kind == "rdf_literal":
            return self._literal(node)
        if kind == "string":
            return self.text(node)
        if kind == "a":
            return RDF_TYPE
        raise Unread(f"term {kind}")

    def _literal(self, node: Syntax) -> str:
        parts = node.children
        value = self.text(parts[0])
        for part in parts[1:]:
            if part.type == "lang_tag":
                return value + self.text(part)
            if part.type in ("iri_reference", "prefixed_name"):
                return f"{value}^^{self.term(part)}"
            if part.type != "^^":
                raise Unread(f"literal part {part.type}")
        return value

    # the query

    def query(self, root: Syntax) -> Select:
        """Return the query of a ``unit``."""
        found: Select | None = None
        prologue = ""
        for node in root.children:
            if node.type == "prologue":
                self._prologue(node)
                prologue = self.text(node)
            elif node.type in _FORMS:
                found = self.select(node, _FORMS[node.type])
            elif node.type == "values_clause":
                if found is None:
                    raise Unread("VALUES before the query")
                found = self._with_values(found, node)
            elif node.type != "comment":
                raise Unread(node.type)
        if found is None:
            raise Unread("no query")
        return replace(found, prologue=prologue)

    def _prologue(self, node: Syntax) -> None:
        for part in node.children:
            if part.type == "base_declaration":
                self.prologue.base = self.prologue.iri(self.text(part.children[-1]))[1:-1]
            elif part.type == "prefix_declaration":
                name = self.text(part.children[1]).partition(":")[0]
                iri = self.prologue.iri(self.text(part.children[-1]))[1:-1]
                self.prologue.prefixes[name] = iri
            elif part.type != "comment":
                raise Unread(part.type)

    def _with_values(self, query: Select, node: Syntax) -> Select:
        rows = self._data_block(node)
        return replace(query, pattern=Join((query.pattern, rows)), trailing_values=True)

    def select(self, node: Syntax, form: str) -> Select:
        """Return a query or subquery."""
        found: dict[str, object] = {"form": form}
        pattern: Node = Join(())
        describe: list[str] = []
        template: list[Triple] = []
        for part in node.children:
            kind = part.type
            if kind == "select_clause":
                found |= self._select_clause(part)
                found["head_text"] = self.text(part)
            elif kind == "where_clause":
                group = part.children[-1]
                pattern = self.group(group, None)
                found["where_text"] = self.text(group)
            elif kind == "solution_modifier":
                found |= self._modifiers(part)
            elif kind == "values_clause":
                pattern = Join((pattern, self._data_block(part)))
                found["trailing_values"] = True
            elif kind == "construct_template":
                for inner in part.children:
                    if inner.type == "construct_triples":
                        template += self.triples.block(inner, None)
            elif kind == "triples_template":
                template = list(self.triples.block(part, None))
                pattern = Join(tuple(template))
                found["where_text"] = "{" + self.text(part) + "}"
            elif form == "DESCRIBE" and kind in ("var", "iri_reference", "prefixed_name"):
                describe.append(self.term(part))
            elif form == "DESCRIBE" and kind == "*":
                found["star"] = True
            elif kind not in (*_KEYWORDS, "dataset_clause"):
                raise Unread(kind)
        found |= {"describe": tuple(describe), "template": tuple(template)}
        return Select(pattern=pattern, **found)  # type: ignore[arg-type]

    def _select_clause(self, node: Syntax) -> dict[str, object]:
        projection: list[Projection] = []
        pending: Expression | None = None
        flags = {"star": False, "distinct": False, "reduced": False}
        for part in node.children:
            kind = part.type
            if kind == "*":
                flags["star"] = True
            elif kind in ("DISTINCT", "REDUCED"):
                flags[kind.lower()] = True
            elif kind == "var":
                projection.append(Projection(self.term(part), pending))
                pending = None
            elif kind == "AS" and pending is None:
                name = projection.pop().variable
                pending = Expression(name, frozenset((name,)), frozenset(), ())
            elif kind not in ("SELECT", "(", ")", "AS", "comment"):
                pending = self.expression(part)
        return {"projection": tuple(projection), **flags}

    def _modifiers(self, node: Syntax) -> dict[str, object]:
        found: dict[str, object] = {}
        for part in node.children:
            if part.type == "group_clause":
                found |= self._group_by(part)
                found["group_text"] = self.text(part)
            elif part.type == "having_clause":
                found["having_text"] = self.text(part)
                found["having"] = tuple(
                    self.expression(c) for c in part.children if c.type == "having_condition"
                )
            elif part.type == "order_clause":
                found["order_text"] = self.text(part)
                found["order_by"] = tuple(
                    self.expression(c) for c in part.children if c.type == "order_condition"
                )
            elif part.type == "limit_offset_clauses":
                for clause in part.children:
                    number = self._number(clause.children[-1])
                    found["limit" if clause.type == "limit_clause" else "offset"] = number
            else:
                raise Unread(part.type)
        return found

    def _number(self, node: Syntax) -> int:
        text = self.text(node)
        if len(text) > _MOST_DIGITS:
            raise Unread("a number that long")
        return int(text)

    def _group_by(self, node: Syntax) -> dict[str, object]:
        keys: list[Projection] = []
        others = False
        for condition in node.children:
            if condition.type != "group_condition":
                continue
            parts = [p for p in condition.children if p.type not in ("(", ")", "comment")]
            if len(parts) == 1 and parts[0].type == "var":
                keys.append(Projection(self.term(parts[0])))
            elif len(parts) == 3 and parts[1].type == "AS":
                keys.append(Projection(self.term(parts[2]), self.expression(parts[0])))
            else:
                others = True
                keys.append(Projection("?gridspine_key", self.expression(condition)))
        return {"group_by": tuple(keys), "group_expressions": others}

    # groups

    def group(self, node: Syntax, graph: str | None) -> Node:
        """Return a group graph pattern, its filters around it."""
        current: Node = Join(())
        filters: list[Expression] = []
        for part in node.children:
            kind = part.type
            if kind in ("{", "}", ".", "comment"):
                continue
            if kind == "triples_block":
                current = _join(current, *self.triples.block(part, graph))
            elif kind == "filter":
                filters.append(self.expression(part.children[-1], graph))
            elif kind == "optional_graph_pattern":
                right, own = _unfilter(self.group(part.children[-1], graph))
                current = LeftJoin(current, right, own)
            elif kind == "minus_graph_pattern":
                current = Minus(current, self.group(part.children[-1], graph))
            elif kind == "group_or_union_graph_pattern":
                current = _join(current, self._union(part, graph))
            elif kind == "graph_graph_pattern":
                name = self.term(part.children[1])
                current = _join(current, Graph(name, self.group(part.children[-1], name)))
            elif kind == "bind":
                current = self._bind(current, part, graph)
            elif kind == "inline_data":
                current = _join(current, self._data_block(part))
            elif kind == "sub_select":
                if graph is not None:
                    current = _join(current, self._sub_in_graph(part, graph))
                else:
                    current = _join(current, Sub(self.select(part, "SELECT")))
            else:
                raise Unread(kind)
        for expression in filters:
            current = Filter(expression, current)
        return current

    def _sub_in_graph(self, node: Syntax, graph: str) -> Node:
        # the subquery does not see the variable of GRAPH: its own of that name is another
        inside = self.triples.fresh() if graph[0] == "?" else graph
        outer, self.triples.graph = self.triples.graph, inside
        try:
            return Sub(self.select(node, "SELECT"))
        finally:
            self.triples.graph = outer

    def _union(self, node: Syntax, graph: str | None) -> Node:
        parts = [self.group(p, graph) for p in node.children if p.type == "group_graph_pattern"]
        return parts[0] if len(parts) == 1 else Union(tuple(parts))

    def _bind(self, inner: Node, node: Syntax, graph: str | None) -> Node:
        parts = [p for p in node.children if p.type not in ("BIND", "(", ")", "AS", "comment")]
        if len(parts) != 2:
            raise Unread("BIND")
        return Extend(inner, self.expression(parts[0], graph), self.term(parts[1]))

    def _data_block(self, node: Syntax) -> Values:
        block = next((p for p in node.children if p.type == "data_block"), node)
        names: list[str] = []
        rows: list[tuple[str | None, ...]] = []
        row: list[str | None] | None = None
        body = listed = False
        for part in block.children:
            kind = part.type
            if kind in ("VALUES", "comment", "}"):
                continue
            if kind == "{":
                body = True
            elif not body:
                listed = listed or kind in ("(", "nil")
                if kind == "var":
                    names.append(self.term(part))
            elif kind == "(" and listed:
                row = []
            elif kind == ")" and row is not None:
                rows.append(tuple(row))
                row = None
            elif kind == "nil" and listed:
                rows.append(())
            else:
                value = None if kind == "UNDEF" else self.term(part)
                rows.append((value,)) if row is None else row.append(value)
        if any(len(r) != len(names) for r in rows):
            raise Unread("VALUES rows of another length")
        return Values(tuple(names), tuple(rows))

    # expressions

    def expression(self, node: Syntax, graph: str | None = None) -> Expression:
        """Return what a planner needs of an expression."""
        variables: set[str] = set()
        functions: set[str] = set()
        exists: list[Node] = []
        aggregate = False
        for leaf in self._leaves(node):
            if leaf.type in ("exists_func", "not_exists_func"):
                functions.add(leaf.type)
                exists.append(self.group(leaf.children[-1], graph or self.triples.graph))
            elif leaf.type == "var":
                variables.add(self.term(leaf))
            elif leaf.type == "aggregate":
                aggregate = True
            elif leaf.type == "function_call":
                functions.add("function_call")
            elif leaf.type.isalpha():
                functions.add(leaf.type.upper())
        return Expression(
            self.text(node),
            frozenset(variables),
            frozenset(functions),
            tuple(exists),
            plain_exists=_bare_exists(node),
            aggregate=aggregate,
        )

    def _leaves(self, node: Syntax) -> Iterator[Syntax]:
        yield node
        if node.type in ("exists_func", "not_exists_func", "var"):
            return
        for child in node.children:
            yield from self._leaves(child)


_KEYWORDS = ("ASK", "CONSTRUCT", "DESCRIBE", "WHERE", "{", "}", "comment")


def _bare_exists(node: Syntax) -> bool:
    while node.type == "bracketted_expression" and node.child_count == 3:
        node = node.children[1]
    return node.type == "exists_func"


def _join(left: Node, *right: Node) -> Node:
    """Join two nodes, kept flat."""
    parts: list[Node] = []
    for node in (left, *right):
        parts.extend(node.parts if isinstance(node, Join) else (node,))
    return parts[0] if len(parts) == 1 else Join(tuple(parts))


def _unfilter(node: Node) -> tuple[Node, tuple[Expression, ...]]:
    filters: list[Expression] = []
    while isinstance(node, Filter):
        filters.append(node.expression)
        node = node.inner
    return node, tuple(filters)
