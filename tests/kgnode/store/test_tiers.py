"""Views share one budget of memory: the least recently used leave, and come back on disk."""

from __future__ import annotations

import asyncio
import time

import pytest

from kgnode.errors import Deadline, MalformedQuery
from kgnode.store import view as view_module
from kgnode.store.cells import Cell
from kgnode.store.record import FolderRecord
from kgnode.store.view import Limits, View

from .conftest import CSV, DATASET, LIMITS, model, publish, views_of
from .test_view import RUNAWAY, many

MIB = 1 << 20


def several(record: FolderRecord, count: int) -> list[frozenset[Cell]]:
    """Publish data sets that differ by one triple; return what each alone lets see."""
    return [
        publish(
            record,
            model(f"urn:m:{n}", {"a": many(2000) + f"<urn:only{n}> <urn:p> <urn:o> .\n"}),
            dataset=f"urn:d:{n}",
        )
        for n in range(count)
    ]


async def sees(view: View) -> bytes:
    query = "SELECT ?s { ?s <urn:p> <urn:o> }"
    return await (await view.evaluate(query, CSV, LIMITS)).read()


def test_more_views_than_fit_are_all_answered_and_the_budget_holds(record: FolderRecord) -> None:
    sets = several(record, 6)

    async def scenario() -> None:
        async with views_of(record, view_memory_bytes=110 * MIB) as views:
            for _ in range(2):
                for number, cells in enumerate(sets):
                    view = await views.get(cells)
                    assert await sees(view) == f"s\r\nurn:only{number}\r\n".encode()
                    assert views.stats()["memory_bytes"] <= 110 * MIB
            stats = views.stats()
            assert stats["evicted"] > 0
            assert stats["views"] < 6

    asyncio.run(scenario())


def test_a_view_that_had_to_leave_is_on_disk_when_it_returns(record: FolderRecord) -> None:
    sets = several(record, 1)

    async def scenario() -> None:
        async with views_of(record, view_memory_bytes=MIB) as views:
            view = await views.get(sets[0])
            assert view.seat.image is not None
            assert await sees(view) == b"s\r\nurn:only0\r\n"
            named = "SELECT (COUNT(*) AS ?n) { GRAPH <urn:m:0> { ?s ?p ?o } }"
            assert await (await view.evaluate(named, CSV, LIMITS)).read() == b"n\r\n2001\r\n"
            with pytest.raises(MalformedQuery):
                await view.evaluate("SELECT", CSV, LIMITS)
            for _ in range(3):
                with pytest.raises(Deadline):
                    await view.evaluate(RUNAWAY, CSV, Limits(0.3, 10, 1000))
            assert await sees(view) == b"s\r\nurn:only0\r\n"
            views.lost(view.seat)
            built = views.stats()["built_on_disk"]
            start = time.monotonic()
            again = await views.get(sets[0])
            assert await sees(again) == b"s\r\nurn:only0\r\n"
            assert again.seat.image == view.seat.image
            assert views.stats()["built_on_disk"] == built + 1
            assert time.monotonic() - start < 5

    asyncio.run(scenario())


def test_a_view_in_use_is_never_evicted(record: FolderRecord) -> None:
    sets = several(record, 3)

    async def scenario() -> None:
        async with views_of(record, view_memory_bytes=110 * MIB) as views:
            first = await views.get(sets[0])
            slow = asyncio.create_task(first.evaluate(RUNAWAY, CSV, Limits(2, 10, 1000)))
            await asyncio.sleep(0.1)
            for cells in sets[1:]:
                assert b"only" in await sees(await views.get(cells))
            assert not first.seat.retired
            with pytest.raises(Deadline):
                await slow

    asyncio.run(scenario())


def test_what_was_withdrawn_stays_in_no_view_used_or_not(
    record: FolderRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = publish(record, model("urn:m:1", {"a": many(5)}))

    async def scenario() -> None:
        for memory_bytes in (1, 1 << 30):
            async with views_of(record, view_memory_bytes=memory_bytes) as views:
                view = await views.get(cells)
                before = record.current(DATASET)
                monkeypatch.setattr(view_module, "IN_USE_SECONDS", -1.0)
                await views.follow(before, None)
                assert views.stats()["views"] == 0
                assert views.stats()["disk_bytes"] == 0
                assert view.seat.retired
                assert view.seat.image is None or not view.seat.image.exists()

    asyncio.run(scenario())
