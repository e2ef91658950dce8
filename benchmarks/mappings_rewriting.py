"""Queries under mappings beside native ones, on the demo's network of Great Britain.

Run: ``python -m benchmarks.mappings_rewriting [small]``. The peer is the same node, asked the same
query over data that already hold all that follows, so nothing is rewritten there. Answers are
compared row by row before anything is measured; neither keeps answers.
"""

from __future__ import annotations

import asyncio
import math
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import orjson
import pyoxigraph as ox

from benchmarks.figures import Figures
from federation.demo.scenario import build
from kgnode.alignment.apply import Rewriter, derivation
from kgnode.alignment.mapping import MappingSet, Status
from kgnode.alignment.rules import Active, Rules
from kgnode.alignment.sssom_tsv import read as read_set
from kgnode.alignment.usage import question, read_usage, used
from kgnode.cim.headers import Header
from kgnode.cim.reader import ReadContext, read
from kgnode.names import dataset_iri, resource_folder
from kgnode.policy.caller import Caller
from kgnode.policy.policies import Policies
from kgnode.query.answer import Desk, answer
from kgnode.query.protocol import SparqlRequest
from kgnode.settings import load_settings
from kgnode.store.cells import NewModel
from kgnode.store.derive import derive
from kgnode.store.record import FolderRecord, open_record
from kgnode.store.view import Views

ORG = "GB"
QUERIES = sorted((Path(__file__).parent / "queries" / "mappings").glob("*.rq"))
SETS = ("cim16-cim100", "cim-ies4")
ROUNDS = 15
AIM = "at most 1.5"


class Approved:
    """The product's sets as if two stewards had approved all of them; without structural maps."""

    def released(self, name: str, version: str | None) -> MappingSet:
        """Return a set."""
        path = resource_folder("ontologies") / "mappings" / f"{name}.sssom.tsv"
        found = read_set(path)
        rows = tuple(replace(row, status=Status.APPROVED) for row in found.mappings)
        return replace(found, version="1", mappings=rows)

    def rules(self, name: str, version: str | None) -> Mapping[str, str]:
        """Return no structural maps: they are answered from a larger view, not by rewriting."""
        return {}


def demo(size: Literal["small", "gb"], folder: Path) -> ox.Store:
    """Return the demo's data as one graph."""
    scenario, merged = build(size, 1, folder), ox.Store()
    for one in scenario.organisations:
        base = f"https://{one.id.lower()}.example/id#"
        staged = read(one.files, ReadContext(base, scenario.boundary_base))
        merged.extend(ox.Quad(q.subject, q.predicate, q.object) for q in staged.store)
    return merged


def with_all_that_follows(store: ox.Store) -> ox.Store:
    """Return a copy that holds what follows."""
    rules = Rules.of([Approved().released(name, None) for name in SETS])
    active = Active.over(rules, read_usage(used(store, question(rules))))
    whole = ox.Store()
    whole.extend(store)
    derive(whole, derivation(active).to_json())
    return whole


def desk(folder: Path, store: Iterable[ox.Quad]) -> tuple[FolderRecord, Desk]:
    """Return a node's desk over one model, without kept answers."""
    folder.mkdir()
    (folder / "run").mkdir()
    record = open_record(folder / "record")
    triples = {frozenset[str](): [ox.Triple(q.subject, q.predicate, q.object) for q in store]}
    model = NewModel("urn:m", Header("urn:m", "rdf"), "0" * 64, "urn:m", b"", triples)
    record.publish(dataset_iri(ORG, "d"), [model], aside=False, attributes={}, keep=1)
    own = load_settings(answer_cache_bytes=0, view_named_graphs=False)
    views = Views(record, own, folder / "run")
    policies = Policies([])
    return record, Desk(record, views, lambda: policies, ORG, own, mappings=Rewriter(Approved()))


async def ask(at: Desk, query: str, *mappings: str) -> bytes:
    """Return a node's answer to its owner."""
    found = await answer(SparqlRequest(query, mappings=mappings), Caller.owner(ORG), at)
    return found.content or b"".join([part async for part in found.body])


def rows(body: bytes) -> Counter[bytes]:
    """Return the rows of an answer, each as often as it is there."""
    bindings = orjson.loads(body)["results"]["bindings"]
    return Counter(orjson.dumps(row, option=orjson.OPT_SORT_KEYS) for row in bindings)


async def compare(ours: Desk, native: Desk, figures: Figures) -> None:
    """Ask each query both ways in turn; keep the ratio of the medians."""
    sets = tuple(f"{name}@1" for name in SETS)
    ratios = []
    for path in QUERIES:
        query = path.read_text()
        found = rows(await ask(ours, query, *sets))
        assert found, path.stem
        assert found == rows(await ask(native, query)), path.stem
        took: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS):
            for times, at, names in ((took[0], ours, sets), (took[1], native, ())):
                start = time.perf_counter()
                await ask(at, query, *names)
                times.append(time.perf_counter() - start)
        mine, theirs = (statistics.median(times) for times in took)
        ratios.append(mine / theirs)
        note = f"{found.total()} rows, {mine * 1000:.2f} / {theirs * 1000:.2f} ms"
        figures.add(f"{path.stem}: rewritten / native", mine / theirs, "ratio", note=note)
    mean = math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))
    figures.add("rewritten / native, geo-mean", mean, "ratio", aim=AIM,
                peer="the same node over data that hold all that follows")  # fmt: skip


async def main(size: Literal["small", "gb"]) -> None:
    """Build, compare, write."""
    figures = Figures("mappings_rewriting")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        data = demo(size, folder / "files")
        whole = with_all_that_follows(data)
        ours, native = desk(folder / "ours", data), desk(folder / "native", whole)
        figures.add(
            "triples published", len(data), "triples", note=f"{len(whole)} with what follows"
        )
        del data, whole
        try:
            await compare(ours[1], native[1], figures)
        finally:
            for record, at in (ours, native):
                await at.views.close()
                record.close()
    if size == "gb":
        figures.write()


if __name__ == "__main__":
    asyncio.run(main("small" if "small" in sys.argv else "gb"))
