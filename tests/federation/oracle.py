"""One store with the union of all members' data, and the comparison of answers with it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pyoxigraph as ox

from federation.answer import Ask, FederatedAnswer, Federation, answer
from federation.members.pool import Member
from kgnode.settings import Settings, load_settings

FORMATS = {
    "application/sparql-results+json": ox.QueryResultsFormat.JSON,
}


def union(stores: Iterable[ox.Store], skolem_prefix: str = "urn:gridspine:bnode:") -> ox.Store:
    """Return the merge of stores, skolemised blank nodes turned back."""

    def back(term: Any) -> Any:
        if isinstance(term, ox.NamedNode) and term.value.startswith(skolem_prefix):
            return ox.BlankNode(term.value.encode().hex())
        return term

    merged = ox.Store()
    for store in stores:
        merged.extend(
            ox.Quad(back(q.subject), q.predicate, back(q.object), q.graph_name) for q in store
        )
        for graph in store.named_graphs():
            merged.add_graph(graph)
    return merged


def plain(body: bytes, form: str) -> Any:
    """Return an answer in a form that compares equal for equal answers."""
    if form in ("CONSTRUCT", "DESCRIBE"):
        dataset = ox.Dataset(ox.parse(body, format=ox.RdfFormat.N_TRIPLES))
        dataset.canonicalize(ox.CanonicalizationAlgorithm.UNSTABLE)
        return frozenset(str(quad) for quad in dataset)
    parsed = ox.parse_query_results(body, format=ox.QueryResultsFormat.JSON)
    if isinstance(parsed, ox.QueryBoolean):
        return bool(parsed)
    names = sorted(v.value for v in parsed.variables)
    return (tuple(names), _rows(parsed, names))


def _rows(solutions: Any, names: list[str]) -> Any:
    """Rows as a multiset; with blank nodes, as a canonical graph in which each row is a node."""
    rows = [[solution[name] for name in names] for solution in solutions]
    if not any(isinstance(term, ox.BlankNode) for row in rows for term in row):
        return Counter(tuple(str(term) for term in row) for row in rows)
    graph = ox.Dataset()
    for row in rows:
        node = ox.BlankNode()
        for at, term in enumerate(row):
            if term is not None:
                graph.add(ox.Quad(node, ox.NamedNode(f"urn:column:{at}"), term))
    graph.canonicalize(ox.CanonicalizationAlgorithm.UNSTABLE)
    return (len(rows), frozenset(str(quad) for quad in graph))


def expected(store: ox.Store, query: str, form: str) -> Any:
    """Return what one store answers, in the form of ``plain``."""
    result: Any = store.query(query)
    if form in ("CONSTRUCT", "DESCRIBE"):
        return plain(result.serialize(format=ox.RdfFormat.N_TRIPLES), form)
    return plain(result.serialize(format=ox.QueryResultsFormat.JSON), form)


def settings(**overrides: Any) -> Settings:
    """Settings for tests."""
    return load_settings(**{"federation_timeout_seconds": 20.0, **overrides})


def ask_all(
    members: list[Member], asks: Iterable[Ask], used: Settings | None = None
) -> list[FederatedAnswer | Exception]:
    """Answer all requests in one federation, exceptions in their place."""

    async def run() -> list[FederatedAnswer | Exception]:
        federation = Federation.of(members, used or settings())
        found: list[FederatedAnswer | Exception] = []
        try:
            for ask in asks:
                try:
                    found.append(await answer(ask, federation))
                except Exception as error:
                    found.append(error)
        finally:
            await federation.close()
        return found

    return asyncio.run(run())


def accept(form: str) -> str:
    """The media type that ``plain`` reads."""
    if form in ("CONSTRUCT", "DESCRIBE"):
        return "application/n-triples"
    return "application/sparql-results+json"
