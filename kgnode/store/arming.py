"""How an evaluator is made to end itself: at a deadline, or when its client hangs up.

In: the client's connection and the seconds left. Out: what undoes it. The engine cannot be asked to
stop, so the process ends: by the default action of two signals where there are such signals, else
by a thread that waits beside it.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import threading
from collections.abc import Callable

ENDED = 14
"""Exit status of an evaluator ended by its thread."""


def by_signals(connection: socket.socket, seconds: float) -> Callable[[], None]:
    """Arm the interval timer and the socket's signal, both left at *terminate*."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(connection, fcntl.F_GETFL)
    fcntl.fcntl(connection, fcntl.F_SETFL, flags | os.O_ASYNC)

    def disarm() -> None:
        fcntl.fcntl(connection, fcntl.F_SETFL, flags)
        signal.setitimer(signal.ITIMER_REAL, 0)

    return disarm


def by_thread(connection: socket.socket, seconds: float) -> Callable[[], None]:
    """Start a thread that ends the process; the engine runs without the interpreter's lock."""
    reading, writing = os.pipe()
    waiting = select.poll()
    waiting.register(reading, select.POLLIN)
    waiting.register(connection, select.POLLIN)

    def watch() -> None:
        events = waiting.poll(seconds * 1000)
        if not any(handle == reading for handle, _ in events):
            os._exit(ENDED)

    thread = threading.Thread(target=watch)
    thread.start()

    def disarm() -> None:
        os.write(writing, b"x")
        thread.join()
        os.close(reading)
        os.close(writing)

    return disarm
