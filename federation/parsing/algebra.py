"""The small algebra a federated query is planned on.

In: nothing; ``syntax.read`` builds these values from a parsed query. Out: frozen nodes of SPARQL
1.1 section 18.2 with what a planner asks of them: the variables certainly bound, and the triple
patterns. Terms are texts in query notation: ``?v``, ``<iri>``, or a literal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Path:
    """A property path: ``kind`` is link, inverse, sequence, choice, star, plus, maybe or none_of.

    ``link`` carries its IRI; ``none_of`` carries links and inverses of links.
    """

    kind: str
    iri: str = ""
    parts: tuple[Path, ...] = ()

    def links(self) -> frozenset[str]:
        """The predicates a match can use, except under ``none_of``."""
        if self.kind == "link":
            return frozenset((self.iri,))
        if self.kind == "none_of":
            return frozenset()
        return frozenset(iri for part in self.parts for iri in part.links())

    def negations(self) -> bool:
        """True when the path has a negated property set, which can use any predicate."""
        return self.kind == "none_of" or any(part.negations() for part in self.parts)

    def may_be_empty(self) -> bool:
        """True when a path of length zero matches, so that any term of the graph matches itself."""
        if self.kind in ("star", "maybe"):
            return True
        if self.kind == "choice":
            return any(part.may_be_empty() for part in self.parts)
        if self.kind in ("sequence", "plus", "inverse"):
            return all(part.may_be_empty() for part in self.parts)
        return False

    def has_empty(self) -> bool:
        """True when any part of the path can be of length zero."""
        return self.kind in ("star", "maybe") or any(part.has_empty() for part in self.parts)


@dataclass(frozen=True)
class Triple:
    """A triple or path pattern; ``graph`` None is the default graph, else an IRI or variable."""

    subject: str
    predicate: str | Path
    object: str
    graph: str | None = None

    @property
    def variables(self) -> frozenset[str]:
        """The variables, all of them bound by a match."""
        return frozenset(term for term in self.terms if term[0] == "?")

    @property
    def terms(self) -> tuple[str, ...]:
        """Subject, predicate unless it is a path, object, and graph unless it is the default."""
        predicate = (self.predicate,) if isinstance(self.predicate, str) else ()
        graph = () if self.graph is None else (self.graph,)
        return (self.subject, *predicate, self.object, *graph)


@dataclass(frozen=True)
class Expression:
    """An expression: its text in the query, its variables, functions and EXISTS patterns."""

    text: str
    variables: frozenset[str]
    functions: frozenset[str]
    exists: tuple[Node, ...]
    plain_exists: bool = False
    """True where the whole expression is one EXISTS, which is monotone."""
    aggregate: bool = False


@dataclass(frozen=True)
class Join:
    """All parts must match; no parts is the empty group."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class LeftJoin:
    """OPTIONAL; ``filters`` are the right group's own filters, which may see the left."""

    left: Node
    right: Node
    filters: tuple[Expression, ...]


@dataclass(frozen=True)
class Union:
    """Alternatives."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Minus:
    """MINUS."""

    left: Node
    right: Node


@dataclass(frozen=True)
class Filter:
    """FILTER over a whole group."""

    expression: Expression
    inner: Node


@dataclass(frozen=True)
class Extend:
    """BIND."""

    inner: Node
    expression: Expression
    variable: str


@dataclass(frozen=True)
class Values:
    """VALUES; None is UNDEF."""

    variables: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True)
class Graph:
    """GRAPH; the triples inside carry ``name`` themselves."""

    name: str
    inner: Node


@dataclass(frozen=True)
class Sub:
    """A subquery."""

    query: Select


Node = Triple | Join | LeftJoin | Union | Minus | Filter | Extend | Values | Graph | Sub


@dataclass(frozen=True)
class Projection:
    """One projected variable with its expression, if it has one."""

    variable: str
    expression: Expression | None = None


@dataclass(frozen=True)
class Select:
    """A query or subquery; for ASK, CONSTRUCT and DESCRIBE the projection is what they use."""

    form: str
    pattern: Node
    star: bool = False
    projection: tuple[Projection, ...] = ()
    distinct: bool = False
    reduced: bool = False
    group_by: tuple[Projection, ...] = ()
    group_expressions: bool = False
    having: tuple[Expression, ...] = ()
    order_by: tuple[Expression, ...] = ()
    limit: int | None = None
    offset: int = 0
    describe: tuple[str, ...] = ()
    template: tuple[Triple, ...] = ()
    prologue: str = ""
    head_text: str = ""
    where_text: str = ""
    group_text: str = ""
    having_text: str = ""
    order_text: str = ""
    trailing_values: bool = False

    @property
    def grouped(self) -> bool:
        """True where rows are aggregated."""
        return bool(self.group_by or self.group_expressions or self.having) or any(
            p.expression is not None and p.expression.aggregate for p in self.projection
        )

    @property
    def sliced(self) -> bool:
        """True with LIMIT or OFFSET."""
        return self.limit is not None or self.offset > 0

    def visible(self) -> frozenset[str]:
        """The variables that the rows can carry."""
        if self.star:
            return in_scope(self.pattern)
        return frozenset(p.variable for p in self.projection)


def children(node: Node) -> tuple[Node, ...]:
    """The direct parts of a node, EXISTS patterns left out."""
    match node:
        case Join(parts) | Union(parts):
            return parts
        case LeftJoin(left, right) | Minus(left, right):
            return (left, right)
        case Filter(inner=inner) | Extend(inner=inner) | Graph(inner=inner):
            return (inner,)
        case Sub(query):
            return (query.pattern,)
        case _:
            return ()


def expressions(node: Node) -> tuple[Expression, ...]:
    """The expressions that stand directly at a node."""
    match node:
        case LeftJoin(filters=filters):
            return filters
        case Filter(expression=expression) | Extend(expression=expression):
            return (expression,)
        case Sub(query):
            return query_expressions(query)
        case _:
            return ()


def query_expressions(query: Select) -> tuple[Expression, ...]:
    """The expressions of projection, GROUP BY, HAVING and ORDER BY."""
    projected = tuple(p.expression for p in (*query.projection, *query.group_by) if p.expression)
    return (*projected, *query.having, *query.order_by)


def walk(node: Node) -> Iterator[Node]:
    """All nodes of a tree, EXISTS patterns included."""
    yield node
    for child in children(node):
        yield from walk(child)
    for expression in expressions(node):
        for inner in expression.exists:
            yield from walk(inner)


def walk_query(query: Select) -> Iterator[Node]:
    """All nodes of a query, those in its modifiers' EXISTS included."""
    yield from walk(query.pattern)
    for expression in query_expressions(query):
        for inner in expression.exists:
            yield from walk(inner)


def certain(node: Node) -> frozenset[str]:
    """The variables bound in every solution of a node."""
    match node:
        case Triple():
            return node.variables
        case Join(parts):
            return frozenset().union(*(certain(part) for part in parts))
        case LeftJoin(left=left) | Minus(left=left):
            return certain(left)
        case Union(parts):
            return frozenset.intersection(*(certain(part) for part in parts))
        case Filter(inner=inner) | Extend(inner=inner):
            return certain(inner)
        case Values(variables, rows):
            undefined = {
                name for row in rows for name, term in zip(variables, row, strict=True) if not term
            }
            return frozenset(variables) - undefined
        case Graph(name, inner):
            return certain(inner) | (frozenset((name,)) if name[0] == "?" else frozenset())
        case Sub(query):
            return _certain_of_query(query)


def _certain_of_query(query: Select) -> frozenset[str]:
    bound = certain(query.pattern)
    if query.grouped:
        bound &= frozenset(p.variable for p in query.group_by if p.expression is None)
    if query.star:
        return bound
    return bound & frozenset(p.variable for p in query.projection if p.expression is None)


def in_scope(node: Node) -> frozenset[str]:
    """The variables that solutions of a node can bind (SPARQL 1.1 section 18.2.1)."""
    match node:
        case Triple():
            return node.variables
        case Minus(left=left):
            return in_scope(left)
        case Extend(inner=inner, variable=variable):
            return in_scope(inner) | {variable}
        case Values(variables=variables):
            return frozenset(variables)
        case Graph(name, inner):
            return in_scope(inner) | (frozenset((name,)) if name[0] == "?" else frozenset())
        case Sub(query):
            return query.visible()
        case _:
            return frozenset().union(*(in_scope(child) for child in children(node)))
