"""Members that know mapping sets: real records, views and routes, served in the test's process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyoxigraph as ox

from federation.members.pool import Member
from kgnode.alignment.mapping import MappingSet, Status
from kgnode.audit import Audit
from kgnode.cim.headers import Header
from kgnode.names import dataset_iri, label_iri
from kgnode.policy.caller import Caller
from kgnode.policy.policies import Policies
from kgnode.settings import load_settings
from kgnode.store.cells import NewModel
from kgnode.store.record import open_record
from kgnode.trust.keys import generate_key
from kgnode.web.app import create_app
from kgnode.web.front import Front
from tests.kgnode.alignment.product import product_set, structural
from tests.kgnode.alignment.sets import Released
from tests.kgnode.node import ORG, read_policy, served

DATASET = "d"


class Public:
    """Takes everybody for the public."""

    def caller(self, _: str | None) -> Caller:
        """Return the public."""
        return Caller.public()


def approved(found: MappingSet, version: str = "1") -> MappingSet:
    """Return a set as if two stewards had approved all of it."""
    rows = tuple(replace(row, status=Status.APPROVED) for row in found.mappings)
    return replace(found, version=version, mappings=rows)


def product(*names: str) -> Released:
    """Return sets that come with the product, approved and released as version 1."""
    sets = [approved(product_set(name)) for name in names]
    return Released(sets, {name: structural(name) for name in names})


@contextlib.contextmanager
def member(
    folder: Path,
    name: str,
    triples: Iterable[ox.Triple],
    sets: Released,
    hidden: Iterable[ox.Triple] = (),
) -> Iterator[Member]:
    """Serve a node that shows triples to everybody, and hides some."""
    folder.mkdir(parents=True)
    (folder / "run").mkdir()
    record = open_record(folder / "record")
    model = f"urn:m:{name}"
    cells = {
        frozenset({label_iri(ORG, DATASET, "open")}): list(triples),
        frozenset({label_iri(ORG, DATASET, "closed")}): list(hidden),
    }
    content = model.encode().hex().ljust(64, "0")
    new = NewModel(model, Header(model, "rdf"), content, model, b"", cells)
    record.publish(dataset_iri(ORG, DATASET), [new], aside=False, attributes={}, keep=2)
    policies = Policies.from_documents([read_policy(DATASET, "open", "public")])
    node: Any = SimpleNamespace(
        record=record,
        settings=load_settings(),
        home=SimpleNamespace(path=folder, identity=SimpleNamespace(name=name, node_url=None)),
        policies=lambda: policies,
        org=ORG,
        audit=Audit(folder / "audit", generate_key()),
        mappings=sets,
        verifier=Public,
    )
    front = Front(node)
    try:
        with served(create_app(front), front.views.close) as url:
            yield Member(name, name, url.removesuffix("/sparql"))
    finally:
        node.audit.close()
        record.close()
