"""The demo from beginning to end: files, nodes, questions, personas, the assembled network.

In: ``Options``. Out: the summary of the command; while it runs, each step is told. Nothing here
knows an answer: every figure comes from the nodes, the gateway or the load flow.
"""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from federation.ask import Answer, select
from federation.demo.personas import PERSONAS, Persona
from federation.demo.processes import Processes, free_ports
from federation.demo.reference import FlowOfFiles, Row, comparable, flow_of_files, one_store
from federation.demo.scenario import Scenario, Size, build, questions
from federation.demo.stage import Stage, set_up
from federation.demo.study import assemble, gather
from federation.demo.told import Told, study_summary, tell_model
from federation.demo.workers import Pending, Workers
from kgnode.console import Outcome, err, out, table
from kgnode.errors import BadRequest, HomeExists, NotComplete

PLANNER = PERSONAS[0]
MEMBERS = 4
MARK = ".gridspine-demo"
"""A folder with this file was made by the demo, so that it may be made anew."""
DEMAND_TOLERANCE_MW = 1e-6
ASKED_AS_PERSONAS = 0
"""Which question every persona asks again."""


@dataclass(frozen=True)
class Beside:
    """What is worked out from the files while the nodes are set up."""

    answers: Pending[dict[str, frozenset[Row]]]
    flow: Pending[FlowOfFiles]


@dataclass(frozen=True)
class Options:
    """What the command was told."""

    folder: Path
    port: int | None
    size: str
    seed: int
    check: bool
    quiet: bool


def run(options: Options) -> Outcome:
    """Run the demo.

    Raises:
        BadRequest: no such size. HomeExists: the folder holds something else.
        MissingExtra: pandapower is not installed. PortInUse: a port is taken.
    """
    if options.size not in ("small", "gb"):
        raise BadRequest(f"There is no size {options.size!r}.", hint="Use small or gb.")
    told = Told(options.quiet)
    ports = free_ports(1 + MEMBERS, options.port)
    _clear(options.folder)
    files = options.folder / "files"
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    with Processes() as processes, Workers() as workers:
        since = time.monotonic()
        scenario = workers.run(build, cast(Size, options.size), options.seed, files)
        told(f"CIM XML of {len(scenario.organisations)} organisations in {files}")
        told.step("files", since)
        beside = Beside(workers.start(one_store, scenario), workers.start(flow_of_files, scenario))
        since = time.monotonic()
        stage = set_up(scenario, options.folder, ports, processes, told)
        told.step("nodes and publishing", since)
        result = _show(scenario, stage, workers, beside, told)
        result["seconds"] = round(time.monotonic() - told.started, 1)
        result["steps"] = told.steps
        result["peak_memory_mb"] = round(processes.peak_memory_mb)
        if not options.check:
            _linger(stage, processes, options.quiet)
    return Outcome(result, None, exit_code=_exit_code(result))


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _clear(folder: Path) -> None:
    """Make the folder anew if it is empty or an earlier demo's."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).is_file():
            raise HomeExists(
                f"{folder} holds something that is not a demo.",
                hint="Choose a new folder with --dir.",
                file=str(folder),
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()


def _show(
    scenario: Scenario, stage: Stage, workers: Workers, beside: Beside, told: Told
) -> dict[str, Any]:
    since = time.monotonic()
    asked = [_ask(path, stage, PLANNER, told) for path in questions()]
    told.step("questions", since)
    since = time.monotonic()
    personas = _personas(stage, told)
    told.step("personas", since)
    since = time.monotonic()
    archive = stage.folder / "assembled.zip"
    gathered = workers.start(gather, stage, PLANNER, archive)
    one = beside.answers.result()
    summaries = [
        {**summary, "equals_one_store": comparable(got.rows) == one[summary["name"]]}
        for summary, got in asked
    ]
    told("Each answer beside that of one store with all files: " + _verdict(summaries))
    answered = gathered.result()
    told.step("gathering the model", since)
    since = time.monotonic()
    roles = {member.id: member.licence_role for member in stage.members}
    flow = beside.flow.result()
    model = workers.run(assemble, scenario, answered, roles, flow, archive)
    told.step("assembled model, load flow and study", since)
    tell_model(scenario, model, told)
    return {
        "size": scenario.size,
        "nodes": [{"org": org, "triples": stage.triples(org)} for org in stage.homes],
        "boundary_points": scenario.facts.boundary_points,
        "paired": model.paired,
        "unfed_loads": model.unfed,
        "load_flow": {
            "converged": model.converged,
            "equal": model.comparison.equal,
            "largest_difference": model.comparison.largest,
            "counts": dict(model.comparison.counts),
        },
        "demand_equal": _demand_equal(scenario, asked[0][1]),
        "areas_equal": model.areas_equal,
        "questions": summaries,
        "personas": personas,
        **study_summary(model.study),
    }


def _verdict(summaries: list[dict[str, Any]]) -> str:
    different = [one["name"] for one in summaries if not one["equals_one_store"]]
    return f"DIFFERENT in {', '.join(different)}" if different else "equal"


def _demand_equal(scenario: Scenario, got: Answer) -> bool:
    """Tell whether demand under each grid supply point equals the load that was replaced."""
    rows = got.sparql["results"]["bindings"]
    found = {row["gsp"]["value"]: float(row["demand_mw"]["value"]) for row in rows}
    expected = {gsp.ident: gsp.mw for gsp in scenario.facts.gsps}
    return found.keys() == expected.keys() and all(
        abs(found[gsp] - mw) < DEMAND_TOLERANCE_MW for gsp, mw in expected.items()
    )


def _ask(path: Path, stage: Stage, persona: Persona, told: Told) -> tuple[dict[str, Any], Answer]:
    """Ask the gateway one question as a persona and print answer, nodes, rows, time, status."""
    got = _answer(path, stage, persona)
    nodes = [s["id"] for s in got.report.get("sources", ()) if s["requests"]]
    title = path.read_text().splitlines()[0].lstrip("# ")
    summary = {
        "name": path.stem,
        "rows": len(got.rows),
        "status": got.status,
        "milliseconds": round(got.milliseconds, 1),
        "nodes": nodes,
    }
    told(f"{title}")
    if not told.quiet:
        names = got.sparql["head"]["vars"]
        rows = [[_shown(row.get(name)) for name in names] for row in got.rows[:12]]
        table(names, rows)
    told(f"{len(got.rows)} rows from {', '.join(nodes)} in {got.milliseconds:.0f} ms, {got.status}")
    return summary, got


def _answer(path: Path, stage: Stage, persona: Persona) -> Answer:
    return select(stage.gateway, path.read_text(), stage.token(persona))


def _shown(term: Any) -> str | float:
    if term is None:
        return ""
    datatype = getattr(getattr(term, "datatype", None), "value", "")
    if datatype.endswith(("#double", "#decimal", "#float")):
        return float(term.value)
    if term.value.startswith("urn:uuid:"):
        return f"{term.value[9:17]}…"
    return str(term.value).rpartition("#")[2] or str(term.value)


def _personas(stage: Stage, told: Told) -> list[dict[str, Any]]:
    """Ask one question as every persona: the rows differ by what policy lets each see."""
    path = questions()[ASKED_AS_PERSONAS]
    found = []
    for persona in PERSONAS:
        try:
            got = _answer(path, stage, persona)
            status, rows = got.status, len(got.rows)
        except NotComplete as error:
            status, rows = str(error.detail.get("answer_status") or error.code), 0
        found.append({"name": persona.id, "title": persona.title, "rows": rows, "status": status})
    told("The same question as three personas:")
    if not told.quiet:
        table(("Who asks", "Rows", "Status"), [[p["title"], p["rows"], p["status"]] for p in found])
    return found


def _linger(stage: Stage, processes: Processes, quiet: bool) -> None:
    """Stay until Ctrl-C, or until a process ends by itself."""
    say: Callable[[str], None] = err.print if quiet else out.print
    say(f"\nOpen [bold]{stage.gateway}[/]   (Ctrl-C ends everything; files in {stage.folder})")
    try:
        name = processes.wait_for_one()
        say(f"{name} ended by itself; see {stage.folder / 'logs'}")
    except KeyboardInterrupt:
        say("ending")


def _exit_code(result: dict[str, Any]) -> int:
    """0 where every check of the demo holds, else 1."""
    flow = result["load_flow"]
    sound = (
        result["paired"] == result["boundary_points"]
        and result["unfed_loads"] == 0
        and flow["converged"]
        and flow["equal"]
        and result["demand_equal"]
        and result["areas_equal"]
        and all(question["equals_one_store"] for question in result["questions"])
        and all(question["status"] == "complete" for question in result["questions"])
        and all(question["rows"] for question in result["questions"])
    )
    return 0 if sound else 1
