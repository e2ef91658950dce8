"""Decisions: closed by default, prohibitions win, failures deny; Cedar agrees with a reading."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgnode.policy.caller import PURPOSES, ROLES, Caller
from kgnode.policy.decide import visible
from kgnode.policy.explain import unmet
from kgnode.policy.odrl import WEEKDAYS, load_policy
from kgnode.policy.policies import Policies, Target
from tests.kgnode.policy.homes import NOW, ORG, clause, label, manifest, policy

PLANNER = Caller(
    "NESO", "paul", frozenset({"planner"}), "network-planning", None, frozenset({"ESO"})
)
WHOLE = "urn:gridspine:dataset:DNOA:network"


def names(caller: Caller, policies: Policies, *sets: str, now: datetime = NOW) -> list[int]:
    """Return which of the label sets (one letter a label) the caller sees."""
    seen = visible(caller, [manifest(sets)], policies, org=ORG, now=now)
    return sorted(int(cell.iri.rsplit(":", 1)[1]) for cell in seen.cells)


def test_without_policies_everything_is_closed_to_all_but_the_owner() -> None:
    nothing = Policies([])
    for caller in (Caller.public(), PLANNER, Caller(ORG, "ada", frozenset({"planner"}))):
        assert names(caller, nothing, "a", "ab", "") == []
    for role in ("publisher", "operator"):
        assert names(Caller(ORG, "o", frozenset({role})), nothing, "a", "ab", "") == [0, 1, 2]
    assert names(Caller("NESO", "o", frozenset({"operator"})), nothing, "a") == []
    assert names(Caller.owner(ORG), nothing, "") == [0]


def test_every_label_of_a_set_must_be_permitted_and_no_label_is_closed() -> None:
    policies = Policies.from_documents([policy("1", [clause(label("a")), clause(label("b"))])])
    assert names(Caller.public(), policies, "a", "b", "ab", "abc", "c", "") == [0, 1, 2]


def test_a_permission_on_the_data_set_is_one_on_each_of_its_labels() -> None:
    policies = Policies.from_documents([policy("1", [clause(WHOLE)])])
    assert names(Caller.public(), policies, "a", "abc", "") == [0, 1]
    elsewhere = Policies.from_documents([policy("1", [clause(WHOLE + "2")])])
    assert names(Caller.public(), elsewhere, "a") == []


def test_a_prohibition_wins_wherever_it_stands() -> None:
    forbid = clause(label("a"), {"organisation": ["NESO"]})
    documents = [policy("0", [], [forbid]), policy("1", [clause(WHOLE)])]
    for order in (documents, documents[::-1]):
        policies = Policies.from_documents(order)
        assert names(PLANNER, policies, "a", "b") == [1]
        assert names(Caller.public(), policies, "a", "b") == [0, 1]


def test_what_is_not_stated_counts_against_the_caller() -> None:
    planning = ("purpose", "isAnyOf", ["network-planning"])
    other = ("purpose", "isNoneOf", ["research"])
    unstated = Caller("NESO", "paul", frozenset({"planner"}))
    for said in (None, "any"):
        caller = Caller("NESO", "paul", frozenset({"planner"}), said)
        for condition in (planning, other):
            policies = Policies.from_documents([policy("1", [clause(WHOLE, "public", condition)])])
            assert names(caller, policies, "a") == []
        forbidding = policy("1", [clause(WHOLE)], [clause(WHOLE, "public", planning)])
        assert names(caller, Policies.from_documents([forbidding]), "a") == []
    free = Policies.from_documents(
        [policy("1", [clause(WHOLE, "public", ("purpose", "eq", "any"))])]
    )
    assert names(unstated, free, "a") == [0]


def test_areas_bind_a_permission_only_where_the_whole_label_lies_within() -> None:
    inside = ("spatial", "isAnyOf", ["urn:area:1", "urn:area:2"])
    policies = Policies.from_documents([policy("1", [clause(WHOLE, "public", inside)])])
    described = {
        "a": {"areas": ["urn:area:1"]},
        "b": {"areas": ["urn:area:1", "urn:area:3"]},
        "c": {"areas": []},
    }
    home = manifest(["a", "b", "c"], attributes={"labels": described})
    seen = visible(Caller.public(), [home], policies, org=ORG, now=NOW)
    assert {cell.iri for cell in seen.cells} == {"urn:cell:network:0"}
    forbidding = policy("1", [clause(WHOLE)], [clause(WHOLE, "public", inside)])
    seen = visible(Caller.public(), [home], Policies.from_documents([forbidding]), org=ORG, now=NOW)
    assert {cell.iri for cell in seen.cells} == {"urn:cell:network:2"}


def test_time_turns_decisions_at_the_very_moment() -> None:
    until = datetime(2027, 1, 1, tzinfo=UTC)
    policies = Policies.from_documents(
        [policy("1", [clause(WHOLE, "public", ("dateTime", "lt", until.isoformat()))])]
    )
    assert names(Caller.public(), policies, "a", now=until - timedelta(milliseconds=1)) == [0]
    assert names(Caller.public(), policies, "a", now=until) == []
    hours = Policies.from_documents(
        [
            policy(
                "1",
                [
                    clause(
                        WHOLE,
                        "public",
                        ("timeOfDay", "gteq", "08:00"),
                        ("timeOfDay", "lt", "18:00"),
                        ("dayOfWeek", "isNoneOf", ["saturday", "sunday"]),
                    )
                ],
            )
        ]
    )
    day = datetime(2026, 12, 4, tzinfo=UTC)
    for moment, open_ in (
        (day.replace(hour=7, minute=59, second=59), False),
        (day.replace(hour=8), True),
        (day.replace(hour=17, minute=59, second=59), True),
        (day.replace(hour=18), False),
        (day.replace(hour=12) + timedelta(days=1), False),
    ):
        assert bool(names(Caller.public(), hours, "a", now=moment)) is open_, moment


def test_a_clause_that_cannot_be_evaluated_denies_whatever_else_permits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policies = Policies.from_documents([policy("1", [clause(WHOLE)], [clause(label("b"))])])
    broken = 'forbid (principal, action, resource) when { context.missing == "x" };'

    def with_broken(clauses: Any) -> str:
        return "permit (principal, action, resource);\n" + broken

    monkeypatch.setattr("kgnode.policy.policies.policy_set", with_broken)
    decision = policies.decide(Caller.public(), [Target(label("a"), WHOLE)], NOW)[label("a")]
    assert not decision.allowed
    assert decision.reason == "A clause could not be evaluated, so no."
    monkeypatch.setattr("kgnode.policy.policies.policy_set", lambda clauses: "permit (rubbish")
    fresh = Policies(policies.policies)
    assert not fresh.decide(Caller.public(), [Target(label("a"), WHOLE)], NOW)[label("a")].allowed

    def failing(*arguments: Any) -> Any:
        raise RuntimeError("engine")

    monkeypatch.undo()
    monkeypatch.setattr(cedarpy, "is_authorized_batch", failing)
    assert not fresh.decide(Caller.public(), [Target(label("a"), WHOLE)], NOW)[label("a")].allowed


def test_a_decision_names_its_clauses() -> None:
    document = policy("1", [clause(WHOLE)], [clause(label("b"), {"organisation": ["NESO"]})])
    policies = Policies.from_documents([document])
    targets = [Target(label("a"), WHOLE), Target(label("b"), WHOLE)]
    decided = policies.decide(PLANNER, targets, NOW)
    uid = "urn:gridspine:policy:DNOA:1"
    assert decided[label("a")].clauses == (f"{uid}#permission-1",)
    assert decided[label("b")].clauses == (f"{uid}#prohibition-1",)
    assert decided[label("b")].reason == f"Prohibited by {uid}#prohibition-1."


def test_nothing_told_depends_on_what_is_hidden() -> None:
    described = {
        "a": {"sensitivity": "open", "reason": "r", "areas": ["urn:secret"], "properties": ["p"]},
        "b": {"sensitivity": "closed", "reason": "secret reason"},
        "c": {"sensitivity": "shared", "reason": "demand"},
    }
    attributes = {
        "title": "Network",
        "labels": described,
        "receipt": "secret.jws",
        "validation": {"causes": ["secret"]},
        "conforms": True,
        "note": "secret",
    }
    policies = Policies.from_documents([policy("1", [clause(label("a"))])])
    part = visible(
        Caller.public(),
        [manifest(["a", "ab", ""], attributes=attributes)],
        policies,
        org=ORG,
        now=NOW,
    )
    (shown,) = part.manifests
    assert "secret" not in json.dumps(dict(shown.attributes))
    assert "secret" not in json.dumps(shown.models[0].header.to_json())
    assert shown.models[0].content_hash == ""
    assert shown.models[0].triples == 10
    assert set(shown.attributes["labels"]) == {"a", "c"}
    alone = visible(
        Caller.public(), [manifest(["a"], attributes=attributes)], policies, org=ORG, now=NOW
    )
    assert alone.digest == part.digest
    assert alone.manifests[0].attributes["receipt"] == "secret.jws"
    assert alone.manifests[0].models[0].header.description == "secret header"
    hidden = manifest(["b"], "hidden", attributes=attributes)
    with_hidden = visible(
        Caller.public(),
        [manifest(["a"], attributes=attributes), hidden],
        policies,
        org=ORG,
        now=NOW,
    )
    assert with_hidden.digest == alone.digest
    assert with_hidden.manifests == alone.manifests
    assert with_hidden.discoverable == alone.discoverable
    assert with_hidden.withheld == alone.withheld


def test_a_header_is_shown_to_those_who_may_read_its_statements() -> None:
    policies = Policies.from_documents([policy("1", [clause(label("a"))])])
    for said, shown in (([label("a")], True), ([label("a"), label("b")], False), ([], False)):
        attributes = {"header_labels": {"urn:model:network": said}}
        home = manifest(["a", "b"], attributes=attributes)
        seen = visible(Caller.public(), [home], policies, org=ORG, now=NOW)
        assert (seen.manifests[0].models[0].header.description == "secret header") is shown


def test_withheld_says_none_only_where_it_is_true_and_the_owner_discloses() -> None:
    policies = Policies.from_documents([policy("1", [clause(label("a"))])])
    for stated, sets, told in (
        ("disclosed", ["a"], "none"),
        ("disclosed", ["a", "b"], "some"),
        ("none", ["a", ""], "some"),
        ("undisclosed", ["a"], "undisclosed"),
        (None, ["a", "b"], "undisclosed"),
    ):
        home = manifest(sets, attributes={"withheld": stated})
        seen = visible(Caller.public(), [home], policies, org=ORG, now=NOW)
        assert seen.withheld == {home.dataset: told}
    closed = manifest(["b"], attributes={"withheld": "disclosed"})
    seen = visible(Caller.public(), [closed], policies, org=ORG, now=NOW)
    assert seen.manifests == ()
    assert [m.dataset for m in seen.discoverable] == [closed.dataset]
    assert seen.discoverable[0].models == ()
    assert seen.withheld == {closed.dataset: "some"}


def test_the_same_question_is_decided_once_and_a_change_is_seen_at_once() -> None:
    home = manifest(["a", "b"])
    first = Policies.from_documents([policy("1", [clause(label("a"))])])
    assert visible(PLANNER, [home], first, org=ORG, now=NOW) is visible(
        PLANNER, [home], first, org=ORG, now=NOW + timedelta(days=1)
    )
    second = Policies.from_documents([policy("1", [clause(label("b"))])])
    assert first.digest != second.digest
    assert (
        visible(PLANNER, [home], second, org=ORG, now=NOW).cells
        != visible(PLANNER, [home], first, org=ORG, now=NOW).cells
    )
    relabelled = manifest(["b", "a"], number=1)
    assert (
        visible(PLANNER, [relabelled], first, org=ORG, now=NOW).cells
        != visible(PLANNER, [home], first, org=ORG, now=NOW).cells
    )


organisations = st.sampled_from(["NESO", "DNOA", "DNOB"])
purposes = st.sampled_from([*PURPOSES, "https://own.example/purpose"])
groups = st.sampled_from(["DNO", "ESO", "NESO/team"])
instants = st.sampled_from(
    [NOW - timedelta(days=1), NOW, NOW + timedelta(milliseconds=1), NOW + timedelta(days=1)]
)
areas = st.sampled_from(["urn:area:1", "urn:area:2", "urn:area:3"])
some = st.lists
constraints = st.one_of(
    st.tuples(
        st.just("purpose"),
        st.sampled_from(["isAnyOf", "isNoneOf"]),
        some(purposes, min_size=1, max_size=2),
    ),
    st.tuples(st.just("purpose"), st.just("eq"), purposes),
    st.tuples(
        st.just("dateTime"),
        st.sampled_from(["lt", "lteq", "gt", "gteq"]),
        instants.map(datetime.isoformat),
    ),
    st.tuples(
        st.just("timeOfDay"),
        st.sampled_from(["lt", "lteq", "gt", "gteq"]),
        st.sampled_from(["00:00", "12:29", "12:30", "12:31", "23:59"]),
    ),
    st.tuples(
        st.just("dayOfWeek"),
        st.sampled_from(["isAnyOf", "isNoneOf"]),
        some(st.sampled_from(WEEKDAYS), min_size=1, max_size=3),
    ),
    st.tuples(
        st.just("spatial"),
        st.sampled_from(["isAnyOf", "isNoneOf"]),
        some(areas, min_size=1, max_size=2),
    ),
)
assignees = st.one_of(
    st.just("public"),
    st.fixed_dictionaries(
        {},
        optional={
            "organisation": some(organisations, min_size=1, max_size=2),
            "role": some(st.sampled_from(ROLES), min_size=1, max_size=2),
            "group": some(groups, min_size=1, max_size=2),
        },
    ).filter(bool),
)
targets = st.sampled_from([WHOLE, label("a"), label("b"), WHOLE + "2"])
clauses = st.builds(
    lambda target, assignee, parts: clause(target, assignee, *parts),
    targets,
    assignees,
    some(constraints, max_size=2),
)
callers = st.builds(
    Caller,
    st.none() | organisations,
    st.just("x"),
    st.frozensets(st.sampled_from(ROLES), max_size=2),
    st.none() | purposes,
    st.none(),
    st.frozensets(groups, max_size=2),
)


@settings(max_examples=300)
@given(
    some(clauses, max_size=4),
    some(clauses, max_size=2),
    callers,
    instants,
    st.frozensets(areas, max_size=2),
)
def test_cedar_decides_as_a_plain_reading_of_the_clauses_does(
    permissions: list[Any],
    prohibitions: list[Any],
    caller: Caller,
    now: datetime,
    bounded: frozenset[str],
) -> None:
    documents = [policy("1", permissions, prohibitions)] if permissions or prohibitions else []
    policies = Policies.from_documents(documents)
    wanted = [Target(label("a"), WHOLE, bounded), Target(label("b"), WHOLE)]
    decided = policies.decide(caller, wanted, now)
    for target in wanted:
        applying = [
            found
            for document in map(load_policy, documents)
            for found in document.clauses
            if {target.label, target.dataset} & set(found.targets)
            and not unmet(found, caller, target, now)
        ]
        effects = {found.effect for found in applying}
        assert decided[target.label].allowed == ("permit" in effects and "forbid" not in effects)
        period = policies.period(now)
        again = Policies(policies.policies).decide(caller, wanted, now + timedelta(microseconds=1))
        if policies.period(now + timedelta(microseconds=1)) == period:
            assert again[target.label].allowed == decided[target.label].allowed


@settings(max_examples=200)
@given(
    some(clauses, min_size=1, max_size=4),
    callers,
    st.datetimes(datetime(2026, 11, 28), datetime(2026, 12, 4), timezones=st.just(UTC)),
    st.timedeltas(timedelta(0), timedelta(hours=30)),
)
def test_within_a_period_no_decision_turns(
    permissions: list[Any], caller: Caller, now: datetime, later: timedelta
) -> None:
    policies = Policies.from_documents([policy("1", permissions)])
    if policies.period(now) == policies.period(now + later):
        wanted = [Target(label("a"), WHOLE, frozenset({"urn:area:1"}))]
        assert policies.decide(caller, wanted, now) == policies.decide(caller, wanted, now + later)
