"""The patterns of a query with what losing one of them would do.

In: the algebra of a query. Out: one ``Leaf`` per triple or path pattern, in reading order, marked
``sensitive`` where lost matches can make rows wrong and not only fewer: under OPTIONAL's right
side, MINUS, negated or computed EXISTS, an aggregate, OFFSET, and ORDER with LIMIT.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from federation.algebra import (
    Expression,
    Extend,
    Filter,
    Graph,
    Join,
    LeftJoin,
    Minus,
    Node,
    Select,
    Sub,
    Triple,
    Union,
    Values,
    query_expressions,
)


@dataclass(frozen=True)
class Leaf:
    """One pattern where it stands; ``sensitive`` names why its loss makes rows wrong, or ""."""

    triple: Triple
    sensitive: str = ""


def leaves(query: Select) -> tuple[Leaf, ...]:
    """Return all patterns of a query."""
    return tuple(_query(query, ""))


def _query(query: Select, sensitive: str) -> Iterator[Leaf]:
    if query.grouped:
        sensitive = sensitive or "an aggregate"
    elif query.offset:
        sensitive = sensitive or "OFFSET"
    elif query.limit is not None and query.order_by:
        sensitive = sensitive or "ORDER BY with LIMIT"
    elif query.form == "ASK":
        sensitive = sensitive or "ASK"
    yield from _node(query.pattern, sensitive)
    for expression in query_expressions(query):
        yield from _exists(expression, sensitive or "EXISTS in an expression")


def _node(node: Node, sensitive: str) -> Iterator[Leaf]:
    match node:
        case Triple():
            yield Leaf(node, sensitive)
        case Join(parts) | Union(parts):
            for part in parts:
                yield from _node(part, sensitive)
        case LeftJoin(left, right, filters):
            yield from _node(left, sensitive)
            yield from _node(right, sensitive or "OPTIONAL")
            for expression in filters:
                yield from _exists(expression, sensitive or "OPTIONAL")
        case Minus(left, right):
            yield from _node(left, sensitive)
            yield from _node(right, sensitive or "MINUS")
        case Filter(expression, inner):
            yield from _node(inner, sensitive)
            plain = "" if expression.plain_exists else "NOT EXISTS or a computed EXISTS"
            yield from _exists(expression, sensitive or plain)
        case Extend(inner, expression, _):
            yield from _node(inner, sensitive)
            yield from _exists(expression, sensitive or "EXISTS in an expression")
        case Graph(_, inner):
            yield from _node(inner, sensitive)
        case Sub(query):
            yield from _query(query, sensitive or ("LIMIT" if query.sliced else ""))
        case Values():
            return


def _exists(expression: Expression, sensitive: str) -> Iterator[Leaf]:
    for inner in expression.exists:
        yield from _node(inner, sensitive)
