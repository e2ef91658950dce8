"""The demo from beginning to end: files, nodes, questions, personas, the assembled network.

In: ``Options``. Out: the summary of the command; while it runs, each step is told. Nothing here
knows an answer: every figure comes from the nodes, the gateway or the load flow.
"""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from federation.ask import Answer, select
from federation.demo.personas import PERSONAS, Persona
from federation.demo.processes import Processes, free_ports
from federation.demo.scenario import Scenario, Size, build, questions
from federation.demo.stage import Stage, set_up
from federation.demo.study import Assembled, assembled
from kgnode.console import Outcome, err, out, table
from kgnode.errors import BadRequest, HomeExists, NotComplete

PLANNER = PERSONAS[0]
MEMBERS = 4
MARK = ".gridspine-demo"
"""A folder with this file was made by the demo, so that it may be made anew."""
ASKED_AS_PERSONAS = 0
"""Which question every persona asks again."""


@dataclass(frozen=True)
class Options:
    """What the command was told."""

    folder: Path
    port: int | None
    size: str
    seed: int
    check: bool
    quiet: bool


@dataclass
class Told:
    """Says what happens, with the seconds since the start; keeps the seconds of each step."""

    quiet: bool
    started: float = field(default_factory=time.monotonic)
    steps: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, text: str) -> None:
        """Say one line."""
        with self._lock:
            stream = err if self.quiet else out
            stream.print(f"[dim]{time.monotonic() - self.started:6.1f} s[/]  {text}")

    def step(self, name: str, since: float) -> None:
        """Keep how long a step took."""
        self.steps[name] = round(time.monotonic() - since, 2)


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
    since = time.monotonic()
    files = options.folder / "files"
    scenario = build(cast(Size, options.size), options.seed, files)
    told(f"CIM XML of {len(scenario.organisations)} organisations in {files}")
    told.step("files", since)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    with Processes() as processes:
        since = time.monotonic()
        stage = set_up(scenario, options.folder, ports, processes, told)
        told.step("nodes and publishing", since)
        result = _show(scenario, stage, told)
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


def _show(scenario: Scenario, stage: Stage, told: Told) -> dict[str, Any]:
    since = time.monotonic()
    asked = [_ask(path, stage, PLANNER, told) for path in questions()]
    told.step("questions", since)
    since = time.monotonic()
    personas = _personas(stage, told)
    told.step("personas", since)
    since = time.monotonic()
    model = assembled(scenario, stage, PLANNER)
    told.step("assembled model and load flow", since)
    _tell_model(scenario, model, told)
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
        "areas": [
            {"gsp": key, "demand_mw": round(mw, 3)} for key, mw in sorted(model.demand.items())
        ],
        "open_ties": len(model.areas.open_points),
        "open_ties_across_owners": sum(p.cross_owner for p in model.areas.open_points),
        "questions": [question for question, _ in asked],
        "personas": personas,
    }


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


def _tell_model(scenario: Scenario, model: Assembled, told: Told) -> None:
    facts = scenario.facts
    told(
        f"{model.paired} of {facts.boundary_points} boundary points pair, {model.unfed} unfed loads"
    )
    verdict = "equals" if model.comparison.equal else "DIFFERS FROM"
    told(
        f"AC load flow on the assembled model {verdict} the one on the files "
        f"(largest difference {model.comparison.largest:.1e})"
    )
    if told.quiet:
        return
    loads = {area.key: len(area.loads) for area in model.areas.areas}
    rows = [[key, round(mw, 1), loads[key]] for key, mw in sorted(model.demand.items())]
    table(("Supply area", "Demand MW", "Loads"), rows)
    ties = [
        [
            model.grid.switches[p.switch].name,
            p.kv or 0.0,
            *p.areas,
            " + ".join(sorted(set(p.sides))),
        ]
        for p in model.areas.open_points
    ]
    table(("Normally open tie", "kV", "Between", "and", "Owners"), sorted(ties, key=str))


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
        and all(question["status"] == "complete" for question in result["questions"])
        and all(question["rows"] for question in result["questions"])
    )
    return 0 if sound else 1
