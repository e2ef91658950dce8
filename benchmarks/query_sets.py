"""A hundred callers who may each see something else, on one node of four GiB.

Run: ``python -m benchmarks.query_sets``. Each permitted set leaves out another two of 25 cells of a
million triples; every answer is compared with a count over the lines of only those cells.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from itertools import combinations
from pathlib import Path

from benchmarks.figures import Figures
from benchmarks.query import QUERIES, TYPE, ask, generate, publish
from kgnode.settings import Settings
from kgnode.store.cells import Cell
from kgnode.store.record import FolderRecord, open_record
from kgnode.store.view import Views

TYPED = f"<{TYPE}>".encode()


async def many_sets(
    record: FolderRecord, cells: frozenset[Cell], folder: Path, figures: Figures
) -> None:
    """Ask through 100 distinct permitted sets under 4 GiB, one after another, and some again."""
    ordered = sorted(cells, key=lambda cell: cell.iri)
    left_out = [frozenset(pair) for pair in list(combinations(ordered, 2))[:100]]
    query = (QUERIES / "01_count.rq").read_text()
    answers: dict[frozenset[Cell], bytes] = {}
    views = Views(record, Settings(view_memory_bytes=4 << 30), folder)
    peak = 0.0

    async def visit(sets: list[frozenset[Cell]], name: str) -> None:
        nonlocal peak
        waits = []
        for without in sets:
            start = time.perf_counter()
            found = await ask(await views.get(cells - without, named=False), query)
            waits.append(time.perf_counter() - start)
            assert answers.setdefault(without, found) == found
            peak = max(peak, views.stats()["memory_bytes"])
        figures.add(f"{name}: median wait for a view and its answer", statistics.median(waits),
                    "s", note=f"longest {max(waits):.2f} s")  # fmt: skip

    try:
        await visit(left_out, "100 permitted sets, one after another")
        await visit(left_out[-5:], "of these, 5 still in memory")
        await visit(left_out[:5], "of these, 5 that had to leave come back on disk")
        for seat in [seat for seat in views.seats() if seat.image]:
            views.lost(seat)
        await visit(left_out[:5], "of these, 5 on disk awake")
        stats = views.stats()
    finally:
        await views.close()
    typed = {
        cell: {line for line in record.cell_file(cell).read_bytes().splitlines() if TYPED in line}
        for cell in cells
    }
    for without, found in answers.items():
        expected = len(set().union(*(typed[cell] for cell in cells - without)))
        assert json.loads(found)["results"]["bindings"][0]["n"]["value"] == str(expected)
    figures.add("100 permitted sets: most memory of all hosts", peak / 2**30, "GiB",
                aim="at most 4", note=f"{stats['views']:.0f} views awake at the end, "
                f"{stats['disk_bytes'] / 2**30:.1f} GiB on disk")  # fmt: skip


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        kept = open_record(Path(place) / "record")
        measured = Figures("query_sets")
        cells_kept = frozenset(publish(kept, generate()).cells)
        asyncio.run(many_sets(kept, cells_kept, Path(place) / "run", measured))
        measured.write()
        kept.close()
