"""A member that publishes CIM and one that publishes IES4 answer one query together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import orjson
import pytest

from federation.answer import Ask, FederatedAnswer
from federation.members.pool import Member
from tests.federation.mapped import member, product
from tests.federation.oracle import ask_all, settings
from tests.kgnode.alignment.product import HERE, triples
from tests.kgnode.alignment.test_ies_data import PREFIXES, QUESTIONS

ACCEPT = "application/sparql-results+json"
SET = "cim-ies4@1"
FILES = {"cim": ("grid.ttl",), "ies": ("ies4_sample.ttl",), "both": ("grid.ttl", "ies4_sample.ttl")}


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Member]]:
    """One member for each of the samples, and one node that has both."""
    folder = tmp_path_factory.mktemp("together")
    sets = product("cim-ies4")
    with contextlib.ExitStack() as stack:
        found = {}
        for name, files in FILES.items():
            data = {quad.triple for file in files for quad in triples(HERE / file)}
            found[name] = stack.enter_context(member(folder / name, name, data, sets))
        yield found


def _names(body: bytes) -> list[str]:
    rows = orjson.loads(body)["results"]["bindings"]
    return sorted(row["name"]["value"] for row in rows)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_node_with_both_answers_from_both(question: str, members: dict[str, Member]) -> None:
    query, expected = QUESTIONS[question]
    asked = urlencode({"query": PREFIXES + query, "mappings": SET}).encode()
    request = Request(members["both"].node + "/sparql", asked, headers={"Accept": ACCEPT})
    with urlopen(request, timeout=60) as answer:
        assert set(_names(answer.read())) == expected


@pytest.fixture(scope="module")
def federated(members: dict[str, Member]) -> dict[str, FederatedAnswer | Exception]:
    asks = [
        Ask(PREFIXES + query, accept=ACCEPT, mappings=(SET,)) for query, _ in QUESTIONS.values()
    ]
    two = [members["cim"], members["ies"]]
    answers = ask_all(two, asks, settings(federation_timeout_seconds=60.0))
    return dict(zip(QUESTIONS, answers, strict=True))


@pytest.mark.parametrize("question", QUESTIONS)
def test_two_members_of_different_words_answer_one_query(
    question: str, federated: dict[str, FederatedAnswer | Exception]
) -> None:
    got = federated[question]
    assert isinstance(got, FederatedAnswer), got
    assert got.status == "complete"
    assert set(_names(got.body)) == QUESTIONS[question][1]
