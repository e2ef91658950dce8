"""Steps in processes of their own: result, error, sudden death, and nothing left behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from federation.demo.workers import Workers
from kgnode.errors import NotFound, Unexpected


def test_a_step_runs_in_another_process_and_returns() -> None:
    with Workers() as workers:
        assert workers.run(os.getpid) != os.getpid()
        both = [workers.start(pow, 2, 10), workers.start(pow, 3, 3)]
        assert [one.result() for one in both] == [1024, 27]


def fail() -> None:
    raise NotFound("No such thing.", hint="Look elsewhere.")


def test_an_error_of_a_step_is_raised_with_its_hint() -> None:
    with Workers() as workers, pytest.raises(NotFound) as caught:
        workers.run(fail)
    assert caught.value.hint == "Look elsewhere."


def test_a_step_that_dies_is_named() -> None:
    with Workers() as workers, pytest.raises(Unexpected, match="_exit"):
        workers.run(os._exit, 3)


def test_leaving_ends_what_still_runs_and_does_not_wait_for_it() -> None:
    start = time.monotonic()
    with Workers() as workers:
        workers.start(time.sleep, 600)
        (child,) = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()[-1:]
    assert not Path(f"/proc/{child}").exists()
    assert time.monotonic() - start < 300
