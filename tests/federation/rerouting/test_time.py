"""Studies at a time: planned outages applied, demand carried along, windows of 48 half-hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from federation.rerouting.bench import Bench
from federation.rerouting.footprint import Footprints
from federation.rerouting.grid import Grid
from federation.rerouting.planning import HALF_HOURS, Outage, Planning, at_half_hour, latest, moment
from federation.rerouting.questions import Columns
from federation.rerouting.study import Request, Told, run_study
from federation.rerouting.transfers import Candidate, find_candidates
from federation.rerouting.verification import Verification
from federation.rerouting.window import blocked, holding_half_hours
from kgnode.errors import BadRequest

SGT = "GSP003 SGT1"
EVENING = 35
"""Half-hour of the models' own time, 17:30."""
QUIET = frozenset(range(12))
"""Half-hours in which demand is as in the models; otherwise it is many times that."""


@pytest.fixture(scope="module")
def known(four_bench: Bench) -> Candidate:
    grid = four_bench.grid
    found = find_candidates(grid, four_bench.areas).candidates
    return next(
        c
        for c in found
        if grid.name(c.point.switch) == "TIE132 002-003.0 a CB" and abs(c.net_mw - 27.1) < 0.05
    )


def _shapes(grid: Grid, peak: float) -> Planning:
    shape = tuple(1.0 if n in QUIET | {EVENING} else peak for n in range(HALF_HOURS))
    stations = {grid.substation(load.node) or "" for load in grid.loads.values()}
    return Planning(factors=dict.fromkeys(stations, shape))


def _with_planning(told: Told, outages: list[Outage], factor: float | None = None) -> Told:
    """The four authorities' answers with planning data of the boundary's organisation."""
    answers: dict[str, Mapping[str, Columns]] = dict(told.answers)
    columns: dict[str, Columns] = {
        "outages": {
            name: [getattr(o, name) for o in outages]
            for name in ("asset", "owner", "start", "end", "name")
        }
    }
    if factor is not None:
        stations = sorted({s for a in answers.values() for s in a["substations"]["substation"]})  # type: ignore[type-var]
        columns["forecasts"] = {
            "substation": list(stations),
            "peak_mw": [1.0] * len(stations),
            "shape": ["urn:shape"] * len(stations),
        }
        columns["shapes"] = {
            "shape": ["urn:shape"] * HALF_HOURS,
            "half_hour": list(range(HALF_HOURS)),
            "factor": [factor if n == 6 else 1.0 for n in range(HALF_HOURS)],
        }
    answers["BOUNDARY"] = {**answers["BOUNDARY"], **columns}
    return replace(told, answers=answers)


def _asset(grid: Grid, name: str) -> str:
    return next(part.iri for part in grid.equipment.values() if part.name == name)


def _outage(grid: Grid, name: str = SGT) -> Outage:
    asset = _asset(grid, name)
    start, end = "2026-12-02T06:00:00Z", "2026-12-02T18:00:00Z"
    return Outage(asset, "TNO", start, end, f"{name} maintenance")


def test_a_planned_outage_is_applied_at_its_time_and_not_beside_it(
    shown: Told, four_grid: Grid
) -> None:
    told = _with_planning(shown, [_outage(four_grid)])
    asset = _asset(four_grid, SGT)
    for at, out in (
        (None, False),
        ("2026-12-02T12:00:00Z", True),
        ("2026-12-02T13:00:00+07:00", True),
        ("2026-12-02T18:00:00Z", False),
        ("2026-12-03T12:00:00Z", False),
    ):
        study = run_study(told, Request(at=at, verify=0))
        assert (asset in study.setting.without) == out, at
        (said,) = study.to_json()["outages"]
        assert said["applied"] == out and said["name"] == f"{SGT} maintenance"


def test_an_applied_outage_is_out_of_graph_and_network(shown: Told, four_grid: Grid) -> None:
    told = _with_planning(shown, [_outage(four_grid)])
    request = Request(at="2026-12-02T12:00:00Z", verify=1, n1="none", giver="GSP003 400kV")
    study = run_study(told, request)
    gsp = study.areas.gsps["GSP003 400kV"]
    assert len(gsp.points) == 2 and len(gsp.fed) == 1
    without, with_it = (
        plan.verified.headroom.from_mva
        for plan in (study.plans[0], run_study(told, replace(request, at=None)).plans[0])
        if plan.verified is not None
    )
    before = run_study(told, replace(request, at=None)).plans[0].verified
    after = study.plans[0].verified
    assert (
        before is not None and after is not None and without == without == after.headroom.from_mva
    )
    assert after.thermal["before"].percent != pytest.approx(before.thermal["before"].percent)
    assert with_it == before.headroom.from_mva


def test_an_outage_may_be_named_by_its_plan(shown: Told, four_grid: Grid) -> None:
    told = _with_planning(shown, [_outage(four_grid)])
    study = run_study(told, Request(outage=f"{SGT} maintenance", verify=0))
    assert study.setting.without == {_asset(four_grid, SGT)}


def test_an_outage_of_something_not_shown_is_a_gap_for_every_plan(shown: Told) -> None:
    hidden = Outage("urn:x", "TNO", "2026-12-02T06:00:00Z", "2026-12-02T18:00:00Z", "secret")
    told = _with_planning(shown, [hidden])
    study = run_study(told, Request(at="2026-12-02T12:00:00Z", verify=1, n1="none"))
    assert any("planned outage secret" in gap.what for gap in study.missing)
    assert {plan.verdict.colour for plan in study.plans} == {"not_assessable"}


def test_demand_follows_its_shape_to_the_time_of_the_study(shown: Told, four_grid: Grid) -> None:
    told = _with_planning(shown, [], factor=0.5)
    at_night = "2026-12-02T03:00:00Z"
    request = Request(at=at_night, verify=1, n1="none", giver="GSP003 400kV")
    night = run_study(told, request)
    day = run_study(told, replace(request, at=None))
    assert sum(a.demand_mw for a in night.areas.areas) == pytest.approx(
        0.5 * sum(a.demand_mw for a in day.areas.areas)
    )
    light, heavy = night.plans[0].verified, day.plans[0].verified
    assert light is not None and heavy is not None
    assert light.thermal["before"].percent < 0.7 * heavy.thermal["before"].percent
    assert night.to_json()["at"] == at_night


def test_demand_without_a_shape_stays(four_grid: Grid) -> None:
    moved = at_half_hour(four_grid, Planning(), "2026-12-02T03:00:00Z", "2026-12-01T17:30:00Z")
    assert moved.loads == four_grid.loads


def test_times_of_members_that_are_none_are_left_out() -> None:
    told = ["", "2026-12-01Tab:cd", "0001-01-01T00:00:00+14:00", "2026-12-01T17:30:00Z"]
    assert latest(told) == "2026-12-01T17:30:00Z"
    assert latest(told[:3]) == ""
    broken = Outage("urn:x", "TNO", "whenever", "9999-12-31T23:59:59Z")
    assert Planning(outages=(broken,)).during("2026-12-01T17:30:00Z") == (broken,)


ODD = ["", "tomorrow", "2026-13-01", "17:30", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"]


@pytest.mark.parametrize("text", ODD)
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="is no time"):
        moment(text)


def test_a_window_holds_in_the_half_hours_that_carry_it(
    four_bench: Bench, known: Candidate
) -> None:
    verification = Verification(four_bench)
    planning = _shapes(four_bench.grid, 6.0)
    found = holding_half_hours(verification, known, planning, "2026-12-01T17:30:00Z")
    assert set(found) == QUIET | {EVENING}
    assert four_bench.network.get_working_variant_id() == "base"


def test_without_shapes_all_48_half_hours_are_alike(four_bench: Bench, known: Candidate) -> None:
    verification = Verification(four_bench)
    assert len(holding_half_hours(verification, known, Planning(), "")) == HALF_HOURS


def test_a_later_outage_on_the_plans_assets_ends_the_window(
    four_bench: Bench, known: Candidate
) -> None:
    footprint = Footprints(four_bench.grid, four_bench.areas).of(known)
    tie = footprint.tie[0]
    start, end = "2026-12-01T20:00:00Z", "2026-12-01T22:00:00Z"
    now = "2026-12-01T17:30:00Z"
    later = Outage(tie, "DNOB", start, end)
    elsewhere = Outage("urn:elsewhere", "TNO", start, end)
    already = Outage(tie, "DNOB", "2026-12-01T06:00:00Z", end)
    assert blocked(Planning(outages=(later,)), footprint, now) == set(range(40, 44))
    assert blocked(Planning(outages=(elsewhere, already)), footprint, now) == frozenset()
    assert blocked(Planning(outages=(later,)), footprint, "") == frozenset()
