"""How a view follows its data sets from version to version.

In: what a view holds and two manifests, or two contents of one view. Out: the content it should
have next, and the changes that lead there. A change is done where it is small; otherwise a view is
built anew, since the engine never frees the triples that were removed from memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kgnode.errors import NotFound
from kgnode.store.cells import Cell, Manifest
from kgnode.store.delta import compare
from kgnode.store.record import Record
from kgnode.store.seat import Key

CHURN_MAX = 0.1
"""Removed triples, of all, above which a view is built anew."""

CHANGE_MAX = 0.3
"""Changed triples, of all, above which building anew is faster."""


@dataclass(frozen=True)
class Step:
    """Changes to a view: (graph or None for the default, file to remove, file to add) each."""

    changes: list[tuple[str | None, str, str]]
    removed: int


def successor(key: Key, before: Manifest | None, after: Manifest | None) -> Key | None:
    """Return what a view should hold after a data set went from one version to another.

    It gets those new cells whose label sets it had of the old version. None if nothing changes.
    """
    old = frozenset(before.cells) if before else frozenset()
    if not old & (key[0] | key[1]):
        return None
    parts = []
    for part in key:
        label_sets = {cell.labels for cell in part & old}
        new = (cell for cell in (after.cells if after else ()) if cell.labels in label_sets)
        parts.append(frozenset([*(part - old), *new]))
    following = (parts[0], parts[1])
    return None if following == key else following


def between(record: Record, before: Key, after: Key, churn: int, folder: Path) -> Step | None:
    """Return the changes from one content to another, written to a folder.

    None where a cell is gone from the record or the change is too large to be worth it.
    """
    total = max(sum(cell.triples for part in after for cell in part), 1)
    graphs: list[tuple[str | None, frozenset[Cell], frozenset[Cell]]]
    graphs = [(None, before[0], after[0])]
    earlier, later = _by_model(before[1]), _by_model(after[1])
    for model in sorted({*earlier, *later}):
        none: frozenset[Cell] = frozenset()
        graphs.append((model, earlier.get(model, none), later.get(model, none)))
    changes, removed, size = [], 0, 0
    for number, (graph, old, new) in enumerate(graphs):
        if old == new:
            continue
        try:
            delta = compare(_files(record, old), _files(record, new))
        except NotFound:
            return None
        removed += len(delta.removed)
        size += len(delta)
        if churn + removed > CHURN_MAX * total or size > CHANGE_MAX * total:
            return None
        gone, come = folder / f"{number}-removed.nt", folder / f"{number}-added.nt"
        gone.write_bytes(b"".join(delta.removed))
        come.write_bytes(b"".join(delta.added))
        changes.append((graph, str(gone), str(come)))
    return Step(changes, removed)


def _files(record: Record, cells: frozenset[Cell]) -> set[Path]:
    return {record.cell_file(cell) for cell in cells}


def _by_model(cells: frozenset[Cell]) -> Mapping[str, frozenset[Cell]]:
    models: dict[str, set[Cell]] = {}
    for cell in cells:
        models.setdefault(cell.model, set()).add(cell)
    return {model: frozenset(found) for model, found in models.items()}
