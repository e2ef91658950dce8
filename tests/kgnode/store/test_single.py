"""Where there is no fork, one process a view answers; it ends and is built again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

import pytest

from kgnode import summary
from kgnode.errors import Deadline, ResultTooLarge
from kgnode.store.record import FolderRecord
from kgnode.store.view import Limits

from .conftest import DATASET, JSON, LIMITS, model, publish, views_of
from .test_evaluator import LOOKUP, gone, until
from .test_view import RUNAWAY, many


@pytest.mark.parametrize("memory_bytes", [4 << 30, 1], ids=["memory", "disk"])
def test_a_view_without_fork_answers_and_recovers(record: FolderRecord, memory_bytes: int) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(3000)}))
        async with views_of(record, evaluator_fork=False, view_memory_bytes=memory_bytes) as views:
            view = await views.get(cells)
            assert json.loads(await (await view.evaluate(LOOKUP, JSON, LIMITS)).read())["boolean"]
            with pytest.raises(ResultTooLarge):
                await view.evaluate("SELECT * { ?s ?p ?o }", JSON, Limits(5, 5, 10**6))
            assert json.loads(await view.call(summary.summarise))["predicates"]
            process = view.seat.host.pid
            start = time.monotonic()
            with pytest.raises(Deadline):
                await view.evaluate(RUNAWAY, JSON, Limits(0.5, 10, 1000))
            assert time.monotonic() - start < 1.5
            await until(lambda: gone(process))
            assert json.loads(await (await view.evaluate(LOOKUP, JSON, LIMITS)).read())["boolean"]
            again = await views.get(cells)
            task = asyncio.create_task(again.evaluate(RUNAWAY, JSON, Limits(60, 10, 1000)))
            await asyncio.sleep(0.3)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await until(lambda: gone(again.seat.host.pid))
            before = record.current(DATASET)
            later = publish(record, model("urn:m:1", {"a": many(3001)}, "v2"))
            await views.follow(before, record.current(DATASET))
            view = await views.get(later)
            query = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
            assert b'"3001"' in await (await view.evaluate(query, JSON, LIMITS)).read()

    asyncio.run(scenario())
