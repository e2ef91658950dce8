"""Query files: each states what it assumes and keeps the typed result it promises."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pyoxigraph as ox
import pytest

from federation.rerouting.questions import FOLDER, ask_columns, question
from kgnode.errors import MemberError, NotFound
from kgnode.names import CIM16
from tests.federation.rerouting.conftest import ask

NAMES = sorted(path.stem for path in FOLDER.glob("*.rq") if "." not in path.stem)


@pytest.mark.parametrize("name", NAMES)
def test_a_question_states_its_assumption_and_promises_what_it_selects(name: str) -> None:
    asked = question(name)
    assert asked.title.endswith((".", "?")) and asked.assumes.endswith(".")
    selected = re.search(r"SELECT (?:DISTINCT )?(.*?)\s*(?:WHERE|FROM|\{)", asked.text, re.S)
    assert selected is not None
    names = re.findall(
        r"AS \?(\w+)\)|(?<![\w(])\?(\w+)", re.sub(r"\(.*? AS", "(AS", selected.group(1))
    )
    assert [one or other for one, other in names] == [column.name for column in asked.columns]
    assert {c.type for c in asked.columns} <= {"iri", "text", "integer", "double", "boolean"}
    for column in asked.columns:
        if column.name.endswith(("_mw", "_kv", "_ohm", "_mva", "_mvar", "_a", "_ka")):
            assert column.unit, f"{name}: {column.name} has no unit"


@pytest.mark.parametrize("name", NAMES)
def test_a_question_is_valid_sparql_and_answers_on_real_data(
    name: str, four_stores: Mapping[str, ox.Store]
) -> None:
    for store in four_stores.values():
        columns = ask_columns(question(name), ask(store))
        assert len({len(values) for values in columns.values()}) == 1


def test_the_other_cim_namespace_is_bound_in_the_prefix_only() -> None:
    old = question("terminals", CIM16).text
    assert CIM16 in old and "CIM100" not in old
    assert old.partition("SELECT")[2] == question("terminals").text.partition("SELECT")[2]


def test_wrong_types_and_widths_are_the_members_fault() -> None:
    with pytest.raises(MemberError, match="p_mw should be of type double"):
        ask_columns(question("loads"), lambda _: [("urn:x", "many", "")])
    with pytest.raises(MemberError, match="3 columns"):
        ask_columns(question("loads"), lambda _: [("urn:x", "1")])


def test_an_unknown_question_lists_the_known_ones() -> None:
    with pytest.raises(NotFound) as caught:
        question("weather")
    assert "terminals" in caught.value.hint
