"""Whole studies proven: every candidate of three sets verified with N-1, written as a page.

In: the four-authority set, the small demo and the GB demo. Out: docs/proofs/rerouting.md. Every
candidate's moved loads are confirmed by switching in PowSyBl; the run fails unless the GB demo has
a plan green, one amber, and one rejected for each of no convergence, thermal and voltage.

Run: ``GRIDSPINE_DATA=... python -m benchmarks.rerouting_study``.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.rerouting_sets import DATA, ask, stores_of
from federation.demo.scenario import Size, build
from federation.rerouting.areas import Areas
from federation.rerouting.confirm import Confirmation
from federation.rerouting.extract import ask_all
from federation.rerouting.grid import Grid
from federation.rerouting.network import load_files
from federation.rerouting.plans import Plan
from federation.rerouting.request import Request, Told
from federation.rerouting.study import Study, run_study
from federation.rerouting.transfers import Zones, groups_of

PAGE = Path(__file__).parent.parent / "docs" / "proofs" / "rerouting.md"
CAUSES = ("no convergence", "thermal", "voltage", "N-1")


@dataclass(frozen=True)
class Proven:
    """One set studied: its plans, how many moved as told, and the seconds per plan."""

    name: str
    study: Study
    confirmed: int
    seconds: float
    groups: int

    def colour(self, word: str) -> list[Plan]:
        """Return the plans of a verdict."""
        return [plan for plan in self.study.plans if plan.verdict.colour.value == word]


def prove(name: str, paths: Mapping[str, list[Path]], files: Sequence[Path], home: Path) -> Proven:
    """Study one set with every candidate verified and N-1 in its reduced form."""
    answers = ask_all({org: ask(store) for org, store in stores_of(paths).items()})
    network = load_files(files)
    archive = home / f"{name.replace(' ', '_')}.biidm"
    network.save(str(archive), format="BIIDM")
    withheld = {org: {"network": "none"} for org in answers}
    start = time.perf_counter()
    told = Told(answers=answers, withheld=withheld, archive=archive)
    study = run_study(told, Request(verify=1000))
    seconds = (time.perf_counter() - start) / max(1, len(study.plans))
    confirmation = Confirmation(network, study.grid, study.areas)
    moved = [confirmation.moved(c) == set(c.loads) for c in study.search.candidates]
    assert all(moved), f"{name}: {moved.count(False)} candidates move other loads"
    assert all(p.verified and p.verified.spread <= 1 for p in study.plans)
    return Proven(name, study, sum(moved), seconds, _groups(study.grid, study.areas))


def _groups(grid: Grid, areas: Areas) -> int:
    """Return how many groups of load the search asked a minimum cut for."""
    zones = Zones(grid, areas, ())
    return sum(len(groups_of(zones, p, side)) for p in areas.open_points for side in (0, 1))


def cause(plan: Plan) -> str:
    """Return the first cause of a verdict that is not green."""
    return next((c for c in CAUSES if plan.verdict.reasons[0].startswith(c)), "other")


def page(proven: Sequence[Proven]) -> str:
    """Return the page."""
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    lines = [
        "# Proofs of re-routing",
        "",
        f"Made by `python -m benchmarks.rerouting_study` on {today}; seconds are of that machine,",
        "which other work shared. Every candidate was verified by load flow with the reduced N-1,",
        "and its moved loads were confirmed by switching in PowSyBl.",
        "",
        "| Set | Open points, across owners | Candidates, confirmed | Green | Amber | Red |"
        " Seconds per plan |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for one in proven:
        points = one.study.areas.open_points
        crossing = sum(point.cross_owner for point in points)
        counts = [len(one.colour(word)) for word in ("green", "amber", "red")]
        lines.append(
            f"| {one.name} | {len(points)}, {crossing} | {len(one.study.plans)}, {one.confirmed} | "
            + " | ".join(str(count) for count in counts)
            + f" | {one.seconds:.2f} |"
        )
    lines += ["", "First cause of each rejection:", ""]
    lines += ["| Set | " + " | ".join(CAUSES) + " |", "|---|" + "---:|" * len(CAUSES)]
    for one in proven:
        found = Counter(cause(plan) for plan in one.colour("red"))
        lines.append(f"| {one.name} | " + " | ".join(str(found[c]) for c in CAUSES) + " |")
    for one in proven:
        lines += ["", *_plans(one)]
    return "\n".join(lines) + "\n"


def _plans(one: Proven) -> list[str]:
    """Return the best green and amber plans, and the first rejected for each cause."""
    chosen = [*one.colour("green")[:4], *one.colour("amber")[:4]]
    for word in CAUSES:
        chosen += [plan for plan in one.colour("red") if cause(plan) == word][:1]
    lines = [
        f"## {one.name}",
        "",
        f"{one.groups} groups of load were asked for, {len(one.study.plans)} distinct sets of load",
        "can be moved. Largest plans of each verdict:",
        "",
        "| From | To | kV | Net MW | Across owners | Verdict | First reason |",
        "|---|---|---:|---:|---|---|---|",
    ]
    for plan in chosen:
        candidate = plan.candidate
        lines.append(
            f"| {candidate.giver} | {candidate.receiver} | {candidate.point.kv:g} | "
            f"{candidate.net_mw:.1f} | {'yes' if candidate.point.cross_owner else 'no'} | "
            f"{plan.verdict.colour.value} | {plan.verdict.reasons[0]} |"
        )
    return lines


def main() -> None:
    """Prove the three sets and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        four = DATA / "cim" / "gsp_four_authorities.zip"
        proven = [prove("four authorities", {"": [four]}, [four], home)]
        sizes: tuple[Size, ...] = ("small", "gb")
        for size in sizes:
            scenario = build(size, 1, home / size)
            paths = {o.id: list(o.files) for o in scenario.organisations}
            name = "GB demo" if size == "gb" else "small demo"
            proven.append(prove(name, paths, list(scenario.network_files), home))
    gb = proven[-1]
    assert gb.colour("green") and gb.colour("amber")
    assert {"no convergence", "thermal", "voltage"} <= {cause(p) for p in gb.colour("red")}
    PAGE.write_text(page(proven))


if __name__ == "__main__":
    main()
