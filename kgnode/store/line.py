"""One connection from the web process to an evaluator, for one query after another.

In: the bytes of a request. Out: its whole answer (form: ``kgnode.store.wire``), told to whoever
made the line. The event loop watches the connection for its whole life, not for each query: that
halves what a lookup costs here. Closing it early ends the evaluator that works for it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import termios
from collections.abc import Callable
from typing import NamedTuple

from kgnode.store import wire

PART_BYTES = 32 << 10
"""What is read at once; most answers are far smaller, and room for more would be paid each time."""


class Answer(NamedTuple):
    """What an evaluator says: ``file`` holds the body where it is not in ``content``."""

    kind: bytes
    cut: bytes
    stays: bool
    length: int
    content: bytes
    file: int | None


class Line:
    """A connection; only one query at a time may be on it.

    Args:
        path: where evaluators accept.
        answered: told each answer, or None once the other side has ended.

    Raises:
        OSError: nobody accepts there, or too many wait.
    """

    def __init__(self, path: str, answered: Callable[[Line, Answer | None], None]) -> None:
        self._answered = answered
        self._loop = asyncio.get_running_loop()
        self._received = self._unsent = b""
        self._asked = self._expects_file = False
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._connection.setblocking(False)
        try:
            self._connection.connect(path)
        except OSError:
            self._connection.close()
            raise
        self._handle = self._connection.fileno()
        self._loop.add_reader(self._handle, self._arrived)

    @property
    def unread(self) -> bool:
        """Whether nobody has taken up all that was sent."""
        return bool(self._unsent) or any(fcntl.ioctl(self._connection, termios.TIOCOUTQ, bytes(4)))

    def ask(self, message: bytes) -> bool:
        """Send a request; tell whether there is anybody to take it."""
        self._asked = True
        try:
            sent = self._connection.send(message)
        except BlockingIOError:
            sent = 0
        except OSError:
            return False
        if sent < len(message):
            self._unsent = message[sent:]
            self._loop.add_writer(self._handle, self._send_more)
        return True

    def close(self) -> None:
        """End the connection, and the evaluator if it still works for it."""
        if self._handle >= 0:
            self._loop.remove_reader(self._handle)
            self._loop.remove_writer(self._handle)
            self._connection.close()
            self._handle = -1

    def _send_more(self) -> None:
        try:
            self._unsent = self._unsent[self._connection.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self._unsent = b""  # reading tells how it ended
        if not self._unsent:
            self._loop.remove_writer(self._handle)

    def _arrived(self) -> None:
        """Take what has come; what nobody asked for is an end too."""
        file: int | None = None
        try:
            if self._expects_file:
                part, files, _, _ = socket.recv_fds(self._connection, 1, 1)
                file = next(iter(files), None)
            else:
                part = self._connection.recv(PART_BYTES)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if not part or not self._asked:
            if file is not None:
                os.close(file)
            self._answered(self, None)
        elif file is not None:
            self._read(self._received, file)
        else:
            self._read(self._received + part if self._received else part, None)

    def _read(self, received: bytes, file: int | None) -> None:
        """Tell the answer, once as much of it is there as its head says."""
        if len(received) < wire.HEAD.size:
            self._received = received
            return
        kind, cut, stays, length = wire.HEAD.unpack_from(received)
        if kind == wire.FILE and file is None:
            self._received = received
            self._expects_file = True
            self._connection.send(wire.READY)
        elif kind == wire.FILE or len(received) - wire.HEAD.size >= length:
            self._received = b""
            self._asked = self._expects_file = False
            content = received[wire.HEAD.size :]
            self._answered(self, Answer(kind, cut, stays == wire.STAYS, length, content, file))
        else:
            self._received = received
