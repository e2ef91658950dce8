"""Lookups over HTTP: a served home against `oxigraph serve-read-only`, both at a million triples.

Run: ``python -m benchmarks.query_http``. The home is served as users serve it (`kgnode serve`):
policies, views, evaluators and the audit log are in the way; the peer holds the same triples on
disk with nothing around it. Rounds alternate between the two; the bodies must be equal.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from benchmarks.figures import Figures
from benchmarks.http_load import run, targets
from benchmarks.query import CIM, LINES, Lines, generate, header
from kgnode.names import ODRL_PROFILE, dataset_iri, label_iri
from kgnode.store.cells import NewModel
from kgnode.store.record import open_record

ORG = "BENCH"
BIN = Path(sys.executable).parent
ROUNDS = 7
LOOKUPS = 10_000
REPEATED = 500


def main() -> None:
    """Measure and write the result file."""
    figures = Figures("query_http")
    chosen = random.Random(7).sample(range(LINES), LOOKUPS)
    distinct = [lookup(line) for line in chosen]
    repeated = [lookup(line) for line in chosen[:REPEATED] * (LOOKUPS // REPEATED)]
    models = generate()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        fill(folder / "home", models)
        load(folder, models)
        for name, queries, cache_bytes, aim in (
            ("distinct lookups, answer cache off", distinct, 0, "at least 1/3, better 1/2"),
            ("distinct lookups, answer cache on", distinct, 64 << 20, ""),
            ("repeated lookups, answer cache on", repeated, 64 << 20, ""),
        ):
            with node(folder / "home", cache_bytes) as ours, peer(folder / "oxigraph") as theirs:
                compare(figures, name, queries, (ours, theirs), aim)
    figures.write()


def compare(
    figures: Figures, name: str, queries: Sequence[str], ports: tuple[int, int], aim: str
) -> None:
    """Alternate rounds and keep the medians."""
    paths = (targets("/sparql", queries), targets("/query", queries))
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        bodies = []
        for port, path, kept in zip(ports, paths, rates, strict=True):
            seconds, found = run(port, path)
            kept.append(len(path) / seconds)
            bodies.append([json.loads(body)["results"] for body in found])
        assert bodies[0] == bodies[1]
        assert all(len(body["bindings"]) == 1 for body in bodies[0])
    ours, theirs = (statistics.median(kept) for kept in rates)
    figures.add(f"{name}: node", ours, "lookups/s", note="16 connections, 2 cores for all")
    figures.add(f"{name}: oxigraph serve-read-only", theirs, "lookups/s", note="on disk, optimised")
    ratio = statistics.median(a / b for a, b in zip(*rates, strict=True))
    figures.add(f"{name}: node over oxigraph", ratio, "ratio", aim=aim, peer="oxigraph server")


def lookup(line: int) -> str:
    """Return a query for one name."""
    return (
        f"PREFIX cim: <{CIM}> SELECT ?n WHERE {{ <urn:line:{line}> cim:IdentifiedObject.name ?n }}"
    )


def fill(home: Path, models: dict[str, dict[frozenset[str], bytes]]) -> None:
    """Make a home whose data everybody may read, in 25 cells."""
    subprocess.run(
        [BIN / "kgnode", "init", home, "--org", ORG, "--name", "Benchmark"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    named = {f"urn:label:{n}": label_iri(ORG, "all", f"part{n}") for n in range(5)}
    new = [
        NewModel(
            f"urn:model:{name}",
            header(f"urn:model:{name}"),
            name.encode().hex().ljust(64, "0"),
            "urn:base:",
            b"",
            {frozenset(named[x] for x in part): Lines(text) for part, text in cells.items()},  # type: ignore[misc]
        )
        for name, cells in models.items()
    ]
    record = open_record(home / "record")
    record.publish(dataset_iri(ORG, "all"), new, aside=False, attributes={}, keep=1)
    record.close()
    policy = {
        "@context": "gridspine-odrl",
        "@type": "Set",
        "uid": f"urn:gridspine:policy:{ORG}:all",
        "profile": ODRL_PROFILE,
        "permission": [
            {"target": label, "action": "read", "assignee": "public"} for label in named.values()
        ],
    }
    (home / "policy" / "all.json").write_bytes(orjson.dumps(policy))


def load(folder: Path, models: dict[str, dict[frozenset[str], bytes]]) -> None:
    """Give the peer the same triples, in its default graph."""
    data = folder / "all.nt"
    data.write_bytes(b"".join(text for cells in models.values() for text in cells.values()))
    store = folder / "oxigraph"
    for command in (["load", "-l", store, "-f", data], ["optimize", "-l", store]):
        subprocess.run([BIN / "oxigraph", *command], check=True, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def node(home: Path, cache_bytes: int) -> Iterator[int]:
    """Serve the home and yield the port."""
    port = free_port()
    settings = {"GRIDSPINE_ANSWER_CACHE_BYTES": str(cache_bytes)}
    command = [BIN / "kgnode", "serve", home, "--port", str(port)]
    with running(command, port, settings, f"/sparql?query={'ASK%7B%7D'}"):
        yield port


@contextlib.contextmanager
def peer(store: Path) -> Iterator[int]:
    """Serve the peer and yield the port."""
    port = free_port()
    command = [BIN / "oxigraph", "serve-read-only", "-l", store, "-b", f"127.0.0.1:{port}"]
    with running(command, port, {}, "/query?query=ASK%7B%7D"):
        yield port


@contextlib.contextmanager
def running(
    command: list[Path | str], port: int, settings: dict[str, str], probe: str
) -> Iterator[None]:
    """Run a server until it has answered once, and end it afterwards."""
    environment = {**os.environ, **settings}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, **quiet) as process:
        until = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{probe}", timeout=60):
                    break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.1)
        yield
        process.terminate()


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    main()
