"""What a publish costs beside a plain load of the same files.

Run: ``python -m benchmarks.ingest`` (the folder of test data by ``GRIDSPINE_DATA``). The GB network
is replicated with fresh identifiers to 1.15M triples. Ours: read, typed, mended, labelled, stored
as a version. The peer: Oxigraph loads the same XML files into a store on disk, untyped. Each runs
in a process of its own, in turn; before a ratio is written, the statements of both are compared one
by one on the network itself (identifiers and datatypes aside, which the peer does not have).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse

from benchmarks.figures import Figures
from benchmarks.networks import replicate
from kgnode.cim import ReadContext, read
from kgnode.names import uuid_urn
from kgnode.settings import load_settings

DATA = Path(os.environ.get("GRIDSPINE_DATA", Path(__file__).parents[2] / "shared" / "data"))
SOURCE = DATA / "cim" / "gb" / "GBnetwork_substations_cgmes2.4.15.zip"
COPIES = 6
ROUNDS = 3
BASE = "http://peer.example/"
LABELS = {
    "one label": """
labels: {network: {sensitivity: shared, reason: benchmark}}
rules: [{label: network, class: "*"}]
""",
    "labels by property": """
labels: {network: {sensitivity: shared}, demand: {sensitivity: shared}}
rules:
  - {label: network, class: "*"}
  - {label: demand, property: ["cim:EnergyConsumer.p", "cim:EnergyConsumer.q"]}
""",
}

PEER = """
import json, resource, sys, time
from pyoxigraph import NamedNode, RdfFormat, Store
begun = time.perf_counter()
store = Store(sys.argv[1]) if sys.argv[1] else Store()
for path in sys.argv[2:]:
    store.bulk_load(path=path, format=RdfFormat.RDF_XML, base_iri="http://peer.example/",
                    to_graph=NamedNode("http://peer.example/" + path))
store.flush()
seconds = time.perf_counter() - begun
print(json.dumps({"seconds": seconds, "triples": len(store),
                  "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
"""

OURS = """
import json, resource, sys, time
from pathlib import Path
from kgnode.cim import ReadContext
from kgnode.policy.labels_file import load_labels
from kgnode.publish import Wish, publish
from kgnode.settings import load_settings
from kgnode.store.record import open_record
context = ReadContext("https://one.example/#", "https://b.example/#", settings=load_settings())
labels = load_labels(sys.argv[2].encode())
begun = time.perf_counter()
record = open_record(Path(sys.argv[1]))
paths = [Path(name) for name in sys.argv[3:]]
published = publish(record, "ONE", paths, Wish("net", labels=labels), context)
seconds = time.perf_counter() - begun
print(json.dumps({"seconds": seconds, "triples": published.manifest.triples,
                  "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
record.close()
"""


def run(program: str, *arguments: str) -> dict[str, float]:
    """Run a program in a process of its own and return what it measured."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))


def same_statements() -> int:
    """Compare our reading of the network with the peer's, statement by statement."""
    context = ReadContext(BASE, BASE, settings=load_settings())
    ours = set()
    with tempfile.TemporaryDirectory() as name:
        files = replicate(SOURCE, 1, Path(name))
        staged = read(files, context)
        for model in staged.models:
            for triple in staged.graph(model.iri):
                value = triple.object
                text = value.value if isinstance(value, Literal | NamedNode) else str(value)
                ours.add((model.file, triple.subject.value, triple.predicate.value, text))
        theirs = {
            (str(path), *plain(quad))
            for path in files
            for quad in parse(path=path, format=RdfFormat.RDF_XML, base_iri=BASE)
        }
    if ours != theirs:
        raise SystemExit(f"not equal: {sorted(ours ^ theirs)[:4]}")
    return len(ours)


def plain(quad: Quad) -> tuple[str, str, str]:
    """Return a statement of the peer with identifiers as we write them."""
    terms = []
    for term in (quad.subject, quad.object):
        text = term.value if isinstance(term, NamedNode | Literal) else str(term)
        if isinstance(term, NamedNode):
            text = uuid_urn(text.removeprefix(BASE)) or text
        terms.append(text)
    return terms[0], quad.predicate.value, terms[1]


def main() -> None:
    """Measure, compare, write the figures."""
    figures = Figures("ingest")
    compared = same_statements()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [str(path) for path in replicate(SOURCE, COPIES, folder / "files")]
        size = sum(Path(file).stat().st_size for file in files)
        seconds: dict[str, list[float]] = {}
        peaks: dict[str, float] = {}
        triples = 0.0
        for number in range(ROUNDS):
            runs = {
                "disk": run(PEER, str(folder / f"peer{number}"), *files),
                "memory": run(PEER, "", *files),
                **{
                    kind: run(OURS, str(folder / f"{kind}{number}"), labels, *files)
                    for kind, labels in LABELS.items()
                },
            }
            for kind, measured in runs.items():
                seconds.setdefault(kind, []).append(measured["seconds"])
                peaks[kind] = max(peaks.get(kind, 0.0), measured["peak_bytes"])
            counts = {measured["triples"] for measured in runs.values()}
            if len(counts) != 1:
                raise SystemExit(f"not equal: {counts}")
            triples = counts.pop()
    median = {kind: statistics.median(values) for kind, values in seconds.items()}
    note = f"{triples:.0f} triples, {size / 1e6:.0f} MB of XML; {compared} statements compared"
    for kind in LABELS:
        figures.add(
            f"publish, {kind}", median[kind] / median["disk"], "ratio",
            aim="at most 1.3", peer="Oxigraph bulk load to disk", note=note,
        )  # fmt: skip
        figures.add(
            f"publish, {kind}, beside a load into memory", median[kind] / median["memory"],
            "ratio", peer="Oxigraph bulk load to memory", note="nothing is stored by the peer",
        )  # fmt: skip
        figures.add(f"publish, {kind}", median[kind], "s", note=note)
        figures.add(
            f"peak memory, {kind}", peaks[kind] / size, "ratio", aim="under 3",
            peer="the files", note=f"{peaks[kind] / 1e6:.0f} MB; interpreter included",
        )  # fmt: skip
    figures.add("plain load to disk", median["disk"], "s")
    figures.add("plain load to memory", median["memory"], "s")
    figures.write()


if __name__ == "__main__":
    main()
