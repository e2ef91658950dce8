"""How a selective query grows with the number of members: 10, 50 and 200 on one machine.

In: nothing. Out: figures. Each member is a SPARQL store behind one HTTP server thread; each holds
its own network with UUIDs, a few boundary terms are shared in pairs. Two ways are measured: with
members left out of a plan unasked for a while (``federation_summary_seconds``), and with each of
them asked for its version at every query, the default: that grows with the members by its nature,
here the more as all members share the gateway's process. Run::

    python -m benchmarks.federation_scale
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
import uuid

import orjson
import pyoxigraph as ox

from benchmarks.figures import Figures
from federation.answer import Ask, Federation, answer
from kgnode.settings import load_settings
from tests.federation.cluster import Cluster, cluster
from tests.federation.oracle import union

CIM = "http://iec.ch/TC57/CIM100#"
SIZES = (10, 50, 200)
ASSETS = 150
ALLOWED_SECONDS = (300.0, 0.0)
QUERIES = {
    "lookup": 'SELECT ?s ?p {{ ?s <{cim}name> "asset {number}" ; <{cim}rating> ?p }}',
    "neighbours": "SELECT ?o ?n {{ <{iri}> <{cim}to> ?o . ?o <{cim}name> ?n }}",
    "across": (
        "SELECT ?b ?n {{ <{iri}> <{cim}boundary> ?b . ?x <{cim}boundary> ?b ; <{cim}name> ?n }}"
    ),
}


def fill(running: Cluster, members: int) -> dict[str, str]:
    """Add members; returns what the queries need."""
    chance = random.Random(members)
    shared = [ox.NamedNode(uuid.UUID(int=chance.getrandbits(128)).urn) for _ in range(members)]
    wanted: dict[str, str] = {}
    for at in range(members):
        own = [ox.NamedNode(uuid.UUID(int=chance.getrandbits(128)).urn) for _ in range(ASSETS)]
        quads = []
        for number, asset in enumerate(own):
            name = ox.Literal(f"asset {at * ASSETS + number}")
            quads.append(ox.Quad(asset, ox.NamedNode(CIM + "name"), name))
            quads.append(ox.Quad(asset, ox.NamedNode(CIM + "rating"), ox.Literal(number)))
            quads.append(ox.Quad(asset, ox.NamedNode(CIM + "to"), chance.choice(own)))
        for boundary in (shared[at], shared[(at + 1) % members]):
            quads.append(ox.Quad(own[0], ox.NamedNode(CIM + "boundary"), boundary))
        running.add(f"m{at}", quads)
        if at == members // 2:
            wanted = {"iri": own[0].value, "number": str(at * ASSETS), "cim": CIM}
    return wanted


async def measure(
    running: Cluster, wanted: dict[str, str], allowed_seconds: float, figures: Figures
) -> dict[str, float]:
    """Return the median milliseconds of each query, every answer compared with one store."""
    one = union(node.store for node in running.nodes.values())
    members = len(running.nodes)
    used = load_settings(federation_summary_seconds=allowed_seconds)
    federation = Federation.of(running.members(), used)
    await federation.evaluators.start()
    medians = {}
    for name, text in QUERIES.items():
        query = text.format(**wanted)
        ask = Ask(query, accept="application/sparql-results+json")
        times = []
        for _ in range(16):
            start = time.perf_counter()
            got = await answer(ask, federation)
            times.append((time.perf_counter() - start) * 1000)
        expected = sum(1 for _ in one.query(query))  # type: ignore[arg-type]
        rows = len(orjson.loads(got.body)["results"]["bindings"])
        assert got.status == "complete" and rows == expected > 0, (name, rows, expected)
        medians[name] = statistics.median(times[1:])
        note = f"first {times[0]:.0f}"
        figures.add(_named(name, members, allowed_seconds), medians[name], "ms", note=note)
    await federation.close()
    return medians


def _named(name: str, members: int, allowed_seconds: float) -> str:
    return f"{name}, {members} members" + ("" if allowed_seconds else ", all asked")


def main() -> None:
    """Run."""
    figures = Figures("federation_scale")
    found = {}
    for members in SIZES:
        with cluster() as running:
            wanted = fill(running, members)
            for allowed in ALLOWED_SECONDS:
                told = asyncio.run(measure(running, wanted, allowed, figures))
                found[members, allowed] = told
    for allowed in ALLOWED_SECONDS:
        for name in QUERIES:
            growth = found[SIZES[-1], allowed][name] / found[SIZES[0], allowed][name]
            said = f"{name}: growth from 10 to 200" + ("" if allowed else ", all asked")
            figures.add(said, growth, "x", aim="at most 4" if allowed else "")
    figures.write()


if __name__ == "__main__":
    main()
