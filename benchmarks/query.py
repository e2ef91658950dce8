"""What policy costs: a view of 25 permitted cells against one unrestricted graph.

Run: ``python -m benchmarks.query``. About a million quads lie in 25 cells (5 models, 5 label sets);
12 queries (benchmarks/queries) run in turn on the view and on one graph of the same triples, in the
same kind of process; equal answers are asserted. Also how fast views are built and changed, and
what a runaway query does to its neighbours.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pyoxigraph import DefaultGraph, QueryResultsFormat, RdfFormat, Store

from benchmarks.figures import Figures
from kgnode.cim.headers import Header
from kgnode.errors import Deadline
from kgnode.settings import Settings
from kgnode.store.cells import Cell, Manifest, NewModel
from kgnode.store.record import FolderRecord, open_record
from kgnode.store.view import Limits, View, Views

QUERIES = Path(__file__).parent / "queries"
LINES = 62_500
JSON = "application/sparql-results+json"
LIMITS = Limits(timeout_seconds=60, max_rows=10_000_000, max_bytes=1 << 30)
CIM = "http://iec.ch/TC57/CIM100#"
XSD = "http://www.w3.org/2001/XMLSchema#"
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"


@dataclass(frozen=True)
class Lines:
    """N-Triples as a stream, the form in which models come from the reader."""

    content: bytes

    def ntriples(self) -> BinaryIO:
        """Return the stream."""
        return BytesIO(self.content)


def header(iri: str) -> Header:
    """Return a header that says nothing but the name."""
    return Header(
        iri=iri, kind="full", profiles=(), authority=None, version=None, scenario_time=None,
        created=None, description=None, supersedes=(), dependent_on=(), cim=None,
    )  # fmt: skip


def triples_of(line: int) -> Iterator[tuple[str, str]]:
    """Yield (model, N-Triples line) of one line segment; types stand in two models."""
    me, name = f"<urn:line:{line}>", f"{line:06d}"
    yield "EQ", f"{me} <{TYPE}> <{CIM}ACLineSegment> .\n"
    yield "EQ", f'{me} <{CIM}IdentifiedObject.name> "line {name}" .\n'
    yield "EQ", f'{me} <{CIM}ACLineSegment.r> "{line % 977 / 8}"^^<{XSD}double> .\n'
    yield "EQ", f'{me} <{CIM}ACLineSegment.x> "{line % 2003}"^^<{XSD}double> .\n'
    yield "EQ", f'{me} <{CIM}Conductor.length> "{line * 7919 % 65537}"^^<{XSD}double> .\n'
    yield "EQ", f"{me} <{CIM}Equipment.EquipmentContainer> <urn:container:{line % 500}> .\n"
    yield "EQ", f"{me} <{CIM}ConductingEquipment.BaseVoltage> <urn:voltage:{line % 7}> .\n"
    for number in (1, 2):
        terminal = f"<urn:terminal:{line}-{number}>"
        node = f"<urn:node:{(line + number * 13) % (LINES // 2)}>"
        yield "EQ", f"{terminal} <{CIM}Terminal.ConductingEquipment> {me} .\n"
        sequence = f'"{number}"^^<{XSD}integer>'
        yield "EQ", f"{terminal} <{CIM}ACDCTerminal.sequenceNumber> {sequence} .\n"
        yield "TP", f"{terminal} <{CIM}Terminal.ConnectivityNode> {node} .\n"
    yield "SSH", f"{me} <{TYPE}> <{CIM}ACLineSegment> .\n"
    state = "false" if line % 400 == 0 else "true"
    yield "SSH", f'{me} <{CIM}Equipment.inService> "{state}"^^<{XSD}boolean> .\n'
    if line % 3:
        yield "SV", f'{me} <{CIM}SvPowerFlow.p> "{line % 311 / 4}"^^<{XSD}double> .\n'
    yield "DL", f"{me} <urn:diagram> <urn:diagram:{line % 50}> .\n"


def generate(changed: int = 0) -> dict[str, dict[frozenset[str], bytes]]:
    """Return model -> label set -> lines; the first ``changed`` lines get other lengths."""
    parts: dict[tuple[str, int], list[str]] = {}
    for line in range(LINES):
        for model, text in triples_of(line):
            if line < changed and "Conductor.length" in text:
                text = f'<urn:line:{line}> <{CIM}Conductor.length> "{line}.5"^^<{XSD}double> .\n'
            parts.setdefault((model, line % 5), []).append(text)
    models: dict[str, dict[frozenset[str], bytes]] = {}
    for (model, label), texts in parts.items():
        labels = frozenset({f"urn:label:{label}"})
        models.setdefault(model, {})[labels] = "".join(texts).encode()
    return models


def publish(record: FolderRecord, models: dict[str, dict[frozenset[str], bytes]]) -> Manifest:
    """Publish the models as one data set."""
    new = [
        NewModel(
            f"urn:model:{name}",
            header(f"urn:model:{name}"),
            f"{name}-{hash(frozenset(cells.values())):x}",
            "urn:base:",
            b"",
            {labels: Lines(content) for labels, content in cells.items()},  # type: ignore[misc]
        )
        for name, cells in models.items()
    ]
    return record.publish("urn:dataset:all", new, aside=False, attributes={}, keep=5)


async def ask(view: View, query: str) -> bytes:
    """Return the whole answer of a view."""
    return await (await view.evaluate(query, JSON, LIMITS)).read()


def bag(document: bytes) -> Counter[str]:
    """Return the rows of an answer, whatever their order."""
    rows = json.loads(document)["results"]["bindings"]
    return Counter(json.dumps(row, sort_keys=True) for row in rows)


async def compare(view: View, named: View, peer: View, alone: Store, figures: Figures) -> None:
    """Measure the 12 queries on the view and on the unrestricted graph, in turn."""
    ratios, with_graphs, inside = [], [], []
    for path in sorted(QUERIES.glob("*.rq")):
        query = path.read_text()
        assert bag(await ask(view, query)) == bag(await ask(peer, query)), path.name
        times: tuple[list[float], ...] = ([], [], [], [])
        for _ in range(20):
            for which, kept in ((view, times[0]), (peer, times[1]), (named, times[3])):
                start = time.perf_counter()
                await ask(which, query)
                kept.append(time.perf_counter() - start)
            start = time.perf_counter()
            alone.query(query).serialize(format=QueryResultsFormat.JSON)  # type: ignore[union-attr]
            times[2].append(time.perf_counter() - start)
        ours, theirs, library, graphs = (statistics.median(kept) for kept in times)
        ratios.append(ours / theirs)
        with_graphs.append(graphs / theirs)
        inside.append(ours / library)
        print(f"  {path.stem}: {ours * 1e3:.2f} ms, {theirs * 1e3:.2f} ms, {library * 1e3:.2f} ms")
    mean = math.exp(statistics.fmean(map(math.log, ratios)))
    figures.add("view over unrestricted graph, 12 queries", mean, "ratio", aim="at most 1.05",
                peer="one graph of the same triples in the same kind of process",
                note="geometric mean of medians of 20 alternated runs")  # fmt: skip
    mean = math.exp(statistics.fmean(map(math.log, with_graphs)))
    figures.add("view that holds named graphs too, same 12 queries", mean, "ratio",
                peer="one graph of the same triples in the same kind of process",
                note="why only queries with GRAPH are sent to such a view")  # fmt: skip
    mean = math.exp(statistics.fmean(map(math.log, inside)))
    figures.add("view over pyoxigraph in the caller's process, 12 queries", mean, "ratio",
                peer="Store.query and serialize, no other process, no limits")  # fmt: skip


async def build(views: Views, cells: frozenset[Cell], named: bool, figures: Figures) -> View:
    """Measure how fast a view is built, from the first request until it answers."""
    total = sum(cell.triples for cell in cells)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        view = await views.get(cells, named)
        await ask(view, "SELECT * { ?s ?p ?o } LIMIT 1")
        times.append(time.perf_counter() - start)
        if len(times) < 3:
            views.lost(view.seat)
            await asyncio.sleep(0.5)
    kind = "with named graphs" if named else "default graph only"
    figures.add(f"view build, {kind}", total / statistics.median(times), "triples/s",
                aim="at least 250000", note=f"{total} triples in {len(cells)} cells")  # fmt: skip
    figures.add(f"view memory, {kind}", view.seat.bytes / total, "bytes/triple",
                note="host and two evaluators, after the build")  # fmt: skip
    return view


async def change(views: Views, record: FolderRecord, figures: Figures) -> None:
    """Measure a delta of 1,000 triples (500 removed, 500 added), twice."""
    for number, changed in enumerate((500, 1000)):
        before = record.current("urn:dataset:all")
        after = publish(record, generate(changed))
        start = time.perf_counter()
        await views.follow(before, after)
        view = await views.get(frozenset(after.cells), named=False)
        await ask(view, "SELECT * { ?s ?p ?o } LIMIT 1")
        seconds = time.perf_counter() - start
        assert views.counts["changed"] == number + 1
    figures.add("delta of 1,000 triples until the new view answers", seconds * 1e3, "ms",
                note="5 of 25 cells replaced, of about a million triples")  # fmt: skip


async def neighbours(view: View, figures: Figures) -> None:
    """Measure what a runaway query does to the lookups of others on the same view."""
    runaway = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
    lookup = (QUERIES / "10_union.rq").read_text()

    async def lookups(kept: list[float]) -> None:
        for _ in range(400):
            await asyncio.sleep(0.005)
            start = time.perf_counter()
            await ask(view, lookup)
            kept.append(time.perf_counter() - start)

    async def overrun() -> None:
        with contextlib.suppress(Deadline):
            await view.evaluate(runaway, JSON, Limits(30, 10, 1000))

    alone: list[float] = []
    beside: list[float] = []
    await asyncio.gather(lookups(alone), lookups(alone))
    task = asyncio.create_task(overrun())
    await asyncio.sleep(0.1)
    await asyncio.gather(lookups(beside), lookups(beside))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    before, during = (statistics.quantiles(times, n=20)[-1] for times in (alone, beside))
    figures.add("lookups beside one runaway on the same view, 95th percentile", during / before,
                "ratio", aim="at most 2", peer="the same lookups without it",
                note=f"{before * 1e3:.2f} ms and {during * 1e3:.2f} ms")  # fmt: skip


async def run(folder: Path) -> None:
    """Run all parts and write the figures."""
    figures = Figures("query")
    record = open_record(folder / "record")
    models = generate()
    start = time.perf_counter()
    manifest = publish(record, models)
    seconds = time.perf_counter() - start
    cells = frozenset(manifest.cells)
    figures.add("publish", manifest.triples / seconds, "triples/s",
                note="labelled streams to durable cells, reader excluded")  # fmt: skip
    alone = Store()
    for cell in cells:
        alone.load(path=record.cell_file(cell), format=RdfFormat.N_TRIPLES)
    whole = alone.dump(format=RdfFormat.N_TRIPLES, from_graph=DefaultGraph()) or b""
    model = NewModel("urn:m:whole", header("urn:m:whole"), "whole", "urn:base:", b"",
                     {frozenset({"urn:l"}): Lines(whole)})  # type: ignore[dict-item] # fmt: skip
    one = record.publish("urn:dataset:one", [model], aside=False, attributes={}, keep=1)
    views = Views(record, Settings(view_memory_bytes=8 << 30), folder / "run")
    try:
        named = await build(views, cells, True, figures)
        view = await build(views, cells, False, figures)
        peer = await views.get(frozenset(one.cells), named=False)
        await compare(view, named, peer, alone, figures)
        for done in (peer, named):
            views.lost(done.seat)
        await neighbours(view, figures)
        await change(views, record, figures)
    finally:
        await views.close()
    figures.write()
    record.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(run(Path(place)))
