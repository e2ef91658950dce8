"""Policies are read whole or refused with the place named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kgnode.errors import BadPolicy
from kgnode.policy.odrl import load_policy
from kgnode.policy.templates import templates, words

LABEL = "urn:gridspine:label:DNOA:network:topology"


def document(**changes: Any) -> dict[str, Any]:
    clause = {
        "target": LABEL,
        "action": "read",
        "assignee": {"organisation": ["NESO"], "role": ["planner"]},
        "constraint": [
            {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": ["network-planning"]}
        ],
    }
    clause.update(changes.pop("clause", {}))
    whole = {
        "@context": "gridspine-odrl",
        "@type": "Set",
        "uid": "urn:gridspine:policy:DNOA:1",
        "profile": "https://w3id.org/gridspine/odrl",
        "permission": [{k: v for k, v in clause.items() if v is not None}],
        "prohibition": [],
    }
    whole.update(changes)
    return {k: v for k, v in whole.items() if v is not None}


def constraint(left: str, operator: str, right: Any) -> dict[str, Any]:
    return {"constraint": [{"leftOperand": left, "operator": operator, "rightOperand": right}]}


def test_a_policy_of_the_profile_loads() -> None:
    policy = load_policy(json.dumps(document()).encode())
    clause = policy.clauses[0]
    assert clause.id == "urn:gridspine:policy:DNOA:1#permission-1"
    assert clause.targets == (LABEL,)
    assert clause.constraints[0].values == ("network-planning",)


def test_gs_concepts_and_their_short_names_mean_the_same() -> None:
    long = "https://w3id.org/gridspine#network-planning"
    clause = constraint("purpose", "eq", long)
    assert load_policy(json.dumps(document(clause=clause)).encode()).clauses[0].constraints[
        0
    ].values == ("network-planning",)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"@context": "https://evil.example/context"}, "@context"),
        ({"@context": ["gridspine-odrl", {"read": "x"}]}, "@context"),
        ({"@type": "Offer"}, "@type"),
        ({"uid": None}, "uid"),
        ({"uid": 'urn:x"y'}, "uid"),
        ({"profile": None}, "profile"),
        ({"obligation": []}, "obligation"),
        ({"permisson": []}, "permisson"),
        ({"permission": {}}, "permission"),
        ({"permission": []}, ""),
        ({"clause": {"target": "urn:x:y"}}, "permission[0].target"),
        ({"clause": {"target": []}}, "permission[0].target"),
        ({"clause": {"target": LABEL + '" || true'}}, "permission[0].target"),
        ({"clause": {"action": "use"}}, "permission[0].action"),
        ({"clause": {"action": None}}, "permission[0].action"),
        ({"clause": {"assignee": None}}, "permission[0].assignee"),
        ({"clause": {"assignee": "everyone"}}, "permission[0].assignee"),
        ({"clause": {"assignee": {}}}, "permission[0].assignee"),
        ({"clause": {"assignee": {"organization": ["X"]}}}, "permission[0].assignee.organization"),
        ({"clause": {"assignee": {"organisation": []}}}, "permission[0].assignee.organisation"),
        (
            {"clause": {"assignee": {"organisation": ['a"b']}}},
            "permission[0].assignee.organisation",
        ),
        ({"clause": {"assignee": {"role": ["planer"]}}}, "permission[0].assignee.role"),
        ({"clause": {"assignee": {"group": ["a b"]}}}, "permission[0].assignee.group"),
        ({"clause": {"duty": []}}, "permission[0].duty"),
        ({"clause": constraint("count", "lt", "5")}, "permission[0].constraint[0].leftOperand"),
        ({"clause": constraint("purpose", "lt", "x")}, "permission[0].constraint[0].operator"),
        (
            {"clause": constraint("purpose", "isAnyOf", ["network-planing"])},
            "permission[0].constraint[0].rightOperand",
        ),
        (
            {"clause": constraint("dateTime", "lt", "2027-12-31")},
            "permission[0].constraint[0].rightOperand",
        ),
        (
            {"clause": constraint("dateTime", "lt", "2027-12-31T23:59:59")},
            "permission[0].constraint[0].rightOperand",
        ),
        (
            {"clause": constraint("dateTime", "lt", ["a", "b"])},
            "permission[0].constraint[0].rightOperand",
        ),
        (
            {"clause": constraint("timeOfDay", "lt", "25:00")},
            "permission[0].constraint[0].rightOperand",
        ),
        (
            {"clause": constraint("dayOfWeek", "isAnyOf", ["Mon"])},
            "permission[0].constraint[0].rightOperand",
        ),
        (
            {"clause": constraint("spatial", "isAnyOf", ["not an iri"])},
            "permission[0].constraint[0].rightOperand",
        ),
        (
            {"clause": constraint("purpose", "eq", ["research", "any"])},
            "permission[0].constraint[0].rightOperand",
        ),
        ({"clause": constraint("purpose", "eq", 5)}, "permission[0].constraint[0].rightOperand"),
    ],
)
def test_what_the_profile_does_not_have_is_refused_with_its_place(
    changes: dict[str, Any], place: str
) -> None:
    with pytest.raises(BadPolicy) as caught:
        load_policy(json.dumps(document(**changes)).encode())
    assert caught.value.message.startswith(place)
    assert caught.value.hint


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b"null", b"[" * 100_000, b"\xff\xfe", b'{"a": 1, "a": 2}', b"{}"],
)
def test_what_is_no_policy_at_all_is_refused(content: bytes) -> None:
    with pytest.raises(BadPolicy):
        load_policy(content)


def test_a_name_said_twice_is_refused() -> None:
    text = json.dumps(document()).replace('"action": "read"', '"action": "read", "action": "read"')
    with pytest.raises(BadPolicy, match="action: it is said twice"):
        load_policy(text.encode())


def test_every_template_loads_and_says_itself_in_words() -> None:
    for template in templates("DNOA", "network"):
        policy = load_policy(json.dumps(template.document).encode())
        assert words(policy) == template.words
        assert all(sentence.endswith(".") for sentence in template.words)
    assert any("may not read" in sentence for t in templates() for sentence in t.words)
