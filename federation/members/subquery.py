"""Queries for single members, and their answers as triples.

In: patterns. Out: ``SubQuery`` values: a CONSTRUCT for patterns on the default graph (several in
one request), a SELECT with the graph's name for patterns inside GRAPH; and, from a member's answer,
triples in a form that the evaluator loads. Every term of a table is checked against the grammar of
N-Triples and Turtle before it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from federation.members.pool import NTRIPLES, TSV
from federation.parsing.algebra import Path, Select, Triple
from federation.parsing.spelling import IRI

_IRI = IRI.pattern
_STRING = r'"(?:[^"\\\n\r\t]|\\[tbnrf"\'\\]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*"'
TERM = re.compile(
    rf"{_IRI}|{_STRING}(?:@[A-Za-z]+(?:-[A-Za-z0-9]+)*|\^\^{_IRI})?"
    r"|[+-]?(?:[0-9]+(?:\.[0-9]*)?[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+(?:\.[0-9]+)?)"
    r"|true|false"
)


class Malformed(Exception):
    """A member's answer is not what its media type says."""


@dataclass(frozen=True)
class SubQuery:
    """One request's query; ``graph`` patterns come back as a table, others as triples.

    ``limits`` are a variable and the values its text limits it to.
    """

    text: str
    accept: str
    patterns: tuple[Triple, ...]
    limits: tuple[str, tuple[str, ...]] | None = None


def widened(triple: Triple) -> tuple[Triple, ...]:
    """Return plain triple patterns that together cover all that a pattern's match can use."""
    path = triple.predicate
    if isinstance(path, str):
        return (triple,)
    if path.may_be_empty() and triple.subject[0] == triple.object[0] == "?":
        return (_any(triple, "?gridspine_s", "?gridspine_o"),)
    found: dict[Triple, None] = {}
    if path.negations():
        found[_any(triple, "?gridspine_s", "?gridspine_o")] = None
    for link in sorted(path.links()):
        found[_any(triple, "?gridspine_s", "?gridspine_o", link)] = None
    if path.may_be_empty():
        # a path of length zero from a term matches only if the term stands in the graph
        for term in (triple.subject, triple.object):
            if term[0] != "?":
                found[_any(triple, term, "?gridspine_o")] = None
                found[_any(triple, "?gridspine_s", term)] = None
    return tuple(t for t in found if t.subject[0] in "<?")


def _any(triple: Triple, subject: str, object_: str, predicate: str = "?gridspine_p") -> Triple:
    return Triple(subject, predicate, object_, triple.graph)


def group_query(
    triples: Sequence[Triple],
    *,
    prologue: str = "",
    filters: Sequence[str] = (),
    limited: tuple[str, Sequence[str]] | None = None,
) -> SubQuery:
    """Return the query for patterns that are joined at the member, limited by values or not."""
    inside = "" if limited is None else f"VALUES {limited[0]} {{ {' '.join(limited[1])} }} "
    limits = None if limited is None else (limited[0], tuple(limited[1]))
    conditions = "".join(f" FILTER({text})" for text in filters)
    if triples[0].graph is not None:
        (triple,) = triples
        subject, predicate, object_, graph = triple.terms
        names = " ".join(sorted(triple.variables)) or "?gridspine_none"
        body = f"{inside}GRAPH {graph} {{ {subject} {predicate} {object_} }}{conditions}"
        text = f"{prologue}\nSELECT {names} WHERE {{ {body} }}"
        return SubQuery(text, TSV, tuple(triples), limits)
    lines = " ".join(" ".join(triple.terms) + " ." for triple in triples)
    body = f"{inside}{lines}{conditions}"
    text = f"{prologue}\nCONSTRUCT {{ {lines} }} WHERE {{ {body} }}"
    return SubQuery(text, NTRIPLES, tuple(triples), limits)


def first_rows(triples: Sequence[Triple], query: Select) -> SubQuery:
    """Return the query for the triples of a subquery's first rows at one member."""
    lines = " ".join(" ".join(triple.terms) + " ." for triple in triples)
    limit = (query.limit or 0) + query.offset
    inner = f"SELECT * WHERE {query.where_text}\n{query.order_text} LIMIT {limit}"
    text = f"CONSTRUCT {{ {lines} }} WHERE {{ {{ {inner} }} }}"
    return SubQuery(text, NTRIPLES, tuple(triples))


def compose(triples: Iterable[Triple], batch: int = 12) -> tuple[SubQuery, ...]:
    """Return the sub-queries that fetch all matches of plain patterns."""
    wanted = list(dict.fromkeys(triples))
    plain = [t for t in wanted if t.graph is None]
    if any(_is_everything(t) for t in plain):
        plain = [next(t for t in plain if _is_everything(t))]
    found = [_construct(plain[at : at + batch]) for at in range(0, len(plain), batch)]
    found += [_table(t) for t in wanted if t.graph is not None]
    return tuple(found)


def _is_everything(triple: Triple) -> bool:
    names = {triple.subject, triple.predicate, triple.object}
    return len(names) == 3 and all(isinstance(n, str) and n[0] == "?" for n in names)


def _construct(triples: Sequence[Triple]) -> SubQuery:
    return together([(triple,) for triple in triples])


def together(groups: Sequence[Sequence[Triple]]) -> SubQuery:
    """Return one query for several groups, each with variables of its own."""
    template: list[str] = []
    branches: list[str] = []
    for at, triples in enumerate(groups):
        lines: list[str] = []
        bound = ""
        for triple in triples:
            terms = [_own(term, at) for term in triple.terms]
            if not triple.variables:
                # a template without variables would come back with rows of the other branches
                bound += f" VALUES ?gridspine_{at} {{ {terms[1]} }}"
                terms[1] = f"?gridspine_{at}"
            lines.append(" ".join(terms) + " .")
        template += lines
        branches.append("{ " + " ".join(lines) + bound + " }")
    text = f"CONSTRUCT {{ {' '.join(template)} }} WHERE {{ {' UNION '.join(branches)} }}"
    return SubQuery(text, NTRIPLES, tuple(triple for group in groups for triple in group))


def _own(term: str, at: int) -> str:
    return f"{term}_{at}" if term[0] == "?" else term


def _table(triple: Triple) -> SubQuery:
    names = " ".join(sorted(triple.variables)) or "?gridspine_none"
    subject, predicate, object_, graph = triple.terms
    body = f"GRAPH {graph} {{ {subject} {predicate} {object_} }}"
    return SubQuery(f"SELECT {names} WHERE {{ {body} }}", TSV, (triple,))


def rows(body: bytes) -> tuple[tuple[str, ...], list[list[str]]]:
    """Read a table: its variables and its rows, every term checked.

    Raises:
        Malformed: a line or a term is not as SPARQL 1.1 TSV says.
    """
    try:
        lines = body.decode().split("\n")
    except UnicodeDecodeError as error:
        raise Malformed("the table is not UTF-8") from error
    if lines and lines[-1] == "":
        lines.pop()
    if not lines:
        raise Malformed("a table without a head")
    head = lines[0].rstrip("\r")
    names = tuple(head.split("\t")) if head else ()
    if any(not name.startswith("?") for name in names):
        raise Malformed("the head of the table has no variables")
    found = []
    for line in lines[1:]:
        cells = line.rstrip("\r").split("\t")
        if len(cells) != max(1, len(names)):
            raise Malformed("a row of another length than the head")
        for cell in cells:
            if cell and not TERM.fullmatch(cell):
                raise Malformed("a term that is none")
        found.append(cells)
    return names, found


def as_quads(body: bytes, triple: Triple) -> bytes:
    """Turn the table of a pattern inside GRAPH into TriG.

    Raises:
        Malformed: as ``rows``, or a term stands where it cannot.
    """
    names, table = rows(body)
    by_graph: dict[str, list[str]] = {}
    for row in table:
        bound = dict(zip(names, row, strict=False))
        subject, predicate, object_, graph = (
            bound.get(term, "") if term[0] == "?" else term for term in triple.terms
        )
        if not (subject[:1] == predicate[:1] == graph[:1] == "<" and object_):
            raise Malformed("a row that is no quad")
        by_graph.setdefault(graph, []).append(f"{subject} {predicate} {object_} .")
    blocks = [f"{graph} {{\n" + "\n".join(lines) + "\n}" for graph, lines in by_graph.items()]
    return "\n".join(blocks).encode()


def links_of(triple: Triple) -> frozenset[str]:
    """The predicates a pattern names, none if it is open."""
    if isinstance(triple.predicate, Path):
        return triple.predicate.links()
    return frozenset() if triple.predicate[0] == "?" else frozenset((triple.predicate,))
