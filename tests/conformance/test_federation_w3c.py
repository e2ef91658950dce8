"""W3C SPARQL 1.0 and 1.1 evaluation tests over three nodes equal the same query over one store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest

from federation.answer import Ask, Federation, answer
from federation.evaluation.evaluate import Evaluators
from kgnode.errors import MalformedQuery
from kgnode.query.parse import ParsedQuery, parse
from tests.conformance.federation_cases import BASE, MANNERS, Case, _load, cases
from tests.federation.cluster import Cluster, cluster
from tests.federation.oracle import accept, expected, plain, settings

REFUSED_BY_OXIGRAPH = {"sparql10/expr-builtin/case-insensitive-booleans"}
"""Tests whose query the engine itself refuses, alone as in the federation."""


@pytest.fixture(scope="module")
def suites(test_data: Path) -> Path:
    return test_data / "suites" / "w3c_sparql"


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with cluster() as nodes:
        yield nodes


@pytest.mark.parametrize("manner", MANNERS)
def test_all_evaluation_tests_equal_one_store(suites: Path, running: Cluster, manner: str) -> None:
    listed = list(cases(suites))
    assert len(listed) >= 516
    refused, different = asyncio.run(_compare(listed, running, manner))
    assert different == []
    assert refused == REFUSED_BY_OXIGRAPH


async def _compare(listed: list[Case], running: Cluster, manner: str) -> tuple[set[str], list[str]]:
    evaluators = Evaluators(2)
    refused: set[str] = set()
    different: list[str] = []
    try:
        for case in listed:
            parsed = parse(case.text())
            quads = case.quads() + _named_in_the_query(case, parsed)
            names = [ox.NamedNode(name) for name, _ in case.graphs]
            try:
                wanted = expected(_one(quads, names, parsed), parsed.without_dataset(), parsed.form)
            except SyntaxError:
                wanted = None
            running.nodes.clear()
            for at, part in enumerate(MANNERS[manner](quads, 3)):
                node = running.add(f"n{at}", part)
                for name in names if at == 0 else ():
                    node.store.add_graph(name)
            federation = Federation.of(running.members(), settings())
            federation.evaluators = evaluators
            try:
                got = await answer(Ask(case.text(), accept=accept(parsed.form)), federation)
            except MalformedQuery:
                refused.add(case.name)
            else:
                assert got.status == "complete"
                if wanted is None or plain(got.body, parsed.form) != wanted:
                    different.append(case.name)
            federation.pool.close()
    finally:
        await evaluators.close()
    return refused, different


def _named_in_the_query(case: Case, parsed: ParsedQuery) -> list[ox.Quad]:
    found: list[ox.Quad] = []
    for iri in sorted({*parsed.from_default, *parsed.from_named}):
        found += _load(case.root / iri.removeprefix(BASE), iri, ox.NamedNode(iri))
    return found


def _one(quads: list[ox.Quad], names: list[ox.NamedNode], parsed: ParsedQuery) -> ox.Store:
    """One store with everything; where the query says FROM, with just those graphs."""
    store = ox.Store()
    store.extend(quads)
    for name in names:
        store.add_graph(name)
    if not parsed.from_default and not parsed.from_named:
        return store
    narrowed = ox.Store()
    for iri in parsed.from_default:
        for quad in store.quads_for_pattern(None, None, None, ox.NamedNode(iri)):
            narrowed.add(ox.Quad(quad.subject, quad.predicate, quad.object))
    for iri in parsed.from_named:
        narrowed.extend(store.quads_for_pattern(None, None, None, ox.NamedNode(iri)))
    return narrowed
