"""Heavy steps of the demo, each in a process of its own that ends with the step.

In: a function and its arguments, both picklable. Out: its result, or its error. The memory of a
load flow or of a parsed network is back with the system when the step is over.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.pool import AsyncResult
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


class Pending(Generic[T]):
    """A step that was handed over."""

    def __init__(self, handed: AsyncResult[T]) -> None:
        self._handed = handed

    def result(self) -> T:
        """Wait for the step; return what it returned, or raise what it raised."""
        while not self._handed.ready():
            self._handed.wait(0.5)  # in short turns, so that a signal is heard
        return self._handed.get()


class Workers:
    """Runs steps one after the other, each in a fresh process; use as a context manager."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = context.Pool(1, _prepare, maxtasksperchild=1)

    def __enter__(self) -> Workers:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End whatever still runs."""
        self._pool.terminate()
        self._pool.join()

    def start(self, step: Callable[..., T], *arguments: Any) -> Pending[T]:
        """Hand over a step."""
        return Pending(self._pool.apply_async(step, arguments))

    def run(self, step: Callable[..., T], *arguments: Any) -> T:
        """Hand over a step and wait for it."""
        return self.start(step, *arguments).result()


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the demo itself hears Ctrl-C and ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
