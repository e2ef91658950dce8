"""The form that all benchmark figures share, and the page made from them.

In: measurements of one run. Out: ``benchmarks/results/<name>.json``::

    {"benchmark", "date", "machine": {"cores", "memory_gib", "python", "system"},
     "figures": [{"name", "value", "unit", "aim"?, "peer"?, "note"?}], "equal_results": bool}

and, by ``python -m benchmarks.figures``, the page docs/figures.md. A ratio is always from one run,
with the peer's results asserted equal before it is written.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent.parent / "docs" / "figures.md"


@dataclass(frozen=True)
class Figure:
    """One measured number with its unit; ``aim`` as the requirement words it."""

    name: str
    value: float
    unit: str
    aim: str = ""
    peer: str = ""
    note: str = ""


@dataclass
class Figures:
    """The figures of one benchmark run, written at the end."""

    benchmark: str
    equal_results: bool = True
    figures: list[Figure] = field(default_factory=list)

    def add(
        self, name: str, value: float, unit: str, *, aim: str = "", peer: str = "", note: str = ""
    ) -> None:
        """Keep one figure and print it."""
        self.figures.append(Figure(name, round(value, 4), unit, aim, peer, note))
        print(f"{self.benchmark}: {name} = {value:.4g} {unit}" + (f" (aim {aim})" if aim else ""))

    def write(self) -> Path:
        """Write the JSON file and return its path."""
        RESULTS.mkdir(exist_ok=True)
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        document = {
            "benchmark": self.benchmark,
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "machine": {
                "cores": os.cpu_count(),
                "memory_gib": round(pages / 2**30),
                "python": platform.python_version(),
                "system": platform.system(),
            },
            "equal_results": self.equal_results,
            "figures": [asdict(figure) for figure in self.figures],
        }
        path = RESULTS / f"{self.benchmark}.json"
        path.write_text(json.dumps(document, indent=1) + "\n")
        return path


def alternate(
    ours: Callable[[], object], peer: Callable[[], object], rounds: int = 20
) -> tuple[float, float]:
    """Return the median seconds of both calls, run in turn so that noise hits both alike."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for call, kept in zip((ours, peer), times, strict=True):
            start = time.perf_counter()
            call()
            kept.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def page() -> str:
    """Return docs/figures.md as Markdown, made from all result files."""
    lines = ["# Figures", "", "Made by `python -m benchmarks.figures`; do not edit.", ""]
    for path in sorted(RESULTS.glob("*.json")):
        document = json.loads(path.read_text())
        machine = document["machine"]
        lines += [
            f"## {document['benchmark']}",
            "",
            f"{document['date']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
            f"Python {machine['python']}; results equal to the peer's: "
            f"{'yes' if document['equal_results'] else 'no'}.",
            "",
            "| Figure | Value | Unit | Aim | Peer | Note |",
            "|---|---:|---|---|---|---|",
        ]
        lines += [
            f"| {f['name']} | {f['value']:g} | {f['unit']} | {f['aim']} | {f['peer']} "
            f"| {f['note']} |"
            for f in document["figures"]
        ]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
