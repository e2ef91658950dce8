"""Whole studies of the four-authority set: the known plan, verdicts, hiding, outages, JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from federation.rerouting.study import Request, Study, Told, run_study
from kgnode.errors import BadRequest
from tests.federation.rerouting import hiding
from tests.federation.rerouting.hiding import KINDS, Owned, owned_models, some_of, told

FIELDS = {
    *("close", "open", "path", "kv", "moved", "thermal", "voltage", "n1", "fault_level"),
    *("headroom", "across", "steps", "parallel_minutes", "return_steps", "window", "approvals"),
    *("protection", "missing", "from", "to", "verdict", "reasons", "verified"),
}


RECEIVER = "GSP002 400kV"


@pytest.fixture(scope="module")
def models(four_zip: Path) -> tuple[Owned, ...]:
    return owned_models(four_zip)


@pytest.fixture(scope="module")
def everything(shown: Told) -> Study:
    return run_study(shown, Request(receiver=RECEIVER, verify=100))


def _greens(study: Study) -> set[str]:
    return {plan.identifier for plan in study.plans if plan.verdict.colour == "green"}


def test_all_three_verdicts_occur_and_reds_have_several_causes(everything: Study) -> None:
    assert len(everything.plans) == 13
    colours = {plan.verdict.colour.value for plan in everything.plans}
    assert colours == {"green", "amber", "red"}
    reasons = [" ".join(p.verdict.reasons) for p in everything.plans if p.verdict.colour == "red"]
    for cause in ("thermal", "voltage", "no convergence"):
        assert any(cause in reason for reason in reasons), cause


def test_the_known_plan_is_green_and_complete(everything: Study) -> None:
    document = everything.to_json()
    plan = next(
        p
        for p in document["candidates"]
        if p["close"]["name"] == "TIE132 002-003.0 a CB" and abs(p["moved"]["net_mw"] - 27.1) < 0.05
    )
    assert set(plan) >= FIELDS
    assert plan["verdict"] == "green" and plan["verified"]
    assert plan["moved"]["demand_points"] == 4
    assert [step["action"] for step in plan["steps"]] == ["close", "open", "open"]
    assert all("0 loads unfed" in step["state"] for step in plan["steps"])
    assert [s["action"] for s in plan["return_steps"]] == ["close", "close", "open"]
    assert plan["fault_level"]["ka"] > 0 and plan["fault_level"]["basis"]
    assert {a["owner"] for a in plan["approvals"]} == {"DNOB", "TNO"}
    assert plan["headroom"]["to_mva"] < plan["headroom"]["from_mva"]
    assert plan["n1"]["contingencies"] > 10


def test_a_study_is_valid_json_with_areas_and_open_points(everything: Study) -> None:
    document = json.loads(json.dumps(everything.to_json(), allow_nan=False))
    assert len(document["areas"]) == 4 and len(document["open_points"]) == 7
    assert sum(point["cross_owner"] for point in document["open_points"]) == 3
    assert document["mismatches"] == [] and document["missing"] == []
    assert len(document["models"]) == 7
    assert document["at"] == "2026-12-01T17:30:00Z"


def test_parallel_transformers_are_in_step_in_every_plan(everything: Study) -> None:
    for plan in everything.plans:
        assert plan.verified is not None and plan.verified.spread <= 1


def test_no_step_of_a_plan_leaves_load_unfed(everything: Study) -> None:
    for plan in everything.plans:
        assert plan.verified is not None
        assert all(state.unfed == 0 for state in plan.verified.steps if state.converged)


def test_what_is_not_verified_is_not_assessable_and_says_so(shown: Told) -> None:
    study = run_study(shown, Request(verify=1, n1="none"))
    assert sum(plan.verified is not None for plan in study.plans) == 1
    for plan in study.plans[1:]:
        assert plan.verdict.colour == "not_assessable"
        assert "not verified" in " ".join(plan.verdict.reasons)
    screened = [p for p in study.plans if any("screen" in r for r in p.verdict.reasons)]
    assert screened and study.plans[-1] in screened


def test_hidden_ratings_of_one_owner_make_its_plans_not_assessable(
    models: tuple[Owned, ...], everything: Study, tmp_path: Path
) -> None:
    hidden = told(models, tmp_path, {"DNOB": hiding.RATINGS}, {"DNOB": "none"})
    study = run_study(hidden, Request(verify=100, n1="none", giver="GSP001 400kV"))
    touching = [p for p in study.plans if p.verified and "DNOB" in p.verified.footprint.owners]
    others = [p for p in study.plans if p.verified and "DNOB" not in p.verified.footprint.owners]
    assert touching and others
    for plan in touching:
        assert plan.verdict.colour == "not_assessable"
        assert any("ask DNOB: current rating" in reason for reason in plan.verdict.reasons)
    assert {plan.verdict.colour.value for plan in others} <= {"amber", "red"}  # N-1 was not run
    assert {gap.owner for gap in study.missing} == {"DNOB"}


def test_nothing_is_green_for_an_owner_who_does_not_declare_that_nothing_is_withheld(
    shown: Told,
) -> None:
    silent = replace(shown, withheld={**shown.withheld, "TNO": {"network": "undisclosed"}})
    study = run_study(silent, Request(verify=3, n1="none"))
    assert not _greens(study)
    assert "whether data of network is withheld: undisclosed" in study.plans[0].verdict.reasons[0]


def test_hidden_demand_is_said_with_what_was_assumed(
    models: tuple[Owned, ...], tmp_path: Path
) -> None:
    study = run_study(told(models, tmp_path, {"DNOA": hiding.DEMAND}), Request(verify=0))
    gap = next(gap for gap in study.missing if gap.what == "demand")
    assert (gap.owner, gap.assumed, len(gap.subjects)) == ("DNOA", "0 MW", 24)
    areas = {area["owners"][0]: area for area in study.to_json()["areas"]}
    assert areas["DNOA"]["unknown_demand"] == 12 and areas["DNOB"]["unknown_demand"] == 0


@settings(max_examples=2)
@given(
    hidden=st.dictionaries(
        st.sampled_from(["TNO", "DNOA", "DNOB"]),
        st.tuples(st.sampled_from(sorted(KINDS)), st.integers(1, 16)),
        min_size=1,
        max_size=2,
    )
)
def test_no_plan_is_green_under_hiding_that_is_not_green_with_everything_visible(
    models: tuple[Owned, ...],
    everything: Study,
    tmp_path_factory: pytest.TempPathFactory,
    hidden: dict[str, tuple[str, int]],
) -> None:
    _check_hiding(models, everything, tmp_path_factory.mktemp("hidden"), hidden, verify=4)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@settings(max_examples=20)
@given(
    hidden=st.dictionaries(
        st.sampled_from(["TNO", "DNOA", "DNOB", "BOUNDARY"]),
        st.tuples(st.sampled_from(sorted(KINDS)), st.integers(1, 16)),
        min_size=1,
        max_size=3,
    )
)
def test_no_plan_is_green_under_much_hiding(
    models: tuple[Owned, ...],
    everything: Study,
    tmp_path_factory: pytest.TempPathFactory,
    hidden: dict[str, tuple[str, int]],
) -> None:
    _check_hiding(models, everything, tmp_path_factory.mktemp("hidden"), hidden, verify=100)


def _check_hiding(
    models: tuple[Owned, ...],
    everything: Study,
    folder: Path,
    hidden: dict[str, tuple[str, int]],
    verify: int,
) -> None:
    takes = {org: some_of(KINDS[kind], share) for org, (kind, share) in hidden.items()}
    try:
        study = run_study(told(models, folder, takes), Request(receiver=RECEIVER, verify=verify))
    except BadRequest:  # the supply point itself is hidden, and with it every plan
        return
    assert _greens(study) <= _greens(everything)
    for plan in study.plans:
        if plan.verdict.colour == "green":
            assert plan.verified is not None
            assert not set(plan.verified.footprint.owners) & set(hidden)


def test_an_outage_is_taken_out_of_graph_and_network(shown: Told) -> None:
    study = run_study(shown, Request(outage="GSP003 SGT1", verify=1, n1="none"))
    assert study.plans[0].verified is not None
    gsp = next(g for name, g in study.areas.gsps.items() if name.startswith("GSP003"))
    assert len(gsp.points) == 2 and len(gsp.fed) == 1


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(giver="Atlantis"), "no supply point 'Atlantis'"),
        (Request(outage="nothing"), "no asset named 'nothing'"),
        (Request(outage="LIM"), "no asset"),
    ],
)
def test_what_is_not_there_is_said(shown: Told, request_: Request, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        run_study(shown, request_)
