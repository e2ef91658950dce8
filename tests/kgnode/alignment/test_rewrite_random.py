"""The law: a rewritten query over data = the query as written over all that follows from the data.

``python -m tests.kgnode.alignment.test_rewrite_random COUNT`` carries out more trials and prints
what docs/proofs/mappings.md says.
"""

from __future__ import annotations

import sys
from collections import Counter

import pytest

from tests.kgnode.alignment.trials import trial, ways

CI, NIGHTLY = 200, 5_000


def carried_out(count: int) -> Counter[str]:
    """Carry out the trials from 0; return how each was answered. Raises at the first difference."""
    seen: Counter[str] = Counter()
    for seed in range(count):
        way, wrong = ways(trial(seed))
        assert wrong is None, f"trial {seed}, {way}: {wrong}"
        seen[way] += 1
    return seen


def test_rewritten_queries_answer_as_over_all_that_follows() -> None:
    seen = carried_out(CI)
    assert min(seen["rewritten"], seen["materialised"], seen["as written"]) > CI / 10


@pytest.mark.nightly
def test_five_thousand_rewritten_queries_answer_as_over_all_that_follows() -> None:
    seen = carried_out(NIGHTLY)
    assert seen.total() == NIGHTLY


if __name__ == "__main__":
    wanted = int(sys.argv[1])
    for answered, number in sorted(carried_out(wanted).items()):
        sys.stdout.write(f"{answered}: {number}\n")
