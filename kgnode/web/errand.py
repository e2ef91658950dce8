"""A coroutine that runs without a task of the event loop for as long as it can.

In: a coroutine. Out: word of how it ended. What it awaits of the door to the evaluators it gets the
moment it is there; only when it waits for anything else does a task take it on. A lookup costs a
fifth less here than in a task, which the loop has to come round for three times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from kgnode.store.door import Waiting


class Errand:
    """A coroutine on its way; it behaves as its task would.

    Args:
        coroutine: not begun yet.
        done: told once whether it ended well; what it raised is its own to report.
    """

    __slots__ = ("_coroutine", "_done", "_future", "_task")

    def __init__(
        self, coroutine: Coroutine[Any, Any, None], done: Callable[[Errand, bool], None]
    ) -> None:
        self._coroutine = coroutine
        self._done = done
        self._future: asyncio.Future[Any] | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Run it, or go on with it, until it has to wait."""
        self._run(self._coroutine.send, None)

    def cancel(self, msg: object = None) -> None:
        """Raise CancelledError where it waits."""
        if self._task is not None:
            self._task.cancel(msg)
            return
        if self._future is not None:
            self._future.remove_done_callback(self._take_on)
            self._future.cancel()
            self._future = None
        self._run(self._coroutine.throw, asyncio.CancelledError())

    def _run(self, resume: Callable[[Any], Any], argument: BaseException | None) -> None:
        try:
            awaited = resume(argument)
        except StopIteration:
            self._done(self, True)
        except (KeyboardInterrupt, SystemExit):
            self._done(self, False)
            raise
        except BaseException:
            self._done(self, False)
        else:
            if isinstance(awaited, Waiting):
                awaited.then(self.start)
            elif awaited is None:  # it lets others run
                self._take_on(None)
            else:
                awaited._asyncio_future_blocking = False  # as a task does: it is waited for now
                self._future = awaited
                awaited.add_done_callback(self._take_on)

    def _take_on(self, _future: asyncio.Future[Any] | None) -> None:
        """Leave the rest to a task."""
        self._future = None
        self._task = asyncio.get_running_loop().create_task(self._coroutine)
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._done(self, not task.cancelled() and task.exception() is None)
