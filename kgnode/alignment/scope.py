"""Which variables a query shows, so that those a rewriting brings along stay out of sight.

In: the syntax tree of a query. Out: for ``SELECT *`` the variables in scope as the query was
written (SPARQL 1.1 section 18.2.1), as edits of its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node as Syntax

from kgnode.alignment.statements import Undecided


def show_only_written(root: Syntax, source: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield the edits that replace every star by the variables it stood for.

    Raises:
        Undecided: it stood for none, or rows are counted by all that they bind.
    """
    for clause in _clauses(root):
        stars = [part for part in clause.children if part.type == "*"]
        if any(_counts_rows(part) for part in clause.children):
            raise Undecided("distinct rows are counted")
        if not stars or clause.parent is None:
            continue
        names = visible(clause.parent, source)
        if clause.parent.type == "select_query":
            for part in root.children:
                names |= visible(part, source) if part.type == "values_clause" else set()
        if not names:
            raise Undecided("a query shows all variables and has none")
        shown = " ".join(sorted(names, key=lambda name: (_first(name, source), name)))
        yield stars[0].start_byte, stars[0].end_byte, f"{shown} "


def _first(name: str, source: bytes) -> int:
    """Return where a variable stands first, so that columns keep the order they would have."""
    found = re.search(rf"[?$]{re.escape(name[1:])}(?!\w)".encode(), source)
    return found.start() if found else len(source)


def _clauses(node: Syntax) -> Iterator[Syntax]:
    if node.type in ("select_clause", "having_clause", "order_clause"):
        yield node
    for child in node.children:
        yield from _clauses(child)


def _counts_rows(node: Syntax) -> bool:
    if node.type == "aggregate":
        kinds = {child.type for child in node.children}
        return "DISTINCT" in kinds and "*" in kinds
    return any(_counts_rows(child) for child in node.children)


def visible(node: Syntax, source: bytes) -> set[str]:
    """Return the variables in scope at the end of a pattern."""
    found: set[str] = set()
    for child in node.children:
        if child.type == "var":
            found.add("?" + source[child.start_byte + 1 : child.end_byte].decode())
        elif child.type in (
            "filter", "minus_graph_pattern", "select_clause", "solution_modifier", "comment"
        ):  # fmt: skip
            continue
        elif child.type == "sub_select":
            clause = next(c for c in child.children if c.type == "select_clause")
            starred = any(part.type == "*" for part in clause.children)
            found |= visible(child, source) if starred else _projected(clause, source)
        elif child.type == "bind":
            found |= _projected(child, source)
        else:
            found |= visible(child, source)
    return found


def _projected(clause: Syntax, source: bytes) -> set[str]:
    """Return the variables that a clause binds: plain ones, and those behind AS."""
    found, depth, behind = set(), 0, False
    inner = clause.type == "bind"
    for child in clause.children:
        depth += {"(": 1, ")": -1}.get(child.type, 0)
        if child.type == "var" and (behind or (depth == 0 and not inner)):
            found.add("?" + source[child.start_byte + 1 : child.end_byte].decode())
        behind = child.type == "AS"
    return found
