"""Views are brought from version to version by what changed, and answer as if built anew."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from kgnode.errors import Deadline
from kgnode.store import follow
from kgnode.store.cells import Manifest, NewModel
from kgnode.store.delta import compare
from kgnode.store.record import FolderRecord
from kgnode.store.view import Limits, View, Views

from .conftest import CSV, DATASET, LIMITS, model, publish, views_of
from .test_view import RUNAWAY, many

ALL = "SELECT ?s ?p ?o { ?s ?p ?o } ORDER BY ?s ?p ?o"
GRAPHS = "SELECT ?g ?s ?p ?o { GRAPH ?g { ?s ?p ?o } } ORDER BY ?g ?s ?p ?o"


async def content(view: View) -> tuple[bytes, bytes]:
    return (
        await (await view.evaluate(ALL, CSV, LIMITS)).read(),
        await (await view.evaluate(GRAPHS, CSV, LIMITS)).read(),
    )


async def moved(views: Views, record: FolderRecord, before: Manifest) -> View:
    """Follow the data set to its current version; return the view of it."""
    after = record.current(DATASET)
    assert after is not None
    await views.follow(before, after)
    return await views.get(frozenset(after.cells))


def test_a_small_change_is_made_in_place(record: FolderRecord) -> None:
    async def scenario() -> None:
        steady = model("urn:m:2", {"a": many(500)})
        cells = publish(record, model("urn:m:1", {"a": many(100)}), steady)
        async with views_of(record) as views:
            old = await views.get(cells)
            before = record.current(DATASET)
            assert before is not None
            publish(
                record,
                model("urn:m:1", {"a": many(99) + '<urn:new> <urn:p> "1" .\n'}, "v2"),
                steady,
            )
            new = await moved(views, record, before)
            assert views.counts["changed"] == 1
            assert views.counts["built"] == 1
            assert new.seat.host is old.seat.host
            assert new.version != old.version
            found = await content(new)
            # s99 left model 1 but stands in model 2, so it stays in the merge
            assert found[0].count(b"\r\n") == 502
            assert b"urn:m:1,urn:s99" not in found[1]
            assert b"urn:m:2,urn:s99" in found[1]
            assert b"urn:m:1,urn:new" in found[1]
        async with views_of(record) as views:
            assert await content(await views.get(frozenset(new.key[0]))) == found

    asyncio.run(scenario())


def test_the_old_view_answers_while_queries_run_on_it(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(300)}))
        async with views_of(record, evaluators_per_view=1) as views:
            old = await views.get(cells)
            before = record.current(DATASET)
            assert before is not None
            slow = asyncio.create_task(old.evaluate(RUNAWAY, CSV, Limits(1.0, 1, 100)))
            await asyncio.sleep(0.1)
            waiting = asyncio.create_task(content(old))
            await asyncio.sleep(0.1)
            publish(record, model("urn:m:1", {"a": many(301)}, "v2"))
            new = await moved(views, record, before)
            assert (await content(new))[0].count(b"\r\n") == 302
            with pytest.raises(Deadline):
                await slow
            # its evaluator is gone and the store has moved on: the old content is built again
            assert (await waiting)[0].count(b"\r\n") == 301
            assert (await content(await views.get(cells)))[0].count(b"\r\n") == 301

    asyncio.run(scenario())


def test_a_large_change_builds_anew(record: FolderRecord) -> None:
    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": many(100)}))
        async with views_of(record) as views:
            await views.get(cells)
            before = record.current(DATASET)
            assert before is not None
            publish(record, model("urn:m:1", {"a": many(50)}, "v2"))
            new = await moved(views, record, before)
            assert views.counts["changed"] == 0
            assert (await content(new))[0].count(b"\r\n") == 51
            assert len(views._seats) == 1

    asyncio.run(scenario())


def test_views_that_churn_are_built_anew(record: FolderRecord) -> None:
    async def scenario() -> None:
        publish(record, model("urn:m:1", {"a": many(1000)}))
        async with views_of(record) as views:
            before = record.current(DATASET)
            assert before is not None
            await views.get(frozenset(before.cells))
            for number in range(1, 30):
                text = many(990) + "".join(
                    f"<urn:v{number}-{n}> <urn:p> <urn:o> .\n" for n in range(10)
                )
                publish(record, model("urn:m:1", {"a": text}, f"v{number}"))
                view = await moved(views, record, before)
                before = record.current(DATASET)
                assert before is not None
                assert view.seat.churn <= 0.1 * 2000
            assert (await content(view))[0].count(b"\r\n") == 1001
            assert views.counts["changed"] > 20
            assert views.counts["built"] >= 2

    asyncio.run(scenario())


def test_what_was_withdrawn_leaves_the_views_in_use(record: FolderRecord) -> None:
    async def scenario() -> None:
        stays = publish(record, model("urn:m:2", {"a": many(5)}), dataset="urn:other")
        cells = publish(record, model("urn:m:1", {"a": "<urn:secret> <urn:p> <urn:o> .\n"}))
        async with views_of(record) as views:
            await views.get(cells | stays)
            before = record.current(DATASET)
            record.withdraw(DATASET)
            await views.follow(before, None)
            assert [seat.key[0] for seat in views._seats.values()] == [stays]
            assert b"secret" not in (await content(await views.get(stays)))[0]

    asyncio.run(scenario())


def test_many_random_versions_by_delta_equal_views_built_anew(
    record: FolderRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(7)
    pool = [f'<urn:s{n % 9}> <urn:p{n % 3}> "{n % 17}" .\n' for n in range(60)]

    def version(number: int) -> list[NewModel]:
        return [
            model(
                f"urn:m:{m}",
                {
                    names: "".join(chance.sample(pool, chance.randrange(8)))
                    for names in ("a", "b", "a b")
                },
                f"{m}-{number}",
            )
            for m in range(3)
        ]

    async def scenario() -> None:
        publish(record, *version(0))
        async with views_of(record) as followed, views_of(record, "second") as fresh:
            for number in range(1, 12):
                before = record.current(DATASET)
                assert before is not None
                await followed.get(frozenset(before.cells))
                publish(record, *version(number))
                view = await moved(followed, record, before)
                plain = await fresh.get(view.key[0])
                assert await content(view) == await content(plain)
                fresh.lost(plain.seat)
            assert followed.counts["changed"] >= 11

    monkeypatch.setattr(follow, "CHURN_MAX", 1e9)
    monkeypatch.setattr(follow, "CHANGE_MAX", 1e9)
    asyncio.run(scenario())


def test_a_triple_survives_in_a_cell_that_stays(tmp_path: Path) -> None:
    def file(name: str, *lines: str) -> Path:
        path = tmp_path / name
        path.write_text("".join(f"{line} .\n" for line in lines))
        return path

    kept = file("kept", "a", "b")
    old, new = file("old", "a", "c", "d"), file("new", "d", "e")
    delta = compare([kept, old], [kept, new])
    assert delta.removed == {b"c .\n"}
    assert delta.added == {b"e .\n"}
    assert len(compare([kept, old], [old, kept])) == 0
