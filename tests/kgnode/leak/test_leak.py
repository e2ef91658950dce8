"""No caller learns anything that is hidden: answers equal those of a store of permitted triples.

Random homes, labels, policies, callers and queries of every form go through the real application;
what a caller may see is computed by a plain separate reading of the documents, and the same query
runs over a store of exactly that. Every byte that goes out is searched for hidden terms.
"""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from pyoxigraph import (
    DefaultGraph,
    NamedNode,
    Quad,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    RdfFormat,
    Store,
    Triple,
    parse,
)

from kgnode.summary import term_hash
from tests.kgnode.leak.house import House, Reply
from tests.kgnode.leak.reading import Asker
from tests.kgnode.leak.worlds import (
    ORG,
    SUBJECTS,
    SWEEPS,
    TEXTS,
    Question,
    World,
    askers,
    questions,
    worlds,
)

PAIRS_PER_HOME = 12
"""Random pairs of caller and query of one home; each caller also asks for everything."""
JSON_RESULTS = "application/sparql-results+json"
N_TRIPLES = "application/n-triples"
MISSING = "urn:zq:no-such-graph"

compared: Counter[str] = Counter()
"""Pairs compared so far, by whether the caller sees none, part or all of the home."""

Shown = dict[str, dict[str, set[Triple]]]


def shown_to(house: House, asker: Asker, policy: dict[str, Any]) -> Shown:
    """Data set -> model -> the triples the asker may see."""
    now = datetime.now(UTC)
    return {d.iri: d.permitted([policy], asker, ORG, now) for d in house.datasets}


def graph_iri(house: House, number: int) -> str:
    """One of the graphs of the home, visible or not, or one that is not there."""
    known = [model for d in house.datasets for model in d.models]
    known += [d.iri for d in house.datasets]
    return known[number] if number < len(known) else MISSING


def oracle(shown: Shown, aside: set[str], default: list[str], named: list[str]) -> Store:
    """A store of exactly the permitted triples, arranged as the request asks."""
    store = Store()
    for dataset, models in shown.items():
        for model, triples in models.items():
            free = not default and not named and dataset not in aside
            if free or {model, dataset} & set(default):
                store.extend(
                    Quad(t.subject, t.predicate, t.object, DefaultGraph()) for t in triples
                )
            if free or {model, dataset} & set(named):
                name = NamedNode(model)
                store.extend(Quad(t.subject, t.predicate, t.object, name) for t in triples)
    return store


def answer_of(store: Store, query: str) -> object:
    """The comparable form of the oracle's answer."""
    result = store.query(query)
    if isinstance(result, QueryBoolean):
        return bool(result)
    if isinstance(result, QuerySolutions):
        return rows_of(result.serialize(format=QueryResultsFormat.JSON) or b"")
    return set(result)


def rows_of(content: bytes) -> Counter[str]:
    return Counter(
        json.dumps(row, sort_keys=True) for row in json.loads(content)["results"]["bindings"]
    )


def answer_in(reply: Reply) -> object:
    kind = reply.header("content-type") or ""
    if kind.startswith(N_TRIPLES):
        return {quad.triple for quad in parse(reply.body, RdfFormat.N_TRIPLES)}
    document = json.loads(reply.body)
    return document["boolean"] if "boolean" in document else rows_of(reply.body)


def tokens(triples: Iterable[Triple]) -> set[str]:
    """The terms of triples that a test can look for in bytes."""
    found = set()
    for triple in triples:
        for term in (triple.subject, triple.predicate, triple.object):
            value = term.value
            if value in SUBJECTS or value in TEXTS or "#Zq" in value:
                found.add(value)
    return found


def assert_clean(reply: Reply, hidden: set[str], asked: str) -> None:
    """Fail if anything hidden, that the asker did not name, stands in any byte that went out."""
    for term in hidden:
        if term not in asked:
            assert term.encode() not in reply.everything, (term, reply.everything)


async def compare(house: House, world: World, asker: Asker, question: Question) -> None:
    """Ask one question and hold the answer against the oracle's."""
    shown = shown_to(house, asker, world.policy)
    aside = {d.iri for d in house.datasets if d.aside}
    default = [graph_iri(house, n) for n in question.default]
    named = [graph_iri(house, n) for n in question.named]
    body = question.body.replace("GRAPHIRI", graph_iri(house, question.graph))
    plain = f"{question.head} {body}"
    accept = N_TRIPLES if question.head.startswith(("CONSTRUCT", "DESCRIBE")) else JSON_RESULTS
    if question.protocol:
        text = plain
        graphs = [("default-graph-uri", g) for g in default] + [
            ("named-graph-uri", g) for g in named
        ]
    else:
        clauses = [f"FROM <{g}>" for g in default] + [f"FROM NAMED <{g}>" for g in named]
        text, graphs = f"{question.head} {' '.join(clauses)} {body}", []
    reply = await house.ask(asker, text, accept, graphs)
    hidden = hidden_from(house, shown)
    assert_clean(reply, hidden, text + str(graphs))
    if reply.status == 504:
        return
    assert reply.status == 200, (reply.status, reply.body, text)
    compared[extent(house, shown)] += 1
    expected = answer_of(oracle(shown, aside, default, named), plain)
    assert answer_in(reply) == expected, (text, graphs, asker)


def extent(house: House, shown: Shown) -> str:
    """Whether the asker sees none, part or all of the home."""
    seen = sum(len(triples) for models in shown.values() for triples in models.values())
    whole = sum(len(triples) for d in house.datasets for triples in d.models.values())
    return "none" if not seen else "all" if seen == whole else "part"


def hidden_from(house: House, shown: Shown) -> set[str]:
    everything = tokens(t for d in house.datasets for m in d.models.values() for t in m)
    everything |= {model for d in house.datasets for model in d.models}
    seen = tokens(t for models in shown.values() for ts in models.values() for t in ts)
    seen |= {model for models in shown.values() for model in models}
    reasons = {f"zqreason{name}" for name in ("three",)}
    return (everything - seen) | reasons


async def search_all_else(house: House, world: World, asker: Asker) -> None:
    """Search whatever else a caller can get for hidden terms."""
    shown = shown_to(house, asker, world.policy)
    hidden = hidden_from(house, shown)
    nothing_shown = {d.iri for d in house.datasets if not shown[d.iri]}
    pages = [
        ("/catalogue", "application/json", {}),
        ("/catalogue", "text/turtle", {}),
        ("/catalogue", "text/html", {}),
        ("/", "text/html", {}),
        ("/summary", "*/*", {}),
        ("/sparql", "text/turtle", {}),
        ("/packs", "*/*", {}),
        ("/healthz", "*/*", {}),
        ("/openapi.json", "*/*", {}),
    ]
    for d in house.datasets:
        pages.append((f"/catalogue/{d.id}", "application/json", {}))
        pages.append(("/policy/why", "*/*", {"dataset": d.iri, "label": "three"}))
        pages.append(("/policy/why", "*/*", {"dataset": d.iri}))
    for path, accept, query in pages:
        reply = await house.get(asker, path, accept, **query)
        assert reply.status < 500, (path, reply.body)
        assert_clean(reply, hidden, path + str(query))
        if path == "/catalogue":
            for dataset in nothing_shown:
                assert dataset.encode() not in reply.everything
    await search_assets_and_terms(house, asker, shown)


async def search_assets_and_terms(house: House, asker: Asker, shown: Shown) -> None:
    """A hidden asset answers as one that does not exist; its hash is in no summary."""
    seen = tokens(t for models in shown.values() for ts in models.values() for t in ts)
    missing = await house.get(asker, "/asset", iri="urn:zq:no-such-asset")
    assert missing.status == 404
    for iri in SUBJECTS:
        if iri not in seen:
            reply = await house.get(asker, "/asset", iri=iri)
            assert reply.status == 404
            assert reply.body.replace(iri.encode(), b"X") == missing.body.replace(
                b"urn:zq:no-such-asset", b"X"
            )
    terms = (await house.get(asker, "/summary/terms")).body
    words = {terms[i : i + 8] for i in range(0, len(terms), 8)}
    for iri in SUBJECTS:
        if iri not in seen:
            assert term_hash(iri).to_bytes(8, "little") not in words


async def explore(
    folder: Path, world: World, asked: list[tuple[Asker, Question]], everything: set[Asker]
) -> None:
    async with House(folder, world) as house:
        for asker, question in asked:
            await compare(house, world, asker, question)
        for asker in {asker for asker, _ in asked}:
            for sweep in SWEEPS:
                await compare(house, world, asker, sweep)
        for asker in everything:
            await search_all_else(house, world, asker)


def run(world: World, asked: list[tuple[Asker, Question]], log: pytest.LogCaptureFixture) -> None:
    log.clear()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        asyncio.run(explore(Path(folder), world, asked, {asker for asker, _ in asked[:2]}))
    terms = tokens(t for models in world.models for m in models for t in m)
    for record in log.records:
        if record.levelno >= logging.INFO:
            assert not any(term in record.getMessage() for term in terms), record


asked = st.lists(st.tuples(askers, questions), min_size=PAIRS_PER_HOME, max_size=PAIRS_PER_HOME)


def compare_in(homes: int, log: pytest.LogCaptureFixture, part: int = 0) -> int:
    """Run that many random homes and return how many pairs of caller and query were compared."""
    compared.clear()

    @seed(part)
    @settings(
        max_examples=homes,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(worlds, asked)
    def law(world: World, asked: list[tuple[Asker, Question]]) -> None:
        run(world, asked, log)

    law()
    print(f"compared {compared.total()} pairs: {dict(compared)}")  # noqa: T201
    return compared.total()


def test_no_answer_tells_anything_hidden(caplog: pytest.LogCaptureFixture) -> None:
    """300 pairs of caller and query."""
    assert compare_in(14, caplog) >= 300
    assert compared["part"] > 30, "most callers must see some and not all"


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(1, 11))
def test_no_answer_tells_anything_hidden_ten_thousand_times(
    caplog: pytest.LogCaptureFixture, part: int
) -> None:
    """10,000 pairs of caller and query, a thousand at a time."""
    assert compare_in(47, caplog, part) >= 1_000
