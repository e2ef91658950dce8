"""The demo's network, assembled from the nodes' answers, held against the files, and studied.

In: the stage and a persona. Out: ``Assembled``: how many boundary points pair, whether every load
is fed, whether the load flow equals that of the files and the supply areas equal PowSyBl's
components, which transfers between two grid supply points there are and what a load flow says of
them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from federation.demo.personas import Persona
from federation.demo.reference import FlowOfFiles
from federation.demo.scenario import Scenario
from federation.demo.stage import Stage
from federation.members.pool import MemberPool
from federation.rerouting.areas import Areas
from federation.rerouting.asking import Answered, ask_members, fetch_models
from federation.rerouting.extract import build
from federation.rerouting.loadflow import Pinned
from federation.rerouting.network import joined, load_files, plain_id
from federation.rerouting.study import Request, Told, run_study
from federation.rerouting.verify import Comparison, snapshot
from federation.rerouting.verify import equal as compare
from kgnode.cim.writer import write_zip
from kgnode.errors import MemberError

ASK_SECONDS = 300.0
VERIFIED_AT_MOST = 5
"""Candidates proven by load flow; the others are only counted."""


@dataclass(frozen=True)
class Assembled:
    """What came of assembling the model.

    Attributes:
        paired: boundary points at which two models were joined.
        unfed: loads that no source reaches.
        comparison: the load flow beside that of the original files.
        areas_equal: whether each supply area has exactly the loads that PowSyBl finds dark once
            the breakers of its grid supply point are open.
        study: the re-routing study between two grid supply points, as JSON.
    """

    paired: int
    unfed: int
    comparison: Comparison
    converged: bool
    areas_equal: bool
    study: dict[str, Any]


def gather(stage: Stage, persona: Persona, archive: Path) -> Answered:
    """Ask the nodes what the persona may see; write the models into a zip.

    Raises:
        MemberError: a member did not answer.
    """
    return asyncio.run(_gather(stage, persona, archive))


async def _gather(stage: Stage, persona: Persona, archive: Path) -> Answered:
    pool = MemberPool()
    identity = stage.identity(persona)
    told = await ask_members(pool, identity, stage.members, seconds=ASK_SECONDS)
    if told.lost:
        raise MemberError(
            f"{told.lost[0].owner} did not give {told.lost[0].what}.",
            hint="Look into its log; the demo needs all members.",
        )
    wanted = build(told.answers).models
    models = await fetch_models(pool, identity, stage.members, wanted, seconds=ASK_SECONDS)
    write_zip(models, archive)
    return told


def assemble(
    scenario: Scenario, told: Answered, roles: Mapping[str, str], files: FlowOfFiles, archive: Path
) -> Assembled:
    """Make one network of the gathered models, compare it with the files, and study it."""
    logging.getLogger("powsybl").addHandler(logging.NullHandler())
    pinned = Pinned(tap_control=False, slack_generator=scenario.facts.reference_machine)
    network = load_files([archive], boundary_points=scenario.facts.boundary_points)
    seam = joined(network)
    ours = snapshot(network, pinned)
    saved = archive.with_suffix(".biidm")
    network.save(str(saved), format="BIIDM")
    del network
    giver, receiver = _pair(scenario)
    study = run_study(
        Told(told.answers, roles, told.versions, told.withheld, archive=saved),
        Request(giver=giver, receiver=receiver, verify=VERIFIED_AT_MOST),
    )
    return Assembled(
        paired=seam.tie_lines,
        unfed=len(seam.unfed_loads),
        comparison=compare(ours, files.snapshot),
        converged=ours.flow.converged and files.snapshot.flow.converged,
        areas_equal=_loads(study.areas) == files.dark,
        study=study.to_json(),
    )


def _pair(scenario: Scenario) -> tuple[str, str]:
    """Return two neighbours of different owners: the receiver is the largest there is."""
    facts = {gsp.ident: gsp for gsp in scenario.facts.gsps}
    pairs = [(facts[one], facts[two]) for one, two in scenario.facts.neighbours]
    across = [pair for pair in pairs if pair[0].owner != pair[1].owner]
    giver, receiver = max(
        (pair for one, two in across for pair in ((one, two), (two, one))),
        key=lambda pair: pair[1].mw,
    )
    return giver.name, receiver.name


def _loads(areas: Areas) -> dict[str, frozenset[str]]:
    return {
        area.key: frozenset(plain_id(load) for load in area.loads)
        for area in areas.areas
        if area.gsps
    }
