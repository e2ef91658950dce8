"""A coroutine without a task does what its task would do, however it waits and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from kgnode.store.door import Silent, Waiting
from kgnode.store.line import Answer
from kgnode.web.errand import Errand

ANSWER = Answer(b"i", b" ", True, 2, b"ok", None)


class Run:
    """What a coroutine did: what it noted, and whether it ended well."""

    def __init__(self) -> None:
        self.notes: list[object] = []
        self.well: bool | None = None
        self.ended = asyncio.Event()

    def errand(self, coroutine: Coroutine[Any, Any, None]) -> Errand:
        def done(_errand: Errand, well: bool) -> None:
            assert self.well is None
            self.well = well
            self.ended.set()

        return Errand(coroutine, done)


def outside(play: Callable[[], object]) -> Awaitable[object]:
    """Do something as the loop does it for a connection: in no task."""
    loop = asyncio.get_running_loop()
    made = loop.create_future()
    loop.call_soon(lambda: made.set_result(play()))
    return made


def test_what_never_waits_is_over_at_once() -> None:
    async def scenario() -> None:
        run = Run()

        async def work() -> None:
            run.notes.append(asyncio.current_task())

        await outside(run.errand(work()).start)
        assert run.well
        assert run.notes == [None]

    asyncio.run(scenario())


def test_an_answer_is_taken_up_the_moment_it_is_there() -> None:
    async def scenario() -> None:
        run, waiting = Run(), Waiting(b"", 0.0)

        async def work() -> None:
            run.notes.append(await waiting)

        await outside(run.errand(work()).start)
        assert run.well is None
        waiting.end(ANSWER)  # no turn of the loop between this
        assert run.notes == [ANSWER]  # and this
        assert run.well

    asyncio.run(scenario())


def test_a_task_awaits_the_same_request_as_well() -> None:
    async def scenario() -> None:
        for outcome in (ANSWER, Silent()):
            waiting = Waiting(b"", 0.0)
            asyncio.get_running_loop().call_soon(waiting.end, outcome)
            if isinstance(outcome, Silent):
                with pytest.raises(Silent):
                    await waiting
            else:
                assert await waiting is outcome
            waiting.end(Silent())  # too late to count
            assert waiting.outcome is outcome

    asyncio.run(scenario())


def test_it_waits_for_anything_else_as_a_task_does() -> None:
    async def scenario() -> None:
        run, waiting = Run(), Waiting(b"", 0.0)

        async def work() -> None:
            await asyncio.sleep(0)
            run.notes.append(await asyncio.to_thread(lambda: "thread"))
            async with asyncio.timeout(5):
                run.notes.append(await asyncio.gather(asyncio.sleep(0.01, 1), asyncio.sleep(0, 2)))
            run.notes.append(await waiting)

        await outside(run.errand(work()).start)
        asyncio.get_running_loop().call_later(0.1, waiting.end, ANSWER)
        await asyncio.wait_for(run.ended.wait(), 5)
        assert run.well
        assert run.notes == ["thread", [1, 2], ANSWER]

    asyncio.run(scenario())


@pytest.mark.parametrize("first", ["request", "future", "task"])
def test_it_is_cancelled_wherever_it_waits(first: str) -> None:
    async def scenario() -> None:
        run, waiting = Run(), Waiting(b"", 0.0)
        future = asyncio.get_running_loop().create_future()

        async def work() -> None:
            try:
                if first == "task":
                    await asyncio.sleep(0)
                if first == "request":
                    await waiting
                else:
                    await future
            except asyncio.CancelledError:
                run.notes.append("cancelled")
                await asyncio.sleep(0.01)
                run.notes.append("tidied")
                raise

        errand = run.errand(work())
        await outside(errand.start)
        await asyncio.sleep(0.01)
        await outside(errand.cancel)
        await asyncio.wait_for(run.ended.wait(), 5)
        assert run.well is False
        assert run.notes == ["cancelled", "tidied"]

    asyncio.run(scenario())


def test_an_error_ends_it_badly() -> None:
    async def scenario() -> None:
        for pause in (False, True):
            run = Run()

            async def work(pause: bool = pause) -> None:
                if pause:
                    await asyncio.sleep(0)
                raise ValueError

            await outside(run.errand(work()).start)
            await asyncio.wait_for(run.ended.wait(), 5)
            assert run.well is False

    asyncio.run(scenario())
