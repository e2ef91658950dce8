"""What changes in a merge of cells when some of them are replaced.

In: the cell files before and after. Out: the lines to remove and to add. A triple removed from one
cell may stand in another that stays, so each candidate is looked for in all of them; cells are
canonical lines, so this is a comparison of lines, without a dictionary of counts.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Delta:
    """N-Triples lines to remove from a graph and to add to it."""

    removed: frozenset[bytes]
    added: frozenset[bytes]

    def __len__(self) -> int:
        return len(self.removed) + len(self.added)


def compare(before: Collection[Path], after: Collection[Path]) -> Delta:
    """Return what turns the merge of the files ``before`` into that of the files ``after``.

    Cost: reads every file once; holds the lines of the replaced files only.
    """
    earlier, later = set(before), set(after)
    gone: set[bytes] = set()
    for path in earlier - later:
        gone.update(_lines(path))
    added: set[bytes] = set()
    stays: set[bytes] = set()
    for path in later - earlier:
        for line in _lines(path):
            if line in gone:
                stays.add(line)
            else:
                added.add(line)
    gone -= stays
    for path in earlier & later:
        if not gone:
            break
        with path.open("rb") as lines:
            gone -= gone.intersection(lines)
    return Delta(frozenset(gone), frozenset(added))


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)
