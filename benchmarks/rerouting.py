"""Re-routing: candidate search and verification, beside networkx and the plain way of both.

In: the four-authority set, the GB demo when asked for (``--gb``), and a national size made of
copies of the four-authority set (``--national``: 350 supply points). Out:
benchmarks/results/rerouting.json. Every set is measured in a process of its own, so that none
holds memory beside the next; a peak is that of its process.
The minimum cut's peer is networkx on the same graph; every cut's size is asserted equal before the
ratio is written, and every candidate's moved loads are confirmed by switching in PowSyBl.

Run: ``GRIDSPINE_DATA=... python -m benchmarks.rerouting [--gb] [--national]``.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import networkx as nx
import pyoxigraph as ox

from benchmarks.figures import Figure, Figures
from benchmarks.rerouting_national import peak_mib
from benchmarks.rerouting_sets import DATA, ask, stores_of
from federation.rerouting.areas import Areas, supply_areas
from federation.rerouting.bench import Bench
from federation.rerouting.confirm import Confirmation
from federation.rerouting.extract import extract
from federation.rerouting.grid import Grid
from federation.rerouting.network import load_files
from federation.rerouting.transfers import Candidate, Zones, find_candidates
from federation.rerouting.verification import Verification

FOUR = DATA / "cim" / "gsp_four_authorities.zip"


def timed(call: Callable[[], object]) -> tuple[float, object]:
    """Return the seconds of a call and its result."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def slow_cuts(zones: Zones, candidates: tuple[Candidate, ...]) -> list[int]:
    """Return the size of each candidate's minimum cut by networkx, the plain way."""
    graph = nx.Graph()
    for zone, ends in zones.graph.items():
        for other, _ in ends:
            known = graph.get_edge_data(zone, other, {"capacity": 0.0})["capacity"]
            graph.add_edge(zone, other, capacity=known + 0.5)
    sizes: list[int] = []
    joined: list[tuple[object, object]]
    for candidate in candidates:
        side = candidate.point.areas.index(candidate.giver)
        wanted = {zones.of_node[zones.grid.loads[load].node] for load in candidate.loads}
        joined = [(("moved", "s"), zone) for zone in wanted]
        joined.append((("moved", "s"), zones.of_node[candidate.point.ends[side]]))
        joined += [(zone, ("supply", "t")) for zone in zones.sinks[candidate.giver]]
        graph.add_edges_from(joined)
        value, _ = nx.minimum_cut(graph, ("moved", "s"), ("supply", "t"))
        sizes.append(round(value))
        graph.remove_edges_from(joined)
    return sizes


def one_set(
    figures: Figures,
    name: str,
    stores: Mapping[str, ox.Store],
    paths: list[Path],
    aims: tuple[str, str, str],
    verify: int,
) -> None:
    """Measure one set: areas and search, verification without and with N-1, confirmation."""
    seconds, grid = timed(lambda: extract({org: ask(store) for org, store in stores.items()}))
    assert isinstance(grid, Grid)
    figures.add(f"{name}: grid from query answers", seconds, "s")
    seconds, areas = timed(lambda: supply_areas(grid))
    assert isinstance(areas, Areas)
    figures.add(f"{name}: supply areas", seconds, "s")
    ours, search = timed(lambda: find_candidates(grid, areas))
    candidates = search.candidates  # type: ignore[attr-defined]
    zones = Zones(grid, areas, ())
    theirs, sizes = timed(lambda: slow_cuts(zones, candidates))
    equal = sizes == [len(candidate.open) for candidate in candidates]
    figures.equal_results = figures.equal_results and equal
    note = f"{len(candidates)} candidates; cut sizes equal: {equal}"
    figures.add(f"{name}: candidate search", ours, "s", aim=aims[0], note=note)
    figures.add(
        f"{name}: networkx over ours",
        theirs / ours,
        "ratio",
        peer="networkx.minimum_cut, one per candidate found",
        note="ours also finds the candidates and what is rejected",
    )
    network = load_files(paths)
    confirmation = Confirmation(network, grid, areas)
    confirmed = sum(confirmation.moved(c) == frozenset(c.loads) for c in candidates)
    figures.equal_results = figures.equal_results and confirmed == len(candidates)
    figures.add(f"{name}: moved loads confirmed in PowSyBl", confirmed, f"of {len(candidates)}")
    verification = Verification(Bench(network, grid, areas))
    some = candidates[:: max(1, len(candidates) // verify)][:verify]
    verification.verify(some[0], n1="reduced")
    plain, _ = timed(lambda: [verification.verify(c, n1="none") for c in some])
    figures.add(
        f"{name}: verification of one plan without N-1", plain / len(some), "s", aim=aims[1]
    )
    whole, _ = timed(lambda: [verification.verify(c, n1="reduced") for c in some])
    figures.add(f"{name}: verification of one plan with N-1", whole / len(some), "s", aim=aims[2])


def four_authorities() -> Figures:
    """Measure the four-authority set."""
    figures, path = Figures("rerouting"), FOUR
    one_set(figures, "four authorities", stores_of({"": [path]}), [path], ("3 s", "0.25 s", ""), 24)
    return figures


def gb_demo() -> Figures:
    """Build the GB demo and measure it."""
    from federation.demo.scenario import build

    figures = Figures("rerouting")
    with tempfile.TemporaryDirectory() as folder:
        scenario = build("gb", 1, Path(folder))
        stores = stores_of({o.id: list(o.files) for o in scenario.organisations})
        files = list(scenario.network_files)
        one_set(figures, "GB demo", stores, files, ("5 s", "0.7 s", ""), 8)
    return figures


def apart(measure: Callable[[], Figures]) -> tuple[list[Figure], bool]:
    """Run a measurement; what is measured in a worker comes back as plain figures."""
    figures = measure()
    name = figures.figures[0].name.partition(":")[0]
    figures.add(f"{name}: peak memory", peak_mib(), "MiB", note="of the process, with the stores")
    return figures.figures, figures.equal_results


def main() -> None:
    """Run the benchmark and write its figures after each set."""
    figures, start = Figures("rerouting"), time.perf_counter()
    for measure in (four_authorities, *([gb_demo] if "--gb" in sys.argv else [])):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as worker:
            found, equal = worker.submit(apart, measure).result()
        figures.figures += found
        figures.equal_results = figures.equal_results and equal
        figures.write()
    if "--national" in sys.argv:
        from benchmarks.rerouting_national import national

        national(figures, FOUR)
    figures.add("the whole run", time.perf_counter() - start, "s")
    assert figures.equal_results
    figures.write()


if __name__ == "__main__":
    main()
