"""Two transmission operators on two served nodes: their models meet on the boundary, over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from federation.demo.processes import Processes, free_ports
from federation.members.pool import Identity, Member, MemberPool
from federation.rerouting.asking import ask_members, fetch_models
from federation.rerouting.extract import build
from federation.rerouting.grid import Grid
from federation.rerouting.network import assemble, joined, load_files
from federation.rerouting.verify import equal, snapshot
from kgnode.cim.writer import ExportModel
from kgnode.names import label_iri
from kgnode.remote import on_home
from kgnode.trust.membership import initialise
from tests.federation.rerouting.test_network import microgrid

LABELS = 'labels:\n  all: {sensitivity: open, reason: "test configuration"}\nrules:\n'
LABELS += '  - {label: all, class: "*"}\n'


@dataclass(frozen=True)
class TwoNodes:
    """Where the nodes are, and the files they published."""

    members: tuple[Member, ...]
    folders: tuple[Path, ...]


def open_policy(org: str, dataset: str) -> str:
    return json.dumps(
        {
            "@context": "gridspine-odrl",
            "@type": "Set",
            "uid": f"urn:gridspine:policy:{org}:{dataset}",
            "profile": "https://w3id.org/gridspine/odrl",
            "permission": [
                {"target": label_iri(org, dataset, "all"), "action": "read", "assignee": "public"}
            ],
        }
    )


@pytest.fixture(scope="module", params=["2.4.15", "3.0"])
def two(
    request: pytest.FixtureRequest, test_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TwoNodes]:
    folder = tmp_path_factory.mktemp("two")
    folders = microgrid(test_data, request.param)
    labels = folder / "labels.yaml"
    labels.write_text(LABELS)
    members = []
    with Processes() as processes:
        for org, port in zip(("BE", "NL"), free_ports(2, None), strict=True):
            home = folder / org
            initialise(home, org, org, None)
            arguments = ("kgnode", "serve", str(home), "--port", str(port))
            processes.start(org, arguments, folder / f"{org}.log")
            members.append(Member(org, org, f"http://127.0.0.1:{port}", licence_role="TNO"))
        for member, own in zip(members, folders, strict=False):
            processes.wait_until_ready(member.id, member.node)
            for dataset, source in (("boundary", folders[2]), ("network", own)):
                policy = folder / f"{member.id}-{dataset}.json"
                policy.write_text(open_policy(member.id, dataset))
                wish = {
                    "files": [str(source)],
                    "dataset": dataset,
                    "labels": str(labels),
                    "policy": [str(policy)],
                }
                on_home(folder / member.id, "publish", wish, lambda _name: None)
        yield TwoNodes(tuple(members), tuple(folders))


async def fetched(two: TwoNodes) -> tuple[Grid, tuple[ExportModel, ...]]:
    pool, public = MemberPool(), Identity()
    try:
        told = await ask_members(pool, public, two.members, seconds=60)
        assert told.lost == ()
        grid = build(told.answers)
        return grid, await fetch_models(pool, public, two.members, grid.models, seconds=60)
    finally:
        pool.close()
        await asyncio.sleep(0)


def test_the_assembled_model_equals_powsybl_on_the_original_files(two: TwoNodes) -> None:
    _, models = asyncio.run(fetched(two))
    network = assemble(models, boundary_points=5)
    seam = joined(network)
    assert (seam.tie_lines, seam.unpaired, seam.unfed_loads) == (5, (), ())
    original = load_files(list(two.folders), boundary_points=5)
    comparison = equal(snapshot(original), snapshot(network), 1e-6)
    assert comparison.equal, comparison.reason
    assert comparison.counts["loads"] == 6
