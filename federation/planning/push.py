"""Pushdown and union push: the query goes whole to the members that can host its solutions.

In: a query whose every solution lies inside one member, and those members. Out: what to send to
each, and how their rows become the answer: as they come, or through the query's own head and
modifiers over a table of rows. Sums and counts are made at the members where that is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from federation.members.pool import NTRIPLES, RESULTS_JSON, TSV
from federation.parsing.algebra import Expression, Projection, Select, in_scope, query_expressions
from federation.parsing.blocks import Block
from federation.planning.locality import Locality
from federation.planning.replicas import MOST_SHARED, Replicas, countable, replicas

_SIMPLE = ("COUNT", "SUM", "MIN", "MAX", "AVG")

Finish = Literal["rows", "table", "ask", "triples"]


@dataclass(frozen=True)
class Push:
    """One query for all hosts, and how to finish.

    ``finish`` rows: unite the rows, then ``offset`` and ``limit``; table: evaluate ``before``, the
    rows as VALUES, ``after``; ask: any yes; triples: unite the triples.
    """

    text: str
    accept: str
    finish: Finish
    columns: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    offset: int = 0
    limit: int | None = None
    whole_only: bool = False
    """True where an unbound cell would make the finish wrong; the rows are then fetched instead."""
    note: str = ""
    replicas: Replicas | None = None
    """How to take back what several members counted."""
    doubles: tuple[int, ...] = ()
    """Hashes of the subjects that they share."""


def counted(query: Select, locality: Locality) -> Push | None:
    """Return how to count one pattern at members some of whose triples are the same."""
    triple = countable(query)
    made = replicas(query, triple) if triple is not None else None
    push = _partial(query) if made is not None else None
    if triple is None or push is None:
        return None
    hashes = locality.terms.doubles(triple, locality.hosts[triple])
    if hashes is None or len(hashes) > MOST_SHARED:
        return None
    note = "counted at each member, doubles taken back"
    return replace(push, replicas=made, doubles=tuple(hashes), note=note)


def compose(query: Select, root: Block, text: str, single: bool, locality: Locality) -> Push | None:
    """Return how to push a query, or None where that is not possible."""
    united = not (query.sliced or query.grouped)  # else members' answers are no parts of the whole
    if query.form == "ASK":
        return Push(text, RESULTS_JSON, "ask") if single or united else None
    if query.form == "CONSTRUCT":
        return Push(text, NTRIPLES, "triples") if single or united else None
    if query.form != "SELECT":
        return None
    if single:
        return Push(text, TSV, "rows", _visible(query), note="one member holds it all")
    if query.trailing_values or query.reduced:
        return None
    if any(expression.exists for expression in query_expressions(query)):
        return None  # over rows alone, it would not see the variables that are not shown
    if query.grouped:
        return _groups_at_members(query, root, locality) or _partial(query) or rows_only(query)
    return _plain(query) or rows_only(query)


def _visible(query: Select) -> tuple[str, ...]:
    if not query.star:
        return tuple(p.variable for p in query.projection)
    return tuple(sorted(v for v in in_scope(query.pattern) if not v.startswith("?gridspine_")))


def _plain(query: Select) -> Push | None:
    """No aggregates: members cut and order where that is sound; DISTINCT and order again here."""
    if any(p.expression is not None for p in query.projection):
        return None
    columns = _visible(query)
    if not columns:
        return None
    head = ("DISTINCT " if query.distinct else "") + " ".join(columns)
    text = f"{query.prologue}\nSELECT {head} WHERE {query.where_text}"
    enough = None if query.limit is None else query.limit + query.offset
    if enough is not None:
        text += f" {query.order_text} LIMIT {enough}"
    if not query.distinct and not query.order_by:
        return Push(text, TSV, "rows", columns, offset=query.offset, limit=query.limit)
    if not all(e.variables <= set(columns) for e in query.order_by):
        return None
    after = f"{query.order_text}{_slice(query)}"
    shown = " ".join(columns)
    before = f"{query.prologue}\nSELECT {'DISTINCT ' if query.distinct else ''}{shown} WHERE"
    return Push(text, TSV, "table", columns, before, after)


def _slice(query: Select) -> str:
    limit = "" if query.limit is None else f" LIMIT {query.limit}"
    return limit + (f" OFFSET {query.offset}" if query.offset else "")


def rows_only(query: Select) -> Push | None:
    """The rows of the pattern, everything else here."""
    needed: set[str] = set()
    if query.star:
        needed |= set(_visible(query))
    for projection in (*query.projection, *query.group_by):
        if projection.expression is None:
            needed.add(projection.variable)
    expressions: list[Expression] = [*query.having, *query.order_by]
    expressions += [p.expression for p in (*query.projection, *query.group_by) if p.expression]
    for expression in expressions:
        needed |= expression.variables
    needed &= in_scope(query.pattern)
    columns = tuple(sorted(v for v in needed if not v.startswith("?gridspine_")))
    if not columns:
        columns = tuple(
            sorted(v for v in in_scope(query.pattern) if not v.startswith("?gridspine_"))
        )[:1]
    if not columns or any("*" in e.text and e.aggregate and "DISTINCT" in e.functions
                          for e in expressions):  # fmt: skip
        return None
    text = f"{query.prologue}\nSELECT {' '.join(columns)} WHERE {query.where_text}"
    after = f"{query.group_text}\n{query.having_text}\n{query.order_text}{_slice(query)}"
    return Push(text, TSV, "table", columns, f"{query.prologue}\n{query.head_text}\nWHERE", after)


def _groups_at_members(query: Select, root: Block, locality: Locality) -> Push | None:
    """Every group lies inside one member: groups are made there, ordered and cut here."""
    keys = {p.variable for p in query.group_by if p.expression is None}
    whole = any(
        locality.keeps(leaf.triple, key)
        for leaf in root.leaves
        for key in keys & leaf.triple.variables
    )
    columns = _visible(query)
    if not whole or query.star or not columns:
        return None
    ordered = all(not e.aggregate and e.variables <= set(columns) for e in query.order_by)
    if not ordered:
        return None
    text = (
        f"{query.prologue}\n{query.head_text}\nWHERE {query.where_text}\n"
        f"{query.group_text}\n{query.having_text}"
    )
    if not query.order_by and not query.distinct and not query.sliced:
        return Push(text, TSV, "rows", columns, note="each group lies inside one member")
    if query.limit is not None and query.order_by:
        text += f" {query.order_text} LIMIT {query.limit + query.offset}"
    distinct = "DISTINCT " if query.distinct else ""
    before = f"{query.prologue}\nSELECT {distinct}{' '.join(columns)} WHERE"
    after = f"{query.order_text}{_slice(query)}"
    return Push(text, TSV, "table", columns, before, after,
                note="each group lies inside one member")  # fmt: skip


def _partial(query: Select) -> Push | None:
    """COUNT, SUM, MIN, MAX and AVG in two steps: parts at the members, the whole here."""
    if query.having or query.group_expressions or query.distinct or query.star:
        return None
    if any(p.expression is not None for p in query.group_by):
        return None
    if any(e.aggregate for e in query.order_by):
        return None
    keys = [p.variable for p in query.group_by]
    inner, outer = list(keys), []
    for at, projection in enumerate(query.projection):
        made = _two_steps(projection, f"?gridspine_a{at}")
        if made is None:
            return None
        inner += made[0]
        outer.append(made[1])
    names = [part if part[0] == "?" else part[1:-1].rpartition(" AS ")[2] for part in inner]
    if not all(p.variable in keys for p in query.projection if p.expression is None):
        return None
    columns = tuple(dict.fromkeys(names))
    group = f"GROUP BY {' '.join(keys)}" if keys else ""
    selected = " ".join(dict.fromkeys(inner))
    text = f"{query.prologue}\nSELECT {selected} WHERE {query.where_text}\n{group}"
    before = f"{query.prologue}\nSELECT {' '.join(outer)} WHERE"
    after = f"{group} {query.order_text}{_slice(query)}"
    return Push(text, TSV, "table", columns, before, after, whole_only=True,
                note="aggregated in part at each member")  # fmt: skip


def _two_steps(projection: Projection, name: str) -> tuple[list[str], str] | None:
    expression = projection.expression
    if expression is None:
        return [], projection.variable
    inside = expression.text.strip()
    function, bracket, rest = inside.partition("(")
    function = function.strip().upper()
    argument = rest[:-1].strip()
    if not bracket or function not in _SIMPLE or not rest.endswith(")"):
        return None
    if argument != "*" and not (argument[:1] in "?$" and argument[1:].isidentifier()):
        return None
    shown = projection.variable
    if function == "COUNT":
        return [f"(COUNT({argument}) AS {name})"], f"(SUM({name}) AS {shown})"
    if argument == "*":
        return None
    if function == "AVG":
        parts = [f"(SUM({argument}) AS {name})", f"(COUNT({argument}) AS {name}n)"]
        total = f"IF(SUM({name}n) = 0, 0, SUM({name}) / SUM({name}n))"
        return parts, f"({total} AS {shown})"
    return [f"({function}({argument}) AS {name})"], f"({function}({name}) AS {shown})"
