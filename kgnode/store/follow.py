"""How a view follows its data sets from version to version.

In: what a view holds and two manifests, or two contents of one view. Out: the content it should
have next, and the changes that lead there. A change is done where it is small; otherwise a view is
built anew, since the engine never frees the triples that were removed from memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kgnode.errors import NotFound
from kgnode.store.cells import Cell, Manifest
from kgnode.store.delta import Delta, absent, compare
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

    It gets those new cells whose label sets it had of the old version. None if nothing changes,
    and for a view that holds what follows from its cells: that is built anew when it is asked for.
    """
    old = frozenset(before.cells) if before else frozenset()
    if not old & (key.cells | key.named) or key.derived is not None:
        return None
    parts = []
    for part in key.parts:
        label_sets = {cell.labels for cell in part & old}
        new = (cell for cell in (after.cells if after else ()) if cell.labels in label_sets)
        parts.append(frozenset([*(part - old), *new]))
    following = Key(parts[0], parts[1])
    return None if following == key else following


def outdated(key: Key, before: Manifest | None) -> bool:
    """Tell whether a view holds what followed from an earlier version; nobody asks for it again."""
    cells = frozenset(before.cells) if before is not None else frozenset()
    return key.derived is not None and not cells.isdisjoint(key.cells | key.named)


def between(record: Record, before: Key, after: Key, churn: int, folder: Path) -> Step | None:
    """Return the changes from one content to another, written to a folder.

    None where a cell is gone from the record or the change is too large to be worth it.
    """
    total = max(sum(cell.triples for part in after.parts for cell in part), 1)
    try:
        deltas = list(_deltas(record, before, after))
    except NotFound:
        return None
    removed = sum(len(delta.removed) for _, delta in deltas)
    size = sum(len(delta) for _, delta in deltas)
    if churn + removed > CHURN_MAX * total or size > CHANGE_MAX * total:
        return None
    changes = []
    for number, (graph, delta) in enumerate(deltas):
        gone, come = folder / f"{number}-removed.nt", folder / f"{number}-added.nt"
        gone.write_bytes(b"".join(delta.removed))
        come.write_bytes(b"".join(delta.added))
        changes.append((graph, str(gone), str(come)))
    return Step(changes, removed)


def _deltas(record: Record, before: Key, after: Key) -> Iterator[tuple[str | None, Delta]]:
    """Yield what changes in each graph; None is the default graph.

    What left the default graph is among what left some model, so only that is looked for in all
    files; without common named graphs each part is compared for itself.
    """
    models: dict[str, Delta] = {}
    for model in {cell.model for part in (before[0], after[0]) for cell in part}:
        old, new = (_files(record, model, part[0]) for part in (before, after))
        if old != new:
            models[model] = compare(old, new)
    gone = frozenset(line for delta in models.values() for line in delta.removed)
    come = frozenset(line for delta in models.values() for line in delta.added)
    yield None, Delta(frozenset(absent(gone, _files(record, None, after[0]))), come)
    for model in sorted({cell.model for part in (before[1], after[1]) for cell in part}):
        old, new = (_files(record, model, part[1]) for part in (before, after))
        same = all(_files(record, model, part[0]) == _files(record, model, part[1])
                   for part in (before, after))  # fmt: skip
        if old != new:
            yield model, models[model] if same else compare(old, new)


def _files(record: Record, model: str | None, cells: frozenset[Cell]) -> set[Path]:
    """Return the files of the cells of a model, or of all."""
    return {record.cell_file(cell) for cell in cells if model is None or cell.model == model}
