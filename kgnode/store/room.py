"""Which views may stay in memory, which go to disk, and which must leave.

In: budgets in bytes, the views there are. Out: where a new view goes and who makes room for it.
Least recently used leaves first, never one that a query runs on. A view that comes back after it
had to leave is built on disk: there it can sleep for nothing and wake in a tenth of a second.
"""

from __future__ import annotations

import itertools
import shutil
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from kgnode.store.cells import Cell
from kgnode.store.seat import Key, Seat

TRIPLE_BYTES = 400
PROCESSES_BYTES = 80 << 20
DISK_VIEW_BYTES = 200 << 20
"""What a view is expected to take before it is there to be measured."""

REMEMBERED = 4096


class Room:
    """The budgets of a node's views."""

    def __init__(self, memory_bytes: int, disk_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._disk_bytes = disk_bytes
        self._expected: dict[Key, int] = {}
        self._left: OrderedDict[Key, None] = OrderedDict()
        self._images: OrderedDict[Key, tuple[Path, int]] = OrderedDict()
        self._numbers = itertools.count(1)

    @property
    def disk_bytes(self) -> int:
        """Bytes of all disk views kept."""
        return sum(size for _, size in self._images.values())

    def place(self, key: Key, folder: Path) -> Path | None:
        """Return the folder of a disk view, the one there is if there is one; None for memory."""
        if key in self._images:
            self._images.move_to_end(key)
            return self._images[key][0]
        if key in self._left or expected_bytes(key) > self._memory_bytes:
            return folder / f"image-{next(self._numbers)}"
        return None

    def victims(self, key: Key, seats: Sequence[Seat], on_disk: bool) -> list[Seat] | None:
        """Return who must leave so that a view fits; None where a view in memory cannot fit.

        Measures all hosts, which takes milliseconds each.
        """
        needed = DISK_VIEW_BYTES if on_disk else expected_bytes(key)
        for seat in seats:
            seat.bytes = seat.host.memory_bytes() or expected_bytes(seat.key)
        total = needed + sum(seat.bytes for seat in seats) + sum(self._expected.values())
        leaving: list[Seat] = []
        for seat in sorted(seats, key=lambda seat: seat.used):
            if total <= self._memory_bytes:
                break
            if not seat.running and seat.host.seats == 1:
                leaving.append(seat)
                total -= seat.bytes
        if total > self._memory_bytes and not on_disk:
            return None
        for seat in leaving:
            if seat.image is None:
                self._left[seat.key] = None
        while len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
        self._expected[key] = needed
        return leaving

    def arrived(self, key: Key) -> None:
        """Take note that a view is built, or failed to be; from now on it is measured."""
        self._expected.pop(key, None)

    def keep(self, key: Key, image: Path) -> None:
        """Take note of a disk view; the least recently used go while there are too many."""
        size = sum(path.stat().st_size for path in image.rglob("*") if path.is_file())
        self._images[key] = (image, size)
        self._images.move_to_end(key)
        while self.disk_bytes > self._disk_bytes and len(self._images) > 1:
            _, (oldest, _) = self._images.popitem(last=False)
            shutil.rmtree(oldest, ignore_errors=True)

    def drop(self, key: Key, image: Path) -> None:
        """Remove a disk view that could not be built or opened."""
        self._images.pop(key, None)
        shutil.rmtree(image, ignore_errors=True)

    def purge(self, cells: frozenset[Cell]) -> None:
        """Remove all disk views that hold one of these cells."""
        for key, (image, _) in list(self._images.items()):
            if cells & (key[0] | key[1]):
                self.drop(key, image)


def expected_bytes(key: Key) -> int:
    """Return what a view in memory is expected to take, its evaluators included."""
    triples = sum(cell.triples for part in key.parts for cell in part)
    return PROCESSES_BYTES + TRIPLE_BYTES * triples * (1 if key.derived is None else 2)
