"""Random queries over random data scattered over three nodes equal one store."""

from __future__ import annotations

import pytest

from federation.fetching import relay
from tests.federation import trials
from tests.federation.strange import strange
from tests.federation.trials import differences


def test_500_random_queries_equal_one_store() -> None:
    count, found = differences(range(500))
    assert found == []
    assert count > 400


def test_random_queries_passed_on_while_they_come_equal_one_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay, "SMALL_BYTES", 1)
    _, found = differences(range(2_000, 2_200))
    assert found == []


def test_300_random_queries_over_blank_nodes_equal_one_store() -> None:
    count, found = differences(range(500, 900), blank_nodes=True)
    assert found == []
    assert count > 250


def test_150_strange_queries_equal_one_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "trial", strange)
    count, found = differences(range(150))
    assert found == []
    assert count > 120


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_20_000_random_queries_equal_one_store() -> None:
    count, found = differences(range(1_000_000, 1_021_000))
    assert found == []
    assert count >= 20_000


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_many_random_queries_over_blank_nodes_equal_one_store() -> None:
    _, found = differences(range(4_000_000, 4_005_000), blank_nodes=True)
    assert found == []


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_10_000_strange_queries_equal_one_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "trial", strange)
    count, found = differences(range(5_000_000, 5_010_500))
    assert found == []
    assert count > 9_000
