"""What follows from data under mappings, worked out the plain and slow way.

One step of a mapping is taken at a time, again and again, until nothing new comes; what is denied
of two terms ends every chain from the one to the other. Shares no code with the product but the
model of a mapping.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyoxigraph as ox

from kgnode.alignment.mapping import Mapping, MappingSet

TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
SKOS = "http://www.w3.org/2004/02/skos/core#"
OWL = "http://www.w3.org/2002/07/owl#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
FORTH = {
    f"{SKOS}exactMatch", f"{OWL}equivalentClass", f"{OWL}equivalentProperty", f"{OWL}sameAs",
    f"{SKOS}broadMatch", f"{RDFS}subClassOf", f"{RDFS}subPropertyOf",
}  # fmt: skip
BACK = {
    f"{SKOS}exactMatch", f"{OWL}equivalentClass", f"{OWL}equivalentProperty", f"{OWL}sameAs",
    f"{SKOS}narrowMatch",
}  # fmt: skip


NEAR = f"{SKOS}closeMatch"
Facts = dict[str, set[tuple[str, bool]]]
"""Term -> the terms that its facts are facts of as well, each without or with a loss."""


def materialised(
    quads: Iterable[ox.Quad], sets: Iterable[MappingSet], close: bool = False
) -> set[ox.Quad]:
    """Return the quads and all that follows from them, graph by graph."""
    rows = [row for found in sets for row in found.mappings]
    facts = {kind: _facts(kind, rows, close) for kind in ("class", "property", "individual")}
    return {made for quad in quads for made in _made(quad, facts)}


def _facts(kind: str, rows: list[Mapping], close: bool) -> Facts:
    """Go one step at a time, again and again, until nothing new comes."""
    denials = [row for row in rows if row.negative and row.status == "approved"]
    steps = [
        step
        for row in rows
        if row.kind == kind or (row.kind is None and kind != "individual")
        for step in _steps(row, denials, close)
    ]
    facts: Facts = {}
    while True:
        count = sum(map(len, facts.values()))
        for low, high, loss in steps:
            beyond = {(end, loss or more) for end, more in facts.get(high, set())}
            for end, lossy in beyond | {(high, loss)}:
                if not any(_forbids(no, low, end, lossy) for no in denials):
                    facts.setdefault(low, set()).add((end, lossy))
        if count == sum(map(len, facts.values())):
            return facts


def _steps(row: Mapping, denials: list[Mapping], close: bool) -> Iterable[tuple[str, str, bool]]:
    if row.status != "approved" or row.negative or TYPE in (row.subject, row.object):
        return
    near = row.predicate == NEAR
    if near and not close:
        return
    loss = row.predicate not in FORTH & BACK
    made = []
    if row.predicate in FORTH or near:
        made.append((row.subject, row.object, loss))
    if row.predicate in BACK or near:
        made.append((row.object, row.subject, loss))
    for no in denials:
        if near and no.predicate == NEAR and {no.subject, no.object} == {row.subject, row.object}:
            return
        if any(_forbids(no, *step) for step in made):
            return
    yield from made


def _forbids(no: Mapping, low: str, high: str, loss: bool) -> bool:
    """Whether a denial says that facts of one term are not facts of the other."""
    if no.predicate in FORTH & BACK or no.predicate == NEAR:
        return not loss and {no.subject, no.object} == {low, high}
    if no.predicate in FORTH:
        return (no.subject, no.object) == (low, high)
    return no.predicate in BACK and (no.object, no.subject) == (low, high)


def _made(quad: ox.Quad, facts: dict[str, Facts]) -> Iterable[ox.Quad]:
    s, p, o, g = quad
    is_type = p.value == TYPE
    predicates, values = {p}, {o}
    if not is_type:
        predicates |= _others(p, facts["property"])
    if isinstance(o, ox.NamedNode):
        values |= _others(o, facts["class" if is_type else "individual"])
    for predicate in predicates:
        for value in values:
            yield ox.Quad(s, predicate, value, g)


def _others(term: ox.NamedNode, facts: Facts) -> set[ox.NamedNode]:
    return {ox.NamedNode(end) for end, _ in facts.get(term.value, set())}
