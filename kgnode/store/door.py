"""The door of a seat: its connections to evaluators, and the queue of queries that wait for one.

In: a query that begins or ends. Out: a connection to an evaluator of its own. Evaluators stay with
their connection from query to query; whoever ends hands it to whoever waits longest. When nobody
has ended for a while and somebody waits, one more evaluator is asked for.
"""

from __future__ import annotations

import asyncio
import select
import socket
import time
from collections import deque
from collections.abc import Callable

from kgnode.errors import Overloaded

WAIT_SECONDS = 0.03
"""A query that waits so long while none ends gets an evaluator of its own, within the limit."""

QUEUE_MAX = 1024
"""Queries that may wait for one view."""


class Gone(Exception):
    """Nobody accepts there any more: the view was replaced or its host has ended."""


class Door:
    """Connections to the evaluators of one seat.

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
        self._idle: list[socket.socket] = []
        self._unanswered: dict[socket.socket, float] = {}
        self._open = 0
        self._waiting: deque[asyncio.Future[socket.socket | None]] = deque()

    async def enter(self, deadline: float) -> socket.socket:
        """Return a connection; wait for one until the deadline.

        Raises:
            Gone: nobody accepts there.
            Overloaded: none became free in time.
        """
        while True:
            while self._idle:
                connection = self._idle.pop()
                if not readable(connection):
                    return connection
                self._close(connection)  # its evaluator has ended meanwhile
            if self._open < self._capacity:
                return self._connect()
            connection_or_turn = await self._turn(deadline)
            if connection_or_turn is not None:
                return connection_or_turn

    def leave(self, connection: socket.socket, *, stays: bool) -> None:
        """Give a connection back; ``stays`` tells whether its evaluator waits for more."""
        now = self._ended = time.monotonic()
        self._unanswered.pop(connection, None)
        if not stays:
            self._capacity = max(self._capacity - 1, self._evaluators)
        # one that connected and was not answered may wait for an evaluator to become free
        stuck = any(since < now - WAIT_SECONDS for since in self._unanswered.values())
        if stays and not stuck:
            if self._hand_over(connection):
                return
            if not self.retired:
                self._idle.append(connection)
                return
        self._close(connection)
        self._hand_over(None)

    def slow(self) -> None:
        """Take note that a query takes long: it is to stand back behind quick ones."""
        if not self.retired:
            self._order("calm")

    def shut(self) -> None:
        """Let in those that wait, but nobody else; evaluators see it when their connection ends."""
        self.retired = True
        while self._idle:
            self._close(self._idle.pop())

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            connection.connect(self._path)
        except BlockingIOError as error:
            connection.close()
            raise _overloaded("Too many queries wait for this view.") from error
        except (ConnectionRefusedError, FileNotFoundError) as error:
            connection.close()
            self._hand_over(None)
            raise Gone from error
        self._open += 1
        self._unanswered[connection] = time.monotonic()
        return connection

    def _close(self, connection: socket.socket) -> None:
        connection.close()
        self._open -= 1

    def _hand_over(self, connection: socket.socket | None) -> bool:
        """Wake who waits longest; give it the connection, if there is one."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return True
        return False

    async def _turn(self, deadline: float) -> socket.socket | None:
        """Wait in the queue; None means that there may be room for one more connection."""
        if len(self._waiting) >= QUEUE_MAX:
            raise _overloaded("Too many queries wait for this view.")
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[socket.socket | None] = loop.create_future()
        self._waiting.append(turn)
        impatient = loop.call_later(WAIT_SECONDS, self._ask_for_more, turn)
        late = loop.call_later(deadline - time.monotonic(), _too_late, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and (given := turn.result()) is not None:
                self.leave(given, stays=True)  # it was given a connection as it was cancelled
            raise
        finally:
            late.cancel()
            impatient.cancel()

    def _ask_for_more(self, turn: asyncio.Future[socket.socket | None]) -> None:
        """Have one more evaluator come for who waits, if none has ended for a while."""
        if turn.done():
            return
        stalled = time.monotonic() - self._ended > WAIT_SECONDS
        if stalled and self._capacity < self._most and not self.retired:
            self._ended = time.monotonic()
            self._capacity += 1
            self._order("grow")
            self._hand_over(None)
        if not turn.done():
            asyncio.get_running_loop().call_later(WAIT_SECONDS, self._ask_for_more, turn)


def _too_late(turn: asyncio.Future[socket.socket | None]) -> None:
    if not turn.done():
        turn.set_exception(_overloaded("No evaluator became free in time."))


def _overloaded(message: str) -> Overloaded:
    return Overloaded(message, hint="Try again later.")


def readable(connection: socket.socket) -> bool:
    """Return whether there is something to read: on an idle connection, that it has ended."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
