"""The door lets queries in one by one, in order, and never loses a connection or a turn."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time

import pytest

from kgnode.errors import Deadline, Overloaded
from kgnode.store import door, evaluator
from kgnode.store.record import FolderRecord
from kgnode.store.view import Limits, View

from .conftest import CSV, JSON, LIMITS, model, publish, views_of
from .test_evaluator import LOOKUP, processes_of, until
from .test_view import RUNAWAY, many

PAIRS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f }"


def test_connections_are_used_again_and_never_more_than_evaluators(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(50)}))
        async with views_of(record) as views:
            view = await views.get(cells)
            entry = view.seat.door
            for _ in range(20):
                await asyncio.gather(*(view.evaluate(PAIRS, CSV, LIMITS) for _ in range(12)))
                assert entry._open == len(entry._idle) <= 2
                assert not entry._waiting
                assert not entry._unanswered

    asyncio.run(scenario())


def test_whoever_leaves_the_queue_takes_nothing_along(record: FolderRecord) -> None:
    chance = random.Random(3)

    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(120)}))
        async with views_of(record) as views:
            view = await views.get(cells)

            async def one() -> bytes | None:
                task = asyncio.create_task(view.evaluate(PAIRS, CSV, LIMITS))
                if chance.random() < 0.4:
                    await asyncio.sleep(chance.random() * 0.02)
                    task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    return await (await task).read()
                return None

            for _ in range(10):
                for found in await asyncio.gather(*(one() for _ in range(15))):
                    assert found in (None, b"n\r\n14400\r\n")
            assert view.seat.running == 0
            assert view.seat.door._open == len(view.seat.door._idle) <= 8
            start = time.monotonic()
            await view.evaluate(LOOKUP, JSON, LIMITS)
            assert time.monotonic() - start < 2

    asyncio.run(scenario())


def test_a_query_that_takes_long_stands_back_and_its_evaluator_is_replaced(
    record: FolderRecord,
) -> None:
    def priorities(view: View) -> list[int]:
        evaluators = processes_of(view) - {view.seat.host.pid}
        return sorted(os.getpriority(os.PRIO_PROCESS, pid) for pid in evaluators)

    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(3000)}))
        async with views_of(record) as views:
            view = await views.get(cells)
            (base,) = set(priorities(view))
            slow = asyncio.create_task(view.evaluate(RUNAWAY, JSON, Limits(2.0, 10, 1000)))
            await until(lambda: priorities(view) == [base, max(base, evaluator.CALM_PRIORITY)])
            await view.evaluate(LOOKUP, JSON, LIMITS)
            with pytest.raises(Deadline):
                await slow
            await until(lambda: priorities(view) == [base, base])
            long = f"SELECT (COUNT(*) AS ?n) {{ {PAIRS[25:-1]} FILTER(STR(?a) != STR(?e)) }}"
            answer = await (await view.evaluate(long, CSV, LIMITS)).read()
            assert answer.startswith(b"n\r\n")
            await until(lambda: priorities(view) == [base, base])
            assert views.counts["died"] == 0

    asyncio.run(scenario())


def test_the_queue_has_an_end(record: FolderRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "QUEUE_MAX", 3)

    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(3000)}))
        async with views_of(record, evaluators_per_view=1, evaluators_max_per_view=1) as views:
            view = await views.get(cells)
            slow = asyncio.create_task(view.evaluate(RUNAWAY, JSON, Limits(1.5, 10, 1000)))
            await asyncio.sleep(0.1)
            waiting = [asyncio.create_task(view.evaluate(LOOKUP, JSON, LIMITS)) for _ in range(3)]
            await asyncio.sleep(0.05)
            with pytest.raises(Overloaded):
                await view.evaluate(LOOKUP, JSON, LIMITS)
            with pytest.raises(Deadline):
                await slow
            await asyncio.gather(*waiting)

    asyncio.run(scenario())


def test_who_waits_for_an_evaluator_that_never_comes_gets_the_next_free_one(
    record: FolderRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(1200)}))
        async with views_of(record, evaluators_per_view=1) as views:
            view = await views.get(cells)
            entry = view.seat.door
            monkeypatch.setattr(entry, "_order", lambda _: None)  # asked for, but none comes
            start = time.monotonic()
            await asyncio.gather(*(view.evaluate(PAIRS, CSV, LIMITS) for _ in range(6)))
            assert time.monotonic() - start < 15
            assert not entry._unanswered

    asyncio.run(scenario())
