"""A view answers from exactly its cells, merged as RDF merges."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from pyoxigraph import Store

from kgnode import summary
from kgnode.errors import (
    BadRequest,
    Deadline,
    MalformedQuery,
    RefusedQuery,
    ResultTooLarge,
    Unexpected,
)
from kgnode.store.record import FolderRecord
from kgnode.store.view import Limits

from .conftest import CSV, JSON, LIMITS, model, publish, views_of

TYPED_TWICE = '<urn:c1> <urn:type> <urn:Consumer> .\n<urn:c1> <urn:name> "one" .\n'
RUNAWAY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n1 ?o }"


def many(count: int) -> str:
    return "".join(f"<urn:s{i}> <urn:p> <urn:o{i % 7}> .\n" for i in range(count))


def test_a_triple_of_two_models_counts_once_but_stands_in_both_graphs(
    record: FolderRecord,
) -> None:
    async def scenario() -> None:
        cells = publish(
            record,
            model("urn:m:eq", {"a": TYPED_TWICE}),
            model("urn:m:ssh", {"a": "<urn:c1> <urn:type> <urn:Consumer> .\n"}),
        )
        async with views_of(record) as views:
            view = await views.get(cells)
            ask = "SELECT (COUNT(*) AS ?n) { ?s <urn:type> ?o }"
            assert await (await view.evaluate(ask, CSV, LIMITS)).read() == b"n\r\n1\r\n"
            ask = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s <urn:type> ?o } }"
            assert await (await view.evaluate(ask, CSV, LIMITS)).read() == b"n\r\n2\r\n"

    asyncio.run(scenario())


def test_callers_with_the_same_cells_share_a_view_and_others_do_not(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:eq", {"a": many(3), "b": "<urn:x> <urn:p> 1 .\n"[:0]}))
        more = publish(record, model("urn:m:two", {"b": many(2)}), dataset="urn:d2")
        async with views_of(record) as views:
            first, again = await asyncio.gather(views.get(cells), views.get(set(cells)))
            other = await views.get(cells | more)
            assert first is again
            assert other is not first
            assert other.version != first.version
            assert len({first.seat.host.pid, other.seat.host.pid}) == 2

    asyncio.run(scenario())


def test_a_runaway_query_is_ended_at_its_deadline_and_the_next_is_answered(
    record: FolderRecord,
) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:eq", {"a": many(3000)}))
        async with views_of(record, evaluators_per_view=1) as views:
            view = await views.get(cells)
            start = time.monotonic()
            with pytest.raises(Deadline):
                await view.evaluate(RUNAWAY, JSON, Limits(0.5, 10, 1000))
            assert 0.45 < time.monotonic() - start < 1.5
            result = await view.evaluate("ASK { <urn:s1> ?p ?o }", JSON, LIMITS)
            assert json.loads(await result.read())["boolean"] is True

    asyncio.run(scenario())


def test_what_cannot_be_evaluated_has_its_own_error(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:eq", {"a": many(30)}))
        async with views_of(record) as views:
            view = await views.get(cells)
            with pytest.raises(MalformedQuery, match="line 1, column 7"):
                await view.evaluate("SELECT", JSON, LIMITS)
            with pytest.raises(RefusedQuery):
                await view.evaluate("ASK {}", "text/turtle", LIMITS)
            with pytest.raises(ResultTooLarge):
                await view.evaluate("SELECT * { ?s ?p ?o }", JSON, Limits(5, 29, 10**6))
            with pytest.raises(ResultTooLarge):
                await view.evaluate("SELECT * { ?s ?p ?o }", JSON, Limits(5, 30, 100))
            whole = await view.evaluate("SELECT * { ?s ?p ?o }", JSON, Limits(5, 30, 10**6))
            assert whole.truncated is None
            assert len(json.loads(await whole.read())["results"]["bindings"]) == 30

    asyncio.run(scenario())


def not_ours(store: Store) -> bytes:
    return b""


def test_own_functions_run_on_the_view_and_their_errors_come_back(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:eq", {"a": many(30)}))
        async with views_of(record) as views:
            view = await views.get(cells)
            found = json.loads(await view.call(summary.summarise))
            assert found["predicates"]["urn:p"]["count"] == 30
            with pytest.raises(BadRequest):
                await view.call(summary.shared_terms, b"half a hash")
            with pytest.raises(Unexpected):
                await view.call(not_ours)

    asyncio.run(scenario())


def test_no_named_graphs_where_they_are_not_asked_for(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:eq", {"a": many(3)}))
        async with views_of(record) as views:
            view = await views.get(cells, named=False)
            result = await view.evaluate("SELECT ?g { GRAPH ?g { ?s ?p ?o } }", CSV, LIMITS)
            assert await result.read() == b"g\r\n"
            only = await views.get((), named=cells)
            result = await only.evaluate("ASK { ?s ?p ?o }", CSV, LIMITS)
            assert await result.read() == b"false"
            result = await only.evaluate("ASK { GRAPH <urn:m:eq> { ?s ?p ?o } }", CSV, LIMITS)
            assert await result.read() == b"true"

    asyncio.run(scenario())


def test_hosts_end_with_their_views(record: FolderRecord) -> None:
    async def scenario() -> list[int]:
        cells = publish(record, model("urn:m:eq", {"a": many(3)}))
        async with views_of(record) as views:
            view = await views.get(cells)
            return view.seat.host.processes()

    processes = asyncio.run(scenario())
    assert len(processes) == 3
    end = time.monotonic() + 2
    while any(Path(f"/proc/{pid}").exists() for pid in processes):
        assert time.monotonic() < end
        time.sleep(0.01)
