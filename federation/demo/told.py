"""What the demo says while it runs, and the part of its summary that a study fills.

In: results of the steps. Out: lines and tables on the terminal, or on stderr where the summary is
wanted as JSON.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from federation.demo.scenario import Scenario
from federation.demo.study import Assembled
from kgnode.console import err, out, table


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


def tell_model(scenario: Scenario, model: Assembled, told: Told) -> None:
    """Say what came of assembling the model, and what could move where."""
    facts = scenario.facts
    told(
        f"{model.paired} of {facts.boundary_points} boundary points pair, {model.unfed} unfed loads"
    )
    verdict = "equals" if model.comparison.equal else "DIFFERS FROM"
    told(
        f"AC load flow on the assembled model {verdict} the one on the files "
        f"(largest difference {model.comparison.largest:.1e})"
    )
    same = "equal" if model.areas_equal else "DIFFER FROM"
    told(f"Supply areas {same} the components that PowSyBl finds behind the GSP breakers")
    if not told.quiet:
        _tables(model.study)
    found = study_summary(model.study)
    told(
        f"{model.study['from']} to {model.study['to']}: {found['candidates']} candidates, "
        f"{found['verified']} verified by load flow"
    )
    for word in ("best", "worst"):
        if found[word]:
            told(f"{word}: {found[word]['text']}")


def _tables(study: dict[str, Any]) -> None:
    areas = [one for one in study["areas"] if one["gsps"]]
    rows = [[a["gsp"], a["demand_mw"], a["generation_mw"], a["loads"]] for a in areas]
    table(("Supply area", "Demand MW", "Embedded MW", "Loads"), rows)
    points = sorted(study["open_points"], key=lambda point: str(point["name"]))
    ties = [
        [p["name"], p["kv"] or 0.0, *p["areas"], "two" if p["cross_owner"] else "one"]
        for p in points
    ]
    table(("Normally open tie", "kV", "Between", "and", "Owners"), ties)


def study_summary(study: dict[str, Any]) -> dict[str, Any]:
    """Return what the demo's summary says of a study: areas, ties, counts, two plans in words."""
    plans = [plan for plan in study["candidates"] if plan["verified"]]
    order = {"green": 0, "amber": 1, "not_assessable": 2, "red": 3}
    ranked = sorted(plans, key=lambda plan: order[plan["verdict"]])
    red = [plan for plan in ranked if plan["verdict"] == "red"]
    return {
        "areas": [
            {key: one[key] for key in ("gsp", "demand_mw", "generation_mw", "loads")}
            for one in study["areas"]
            if one["gsps"]
        ],
        "open_ties": len(study["open_points"]),
        "open_ties_across_owners": sum(one["cross_owner"] for one in study["open_points"]),
        "study": {"from": study["from"], "to": study["to"]},
        "candidates": len(study["candidates"]),
        "verified": len(plans),
        "best": _in_words(ranked[0]) if ranked and ranked[0]["verdict"] != "red" else None,
        "worst": _in_words(red[-1]) if red else None,
    }


def _in_words(plan: dict[str, Any]) -> dict[str, Any]:
    opened = ", ".join(str(one["name"]) for one in plan["open"])
    reasons = "; ".join(plan["reasons"]) or "all limits kept"
    text = (
        f"close {plan['close']['name']}, open {opened}: moves {plan['moved']['net_mw']:.1f} MW, "
        f"{plan['verdict']} ({reasons})"
    )
    return {"verdict": plan["verdict"], "net_mw": plan["moved"]["net_mw"], "text": text}
