"""Heavy steps of the demo, each in a process of its own that ends with the step.

In: a function and its arguments, both picklable. Out: its result, or its error. The memory of a
load flow or of a parsed network is back with the system when the step is over.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, TypeVar

from kgnode.errors import Unexpected

T = TypeVar("T")
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


class Pending(Generic[T]):
    """A step that runs; ``result`` waits for it."""

    def __init__(self, process: SpawnProcess, answers: Connection, name: str) -> None:
        self._process, self._answers, self._name = process, answers, name

    def result(self) -> T:
        """Return what the step returned, or raise what it raised.

        Raises:
            Unexpected: its process ended without an answer.
        """
        while not self._answers.poll(0.5):
            pass  # in short turns, so that a signal is heard
        try:
            good, value = self._answers.recv()
        except EOFError as error:
            self._process.join()
            code = self._process.exitcode
            raise Unexpected(
                f"The step {self._name} ended without an answer (exit code {code})."
            ) from error
        self._process.join()
        if not good:
            raise value
        answer: T = value
        return answer

    def end(self) -> None:
        """End the step's process if it still runs."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


class Workers:
    """Starts steps from the main thread; as a context manager it ends what still runs."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._started: list[Pending[Any]] = []

    def __enter__(self) -> Workers:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End whatever still runs."""
        for pending in self._started:
            pending.end()

    def start(self, step: Callable[..., T], *arguments: Any) -> Pending[T]:
        """Start a step."""
        receiving, sending = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=_work, args=(sending, step, arguments), daemon=True, name=step.__name__
        )
        process.start()
        sending.close()
        pending: Pending[T] = Pending(process, receiving, step.__name__)
        self._started.append(pending)
        return pending

    def run(self, step: Callable[..., T], *arguments: Any) -> T:
        """Start a step and wait for it."""
        return self.start(step, *arguments).result()


def _work(answers: Connection, step: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the demo itself hears Ctrl-C and ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    try:
        answers.send((True, step(*arguments)))
    except Exception as error:
        answers.send((False, error))
