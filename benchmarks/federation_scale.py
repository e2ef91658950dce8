"""How a selective query grows with the number of members: 10, 50 and 200 on one machine.

In: nothing. Out: figures. Each member is a SPARQL store behind one HTTP server thread; each holds
its own network with UUIDs, a few boundary terms are shared in pairs. Three ways are measured, of
which the first two never miss a publish: members give leases (the default); they give none, so that
each one left out of a plan is asked for its version at every query, which grows with the members by
its nature, here the more as all share the gateway's process; and they go unasked for a while
(``federation_summary_seconds``). What keeping the leases of an idle gateway costs is measured too.
Run::

    python -m benchmarks.federation_scale
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
import uuid
from dataclasses import dataclass

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
IDLE_SECONDS = 10.0


@dataclass(frozen=True)
class Way:
    """How it is made sure that members left out of a plan did not change."""

    said: str
    lease_seconds: float = 0.0
    unasked_seconds: float = 0.0


WAYS = (
    Way("", lease_seconds=5.0),
    Way(", no leases, all asked"),
    Way(", unasked for a while", unasked_seconds=300.0),
)
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
    running: Cluster, wanted: dict[str, str], way: Way, figures: Figures
) -> dict[str, float]:
    """Return the median milliseconds of each query, every answer compared with one store."""
    one = union(node.store for node in running.nodes.values())
    members = len(running.nodes)
    used = load_settings(federation_summary_seconds=way.unasked_seconds)
    federation = Federation.of(running.members(), used, lambda _: "gateway")
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
        figures.add(f"{name}, {members} members{way.said}", medians[name], "ms", note=note)
    if way.lease_seconds:
        started = time.process_time()
        await asyncio.sleep(IDLE_SECONDS)
        share = (time.process_time() - started) / IDLE_SECONDS
        said = f"keeping leases of {members} idle members"
        note = "of one core, gateway and members together"
        figures.add(said, share * 100, "%", note=note)
    await federation.close()
    return medians


def main() -> None:
    """Run."""
    figures = Figures("federation_scale")
    found = {}
    for members in SIZES:
        for way in WAYS:
            with cluster(way.lease_seconds) as running:
                wanted = fill(running, members)
                found[members, way] = asyncio.run(measure(running, wanted, way, figures))
    for way in WAYS:
        for name in QUERIES:
            growth = found[SIZES[-1], way][name] / found[SIZES[0], way][name]
            aim = "" if way.said else "at most 4"
            figures.add(f"{name}: growth from 10 to 200{way.said}", growth, "x", aim=aim)
    figures.write()


if __name__ == "__main__":
    main()
