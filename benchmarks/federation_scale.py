"""How a selective query grows with the number of members: 10, 50 and 200 on one machine.

In: nothing. Out: figures. Each member is a SPARQL store behind one HTTP server process; each holds
its own network with UUIDs, a few boundary terms are shared in pairs. Run::

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


async def measure(running: Cluster, members: int, figures: Figures) -> dict[str, float]:
    """Return the median milliseconds of each query, every answer compared with one store."""
    wanted = fill(running, members)
    one = union(node.store for node in running.nodes.values())
    used = load_settings(federation_summary_seconds=300.0)
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
        figures.add(f"{name}, {members} members", medians[name], "ms", note=f"first {times[0]:.0f}")
    await federation.close()
    return medians


def main() -> None:
    """Run."""
    figures = Figures("federation_scale")
    found = {}
    for members in SIZES:
        with cluster() as running:
            found[members] = asyncio.run(measure(running, members, figures))
    for name in QUERIES:
        growth = found[SIZES[-1]][name] / found[SIZES[0]][name]
        figures.add(f"{name}: growth from 10 to 200", growth, "x", aim="at most 4")
    figures.write()


if __name__ == "__main__":
    main()
