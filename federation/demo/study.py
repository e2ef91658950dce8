"""The demo's network, assembled from the nodes' answers and held against the original files.

In: the stage and a persona. Out: how many boundary points pair, whether every load is fed, whether
the AC load flow of the assembled model equals that of the files, each supply area with its demand,
and the normally open ties between areas.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from federation.demo.personas import Persona
from federation.demo.scenario import Scenario
from federation.demo.stage import Stage
from federation.members import MemberPool
from federation.rerouting.areas import Areas, supply_areas
from federation.rerouting.asking import ask_members, fetch_models
from federation.rerouting.extract import build
from federation.rerouting.grid import Grid
from federation.rerouting.loadflow import Pinned
from federation.rerouting.network import assemble, joined, load_files
from federation.rerouting.verify import Comparison, snapshot
from federation.rerouting.verify import equal as compare
from kgnode.cim.writer import ExportModel
from kgnode.errors import MemberError

ASK_SECONDS = 300.0


@dataclass(frozen=True)
class Assembled:
    """What came of assembling the model.

    Attributes:
        paired: boundary points at which two models were joined.
        unfed: loads that no source reaches.
        comparison: the load flow beside that of the original files.
        converged: whether both load flows ended with a solution.
    """

    grid: Grid
    areas: Areas
    paired: int
    unfed: int
    comparison: Comparison
    converged: bool

    @property
    def demand(self) -> dict[str, float]:
        """Supply area -> demand in MW, transmission not included."""
        return {area.key: area.demand_mw for area in self.areas.areas if area.gsps}


def assembled(scenario: Scenario, stage: Stage, persona: Persona) -> Assembled:
    """Fetch what the persona may see, make one network of it, and compare.

    Raises:
        MemberError: a member did not answer.
    """
    grid, models = asyncio.run(_fetched(stage, persona))
    pinned = Pinned(tap_control=False, slack_generator=scenario.facts.reference_machine)
    network = assemble(models, boundary_points=scenario.facts.boundary_points)
    seam = joined(network)
    ours = snapshot(network, pinned)
    original = load_files(list(scenario.network_files))
    theirs = snapshot(original, pinned)
    roles = {member.id: member.licence_role for member in stage.members}
    return Assembled(
        grid=grid,
        areas=supply_areas(grid, roles=roles),
        paired=seam.tie_lines,
        unfed=len(seam.unfed_loads),
        comparison=compare(ours, theirs),
        converged=ours.flow.converged and theirs.flow.converged,
    )


async def _fetched(stage: Stage, persona: Persona) -> tuple[Grid, tuple[ExportModel, ...]]:
    pool = MemberPool()
    identity = stage.identity(persona)
    told = await ask_members(pool, identity, stage.members, seconds=ASK_SECONDS)
    if told.lost:
        raise MemberError(
            f"{told.lost[0].owner} did not give {told.lost[0].what}.",
            hint="Look into its log; the demo needs all members.",
        )
    grid = build(told.answers)
    models = await fetch_models(pool, identity, stage.members, grid.models, seconds=ASK_SECONDS)
    return grid, models
