"""A demo's organisations as nodes of a small cluster, read by the reader that nodes use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyoxigraph as ox

from federation.demo.scenario import Scenario
from kgnode.cim.reader import ReadContext, read
from tests.federation.cluster import Cluster, cluster


@contextmanager
def running(scenario: Scenario) -> Iterator[Cluster]:
    with cluster() as nodes:
        for organisation in scenario.organisations:
            base = f"https://{organisation.id.lower()}.example/id#"
            staged = read(organisation.files, ReadContext(base, scenario.boundary_base))
            nodes.add(
                organisation.id,
                (ox.Quad(q.subject, q.predicate, q.object) for q in staged.store),
            )
        yield nodes
