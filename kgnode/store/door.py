"""The door of a seat: its lines to evaluators, and the queue of queries that wait for one.

In: a request. Out: its answer, from an evaluator of its own. Evaluators stay with their line from
query to query; whoever waits longest goes out on a line the moment it is free. When nobody has
ended for a while and somebody waits, one more evaluator is asked for.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from kgnode.errors import Overloaded
from kgnode.store.line import Answer, Line

WAIT_SECONDS = 0.03
"""A query that waits so long while none ends gets an evaluator of its own, within the limit."""

QUEUE_MAX = 1024
"""Queries that may wait for one view."""

SLOW_SECONDS = 0.2
"""A query that takes longer lets others go before it."""

GRACE_SECONDS = 0.25
"""How long after the deadline an evaluator has to end itself before it is given up."""


class Gone(Exception):
    """Nobody accepts there any more: the view was replaced or its host has ended."""


class Silent(Exception):
    """The evaluator ended before its answer was whole."""


class _Left(Exception):
    """Nobody waits for the answer any more."""


class Waiting:
    """One request on its way, awaited by whoever asked; times are on the monotonic clock.

    A task awaits it as it awaits anything. A coroutine that is run without a task (``kgnode.web.
    lane``) hands the request itself to whoever runs it, who is told by ``then``: no turn of the
    event loop lies between an answer and what is done with it.
    """

    __slots__ = ("_then", "deadline", "line", "message", "outcome", "slow_from")

    def __init__(self, message: bytes, deadline: float) -> None:
        self.message = message
        self.deadline = deadline
        self.line: Line | None = None
        self.slow_from = 0.0
        self.outcome: Answer | Exception | None = None
        self._then: Callable[[], None] | None = None

    def then(self, told: Callable[[], None]) -> None:
        """Have something told once the outcome is there."""
        self._then = told

    def end(self, outcome: Answer | Exception) -> None:
        """Tell the outcome; what comes after the first is dropped."""
        if self.outcome is not None:
            _drop(outcome)
            return
        self.outcome = outcome
        if self._then is not None:
            self._then()

    def leave(self) -> None:
        """Wait no longer."""
        if self.outcome is not None:
            _drop(self.outcome)
        self.outcome, self._then = _Left(), None

    def __await__(self) -> Generator[Any, None, Answer]:
        if self.outcome is None:
            if asyncio.current_task() is None:
                yield self
            else:
                told = asyncio.get_running_loop().create_future()
                self._then = lambda: None if told.done() else told.set_result(None)
                yield from told
        if isinstance(self.outcome, Answer):
            return self.outcome
        raise self.outcome or RuntimeError("a request was awaited and had no outcome")


class Door:
    """Lines to the evaluators of one seat.

    Attributes:
        retired: no query is to begin any more; those that wait are still let in.
    """

    def __init__(self, path: str, evaluators: int, most: int, order: Callable[[str], None]) -> None:
        self.retired = False
        self._path = path
        self._evaluators = evaluators
        self._most = most
        self._order = order
        self._capacity = evaluators
        self._ended = time.monotonic()
        self._idle: list[Line] = []
        self._unanswered: dict[Line, float] = {}
        self._open = 0
        self._waiting: deque[Waiting] = deque()
        self._running: dict[Line, Waiting] = {}
        self._ticking = False

    async def ask(self, message: bytes, deadline: float) -> Answer:
        """Return the answer to a request; a caller who is cancelled frees its evaluator.

        Raises:
            Gone: nobody accepts there.
            Silent: the evaluator ended.
            Overloaded: no evaluator became free in time.
            TimeoutError: the deadline is over, though the evaluator should have ended by itself.
        """
        query = Waiting(message, deadline)
        self._waiting.append(query)
        self._let_in()
        if query.line is None and len(self._waiting) > QUEUE_MAX:
            self._waiting.remove(query)
            raise _overloaded("Too many queries wait for this view.")
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_later(WAIT_SECONDS, self._tick)
        try:
            return await query
        except BaseException:
            query.leave()
            raise
        finally:
            if query.line is not None:  # cancelled, or given up
                self._leave(query.line, query, stays=False)

    def shut(self) -> None:
        """Let in those that wait, but nobody else; evaluators see it when their line ends."""
        self.retired = True
        while self._idle:
            self._close(self._idle.pop())

    def _let_in(self) -> None:
        """Send out those who wait, longest first, while there are lines for them."""
        while self._waiting:
            if self._waiting[0].outcome is not None:
                self._waiting.popleft()
                continue
            try:
                if self._idle:
                    line = self._idle.pop()
                elif self._open < self._capacity:
                    line = self._connect()
                else:
                    return
            except BlockingIOError:
                self._fail(_overloaded("Too many queries wait for this view."))
                return
            except (ConnectionRefusedError, FileNotFoundError):
                while self._waiting:
                    self._fail(Gone())
                return
            self._send_out(line)

    def _send_out(self, line: Line) -> None:
        """Have a line carry the query that waits longest."""
        query = self._waiting[0]
        if not line.ask(query.message):
            self._close(line)  # its evaluator has ended meanwhile: nobody took the query
            return
        self._waiting.popleft()
        query.line = line
        query.slow_from = time.monotonic() + SLOW_SECONDS
        self._running[line] = query

    def _answered(self, line: Line, answer: Answer | None) -> None:
        """Take the answer that came on a line; None when the line has ended."""
        query = self._running.get(line)
        if query is None:
            if line in self._idle:
                self._idle.remove(line)
                self._close(line)
            return
        self._leave(line, query, stays=answer is not None and answer.stays)
        query.end(Silent() if answer is None else answer)

    def _leave(self, line: Line, query: Waiting, *, stays: bool) -> None:
        """Free a line for who waits longest; ``stays`` tells whether its evaluator waits too."""
        now = self._ended = time.monotonic()
        query.line = None
        del self._running[line]
        if self._unanswered:
            self._unanswered.pop(line, None)
        # one that connected and was not answered may wait for an evaluator to become free
        stuck = bool(self._unanswered) and min(self._unanswered.values()) < now - WAIT_SECONDS
        if not stays:
            self._capacity = max(self._capacity - 1, self._evaluators)
        if stays and not stuck and (self._waiting or not self.retired):
            self._idle.append(line)
        else:
            self._close(line)
        if self._waiting:
            self._let_in()
        if self.retired:
            self.shut()

    def _connect(self) -> Line:
        """Return one more line."""
        line = Line(self._path, self._answered)
        self._open += 1
        self._unanswered[line] = time.monotonic()
        return line

    def _close(self, line: Line) -> None:
        self._unanswered.pop(line, None)
        line.close()
        self._open -= 1

    def _fail(self, error: Exception) -> None:
        """Turn away the query that waits longest."""
        self._waiting.popleft().end(error)

    def _tick(self) -> None:
        """Look at all queries now and then: one timer for all is cheaper than some for each."""
        now = time.monotonic()
        for line, query in list(self._running.items()):
            if query.outcome is not None:
                continue  # what another one's end has led to
            if now > query.deadline + GRACE_SECONDS:
                late = _overloaded("No evaluator became free in time.")
                query.end(late if line.unread else TimeoutError())
            elif now > query.slow_from:
                query.slow_from = query.deadline + GRACE_SECONDS
                if not self.retired:
                    self._order("calm")
        for query in list(self._waiting):
            if now > query.deadline:
                query.end(_overloaded("No evaluator became free in time."))
        self._ask_for_more(now)
        self._ticking = bool(self._running or self._waiting)
        if self._ticking:
            asyncio.get_running_loop().call_later(WAIT_SECONDS, self._tick)

    def _ask_for_more(self, now: float) -> None:
        """Have one more evaluator come for those who wait, if none has ended for a while."""
        while self._waiting and self._waiting[0].outcome is not None:
            self._waiting.popleft()
        stalled = now - self._ended > WAIT_SECONDS
        if self._waiting and stalled and self._capacity < self._most and not self.retired:
            self._ended = now
            self._capacity += 1
            self._order("grow")
            self._let_in()


def _drop(outcome: Answer | Exception) -> None:
    """Free an answer that nobody takes."""
    if isinstance(outcome, Answer) and outcome.file is not None:
        os.close(outcome.file)


def _overloaded(message: str) -> Overloaded:
    return Overloaded(message, hint="Try again later.")
