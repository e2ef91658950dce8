"""Failing members never make a wrong answer complete, nor a late one."""

from __future__ import annotations

import pytest

from tests.federation.failures import trials


def test_failing_members_never_make_a_wrong_answer_complete() -> None:
    ends, wrong = trials(range(40))
    assert wrong == []
    assert {"complete", "incomplete", "unsound"} <= set(ends)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_300_failure_trials() -> None:
    ends, wrong = trials(range(5_000, 5_330))
    assert wrong == []
    assert ends.total() >= 300
