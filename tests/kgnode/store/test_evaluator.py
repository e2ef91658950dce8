"""Evaluators: ended when they should be, replaced when they were, and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from kgnode.errors import Deadline, MalformedQuery, Overloaded, RefusedQuery, TooCostly
from kgnode.store.record import FolderRecord
from kgnode.store.view import Limits, View, Views

from .conftest import CSV, JSON, LIMITS, model, publish, views_of
from .test_view import RUNAWAY, many

LOOKUP = "ASK { <urn:s1> ?p ?o }"

RUNAWAYS = {
    "cross product": RUNAWAY,
    "long path": (
        "SELECT (COUNT(*) AS ?n) { ?a (!<urn:x>|^!<urn:x>)* ?b . ?c (!<urn:x>|^<urn:q>)* ?d }"
    ),
    "huge sort": "SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY DESC(STR(?a)) ?f",
    "regular expressions": (
        "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f "
        'FILTER REGEX(CONCAT(STR(?a), STR(?f)), "(s.*)*9$") }'
    ),
    "distinct": (
        "SELECT (COUNT(DISTINCT ?x) AS ?n) { ?a ?b ?c . ?d ?e ?f "
        "BIND(CONCAT(STR(?a), STR(?d)) AS ?x) }"
    ),
}


def processes_of(view: View) -> set[int]:
    return set(view.seat.host.processes())


def gone(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def handles(pid: int | str = "self") -> list[str]:
    """What the open descriptors of a process are."""
    found = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(path.readlink()))
    return found


def threads_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


async def until(condition, seconds: float = 3.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", RUNAWAYS)
def test_every_kind_of_runaway_ends_at_its_deadline(record: FolderRecord, kind: str) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(5000)}))
        async with views_of(record, evaluators_per_view=1) as views:
            view = await views.get(cells)
            start = time.monotonic()
            with pytest.raises(Deadline):
                await view.evaluate(RUNAWAYS[kind], JSON, Limits(0.4, 10**9, 10**9))
            assert time.monotonic() - start < 1.4
            assert json.loads(await (await view.evaluate(LOOKUP, JSON, LIMITS)).read())["boolean"]

    asyncio.run(scenario())


def test_a_client_that_leaves_frees_its_evaluator(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(3000)}))
        async with views_of(record, evaluators_per_view=1) as views:
            view = await views.get(cells)
            (evaluator,) = processes_of(view) - {view.seat.host.pid}
            task = asyncio.create_task(view.evaluate(RUNAWAY, JSON, Limits(60, 10, 1000)))
            await asyncio.sleep(0.2)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            start = time.monotonic()
            await view.evaluate(LOOKUP, JSON, LIMITS)
            assert time.monotonic() - start < 2
            await until(lambda: gone(evaluator))
            assert view.seat.running == 0

    asyncio.run(scenario())


def test_a_client_that_closes_after_its_answer_does_not_end_the_evaluator(
    record: FolderRecord,
) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(3000)}))
        async with views_of(record, evaluators_per_view=1) as views:
            view = await views.get(cells)
            before = processes_of(view)
            for _ in range(300):
                await view.evaluate(LOOKUP, JSON, LIMITS)
            large = await view.evaluate("SELECT * { ?s ?p ?o }", JSON, LIMITS)
            assert large.complete is None
            await large.aclose()
            await view.evaluate(LOOKUP, JSON, LIMITS)
            assert processes_of(view) == before
            assert views.counts["died"] == 0

    asyncio.run(scenario())


def test_an_evaluator_that_is_killed_is_replaced_and_the_query_tried_once_more(
    record: FolderRecord,
) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(3000)}))
        async with views_of(record, evaluators_per_view=1) as views:
            view = await views.get(cells)

            async def kill_after(seconds: float) -> None:
                (evaluator,) = processes_of(view) - {view.seat.host.pid}
                await asyncio.sleep(seconds)
                os.kill(evaluator, signal.SIGIO)
                await until(lambda: gone(evaluator))

            slow = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f }"
            task = asyncio.create_task(view.evaluate(slow, CSV, LIMITS))
            await kill_after(0.1)
            assert await (await task).read() == b"n\r\n9000000\r\n"
            assert views.counts["died"] == 1
            task = asyncio.create_task(view.evaluate(RUNAWAY, CSV, LIMITS))
            for _ in range(2):
                await kill_after(0.3)
                await until(lambda: len(processes_of(view)) == 2)
            with pytest.raises(TooCostly):
                await task

    asyncio.run(scenario())


def test_a_host_that_is_killed_is_built_again(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(10)}))
        async with views_of(record) as views:
            view = await views.get(cells)
            everyone = processes_of(view)
            os.kill(view.seat.host.pid, signal.SIGKILL)
            await until(lambda: all(gone(pid) for pid in everyone))
            assert json.loads(await (await view.evaluate(LOOKUP, JSON, LIMITS)).read())["boolean"]
            again = await views.get(cells)
            assert again.version == view.version
            assert again.seat is not view.seat

    asyncio.run(scenario())


def test_a_query_that_takes_too_much_memory_is_ended(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(3000)}))
        async with views_of(record, evaluator_memory_bytes=64 << 20) as views:
            view = await views.get(cells)
            with pytest.raises(TooCostly):
                await view.evaluate(RUNAWAYS["huge sort"], JSON, LIMITS)
            await view.evaluate(LOOKUP, JSON, LIMITS)

    asyncio.run(scenario())


def test_a_query_nested_beyond_the_stack_ends_only_its_own_process(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(10)}))
        async with views_of(record) as views:
            view = await views.get(cells)
            deep = "ASK " + "{" * 200_000 + "}" * 200_000
            with pytest.raises((TooCostly, MalformedQuery)):
                await view.evaluate(deep, JSON, LIMITS)
            await view.evaluate(LOOKUP, JSON, LIMITS)

    asyncio.run(scenario())


def test_who_finds_no_evaluator_in_time_is_told_so(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(3000)}))
        async with views_of(record, evaluators_per_view=1, evaluators_max_per_view=1) as views:
            view = await views.get(cells)
            slow = asyncio.create_task(view.evaluate(RUNAWAY, JSON, Limits(2, 10, 1000)))
            await asyncio.sleep(0.1)
            with pytest.raises(Overloaded):
                await view.evaluate(LOOKUP, JSON, Limits(0.3, 10, 1000))
            with pytest.raises(Deadline):
                await slow

    asyncio.run(scenario())


def test_queued_queries_are_answered_after_the_runaways_before_them(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(3000)}))
        async with views_of(record, evaluators_max_per_view=2) as views:
            view = await views.get(cells)
            runaways = [
                asyncio.create_task(view.evaluate(RUNAWAY, JSON, Limits(0.5, 10, 1000)))
                for _ in range(2)
            ]
            await asyncio.sleep(0.05)
            start = time.monotonic()
            await view.evaluate(LOOKUP, JSON, LIMITS)
            assert 0.3 < time.monotonic() - start < 1.5
            for task in runaways:
                with pytest.raises(Deadline):
                    await task

    asyncio.run(scenario())


def test_runaways_that_hold_all_evaluators_hold_up_nobody_else(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(3000)}))
        async with views_of(record) as views:
            view = await views.get(cells)
            runaways = [
                asyncio.create_task(view.evaluate(RUNAWAY, JSON, Limits(2.5, 10, 1000)))
                for _ in range(2)
            ]
            await asyncio.sleep(0.1)
            for _ in range(5):
                start = time.monotonic()
                await view.evaluate(LOOKUP, JSON, LIMITS)
                assert time.monotonic() - start < 1.5
            assert all(not task.done() for task in runaways)
            for task in runaways:
                with pytest.raises(Deadline):
                    await task
            await until(lambda: len(processes_of(view)) == 3)

    asyncio.run(scenario())


def test_no_query_opens_a_connection_whatever_it_names(record: FolderRecord) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.2)
    port = listener.getsockname()[1]
    accepted = []

    def accept() -> None:
        with contextlib.suppress(TimeoutError):
            while True:
                accepted.append(listener.accept()[0])

    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(3)}))
        for place in ({}, {"view_memory_bytes": 1}):
            async with views_of(record, **place) as views:
                view = await views.get(cells)
                for silent in ("", "SILENT "):
                    query = (
                        f"SELECT * {{ SERVICE {silent}<http://127.0.0.1:{port}/> {{ ?s ?p ?o }} }}"
                    )
                    with contextlib.suppress(RefusedQuery, TooCostly):
                        await view.evaluate(query, JSON, Limits(2, 10, 1000))

    thread = threading.Thread(target=accept)
    asyncio.run(scenario())
    thread.start()
    thread.join()
    listener.close()
    assert accepted == []


def test_the_host_has_one_thread_and_its_evaluators_hold_no_other_listener(
    record: FolderRecord,
) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(20_000)}))
        async with views_of(record) as views:
            view = await views.get(cells)
            host = view.seat.host.pid
            assert threads_of(host) == 1
            for pid in processes_of(view) - {host}:
                await until(lambda pid=pid: sum("socket:" in name for name in handles(pid)) == 1)
                assert not any("pidfd" in name or "lock" in name for name in handles(pid))

    asyncio.run(scenario())


async def many_runaways(views: Views, view: View, count: int) -> None:
    """Run runaways four at a time among healthy lookups."""
    kinds = list(RUNAWAYS.values())

    async def one(number: int) -> None:
        if number % 3 == 0:
            with pytest.raises((Deadline, Overloaded)):
                await view.evaluate(kinds[number % len(kinds)], JSON, Limits(0.06, 10**9, 10**9))
        elif number % 3 == 1:
            task = asyncio.create_task(view.evaluate(RUNAWAY, JSON, Limits(5, 10, 1000)))
            await asyncio.sleep(0.01 * (number % 7))
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        else:
            with contextlib.suppress(Overloaded):
                await view.evaluate(LOOKUP, JSON, Limits(5, 10, 1000))

    for start in range(0, count, 4):
        await asyncio.gather(*(one(n) for n in range(start, min(start + 4, count))))


async def nothing_is_left_behind(record: FolderRecord, count: int) -> None:
    cells = publish(record, model("urn:m:1", {"a": many(3000)}))
    async with views_of(record) as views:
        view = await views.get(cells)
        await many_runaways(views, view, 8)
        await until(lambda: len(processes_of(view)) == 3)
        await asyncio.sleep(0.2)
        own_handles, host_handles = len(handles()), len(handles(view.seat.host.pid))
        memory = view.seat.host.memory_bytes()
        await many_runaways(views, view, count)
        await until(lambda: len(processes_of(view)) == 3)
        await asyncio.sleep(0.2)
        assert len(handles()) <= own_handles + 1
        assert len(handles(view.seat.host.pid)) == host_handles
        assert view.seat.host.memory_bytes() < memory + (24 << 20)
        assert view.seat.running == 0
        await view.evaluate(LOOKUP, JSON, LIMITS)
        everyone = processes_of(view)
    await until(lambda: all(gone(pid) for pid in everyone))


def test_runaways_leave_nothing_behind(record: FolderRecord) -> None:
    asyncio.run(nothing_is_left_behind(record, 60))


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_thousand_runaways_leave_nothing_behind(record: FolderRecord) -> None:
    asyncio.run(nothing_is_left_behind(record, 3000))
