"""How an evaluator is made to end itself: at a deadline, or when its client hangs up.

In: the client's connection and, for each query, the seconds left. Out: what undoes it. The engine
cannot be asked to stop, so the process ends: by the default action of two signals where there are
such signals, else by a thread that waits beside it.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import threading
from typing import Protocol

from kgnode.store import descriptors

ENDED = 14
"""Exit status of an evaluator ended by its thread."""


class Arming(Protocol):
    """What ends this process while a query of one connection runs."""

    def arm(self, seconds: float) -> None:
        """Have it ended after so many seconds, or when the client goes."""

    def disarm(self) -> None:
        """Undo that."""


class BySignals:
    """The interval timer and the socket's signal, both left at *terminate*."""

    def __init__(self, connection: socket.socket) -> None:
        self._handle = connection.fileno()
        fcntl.fcntl(self._handle, fcntl.F_SETOWN, os.getpid())
        self._calm = fcntl.fcntl(self._handle, fcntl.F_GETFL)
        self._telling = self._calm | os.O_ASYNC

    def arm(self, seconds: float) -> None:
        """Start the timer and have the socket signal."""
        signal.setitimer(signal.ITIMER_REAL, seconds)
        fcntl.fcntl(self._handle, fcntl.F_SETFL, self._telling)

    def disarm(self) -> None:
        """Undo that."""
        fcntl.fcntl(self._handle, fcntl.F_SETFL, self._calm)
        signal.setitimer(signal.ITIMER_REAL, 0)


class ByThread:
    """A thread that ends the process; the engine runs without the interpreter's lock."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def arm(self, seconds: float) -> None:
        """Start a thread that waits beside the query."""
        with descriptors.allowed():
            reading, self._writing = os.pipe()
        waiting = select.poll()
        waiting.register(reading, select.POLLIN)
        waiting.register(self._connection, select.POLLIN)

        def watch() -> None:
            events = waiting.poll(seconds * 1000)
            if not any(handle == reading for handle, _ in events):
                os._exit(ENDED)
            os.close(reading)

        self._thread = threading.Thread(target=watch)
        self._thread.start()

    def disarm(self) -> None:
        """Tell the thread that all is well."""
        os.write(self._writing, b"x")
        self._thread.join()
        os.close(self._writing)
