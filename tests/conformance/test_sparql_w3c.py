"""The W3C SPARQL 1.0 and 1.1 suites through a node over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.through_node import PAGE, Verdict, folders, known_misses, page, verdicts


@pytest.fixture(scope="module")
def found(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Verdict]:
    suites = test_data / "suites" / "w3c_sparql"
    return [
        verdict
        for folder in folders(suites)
        for verdict in verdicts(folder, tmp_path_factory.mktemp(folder.name))
    ]


def test_every_query_test_of_both_suites_is_run(found: list[Verdict]) -> None:
    assert len(found) >= 838
    assert len({verdict.case for verdict in found}) == len(found)


def test_the_node_answers_as_pyoxigraph_alone_but_where_a_reason_is_known(
    found: list[Verdict],
) -> None:
    apart = {verdict.case for verdict in found if not verdict.as_alone}
    assert apart == set(known_misses()["pyoxigraph"])


def test_every_miss_against_the_w3c_has_its_reason(found: list[Verdict]) -> None:
    missed = {verdict.case for verdict in found if not verdict.as_wanted}
    assert missed == set(known_misses()["w3c"])


def test_the_page_tells_what_came_out(found: list[Verdict]) -> None:
    assert PAGE.read_text() == page(found), "run: python -m tests.conformance.through_node SUITES"
