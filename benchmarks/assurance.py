"""Schema assurance beside pySHACL and pyrudof, with equal results asserted.

In: the GB network of the test data, cut or copied to the size wanted, with faults put in. Out:
seconds and ratios in benchmarks/results/assurance.json. Core constraints of the GB core pack are
compared (both peers run them; SPARQL constraints take pySHACL hours at this size); the parsing of
data is stated apart, for all three. The engines take turns. Seconds are those somebody waits; the
note has the processor's, since the compiled engine reads columns in two threads.

Run: python -m benchmarks.assurance [25k|55k|whole|250k|1m|full|incremental]...
"""

from __future__ import annotations

import gc
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import rdflib
from pyrudof import RDFFormat, Rudof, RudofConfig, ShaclFormat
from pyshacl import validate as pyshacl_validate

from benchmarks.figures import Figures
from benchmarks.networks import replicate
from kgnode.assurance import hierarchy
from kgnode.assurance.data import Data
from kgnode.assurance.incremental import Session
from kgnode.assurance.packs import Pack, PackFile, load_packs
from kgnode.assurance.shapes import sh
from kgnode.assurance.validate import validate, validate_data
from kgnode.cim.reader import ReadContext, read
from kgnode.names import CIM100

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("GRIDSPINE_DATA", ROOT.parent / "shared" / "data")) / "cim"
NETWORKS = {
    "authorities": "gsp_four_authorities.zip",
    "gb": "gb/GBnetwork_substations_cgmes3.0.zip",
}
CIM = CIM100
Key = tuple[str, str]
FAULTS = 100
"""Faults put into each data set, about: a model that somebody is about to publish has few."""
LEFT_OUT = frozenset((sh("sparql"),))


def network(name: str, copies: int) -> list[ox.Triple]:
    """Return the merged triples of a GB network, copied with identifiers of their own."""
    context = ReadContext("https://tno.example/id#", "https://boundary.example/id#")
    with tempfile.TemporaryDirectory() as folder:
        files = replicate(DATA / NETWORKS[name], copies, Path(folder))
        staged = read(files, context)
        merged = (triple for model in staged.models for triple in staged.graph(model.iri))
        return [_usual(triple) for triple in dict.fromkeys(merged)]


def _usual(triple: ox.Triple) -> ox.Triple:
    """Return a triple without the largest double, which stands for "no limit" and breaks peers."""
    value = triple.object
    if isinstance(value, ox.Literal) and len(value.value) > 300:
        return ox.Triple(triple.subject, triple.predicate, ox.Literal(9999.0))
    return triple


def break_some(
    triples: list[ox.Triple], faults: int, wrong: str | float = "wrong"
) -> list[ox.Triple]:
    """Return the triples with some left out, some doubled and some with a wrong value."""
    chance = random.Random(7)
    share = faults / len(triples)
    out = []
    for triple in triples:
        luck = chance.random()
        if luck >= share or triple.predicate.value.endswith("#type"):
            out.append(triple)
        elif luck < share / 3:
            continue
        elif luck < share * 2 / 3:
            out += [triple, ox.Triple(triple.subject, triple.predicate, ox.Literal(wrong))]
        else:
            out.append(ox.Triple(triple.subject, triple.predicate, ox.Literal(-3.5)))
    return out


def core_pack() -> tuple[Pack, str]:
    """Return the GB core pack without its SPARQL constraints, also as Turtle for the peers."""
    (pack,) = load_packs(["gb-core"])
    graph = pack.shapes(CIM).graph
    kept = [
        ox.Triple(s, p, o)
        for s, p, o in graph
        if p not in LEFT_OUT and sh("select") not in graph.properties(s)
    ]
    text = ox.serialize(kept, format=ox.RdfFormat.TURTLE)
    assert text is not None
    file = PackFile("core.ttl", text)
    made = Pack("core", "1", "", "", (), (), "", {}, (file,), Path("core.ttl"))
    return made, text.decode()


def with_classes(triples: list[ox.Triple]) -> list[ox.Triple]:
    """Return the data with the class hierarchy in it, where all engines find it."""
    return triples + [
        ox.Triple(sub, hierarchy.SUBCLASS_OF, sup) for sub, sup in hierarchy.pairs(CIM)
    ]


@dataclass(frozen=True)
class Took:
    """Medians of some calls, and the last answer."""

    seconds: float
    processor_seconds: float
    answer: Any


def timed(call: Callable[[], object], rounds: int = 1) -> Took:
    """Return how long some calls took."""
    waited, used, answer = [], [], None
    for _ in range(rounds):
        gc.collect()
        start, processor = time.perf_counter(), time.process_time()
        answer = call()
        waited.append(time.perf_counter() - start)
        used.append(time.process_time() - processor)
    return Took(statistics.median(waited), statistics.median(used), answer)


def part(triples: list[ox.Triple], size: int) -> list[ox.Triple]:
    """Return a network without some substations and limits, with ``size`` triples or few more."""
    by: dict[object, list[ox.Triple]] = defaultdict(list)
    users: dict[object, set[object]] = defaultdict(set)
    kinds: dict[str, list[object]] = defaultdict(list)
    for triple in triples:
        by[triple.subject].append(triple)
        users[triple.object].add(triple.subject)
        if triple.predicate.value.endswith("#type"):
            kinds[str(triple.object).rpartition("#")[2]].append(triple.subject)
    gone: set[object] = set()
    left = len(triples)
    for top in (*sorted(kinds["Substation>"], key=str), *kinds["CurrentLimit>"]):
        group: set[object] = set()
        pending = [top]
        while pending:
            node = pending.pop()
            if node not in group and node not in gone:
                group.add(node)
                pending += users[node]
        weight = sum(len(by[node]) for node in group)
        if left - weight >= size:
            gone |= group
            left -= weight
    return [triple for triple in triples if triple.subject not in gone]


def load(lines: bytes) -> ox.Store:
    """Return a store with the triples in its default graph."""
    store = ox.Store()
    store.bulk_load(lines, format=ox.RdfFormat.N_TRIPLES, lenient=True)
    return store


def compare(label: str, triples: list[ox.Triple], figures: Figures, rounds: int) -> None:
    """Time the three engines on one size, in turns, and assert equal results."""
    pack, text = core_pack()
    lines = ox.serialize(with_classes(break_some(triples, FAULTS)), format=ox.RdfFormat.N_TRIPLES)
    assert lines is not None
    large = len(triples) > 500_000
    loaded = timed(lambda: load(lines))
    store = loaded.answer
    peers = (
        ("pyrudof", Rudofs(lines, text), "at least 4, aim 8" if large else ""),
        ("pySHACL", Pyshacls(lines, text), "at least 12, aim 25" if large else "at least 25"),
    )
    ours: list[Took] = []
    theirs: dict[str, list[Took]] = {who: [] for who, _, _ in peers}
    for _ in range(rounds):
        for who, peer, _ in peers:
            ours.append(timed(lambda: validate_data(Data(store), [pack], engine="compiled")))
            theirs[who].append(timed(peer.validate))
    report = ours[-1].answer
    mine = Counter((str(r.focus), r.component) for r in report.results)
    mine_seconds = statistics.median(took.seconds for took in ours)
    mine_processor = statistics.median(took.processor_seconds for took in ours)
    checks = sum(len(shape.constraints) for shape in pack.shapes().by_id.values())
    figures.add(f"{label}: triples", len(store), "count", note=f"{checks} checks")
    figures.add(f"{label}: results", sum(mine.values()), "count")
    note = f"{mine_processor:.3f} s of processor time; parsing {loaded.seconds:.2f} s apart"
    figures.add(f"{label}: compiled", mine_seconds, "s", note=note)
    for who, peer, aim in peers:
        seconds = statistics.median(took.seconds for took in theirs[who])
        processor = statistics.median(took.processor_seconds for took in theirs[who])
        found = peer.found(theirs[who][-1].answer)
        figures.equal_results = figures.equal_results and found == mine
        figures.add(
            f"{label}: {who} over compiled",
            seconds / mine_seconds,
            "ratio",
            aim=aim,
            peer=f"{who} {seconds:.2f} s, parsing {peer.parsing:.2f} s apart",
            note=f"{processor / mine_processor:.1f} by processor time",
        )
        if found != mine:
            print(who, "more:", list((found - mine).items())[:5])
            print(who, "less:", list((mine - found).items())[:5])
    assert figures.equal_results


class Rudofs:
    """pyrudof with its data and shapes read."""

    def __init__(self, lines: bytes, text: str) -> None:
        self._engine = Rudof(RudofConfig())
        read_data = self._engine.read_data
        self.parsing = timed(lambda: read_data(lines.decode(), format=RDFFormat.NTriples)).seconds
        self._engine.read_shacl(text, format=ShaclFormat.Turtle)

    def validate(self) -> object:
        """Validate, and nothing else."""
        return self._engine.validate_shacl()

    def found(self, report: Any) -> Counter[Key]:
        """Return the results."""
        return Counter(
            (_iri(entry.focus_node), _iri(entry.constraint_component).strip("<>"))
            for entry in report
        )


def _iri(text: object) -> str:
    plain = str(text).strip("<>")
    return f"<{plain.replace('sh:', 'http://www.w3.org/ns/shacl#')}>"


class Pyshacls:
    """pySHACL with its data and shapes read."""

    def __init__(self, lines: bytes, text: str) -> None:
        self._graph = rdflib.Graph()
        self.parsing = timed(lambda: self._graph.parse(data=lines, format="nt")).seconds
        self._shapes = rdflib.Graph().parse(data=text, format="turtle")

    def validate(self) -> object:
        """Validate, and nothing else."""
        return pyshacl_validate(self._graph, shacl_graph=self._shapes, inplace=True, advanced=False)

    def found(self, answer: Any) -> Counter[Key]:
        """Return the results."""
        report = answer[1]
        words = rdflib.Namespace("http://www.w3.org/ns/shacl#")
        return Counter(
            (
                f"<{report.value(result, words.focusNode)}>",
                str(report.value(result, words.sourceConstraintComponent)),
            )
            for result in report.subjects(rdflib.RDF.type, words.ValidationResult)
        )


def whole_pack(figures: Figures) -> None:
    """Compare the whole own pack, with its SPARQL rules, beside pySHACL on a small network.

    Wrong values are numbers here: rdflib orders text and numbers, SPARQL 1.1 does not (17.3).
    """
    (pack,) = load_packs(["gb-core"])
    shapes = [ox.Triple(*triple) for triple in pack.shapes(CIM).graph]
    text = ox.serialize(shapes, format=ox.RdfFormat.TURTLE)
    broken = break_some(network("authorities", 1), FAULTS, -3.5)
    lines = ox.serialize(with_classes(broken), format=ox.RdfFormat.N_TRIPLES)
    assert lines is not None
    assert text is not None
    store = load(lines)
    took = timed(lambda: validate_data(Data(store), [pack], engine="compiled"), 9)
    mine = Counter((str(r.focus), r.component) for r in took.answer.results)
    peer = Pyshacls(lines, text.decode())
    theirs = timed(peer.validate)
    found = peer.found(theirs.answer)
    figures.equal_results = figures.equal_results and found == mine
    figures.add(
        f"{len(store):,} triples, whole own pack: pySHACL over compiled",
        theirs.seconds / took.seconds,
        "ratio",
        aim="at least 25",
        peer=f"pySHACL {theirs.seconds:.1f} s, parsing {peer.parsing:.1f} s apart",
        note=f"compiled {took.seconds:.3f} s, {sum(mine.values())} results",
    )
    assert figures.equal_results, (found - mine, mine - found)


def full_pack(figures: Figures) -> None:
    """Time the whole own pack on the GB network, from the staged models on."""
    context = ReadContext("https://tno.example/id#", "https://boundary.example/id#")
    archive = DATA / NETWORKS["gb"]
    reading = timed(lambda: read([archive], context))
    packs = load_packs(["gb-core"])
    seconds = timed(lambda: validate(reading.answer, packs), 5).seconds
    figures.add(
        "GB network, full own pack",
        seconds,
        "s",
        aim="under 2",
        note=f"with merging the staged models; reading {reading.seconds:.2f} s apart",
    )


def incremental(figures: Figures) -> None:
    """Time differences of 500 triples on about 1M, equal to the full results."""
    packs = load_packs(["gb-core"])
    triples = network("gb", 4)
    session = Session(Data.of((t.subject, t.predicate, t.object) for t in triples), packs)
    chance = random.Random(11)
    power = [t for t in triples if t.predicate.value == CIM + "EnergyConsumer.p"]
    kinds = {
        "500 loads get another value": chance.sample(power, 500),
        "500 triples of any kind get another value": chance.sample(triples, 500),
    }
    now = set(triples)
    for name, old in kinds.items():
        new = [ox.Triple(t.subject, t.predicate, ox.Literal(-1.25)) for t in old]
        took = timed(lambda old=old, new=new: session.apply(new, old))  # type: ignore[misc]
        now = (now - set(old)) | set(new)
        data = Data.of((t.subject, t.predicate, t.object) for t in now)
        whole = validate_data(data, packs, engine="compiled")
        equal = Counter(r.key for r in took.answer) == Counter(r.key for r in whole.results)
        figures.equal_results = figures.equal_results and equal
        figures.add(
            f"incremental, {len(now):,} triples: {name}",
            took.seconds,
            "s",
            aim="under 1",
            peer=f"full {whole.seconds:.2f} s",
            note=f"{len(whole.results)} results",
        )
    assert figures.equal_results


def main(parts: list[str]) -> None:
    """Run the parts named, or all."""
    figures = Figures("assurance")
    if not parts or "25k" in parts:
        compare("25k", part(network("authorities", 1), 25_000), figures, 7)
    if not parts or "55k" in parts:
        compare("55k", network("authorities", 1), figures, 5)
    if not parts or "whole" in parts:
        whole_pack(figures)
    if "250k" in parts:
        compare("250k", network("gb", 1), figures, 5)
    if not parts or "1m" in parts:
        compare("1M", network("authorities", 17), figures, 1)
    if not parts or "full" in parts:
        full_pack(figures)
    if not parts or "incremental" in parts:
        incremental(figures)
    if not parts:
        figures.write()


if __name__ == "__main__":
    main(sys.argv[1:])
