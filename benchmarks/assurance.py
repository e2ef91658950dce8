"""Schema assurance beside pySHACL and pyrudof, with equal results asserted.

In: the GB network of the test data, copied until it has the size wanted, with faults put in. Out:
seconds and ratios in benchmarks/results/assurance.json. Core constraints of the GB core pack are
compared (both peers run them; SPARQL constraints take pySHACL hours at this size); the parsing of
data is stated apart. The full pack, and incremental validation, are timed on their
own. Seconds are of processor time, so that other work on the machine weighs less.

Run: python -m benchmarks.assurance [25k|whole|250k|1m|full|incremental]...
"""

from __future__ import annotations

import gc
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

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


def timed(call: Callable[[], object], rounds: int = 1) -> tuple[float, object]:
    """Return the median seconds of some calls and the last answer."""
    times, answer = [], None
    for _ in range(rounds):
        gc.collect()
        start = time.process_time()
        answer = call()
        times.append(time.process_time() - start)
    return statistics.median(times), answer


def load(lines: bytes) -> ox.Store:
    """Return a store with the triples in its default graph."""
    store = ox.Store()
    store.bulk_load(lines, format=ox.RdfFormat.N_TRIPLES, lenient=True)
    return store


def compare(label: str, name: str, copies: int, figures: Figures, rounds: int) -> None:
    """Time the three engines on one size and assert equal results."""
    pack, text = core_pack()
    lines = ox.serialize(
        with_classes(break_some(network(name, copies), FAULTS)), format=ox.RdfFormat.N_TRIPLES
    )
    assert lines is not None
    large = copies > 1
    parsing, store = timed(lambda: load(lines))
    assert isinstance(store, ox.Store)
    seconds, report = timed(lambda: validate_data(Data(store), [pack], engine="compiled"), rounds)
    mine = Counter((str(r.focus), r.component) for r in report.results)  # type: ignore[attr-defined]
    checks = sum(len(shape.constraints) for shape in pack.shapes().by_id.values())
    figures.add(f"{label}: triples", len(store), "count", note=f"{checks} checks")
    figures.add(f"{label}: results", sum(mine.values()), "count")
    figures.add(f"{label}: compiled", seconds, "s", note=f"parsing {parsing:.2f} s apart")
    peers = (
        ("pyrudof", pyrudof, "at least 4, aim 8" if large else ""),
        ("pySHACL", pyshacl, "at least 12, aim 25" if large else "at least 25"),
    )
    for who, run, aim in peers:
        gc.collect()
        their_parsing, their_seconds, theirs = run(lines, text)
        equal = theirs == mine
        figures.equal_results = figures.equal_results and equal
        figures.add(
            f"{label}: {who} over compiled",
            their_seconds / seconds,
            "ratio",
            aim=aim,
            peer=f"{who} {their_seconds:.2f} s, parsing {their_parsing:.2f} s apart",
        )
        if not equal:
            print(who, "more:", list((theirs - mine).items())[:5])
            print(who, "less:", list((mine - theirs).items())[:5])
    assert figures.equal_results


def pyrudof(lines: bytes, text: str) -> tuple[float, float, Counter[Key]]:
    """Return the seconds of parsing and validating with pyrudof, and its results."""
    engine = Rudof(RudofConfig())
    parsing, _ = timed(lambda: engine.read_data(lines.decode(), format=RDFFormat.NTriples))
    engine.read_shacl(text, format=ShaclFormat.Turtle)
    seconds, report = timed(lambda: engine.validate_shacl())
    return (
        parsing,
        seconds,
        Counter(
            (_iri(entry.focus_node), _iri(entry.constraint_component).strip("<>"))
            for entry in report  # type: ignore[attr-defined]
        ),
    )


def _iri(text: object) -> str:
    plain = str(text).strip("<>")
    return f"<{plain.replace('sh:', 'http://www.w3.org/ns/shacl#')}>"


def pyshacl(lines: bytes, text: str) -> tuple[float, float, Counter[Key]]:
    """Return the seconds of parsing and validating with pySHACL, and its results."""
    graph = rdflib.Graph()
    parsing, _ = timed(lambda: graph.parse(data=lines, format="nt"))
    shapes = rdflib.Graph().parse(data=text, format="turtle")
    seconds, answer = timed(
        lambda: pyshacl_validate(graph, shacl_graph=shapes, inplace=True, advanced=False)
    )
    found = answer[1]  # type: ignore[index]
    words = rdflib.Namespace("http://www.w3.org/ns/shacl#")
    return (
        parsing,
        seconds,
        Counter(
            (
                f"<{found.value(result, words.focusNode)}>",
                str(found.value(result, words.sourceConstraintComponent)),
            )
            for result in found.subjects(rdflib.RDF.type, words.ValidationResult)
        ),
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
    seconds, report = timed(lambda: validate_data(Data(store), [pack], engine="compiled"), 9)
    mine = Counter((str(r.focus), r.component) for r in report.results)  # type: ignore[attr-defined]
    parsing, their_seconds, theirs = pyshacl(lines, text.decode())
    figures.equal_results = figures.equal_results and theirs == mine
    figures.add(
        f"{len(store):,} triples, whole own pack: pySHACL over compiled",
        their_seconds / seconds,
        "ratio",
        aim="at least 25",
        peer=f"pySHACL {their_seconds:.1f} s, parsing {parsing:.1f} s apart",
        note=f"compiled {seconds:.3f} s, {sum(mine.values())} results",
    )
    assert figures.equal_results, (theirs - mine, mine - theirs)


def full_pack(figures: Figures) -> None:
    """Time the whole own pack on the GB network, from the staged models on."""
    context = ReadContext("https://tno.example/id#", "https://boundary.example/id#")
    archive = DATA / NETWORKS["gb"]
    reading, staged = timed(lambda: read([archive], context))
    packs = load_packs(["gb-core"])
    seconds, _ = timed(lambda: validate(staged, packs), 5)  # type: ignore[arg-type]
    figures.add(
        "GB network, full own pack",
        seconds,
        "s",
        aim="under 2",
        note=f"with merging the staged models; reading {reading:.2f} s apart",
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
        seconds, results = timed(lambda old=old, new=new: session.apply(new, old))  # type: ignore[misc]
        now = (now - set(old)) | set(new)
        data = Data.of((t.subject, t.predicate, t.object) for t in now)
        whole = validate_data(data, packs, engine="compiled")
        equal = Counter(r.key for r in results) == Counter(r.key for r in whole.results)  # type: ignore[attr-defined]
        figures.equal_results = figures.equal_results and equal
        figures.add(
            f"incremental, {len(now):,} triples: {name}",
            seconds,
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
        compare("25k", "authorities", 1, figures, 9)
    if not parts or "whole" in parts:
        whole_pack(figures)
    if "250k" in parts:
        compare("250k", "gb", 1, figures, 5)
    if not parts or "1m" in parts:
        compare("1M", "authorities", 17, figures, 3)
    if not parts or "full" in parts:
        full_pack(figures)
    if not parts or "incremental" in parts:
        incremental(figures)
    if not parts:
        figures.write()


if __name__ == "__main__":
    main(sys.argv[1:])
