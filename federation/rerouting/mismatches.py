"""Where the owners' models do not fit together at the boundary, with the owners concerned.

In: a `Grid`. Out: `Mismatch` records: points with one side only, differing voltage or state on the
two sides, assets given by two organisations. They are reported, never mended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from federation.rerouting.grid import BoundaryPoint, Grid


@dataclass(frozen=True)
class Mismatch:
    """One disagreement: what it is about, its kind and who is concerned."""

    kind: str
    subject: str
    owners: tuple[str, ...]
    message: str


def find_mismatches(grid: Grid) -> tuple[Mismatch, ...]:
    """Return all mismatches, boundary points first."""
    attached: dict[int, list[tuple[str, str, bool]]] = {}
    points = {point.node for point in grid.boundary}
    for part in grid.equipment.values():
        for node, live in zip(part.nodes, part.live, strict=True):
            if node in points:
                attached.setdefault(node, []).append((part.owner, part.iri, live))
    found: list[Mismatch] = []
    for point in grid.boundary:
        found += _at_point(grid, point, attached.get(point.node, []))
    for iri, owners in sorted(grid.twice.items()):
        message = f"{grid.name(iri)} is given by {' and '.join(owners)}"
        found.append(Mismatch("duplicate", iri, owners, message))
    return tuple(found)


def _at_point(
    grid: Grid, point: BoundaryPoint, ends: list[tuple[str, str, bool]]
) -> Iterator[Mismatch]:
    owners = tuple(sorted({owner for owner, _, _ in ends}))
    if len(owners) != 2:
        concerned = tuple(sorted({*owners, *point.declared}))
        sides = "no side" if not owners else f"only {', '.join(owners)}"
        if len(owners) > 2:
            sides = f"{len(owners)} organisations"
        yield Mismatch(
            "unpaired", point.iri, concerned, f"{point.name}: {sides} found at the boundary point"
        )
    elif point.declared and set(point.declared) != set(owners):
        yield Mismatch(
            "sides",
            point.iri,
            tuple(sorted({*owners, *point.declared})),
            f"{point.name}: declared between {' and '.join(point.declared)}, "
            f"found between {' and '.join(owners)}",
        )
    volts = {grid.base_kv[iri] for _, iri, _ in ends if iri in grid.base_kv}
    if len(volts) > 1:
        listed = " and ".join(f"{kv:g} kV" for kv in sorted(volts))
        yield Mismatch("voltage", point.iri, owners, f"{point.name}: {listed} on its sides")
    states = {owner: live for owner, _, live in ends}
    if len(set(states.values())) > 1:
        off = sorted(owner for owner, live in states.items() if not live)
        yield Mismatch(
            "state", point.iri, owners, f"{point.name}: not connected on {', '.join(off)}'s side"
        )
