"""The demo as a command: what it finds, what it says, what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from federation.demo.conditions import EVERYBODY
from federation.demo.personas import PERSONAS, Persona
from federation.demo.scenario import Scenario, questions

pytestmark = [pytest.mark.demo, pytest.mark.timeout(600)]
COMMAND = [sys.executable, "-m", "federation", "demo", "--size", "small", "--check"]


def started(folder: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "--dir", str(folder), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left_behind(folder: Path) -> list[str]:
    """Command lines of processes that know the demo's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(folder) in line:
                found.append(line)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run") / "demo"


@pytest.fixture(scope="module")
def summary(folder: Path) -> dict[str, Any]:
    running = started(folder)
    out, said = running.communicate(timeout=500)
    assert running.returncode == 0, said + out
    document: dict[str, Any] = json.loads(out)
    assert document["command"] == "demo"
    assert document["ok"]
    result: dict[str, Any] = document["result"]
    return result


def test_the_network_assembled_from_the_nodes_is_the_one_in_the_files(
    summary: dict[str, Any], small: Scenario
) -> None:
    assert summary["paired"] == summary["boundary_points"] == small.facts.boundary_points == 16
    assert summary["unfed_loads"] == 0
    assert summary["load_flow"]["converged"]
    assert summary["load_flow"]["equal"]
    assert summary["load_flow"]["counts"]["loads"] > 80
    assert summary["areas_equal"]
    assert summary["demand_equal"]
    assert summary["open_ties"] == len(small.facts.ties_between_gsps)
    assert summary["open_ties_across_owners"] == len(small.facts.ties_across_owners)


def test_every_question_is_complete_and_equals_one_store(summary: dict[str, Any]) -> None:
    assert [one["name"] for one in summary["questions"]] == [path.stem for path in questions()]
    for one in summary["questions"]:
        assert one["status"] == "complete"
        assert one["equals_one_store"]
        assert one["rows"] > 0
        assert len(one["nodes"]) > 1


def seen_by(persona: Persona, scenario: Scenario) -> int:
    """Rows of the first question, by a plain reading of the labels and policies.

    A supply area counts where the loads of its distributor are shown: the label on loads, and that
    on places, must be granted to everybody or to the persona's organisation and role.
    """
    rows = 0
    for gsp in scenario.facts.gsps:
        (dataset,) = scenario.organisation(gsp.owner).datasets
        rules = yaml.safe_load(dataset.labels.read_text())["rules"]
        needed = {rule["label"] for rule in rules if rule.get("class") == "cim:ConformLoad"}
        permissions = json.loads(dataset.policy.read_text())["permission"]
        granted = {
            one["target"].rpartition(":")[2] for one in permissions if granting(one, persona)
        }
        rows += needed <= granted
    return rows


def granting(permission: dict[str, Any], persona: Persona) -> bool:
    who = permission["assignee"]
    if who == EVERYBODY:
        return True
    return persona.org in who["organisation"] and bool(set(who["role"]) & set(persona.roles))


def test_each_persona_sees_what_labels_and_policies_say(
    summary: dict[str, Any], small: Scenario
) -> None:
    found = {one["name"]: one["rows"] for one in summary["personas"]}
    assert found == {persona.id: seen_by(persona, small) for persona in PERSONAS}
    assert len(set(found.values())) == len(PERSONAS)


def test_transfers_are_found_and_some_are_proven(summary: dict[str, Any]) -> None:
    assert summary["candidates"] >= summary["verified"] > 0
    judged = [one for one in (summary["best"], summary["worst"]) if one]
    assert judged
    assert all(one["net_mw"] > 0 and one["text"] for one in judged)


def test_seconds_and_memory_are_told(summary: dict[str, Any]) -> None:
    assert summary["seconds"] >= max(summary["steps"].values())
    assert summary["peak_memory_mb"] > 100
    assert {one["org"] for one in summary["nodes"]} == {"TNO", "DNOA", "DNOB", "NESO"}
    assert sum(one["triples"] for one in summary["nodes"]) > 50_000


def test_nothing_is_left_running(summary: dict[str, Any], folder: Path) -> None:
    assert summary
    assert left_behind(folder) == []


@pytest.mark.nightly
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_in_the_middle_leaves_nothing_running(number: int, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    running = started(folder)
    deadline = time.monotonic() + 120
    while not left_behind(folder / "homes") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left_behind(folder / "homes")
    running.send_signal(number)
    running.communicate(timeout=120)
    assert running.returncode != 0
    while left_behind(folder) and time.monotonic() < deadline + 30:
        time.sleep(0.1)
    assert left_behind(folder) == []


def test_an_occupied_port_is_named_with_a_hint(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        running = started(tmp_path / "demo", "--port", str(port))
        out, _ = running.communicate(timeout=60)
    assert running.returncode == 2
    (problem,) = json.loads(out)["problems"]
    assert problem["code"] == "port_in_use"
    assert str(port) in problem["message"]
    assert problem["hint"]


def test_a_folder_with_other_things_is_never_touched(tmp_path: Path) -> None:
    kept = tmp_path / "thesis.txt"
    kept.write_text("all my work")
    running = started(tmp_path)
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 2
    assert json.loads(out)["problems"][0]["code"] == "home_exists"
    assert kept.read_text() == "all my work"
