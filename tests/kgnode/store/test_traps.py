"""Traps of the engine and of the process model, each met once and held shut here."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Quad, QueryResultsFormat, Store

from kgnode.errors import GridspineError, MalformedQuery, ResultTooLarge, Unexpected
from kgnode.names import uuid_urn
from kgnode.problems import from_record
from kgnode.problems import record as written
from kgnode.store.record import FolderRecord
from kgnode.store.view import Limits

from .conftest import CSV, DATASET, JSON, LIMITS, model, publish, views_of
from .test_evaluator import LOOKUP, gone
from .test_view import many

COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"


def test_the_engine_itself_counts_a_triple_of_two_graphs_twice() -> None:
    """The reason for views; when the engine merges one day, this says so."""
    store, triple = Store(), (NamedNode("urn:s"), NamedNode("urn:p"), NamedNode("urn:o"))
    graphs = [NamedNode("urn:g1"), NamedNode("urn:g2")]
    for graph in graphs:
        store.add(Quad(*triple, graph))
    for options in ({"default_graph": graphs}, {"use_default_graph_as_union": True}):
        results = store.query(COUNT, **options)  # type: ignore[arg-type]
        assert results.serialize(format=QueryResultsFormat.CSV) == b"n\r\n2\r\n"  # type: ignore[union-attr]


def test_the_engine_itself_keeps_the_name_of_an_emptied_graph() -> None:
    store, quad = Store(), Quad(*[NamedNode("urn:x")] * 4)
    store.add(quad)
    store.remove(quad)
    assert list(store.named_graphs()) == [NamedNode("urn:x")]


def test_an_update_is_no_query(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(3)}))
        async with views_of(record) as views:
            view = await views.get(cells)
            for update in (
                "LOAD <file:///etc/passwd>",
                "DELETE WHERE { ?s ?p ?o }",
                "INSERT DATA { <urn:a> <urn:b> <urn:c> }",
                "ASK {} ; CLEAR ALL",
            ):
                with pytest.raises(MalformedQuery):
                    await view.evaluate(update, JSON, LIMITS)
            assert await (await view.evaluate(COUNT, CSV, LIMITS)).read() == b"n\r\n3\r\n"

    asyncio.run(scenario())


def test_a_stream_beyond_the_limit_is_stopped_long_before_its_deadline(
    record: FolderRecord,
) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(3000)}))
        async with views_of(record) as views:
            view = await views.get(cells)
            endless = "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
            for limits in (Limits(30, 1000, 10**9), Limits(30, 10**9, 10**6)):
                start = time.monotonic()
                with pytest.raises(ResultTooLarge):
                    await view.evaluate(endless, JSON, limits)
                assert time.monotonic() - start < 5
            cut = await view.evaluate(endless, JSON, Limits(30, 1000, 10**9, cut=True))
            assert len(json.loads(await cut.read())["results"]["bindings"]) == 1000
            assert views.counts["died"] == 0

    asyncio.run(scenario())


def test_a_client_that_does_not_read_holds_no_evaluator(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(20_000)}))
        async with views_of(record, evaluators_per_view=1) as views:
            view = await views.get(cells)
            unread = [await view.evaluate("SELECT * { ?s ?p ?o }", JSON, LIMITS) for _ in range(5)]
            assert all(result.complete is None for result in unread)
            await view.evaluate(LOOKUP, JSON, LIMITS)
            bodies = [await result.read() for result in unread]
            assert {len(json.loads(body)["results"]["bindings"]) for body in bodies} == {20_000}
            with pytest.raises(Unexpected):
                await unread[0].read()

    asyncio.run(scenario())


def test_what_is_queued_when_a_view_retires_is_still_answered(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(1000)}))
        async with views_of(record, evaluators_per_view=1) as views:
            old = await views.get(cells)
            slow = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f }"
            waiting = [asyncio.create_task(old.evaluate(slow, CSV, LIMITS)) for _ in range(8)]
            await asyncio.sleep(0.02)
            before = record.current(DATASET)
            publish(record, model("urn:m:1", {"a": many(1001)}, "v2"))
            await views.follow(before, record.current(DATASET))
            assert old.seat.retired
            for task in waiting:
                assert await (await task).read() == b"n\r\n1000000\r\n"
            assert views.counts["changed"] == 1
            assert views.counts["died"] == 0

    asyncio.run(scenario())


def test_a_defect_in_an_evaluator_is_written_down_and_told(
    record: FolderRecord, capfd: pytest.CaptureFixture[str]
) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(3)}))
        async with views_of(record) as views:
            view = await views.get(cells)
            with pytest.raises(Unexpected, match="TypeError"):
                await view.call(uuid_urn)  # type: ignore[arg-type]
            await view.evaluate(LOOKUP, JSON, LIMITS)

    asyncio.run(scenario())
    assert "Traceback" in capfd.readouterr().err


def test_every_error_class_survives_the_way_from_an_evaluator() -> None:
    waiting: list[type[GridspineError]] = [GridspineError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        error = kind("What.", hint="How.", file="f.xml", line=3, subject="urn:s", count=2)
        back = from_record(written(error))
        assert type(back) is kind
        assert (back.message, back.hint, back.where, back.count) == ("What.", "How.", "f.xml:3", 2)


OWNER = """
import asyncio, sys, time
from pathlib import Path
from kgnode.settings import Settings
from kgnode.store.record import open_record
from kgnode.store.view import Limits, Views

async def main() -> None:
    folder = Path(sys.argv[1])
    record = open_record(folder / "record")
    views = Views(record, Settings(), folder / "run")
    view = await views.get(())
    print(*view.seat.host.processes(), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_no_process_outlives_its_owner(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    with owner:
        processes = [int(pid) for pid in owner.stdout.readline().split()]
        assert len(processes) == 3
        os.kill(owner.pid, signal.SIGKILL)
    end = time.monotonic() + 5
    while not all(gone(pid) for pid in processes):
        assert time.monotonic() < end
        time.sleep(0.01)
