"""Federated queries beside Comunica, RDF4J FedX and one single store, in one run.

In: the demo's GB network at real nodes, then a set of 300k triples over three owners. Out: figures
of each, with every answer compared with the single store's. Run::

    python -m benchmarks.federation [--data gb|owners|small] [--peers FOLDER] [--alone]

The peers are installed into FOLDER when it is new (npm @comunica/query-sparql; Maven Central
rdf4j-tools-federation); ``--alone`` compares with the single store only. A query that a peer does
not answer within ``--peer-seconds`` counts with that time.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from benchmarks.federation_content import Name, content
from benchmarks.federation_stage import Stage, stage
from benchmarks.figures import Figures

QUERIES = Path(__file__).parent / "queries"
PEERS = Path(__file__).parent / "peers"
FEDX = "4.3.15"
PEER_LIMIT_SECONDS = 10.0
PEERS_INSTALLED = Path.home() / ".cache" / "gridspine" / "peers"
_JSON = "application/sparql-results+json"
_http = urllib3.PoolManager(maxsize=4)


@dataclass
class Measured:
    """One query: median milliseconds per engine, and whose rows were wrong."""

    name: str
    rows: int
    milliseconds: dict[str, float] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    bytes: int = 0
    way: str = ""


def ask(url: str, query: str) -> tuple[float, dict[str, Any], dict[str, str]]:
    """Ask an endpoint; milliseconds until the last byte, the document, the headers."""
    start = time.perf_counter()
    answer = _http.request(
        "POST",
        url,
        body=urlencode({"query": query}),
        headers={"Accept": _JSON, "Content-Type": "application/x-www-form-urlencoded"},
        timeout=120,
    )
    spent = (time.perf_counter() - start) * 1000
    if answer.status != 200:
        raise RuntimeError(f"{url}: {answer.status} {answer.data[:400]!r}")
    return spent, json.loads(answer.data), {k.lower(): v for k, v in answer.headers.items()}


def rows_of(document: dict[str, Any]) -> Counter[tuple[tuple[str, str], ...]]:
    """Return the rows of a results document as a multiset."""
    return Counter(
        tuple(sorted((name, _spelled(term)) for name, term in row.items()))
        for row in document["results"]["bindings"]
    )


def _spelled(term: dict[str, Any]) -> str:
    if term["type"] == "uri":
        return f"<{term['value']}>"
    if term["type"] == "bnode":
        return "_:"
    return _number(term["value"])


def _number(text: str) -> str:
    """Numbers by value, so that sums in another order and other spellings are equal."""
    try:
        return f"{float(text):.9g}"
    except ValueError:
        return text


def peer_rows(told: dict[str, Any]) -> Counter[tuple[tuple[str, str], ...]]:
    """Return the rows that a peer's script wrote."""

    def cell(text: str) -> str:
        if not text.startswith('"'):
            return text
        value, _ = json.JSONDecoder().raw_decode(text)
        return _number(str(value))

    return Counter(
        tuple(sorted((name, cell(text)) for name, text in row if text)) for row in told["rows"]
    )


class Peer:
    """A peer's process: one JSON line in, one out."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self._start = (arguments, folder)
        self._process = self._spawn()

    def _spawn(self) -> subprocess.Popen[str]:
        arguments, folder = self._start
        return subprocess.Popen(
            arguments, cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def ask(self, query: str) -> dict[str, Any]:
        """Return what the peer told."""
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps(query) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._process = self._spawn()
            return {"milliseconds": PEER_LIMIT_SECONDS * 1000, "error": "the process ended"}
        told: dict[str, Any] = json.loads(line)
        if told.get("error"):
            self.close()  # what still runs of the failed query must not slow the next
            self._process = self._spawn()
        return told

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


def install(folder: Path) -> None:
    """Install both peers into a folder, once."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "node_modules" / "@comunica").is_dir():
        command = ["npm", "install", "--no-audit", "--no-fund", "@comunica/query-sparql"]
        subprocess.run(command, cwd=folder, check=True)
    if not (folder / "lib").is_dir():
        (folder / "pom.xml").write_text(_pom())
        command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"]
        subprocess.run(command, cwd=folder, check=True)
    compile_ = ["javac", "-cp", "lib/*", "-d", "classes", str(PEERS / "FedX.java")]
    subprocess.run(compile_, cwd=folder, check=True)


def _pom() -> str:
    listed = (
        ("org.eclipse.rdf4j", "rdf4j-tools-federation", FEDX),
        ("org.slf4j", "slf4j-nop", "2.0.16"),
    )
    dependencies = "".join(
        f"<dependency><groupId>{g}</groupId><artifactId>{a}</artifactId>"
        f"<version>{v}</version></dependency>"
        for g, a, v in listed
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>benchmark</groupId><artifactId>peers</artifactId><version>1</version>"
        f"<dependencies>{dependencies}</dependencies></project>"
    )


def queries(name: Name) -> list[Path]:
    """Return the queries for a set of data: those of its own instead of the general ones."""
    found = {path.name[:2]: path for path in (QUERIES / "federation").glob("*.rq")}
    if name == "owners":
        found |= {path.name[:2]: path for path in (QUERIES / "federation_owners").glob("*.rq")}
    return [found[number] for number in sorted(found)]


def measure(
    found: Stage, listed: list[Path], rounds: int, peers: dict[str, Peer], peer_rounds: int = 2
) -> list[Measured]:
    """Measure all queries; ours and the single store in turn, peers fewer times."""
    measured = []
    for peer in peers.values():
        peer.ask("SELECT * WHERE { ?s a <http://iec.ch/TC57/CIM100#SubGeographicalRegion> }")
    for path in listed:
        query = path.read_text()
        _, oracle, _ = ask(f"{found.single}/query", query)
        wanted = rows_of(oracle)
        if not wanted:
            raise RuntimeError(f"{path.name} has no row on this data.")
        one = Measured(path.stem, wanted.total())
        _, document, headers = ask(f"{found.gateway}/sparql", query)
        if rows_of(document) != wanted:
            one.wrong["gateway"] = f"{rows_of(document).total()} rows"
        _describe(one, f"{found.gateway}/reports/" + headers["gridspine-report"].rpartition("/")[2])
        times: dict[str, list[float]] = {"gateway": [], "single": []}
        for _ in range(rounds):
            times["gateway"].append(ask(f"{found.gateway}/sparql", query)[0])
            times["single"].append(ask(f"{found.single}/query", query)[0])
        for name, peer in peers.items():
            times[name] = []
            for _ in range(peer_rounds):
                told = peer.ask(query)
                times[name].append(float(told["milliseconds"]))
                if told.get("error"):
                    one.wrong[name] = str(told["error"])[:60]
                    break
                if peer_rows(told) != wanted:
                    one.wrong[name] = f"{len(told['rows'])} rows"
        one.milliseconds = {name: statistics.median(t) for name, t in times.items()}
        measured.append(one)
        _show(one)
    return measured


def _describe(one: Measured, report_url: str) -> None:
    with urllib.request.urlopen(report_url, timeout=10) as answer:
        report = json.loads(answer.read())
    one.requests = sum(source["requests"] for source in report["sources"])
    one.bytes = sum(source["bytes"] for source in report["sources"])
    one.way = "+".join(sorted({step["way"] for step in report["plan"]}))


def _show(one: Measured) -> None:
    times = "  ".join(f"{name} {ms:8.1f}" for name, ms in one.milliseconds.items())
    print(
        f"{one.name:26} {one.rows:6} rows {one.way:9} {one.requests:3} requests "
        f"{one.bytes:9} bytes  {times}  {one.wrong or ''}",
        flush=True,
    )


def geometric(values: list[float]) -> float:
    """Return the geometric mean."""
    return math.exp(statistics.fmean(math.log(value) for value in values))


def write(name: Name, measured: list[Measured], found: Stage) -> None:
    """Write the figures."""
    figures = Figures({"gb": "federation", "owners": "federation_owners"}.get(name, f"fed-{name}"))
    figures.equal_results = not any("gateway" in one.wrong for one in measured)
    figures.add("triples at the nodes", sum(found.triples.values()), "triples")
    figures.add("queries", len(measured), "queries", aim="at least 14")
    right = sum("gateway" not in one.wrong for one in measured)
    figures.add("right answers", right, "queries", aim="all", peer="one store")
    own = [one.milliseconds["gateway"] for one in measured]
    single = [one.milliseconds["single"] for one in measured]
    ratio = geometric([a / b for a, b in zip(own, single, strict=True)])
    figures.add("time against one store over HTTP", ratio, "x", aim="at most 3", peer="oxigraph")
    for peer in ("comunica", "fedx"):
        _beside(peer, [one for one in measured if peer in one.milliseconds], figures)
    for one in measured:
        times = ", ".join(f"{n} {ms:.0f}" for n, ms in one.milliseconds.items() if n != "gateway")
        note = (
            f"{one.rows} rows, {one.way}, {one.requests} requests, {one.bytes} bytes; ms: {times}"
        )
        wrong = ", ".join(f"{n}: {w}" for n, w in one.wrong.items())
        figures.add(one.name, one.milliseconds["gateway"], "ms", note=note, peer=wrong)
    figures.write()


def _beside(peer: str, theirs: list[Measured], figures: Figures) -> None:
    """Write the figures beside one peer."""
    if not theirs:
        return
    wrong = [one for one in theirs if peer in one.wrong]
    figures.add(f"right answers of {peer}", len(theirs) - len(wrong), "queries", peer=peer)
    unlike = sum(one.wrong[peer].endswith(" rows") for one in wrong)
    figures.add(f"wrong answers of {peer}, the rest failed", unlike, "queries", peer=peer)
    faster = geometric([one.milliseconds[peer] / one.milliseconds["gateway"] for one in theirs])
    aim = "at least 15" if peer == "comunica" else ""
    note = "failed ones count with the time until they failed"
    figures.add(f"faster than {peer}", faster, "x", aim=aim, peer=peer, note=note)
    slower = sum(one.milliseconds["gateway"] > one.milliseconds[peer] for one in theirs)
    figures.add(f"queries slower than {peer}", slower, "queries", aim="none", peer=peer)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", choices=("gb", "owners", "small"), help="one set only")
    parser.add_argument("--peers", type=Path, default=PEERS_INSTALLED)
    parser.add_argument("--alone", action="store_true", help="without peers")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=("comunica", "fedx"), help="one peer")
    parser.add_argument("--peer-rounds", type=int, default=2)
    parser.add_argument("--peer-seconds", type=float, default=PEER_LIMIT_SECONDS)
    options = parser.parse_args()
    if not options.alone:
        install(options.peers.resolve())
    names: tuple[Name, ...] = (options.data,) if options.data else ("gb", "owners")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            served = content(name, Path(folder) / "files")
            with stage(Path(folder) / "stage", served) as found:
                _run(name, found, options)


def _run(name: Name, found: Stage, options: argparse.Namespace) -> None:
    peers: dict[str, Peer] = {}
    if not options.alone:
        peers = start_peers(options.peers.resolve(), found, options.peer_seconds, options.only)
    try:
        told = measure(found, queries(name), options.rounds, peers, options.peer_rounds)
        write(name, told, found)
    finally:
        for peer in peers.values():
            peer.close()


def start_peers(folder: Path, found: Stage, seconds: float, only: str | None) -> dict[str, Peer]:
    """Start the peers over the nodes' endpoints."""
    urls = [f"{url}/sparql" for url in found.nodes.values()]
    limit = str(int(seconds * 1000))
    commands = {
        "comunica": ["node", str(PEERS / "comunica.mjs"), limit, *urls],
        "fedx": ["java", "-cp", "lib/*:classes", "FedX", limit, *urls],
    }
    return {n: Peer(c, folder) for n, c in commands.items() if only in (None, n)}


if __name__ == "__main__":
    main()
