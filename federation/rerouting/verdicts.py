"""From numbers to a verdict with reasons: green, amber, red or not assessable.

In: a candidate, its `Verified` numbers, the gaps in what was told and the owners' declarations.
Out: a `Verdict`. What a policy hides is *not assessable, ask the owner*, never green: a plan is
green only where every organisation it touches declares that nothing is withheld from this caller.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from federation.rerouting import gaps as kinds
from federation.rerouting.grid import Gap
from federation.rerouting.thresholds import Thresholds
from federation.rerouting.transfers import Candidate
from federation.rerouting.verification import Verified


class Colour(StrEnum):
    """The verdict's word."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    NOT_ASSESSABLE = "not_assessable"


@dataclass(frozen=True)
class Verdict:
    """Outcome with its reasons, worst first, and what was missing for it."""

    colour: Colour
    reasons: tuple[str, ...]
    missing: tuple[Gap, ...]


def judge(
    candidate: Candidate,
    verified: Verified | None,
    gaps: Sequence[Gap],
    withheld: Mapping[str, Mapping[str, str]],
    thresholds: Thresholds,
    names: Mapping[str, str],
) -> Verdict:
    """Judge a candidate.

    Args:
        candidate: the plan.
        verified: its numbers; None where no load flow was possible.
        gaps: what the members did not tell.
        withheld: organisation -> data set -> ``none``, ``some`` or ``undisclosed``, as declared;
            only data sets that hold network models.
        thresholds: limits.
        names: IRI -> name, for the reasons.
    """
    missing = tuple(relevant(candidate, verified, gaps, withheld))
    red, amber = _findings(candidate, verified, thresholds, names)
    notes = _hanging(verified, thresholds, names, amber)
    if missing or verified is None:
        asks = [
            f"ask {gap.owner or 'the owners'}: {gap.what} ({gap.assumed} assumed)"
            for gap in missing
        ]
        asks = asks or ["no load flow is possible with what was told"]
        reasons = dict.fromkeys((*asks, *red, *amber, *notes))
        return Verdict(Colour.NOT_ASSESSABLE, tuple(reasons), missing)
    if red:
        return Verdict(Colour.RED, (*red, *amber, *notes), ())
    if amber:
        return Verdict(Colour.AMBER, (*amber, *notes), ())
    return Verdict(Colour.GREEN, ("all checks within limits", *notes), ())


def relevant(
    candidate: Candidate,
    verified: Verified | None,
    gaps: Sequence[Gap],
    withheld: Mapping[str, Mapping[str, str]],
) -> list[Gap]:
    """Return the gaps that bear on a plan: of organisations it touches, or of nobody known."""
    touched = set(candidate.owners)
    assets: frozenset[str] = frozenset()
    if verified is not None:
        touched |= set(verified.footprint.owners)
        assets = verified.footprint.assets
    found: list[Gap] = []
    for gap in gaps:
        if gap.what in (kinds.RATING, kinds.IMPEDANCE) and verified is not None:
            inside = tuple(subject for subject in gap.subjects if subject in assets)
            if inside:
                found.append(Gap(gap.owner, gap.what, gap.assumed, inside))
        elif gap.owner in touched or gap.what not in kinds.KINDS:
            found.append(gap)
    for owner in sorted(touched):
        for dataset, said in (withheld.get(owner) or {"": "undisclosed"}).items():
            if said != "none":
                where = f"data of {dataset}" if dataset else "data"
                found.append(Gap(owner, f"whether {where} is withheld: {said}", "nothing"))
    return found


def _findings(
    candidate: Candidate,
    verified: Verified | None,
    limits: Thresholds,
    names: Mapping[str, str],
) -> tuple[list[str], list[str]]:
    red: list[str] = []
    amber: list[str] = []
    if verified is None:
        return red, amber
    if verified.failed:
        red.append(f"no convergence: {verified.failed}")
    for state in verified.steps:
        if state.unfed:
            red.append(f"{state.action} {names.get(state.switch, state.switch)} leaves load unfed")
    _thermal(verified, limits, names, red)
    _voltage(verified, limits, red, amber)
    _angle(verified, limits, red, amber)
    _n1(verified, limits, names, red, amber)
    _fault_level(verified, red, amber)
    if verified.spread > 1:
        red.append(f"parallel transformers are {verified.spread} taps apart")
    return red, amber


def _thermal(
    verified: Verified, limits: Thresholds, names: Mapping[str, str], red: list[str]
) -> None:
    for asset, percent in sorted(verified.worse.items(), key=lambda item: -item[1]):
        if percent > limits.final_percent:
            red.append(f"thermal: {names.get(asset, asset)} at {percent:.0f} % after the transfer")
    parallel = verified.thermal.get("parallel")
    if parallel is not None and parallel.percent > limits.parallel_percent:
        name = names.get(parallel.asset, parallel.asset)
        red.append(f"thermal: {name} at {parallel.percent:.0f} % in parallel")


def _voltage(verified: Verified, limits: Thresholds, red: list[str], amber: list[str]) -> None:
    before, after = verified.voltage.get("before"), verified.voltage.get("after")
    if before is not None and after is not None:
        if after.min_pu < min(limits.low_pu, before.min_pu - 1e-3):
            red.append(f"voltage: down to {after.min_pu:.3f} pu after the transfer")
        if after.max_pu > max(limits.high_pu, before.max_pu + 1e-3):
            red.append(f"voltage: up to {after.max_pu:.3f} pu after the transfer")
    step = verified.step_percent
    if step > limits.step_red_percent:
        red.append(f"voltage step of {step:.1f} %")
    elif step > limits.step_amber_percent:
        amber.append(f"voltage step of {step:.1f} %")


def _angle(verified: Verified, limits: Thresholds, red: list[str], amber: list[str]) -> None:
    angle = verified.across.angle_degrees
    if math.isnan(angle):
        if not verified.failed:
            amber.append("angle across the open point is not known")
    elif angle > limits.angle_red_degrees:
        red.append(f"angle of {angle:.1f} degrees across the open point")
    elif angle > limits.angle_amber_degrees:
        amber.append(f"angle of {angle:.1f} degrees across the open point")


def _fault_level(verified: Verified, red: list[str], amber: list[str]) -> None:
    """A current above a told rating is red, above an assumed one amber."""
    level = verified.fault_level
    if level is None or level.rating_ka is None or level.ka <= level.rating_ka:
        return
    basis = "its rating" if level.rating_told else "the assumed rating"
    text = f"fault level of {level.ka:.1f} kA in parallel against {basis} of {level.rating_ka:g} kA"
    (red if level.rating_told else amber).append(text)


def _hanging(
    verified: Verified | None, limits: Thresholds, names: Mapping[str, str], amber: list[str]
) -> list[str]:
    """Say what hangs on one branch afterwards: amber above the limit, else only a note."""
    if verified is None or not verified.hanging:
        return []
    worst = verified.hanging[0]
    branch = names.get(worst.branches[0], worst.branches[0])
    more = f" (or of {len(worst.branches) - 1} more in series)" if len(worst.branches) > 1 else ""
    text = f"N-1: loss of {branch}{more} leaves {worst.demand_mw:.0f} MW unfed, today none of it"
    if worst.demand_mw > limits.n1_lost_mw:
        amber.append(text)
        return []
    return [text]


def _n1(
    verified: Verified,
    limits: Thresholds,
    names: Mapping[str, str],
    red: list[str],
    amber: list[str],
) -> None:
    if verified.n1 is None:
        if not verified.failed:
            amber.append("N-1 was not run")
        return
    for contingency, asset, percent in verified.n1.overloads[:3]:
        text = (
            f"N-1: loss of {names.get(contingency, contingency)} loads "
            f"{names.get(asset, asset)} to {percent:.0f} %"
        )
        if percent > limits.n1_red_percent:
            red.append(text)
        elif percent > limits.n1_amber_percent:
            amber.append(text)
    if verified.n1.voltages:
        amber.append(f"N-1: {len(verified.n1.voltages)} new voltage violations")
    for contingency in verified.n1.failed:
        amber.append(f"N-1: loss of {names.get(contingency, contingency)} does not converge")
