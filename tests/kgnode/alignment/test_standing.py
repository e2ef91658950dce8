"""Two stewards of different organisations approve; nothing else makes a mapping work."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgnode.alignment.mapping import BROAD, EXACT, Mapping, Status
from kgnode.alignment.standing import (
    Actor,
    Standing,
    approve,
    propose,
    reject,
    retire,
    review,
    revise,
    steward,
)
from kgnode.errors import BadMapping, Forbidden, GridspineError
from kgnode.policy.caller import Caller

ANNA = Actor("NESO", "anna")
ALAN = Actor("NESO", "alan")
DORA = Actor("DNOA", "dora")
SET = "https://example.org/set"
AT = "2026-01-02T03:04:05+00:00"
ROW = Mapping(
    "", "https://a.example#A", EXACT, "https://b.example#B", justification="https://x.example/j"
)


@pytest.fixture
def proposed() -> Standing:
    return propose(SET, ROW, ANNA, AT)


def test_two_organisations_approve(proposed: Standing) -> None:
    once = approve(proposed, ANNA, AT)
    assert once.status is Status.IN_REVIEW
    assert not once.first.works
    twice = approve(once, DORA, AT)
    assert twice.status is Status.APPROVED
    assert twice.first.works
    assert twice.first.reviewers == (ANNA.iri, DORA.iri)


@pytest.mark.parametrize("again", [ANNA, ALAN])
def test_neither_the_same_person_nor_the_same_organisation_approves_twice(
    proposed: Standing, again: Actor
) -> None:
    with pytest.raises(Forbidden):
        approve(approve(proposed, ANNA, AT), again, AT)


ACTS = {
    "approve": lambda s, who: approve(s, who, AT),
    "review": lambda s, who: review(s, who, AT, "hm"),
    "deprecate": lambda s, who: retire(s, Status.DEPRECATED, who, AT),
    "withdraw": lambda s, who: retire(s, Status.WITHDRAWN, who, AT),
    "reject": lambda s, who: reject(s, SET, who, AT)[0],
    "revise": lambda s, who: revise(s, "broader", SET, who, AT)[0],
}


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(ACTS)), st.sampled_from([ANNA, ALAN, DORA])), max_size=8
    )
)
def test_whatever_stewards_do_an_approved_mapping_has_two_organisations(
    acts: list[tuple[str, Actor]],
) -> None:
    standing = propose(SET, ROW, ANNA, AT)
    for act, who in acts:
        try:
            standing = ACTS[act](standing, who)
        except GridspineError:
            continue
        organisations = {approval.org for approval in standing.approvals}
        assert len(organisations) == len(standing.approvals)
        assert (standing.status is Status.APPROVED) <= (len(organisations) >= 2)


def test_a_rejected_claim_is_withdrawn_and_denied(proposed: Standing) -> None:
    gone, denied = reject(proposed, SET, DORA, AT, "not so")
    assert gone.status is Status.WITHDRAWN
    assert denied.first.negative
    assert denied.first.comment == "not so"
    assert not denied.first.works
    with pytest.raises(BadMapping):
        approve(gone, ANNA, AT)


def test_another_relation_replaces_the_claim(proposed: Standing) -> None:
    old, new = revise(approve(proposed, DORA, AT), "broader", SET, DORA, AT)
    assert old.status is Status.WITHDRAWN
    assert old.first.replaced_by == new.key
    assert new.first.predicate == BROAD
    assert (new.status, new.approvals) == (Status.PROPOSED, ())
    with pytest.raises(BadMapping):
        revise(proposed, "equal", SET, DORA, AT)


def test_what_people_write_stays_one_line(proposed: Standing) -> None:
    told = review(proposed, ANNA, AT, "one\n#two\tthree\u2028four").remarks[0].text
    assert told == "one #two three four"
    with pytest.raises(BadMapping):
        review(proposed, ANNA, AT, "x" * 5000)


@pytest.mark.parametrize(
    "caller",
    [
        Caller.public(),
        Caller("NESO", "anna", frozenset({"planner"}), proof="token"),
        Caller("NESO", "anna", frozenset({"steward"}), proof="none"),
        Caller("NESO", "anna", frozenset({"steward"}), act="DNOA", proof="token"),
        Caller(None, "anna", frozenset({"steward"}), proof="token"),
    ],
)
def test_only_a_proven_steward_without_a_gateway_acts(caller: Caller) -> None:
    with pytest.raises(Forbidden):
        steward(caller)


@pytest.mark.parametrize("subject", ["", "no iri", "https://b.example#B", "https://a b"])
def test_a_proposal_names_two_terms(subject: str) -> None:
    with pytest.raises(BadMapping):
        propose(SET, Mapping("", subject, EXACT, "https://b.example#B"), ANNA, AT)
