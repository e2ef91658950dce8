"""The command line does all that stewards do, on a home that is served as on one that is not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from typer.testing import CliRunner

from kgnode.alignment import sssom_tsv
from kgnode.cli import app
from kgnode.home import Home
from kgnode.node import Node
from kgnode.settings import load_settings
from kgnode.web.app import PATHS
from kgnode.web.control import create_control
from kgnode.web.front import Front
from tests.kgnode.mapping_world import R1, R2, SET, World, make_world


@contextlib.contextmanager
def serving(world: World) -> Iterator[None]:
    """Serve the home's own socket."""
    front = Front(world.node, PATHS)
    place = str(world.node.home.socket)
    server = uvicorn.Server(uvicorn.Config(create_control(front), uds=place, log_level="error"))

    async def serve() -> None:
        try:
            await server.serve()
        finally:
            await front.views.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(params=["served", "not served"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    made = make_world(tmp_path)
    if request.param == "served":
        with serving(made):
            yield made
        made.node.close()
    else:
        made.node.close()
        yield made


def run(world: World, *arguments: object) -> tuple[int, Any]:
    command = ["mappings", str(world.node.home.path), *map(str, arguments), "--json"]
    done = CliRunner().invoke(app, command)
    document = json.loads(done.stdout)
    if done.exit_code:
        return done.exit_code, document["problems"][0]["code"]
    return 0, document["result"]


def token(world: World, tmp_path: Path, who: str, *roles: str) -> Path:
    sub, _, org = who.partition("@")
    path = tmp_path / f"{sub}.token"
    path.write_text(world.token(org, sub, *roles))
    return path


def test_a_set_goes_from_proposal_to_release(world: World, tmp_path: Path) -> None:
    assert run(world, "show", "small")[1]["total"] == 3
    anna, paul = token(world, tmp_path, "anna@NESO"), token(world, tmp_path, "paul@NESO", "planner")
    assert run(world, "approve", "small", R1, "--token", paul) == (4, "forbidden")
    assert run(world, "approve", "small", R1)[0] == 0
    assert run(world, "approve", "small", R1) == (4, "forbidden")
    assert run(world, "release", "small", "--no-reasoner") == (2, "bad_mapping")
    told = run(world, "approve", "small", R1, "--token", anna, "-m", "fine")[1]
    assert told["changed"][0]["status"] == "approved"
    assert run(world, "reject", "small", R2, "--token", anna)[0] == 0
    assert run(world, "undo", "small", "--token", anna)[1]["undone"]["verb"] == "reject"
    assert run(world, "check", "small")[1]["errors"] == 0
    told = run(world, "release", "small", "--version", "2", "--no-reasoner")[1]["release"]
    assert told["approved"] == 1
    out = tmp_path / "small.json"
    assert run(world, "export", "small", "--version", "2", "--as", "release", "-o", out)[0] == 0
    assert run(world, "adopt", out) == (2, "bad_request")
    assert run(world, "released", "small")[1]["releases"][0]["version"] == "2"
    steps = [step["verb"] for step in run(world, "history", "small")[1]["steps"]]
    assert steps == ["release", "undo", "reject", "approve", "approve", "import"]


def test_sets_are_imported_proposed_to_and_weighed(world: World, tmp_path: Path) -> None:
    path = tmp_path / "other.sssom.tsv"
    path.write_text(SET.replace("sets/small", "sets/other"))
    assert run(world, "import", path, "--set", "other")[1]["count"] == 3
    path.write_text("#x: [\n")
    assert run(world, "import", path) == (2, "empty_input")
    proposal = ("--subject", "cim:Substation", "--object", "ies:Facility", "--relation", "broader")
    assert (
        run(world, "propose", "other", *proposal)[1]["changed"][0]["relation"] == "skos:broadMatch"
    )
    assert run(world, "propose", "other", *proposal) == (2, "bad_mapping")
    out = tmp_path / "other.tsv"
    assert run(world, "export", "other", "-o", out)[0] == 0
    assert len(sssom_tsv.read(out).mappings) == 4
    report = tmp_path / "report.html"
    assert run(world, "coverage", "other", "-o", report)[0] == 0
    assert report.read_text().startswith("<!doctype html>")
    for action in ("queue", "coverage", "impact"):
        assert run(world, action, "other")[0] == 0
    assert run(world, "suggest", "other", "--target", "ies", "--term", "cim:Breaker")[0] == 0
    assert run(world, "evidence", "other", R1)[1]["evidence"][0]["kind"] == "label"
    assert run(world, "nonsense", "other") == (2, "bad_request")
    assert run(world, "show", "other", "1")[1]["total"] == 1, "the last part of an id will do"
    assert run(world, "show", "../keys") == (2, "not_found")


def test_a_backup_takes_sets_history_and_releases_along(tmp_path: Path) -> None:
    from kgnode.operations import perform

    world = make_world(tmp_path)
    world.do("approve", "anna@NESO", id=R1)
    world.do("approve", "dora@DNOA", id=R1)
    world.do("release", version="1", reasoner=False)
    perform(world.node, "backup", {"out": str(tmp_path / "backup")}, lambda _: None)
    before = world.do("history")
    for path in sorted((world.node.home.path / "mappings").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    perform(world.node, "restore", {"source": str(tmp_path / "backup")}, lambda _: None)
    world.node.close()
    node = Node(Home(world.node.home.path), load_settings())
    try:
        assert World(node, world.keys).do("history") == before
        assert node.mappings.released("small", "1").mappings[0].works
    finally:
        node.close()
