"""The public, two organisations and three roles see of the demo what the page says, and no more."""

from __future__ import annotations

import pytest

from federation.demo.scenario import Scenario
from tests.federation.demo.sees import CALLERS, PAGE, page, rows


@pytest.fixture(scope="module")
def counts(small: Scenario) -> dict[tuple[str, str], int]:
    """(caller, ORG/data set) -> triples seen; the caller ``all`` is what there is."""
    found: dict[tuple[str, str], int] = {}
    for org, dataset, total, seen in rows(small):
        found["all", f"{org}/{dataset}"] = total
        for (name, _), count in zip(CALLERS, seen, strict=True):
            found[name, f"{org}/{dataset}"] = count
    return found


def test_the_page_is_fresh(small: Scenario) -> None:
    assert PAGE.read_text() == page(small), "run python -m tests.federation.demo.sees"


@pytest.mark.parametrize("dataset", ["TNO/network", "DNOA/network", "DNOB/network"])
def test_a_network_is_seen_in_steps(counts: dict[tuple[str, str], int], dataset: str) -> None:
    public, planner = counts["the public", dataset], counts["NESO planner", dataset]
    neighbour = counts["DNOB planner", dataset]
    assert 0 < public < neighbour <= planner <= counts["all", dataset]
    assert counts["the owner's operator", dataset] == counts["all", dataset]
    for name in (
        "NESO steward",
        "NESO auditor",
        "DNOB steward",
        "DNOB auditor",
        "NESO planner, purpose unstated",
    ):
        assert counts[name, dataset] == public


def test_a_neighbour_does_not_see_demand_and_the_critical_site(
    counts: dict[tuple[str, str], int],
) -> None:
    assert counts["DNOB planner", "DNOA/network"] < counts["NESO planner", "DNOA/network"]
