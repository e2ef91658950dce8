"""What the evaluator needs to say which members each row came from (``source=1``).

In: a SELECT and its blocks. Out: the fields of a ``Task`` that ``tracing`` works from: a query for
the solutions behind the rows, the columns by which rows are found again, the patterns to look for.
"""

from __future__ import annotations

from typing import Any

from federation.parsing.algebra import Path, Select, Triple, in_scope
from federation.parsing.blocks import Block
from kgnode.errors import BadRequest

COLUMN = "?source"


def check(query: Select | None) -> None:
    """Make sure that a query's rows can say where they came from.

    Raises:
        BadRequest: it is no SELECT, is not followed, or has a column of that name.
    """
    if query is None or query.form != "SELECT":
        raise BadRequest(
            "source=1 goes with SELECT queries that the planner follows.",
            hint="Leave it out; the report says which members were asked.",
        )
    if COLUMN in query.visible():
        raise BadRequest(
            "The query has a column ?source itself.", hint="Give that variable another name."
        )


def tracing(query: Select, root: Block) -> dict[str, Any]:
    """Return the fields of a task for a query."""
    names = _columns(query)
    return {
        "traced": f"{query.prologue}\nSELECT * WHERE {query.where_text}",
        "columns": names,
        "patterns": tuple(
            _pattern(leaf.triple, block)
            for block in root.every()
            for leaf in block.leaves
            if block.lineage != "none"
        ),
    }


def _columns(query: Select) -> tuple[str, ...]:
    """The columns whose values are those of the solutions behind a row."""
    bound = in_scope(query.pattern)
    if query.star:
        return tuple(sorted(v for v in bound if not v.startswith("?gridspine_")))
    shown = (p.variable for p in query.projection if p.expression is None)
    return tuple(dict.fromkeys(name for name in shown if name in bound))


def _pattern(triple: Triple, block: Block) -> dict[str, Any]:
    predicate = triple.predicate
    if isinstance(predicate, Path):
        open_ended = predicate.negations() or predicate.may_be_empty()
        return {"whole": True, "predicates": [""] if open_ended else sorted(predicate.links())}
    if block.lineage == "whole":
        return {"whole": True, "predicates": ["" if predicate[0] == "?" else predicate]}
    return {"whole": False, "terms": (triple.subject, predicate, triple.object)}
