"""A query as blocks: patterns that must match together, and how blocks limit each other.

In: the algebra. Out: a tree of ``Block``s. A block is one mandatory core: its triples must all
match in every solution it takes part in. A child is an OPTIONAL's or MINUS's right side, an
alternative of a UNION, an EXISTS or a subquery. ``limited_by`` names the variables whose values in
the parent limit the child without changing the answer: the right side of OPTIONAL, MINUS and EXISTS
only by variables certain on its own left side; a subquery only by what it projects. Each pattern is
a ``Leaf`` that says what losing some of its matches would do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from federation.parsing.algebra import (
    Expression,
    Extend,
    Filter,
    Graph,
    Join,
    LeftJoin,
    Minus,
    Node,
    Path,
    Select,
    Sub,
    Triple,
    Union,
    Values,
    certain,
    expressions,
    query_expressions,
    walk,
)

Kind = Literal["root", "optional", "minus", "exists", "union", "sub"]

_UNSAFE_FUNCTIONS = frozenset(
    {"STR", "ISIRI", "ISURI", "ISBLANK", "IRI", "URI", "NOW", "RAND", "UUID", "STRUUID", "BNODE",
     "CONCAT", "BASE", "EXISTS", "NOT", "exists_func", "not_exists_func", "function_call"}
)  # fmt: skip
"""Functions that see a blank node, or a moment, differently at a node than at the gateway."""


_BLIND_FUNCTIONS = frozenset(
    {"COUNT", "SUM", "AVG", "DISTINCT", "BOUND", "IN", "REGEX", "CONTAINS", "STRSTARTS", "STRENDS",
     "LANG", "LANGMATCHES", "DATATYPE", "SAMETERM", "IF", "COALESCE",
     "INTEGER", "DECIMAL", "DOUBLE", "STRING", "TRUE", "FALSE"}
)  # fmt: skip
"""Functions, and kinds of constants, that treat an IRI as they treat a blank node."""


@dataclass(frozen=True)
class Leaf:
    """One pattern where it stands.

    ``sensitive`` names why lost matches make rows wrong and not only fewer: OPTIONAL's right side,
    MINUS, negated or computed EXISTS, an aggregate, OFFSET, ORDER with LIMIT; "" where they do not.
    """

    triple: Triple
    sensitive: str = ""


@dataclass(eq=False)
class Block:
    """One core with what hangs on it."""

    kind: Kind
    parent: Block | None = None
    limited_by: frozenset[str] | None = frozenset()
    """None: by every variable."""
    leaves: list[Leaf] = field(default_factory=list)
    filters: list[Expression] = field(default_factory=list)
    values: list[Values] = field(default_factory=list)
    children: list[Block] = field(default_factory=list)
    named: bool = False
    """True when the block has GRAPH."""
    unions: int = 0
    """How many UNIONs its union children come from."""
    query: Select | None = None
    """The subquery, for a child that is one."""
    positive: bool = True
    """False for the pattern of an EXISTS that is negated or computed with."""
    outlives: bool = False
    """True when it counts also where its parent has no solution: an aggregate over none has a row.
    """
    gives: frozenset[str] = frozenset()
    """Variables whose values in a subquery limit what it is joined with."""

    @property
    def lineage(self) -> Literal["none", "whole", "each"]:
        """How its patterns count among a row's sources (see ``tracing``)."""
        above = self.parent.lineage if self.parent is not None else "each"
        if self.kind == "minus" or above == "none":
            return "none"
        if self.kind == "exists":
            return "whole" if self.positive else "none"
        return "whole" if self.kind == "sub" else above

    @property
    def core(self) -> frozenset[str]:
        """Variables bound by the block's own triples."""
        return frozenset().union(*(leaf.triple.variables for leaf in self.leaves))

    def every(self) -> list[Block]:
        """This block and all below it, parents first."""
        found = [self]
        for child in self.children:
            found += child.every()
        return found


def blocks(query: Select) -> Block:
    """Return the root block of a query."""
    root = Block("root")
    _Builder().query(query, root, "")
    return root


class _Builder:
    """Walks the algebra once, in reading order."""

    def __init__(self) -> None:
        self.steps = 0

    def query(self, query: Select, block: Block, sensitive: str) -> None:
        if query.grouped:
            sensitive = sensitive or "an aggregate"
        elif query.offset:
            sensitive = sensitive or "OFFSET"
        elif query.limit is not None and query.order_by:
            sensitive = sensitive or "ORDER BY with LIMIT"
        self.node(query.pattern, block, sensitive)
        for expression in query_expressions(query):
            why = sensitive or "EXISTS in an expression"
            made = self.exists(expression, block, frozenset(), why)
            for child in made:
                child.outlives = query.grouped

    def node(self, node: Node, block: Block, sensitive: str) -> None:
        match node:
            case Triple():
                self.steps += 1
                parts = flattened(node, f"?gridspine_s{self.steps}_")
                block.leaves += [Leaf(part, sensitive) for part in parts]
            case Join(parts):
                for part in parts:
                    self.node(part, block, sensitive)
            case LeftJoin(left, right, filters):
                self.node(left, block, sensitive)
                child = self.child("optional", block, certain(left))
                self.node(right, child, sensitive or "OPTIONAL")
                bound = certain(right)
                child.filters += [f for f in filters if f.variables <= bound]
                for expression in filters:
                    self.exists(expression, block, frozenset(), sensitive or "OPTIONAL")
            case Minus(left, right):
                self.node(left, block, sensitive)
                self.node(right, self.child("minus", block, certain(left)), sensitive or "MINUS")
            case Union(parts):
                block.unions += 1
                for part in parts:
                    self.node(part, self.child("union", block, None), sensitive)
            case Filter(expression, inner):
                self.node(inner, block, sensitive)
                if expression.variables <= certain(inner):
                    block.filters.append(expression)
                plain = "" if expression.plain_exists else "NOT EXISTS or a computed EXISTS"
                self.exists(expression, block, certain(inner), sensitive or plain)
            case Extend(inner, expression, _):
                self.node(inner, block, sensitive)
                why = sensitive or "EXISTS in an expression"
                self.exists(expression, block, certain(inner), why)
            case Graph(_, inner):
                block.named = True
                self.node(inner, block, sensitive)
            case Sub(query):
                child = self.child("sub", block, _passed(query))
                child.query = query
                child.gives = _given(query) & certain(node)
                self.query(query, child, sensitive or ("LIMIT" if query.sliced else ""))
            case Values():
                block.values.append(node)

    def child(self, kind: Kind, parent: Block, limited_by: frozenset[str] | None) -> Block:
        child = Block(kind, parent, limited_by)
        parent.children.append(child)
        return child

    def exists(
        self, expression: Expression, block: Block, bound: frozenset[str], sensitive: str
    ) -> list[Block]:
        made = []
        for inner in expression.exists:
            child = self.child("exists", block, bound)
            child.positive = expression.plain_exists
            self.node(inner, child, sensitive)
            made.append(child)
        return made


def _passed(query: Select) -> frozenset[str] | None:
    """The variables whose values outside may limit a subquery."""
    if query.sliced:
        return frozenset()
    if query.grouped:
        keys = frozenset(p.variable for p in query.group_by if p.expression is None)
        return keys & frozenset(p.variable for p in query.projection if p.expression is None)
    if query.star:
        return None
    return frozenset(p.variable for p in query.projection if p.expression is None)


def _given(query: Select) -> frozenset[str]:
    """The variables that come out of a subquery as they are inside."""
    if query.grouped:
        keys = frozenset(p.variable for p in query.group_by if p.expression is None)
        return keys & frozenset(p.variable for p in query.projection if p.expression is None)
    if query.star:
        return certain(query.pattern)
    return frozenset(p.variable for p in query.projection if p.expression is None)


def flattened(triple: Triple, fresh: str) -> tuple[Triple, ...]:
    """Return a path of plain steps as the join it stands for (SPARQL 1.1 section 18.4).

    ``fresh`` begins the names of the variables between the steps.
    """
    path = triple.predicate
    if not isinstance(path, Path):
        return (triple,)
    if path.kind == "link":
        return (Triple(triple.subject, path.iri, triple.object, triple.graph),)
    if path.kind == "inverse":
        inner = Triple(triple.object, _plain(path.parts[0]), triple.subject, triple.graph)
        return flattened(inner, fresh)
    if path.kind != "sequence" or path.may_be_empty():
        return (triple,)
    found: list[Triple] = []
    here = triple.subject
    last = len(path.parts) - 1
    for at, part in enumerate(path.parts):
        there = triple.object if at == last else f"{fresh}{at}"
        step = Triple(here, _plain(part), there, triple.graph)
        found += flattened(step, f"{fresh}{at}_")
        here = there
    return tuple(found)


def _plain(path: Path) -> str | Path:
    return path.iri if path.kind == "link" else path


def portable(expression: Expression, *, blank: bool = False) -> bool:
    """True when an expression means the same at a node as at the gateway.

    ``blank`` where nodes hold blank nodes, which there are IRIs: only what cannot tell them apart.
    """
    if blank and not expression.functions <= _BLIND_FUNCTIONS:
        return False
    return not expression.exists and not (expression.functions & _UNSAFE_FUNCTIONS)


def blind(query: Select) -> bool:
    """True when a whole query cannot tell an IRI from a blank node: no order, no such function."""
    nodes = list(walk(query.pattern))
    queries = [query, *(node.query for node in nodes if isinstance(node, Sub))]
    found = [e for node in nodes for e in expressions(node)] + list(query_expressions(query))
    return not any(one.order_by for one in queries) and all(portable(e, blank=True) for e in found)
