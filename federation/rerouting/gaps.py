"""What the members did not tell, by owner: hidden by policy or missing in the data.

In: the answers and the parts made of them. Out: `Gap` records, each with what a study assumes
instead and which assets it concerns, so that a check that rests on it is never called green.
"""

from __future__ import annotations

from collections.abc import Mapping

from federation.rerouting.grid import (
    LOADS,
    BoundaryPoint,
    Equipment,
    Gap,
    Switch,
    Winding,
)
from federation.rerouting.questions import Columns

RATING = "current rating"
IMPEDANCE = "impedance"
DEMAND = "demand"
POSITION = "switch position"
OTHER_SIDE = "the other side of a boundary point"
KINDS = frozenset({RATING, IMPEDANCE, DEMAND, POSITION, OTHER_SIDE})
"""Kinds that concern only who is touched; any other gap concerns every plan."""


def find(
    answers: Mapping[str, Mapping[str, Columns]],
    equipment: Mapping[str, Equipment],
    switches: Mapping[str, Switch],
    windings: Mapping[str, tuple[Winding, ...]],
    rated: frozenset[str],
    boundary: tuple[BoundaryPoint, ...],
) -> tuple[Gap, ...]:
    """Return all gaps, ordered by owner and kind."""
    lined = {iri for answer in answers.values() for iri in answer["lines"]["line"]}
    loaded = {iri for answer in answers.values() for iri in answer["loads"]["load"]}
    found: dict[tuple[str, str, str], list[str]] = {}

    def note(owner: str, what: str, assumed: str, subject: str) -> None:
        found.setdefault((owner, what, assumed), []).append(subject)

    for part in equipment.values():
        if part.kind in ("ACLineSegment", "PowerTransformer") and part.iri not in rated:
            note(part.owner, RATING, "loading not judged", part.iri)
        if part.kind == "ACLineSegment" and part.iri not in lined:
            note(part.owner, IMPEDANCE, "no load flow", part.iri)
        if part.kind == "PowerTransformer" and not _has_impedance(windings.get(part.iri, ())):
            note(part.owner, IMPEDANCE, "no load flow", part.iri)
        if part.kind in LOADS and part.iri not in loaded:
            note(part.owner, DEMAND, "0 MW", part.iri)
    for switch in switches.values():
        if not switch.stated:
            note(switch.owner, POSITION, "normal position", switch.iri)
    for point in boundary:
        for side in point.declared:
            if side not in point.found and side in answers:
                note(side, OTHER_SIDE, "open", point.iri)
    return tuple(
        Gap(owner, what, assumed, tuple(sorted(subjects)))
        for (owner, what, assumed), subjects in sorted(found.items())
    )


def _has_impedance(ends: tuple[Winding, ...]) -> bool:
    return any(end.x_ohm for end in ends)
