"""Supply areas of the four-authority set, and of small networks built for one rule each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from federation.rerouting.areas import Areas, supply_areas, transmission_owners
from federation.rerouting.grid import Grid


def _named(grid: Grid, name: str) -> str:
    return next(s.iri for s in grid.switches.values() if s.name == name)


def _switched(grid: Grid, **positions: bool) -> Grid:
    changed = dict(grid.switches)
    for name, is_open in positions.items():
        iri = _named(grid, name.replace("__", " "))
        changed[iri] = replace(changed[iri], open=is_open)
    return replace(grid, switches=changed)


def test_every_load_is_in_exactly_one_area(four_grid: Grid, four_areas: Areas) -> None:
    in_areas = [load for area in four_areas.areas for load in area.loads]
    assert sorted(in_areas) == sorted(four_grid.loads)
    assert len(four_areas.of_load) == 48
    assert [len(area.loads) for area in four_areas.areas] == [12, 12, 12, 12]
    assert not four_areas.islands and not four_areas.interconnected


def test_seven_open_points_lie_between_areas_and_three_cross_owners(four_areas: Areas) -> None:
    assert len(four_areas.open_points) == 7
    assert sum(point.cross_owner for point in four_areas.open_points) == 3


def test_transmission_owner_is_found_by_voltage_or_told_by_licence_role(four_grid: Grid) -> None:
    assert transmission_owners(four_grid) == {"TNO"}
    assert transmission_owners(four_grid, {"DNOA": "TNO", "TNO": "DNO"}) == {"DNOA"}


def test_a_closed_tie_makes_an_interconnected_group_and_is_not_normal(four_grid: Grid) -> None:
    areas = supply_areas(_switched(four_grid, **{"TIE132 002-003.0 a CB": False}))
    assert [len(group) for group in areas.interconnected] == [2]
    assert areas.not_normal == (_named(four_grid, "TIE132 002-003.0 a CB"),)
    group = areas.area(areas.interconnected[0][0])
    assert group is not None and len(group.loads) == 24
    assert len(areas.open_points) == 5


def test_a_load_cut_off_is_an_island_and_not_in_any_supply_area(four_grid: Grid) -> None:
    load = next(iter(four_grid.loads.values()))
    near = {s.iri for s in four_grid.switches.values() if load.node in s.nodes}
    assert near
    cut = {iri: replace(s, open=True) for iri, s in four_grid.switches.items() if iri in near}
    areas = supply_areas(replace(four_grid, switches={**four_grid.switches, **cut}))
    assert len(areas.islands) == 1
    assert areas.of_load[load.iri] == areas.islands[0]


def test_an_outage_of_both_supergrid_tails_leaves_the_area_unfed(
    four_grid: Grid, four_areas: Areas
) -> None:
    gsp = next(iter(four_areas.gsps.values()))
    nodes = {point.node for point in gsp.points}
    tails = {
        part.iri
        for part in four_grid.equipment.values()
        if part.owner == "TNO" and part.kind == "ACLineSegment" and nodes & set(part.nodes)
    }
    assert len(tails) == len(gsp.points) == 2
    areas = supply_areas(four_grid, without=tails)
    assert len(areas.islands) == 1
    assert areas.gsps[gsp.name].fed == ()


def test_two_open_switches_in_series_are_one_open_point(four_grid: Grid) -> None:
    areas = supply_areas(_switched(four_grid, **{"TIE132 002-003.0 b CB": True}))
    points = [p for p in areas.open_points if p.also]
    assert len(areas.open_points) == 7
    assert len(points) == 1
    names = {four_grid.name(points[0].switch), *(four_grid.name(i) for i in points[0].also)}
    assert names == {"TIE132 002-003.0 a CB", "TIE132 002-003.0 b CB"}


def test_two_supply_points_of_one_name_stay_two(four_grid: Grid) -> None:
    names = dict.fromkeys(four_grid.substations, "Newtown")
    areas = supply_areas(replace(four_grid, substations=names))
    assert len(areas.gsps) == 4 and len({area.key for area in areas.areas}) == 4
    assert len(areas.open_points) == 7


@pytest.mark.parametrize("removed", ["TNO", "BOUNDARY"])
def test_without_the_boundary_or_transmission_nothing_is_fed(four_grid: Grid, removed: str) -> None:
    kept = {i: e for i, e in four_grid.equipment.items() if e.owner != removed}
    machines = {i: m for i, m in four_grid.machines.items() if i in kept}
    boundary = () if removed == "BOUNDARY" else four_grid.boundary
    points = tuple(replace(p, found=tuple(o for o in p.found if o != removed)) for p in boundary)
    areas = supply_areas(replace(four_grid, equipment=kept, machines=machines, boundary=points))
    assert not areas.gsps
    assert len(areas.islands) == len([a for a in areas.areas if a.loads])
