"""Small records to test with: models made from N-Triples, each with its labels."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pyoxigraph import RdfFormat, Triple, parse

from kgnode.cim.headers import Header
from kgnode.settings import Settings
from kgnode.store.cells import Cell, NewModel
from kgnode.store.record import FolderRecord, open_record
from kgnode.store.view import Limits, Views

LIMITS = Limits(timeout_seconds=20, max_rows=1_000_000, max_bytes=100_000_000)
JSON = "application/sparql-results+json"
CSV = "text/csv"
DATASET = "urn:gridspine:dataset:DNOA:network"


def header(iri: str) -> Header:
    return Header(
        iri=iri,
        kind="full",
        profiles=(),
        authority="urn:authority",
        version="1",
        scenario_time=None,
        created=None,
        description=None,
        supersedes=(),
        dependent_on=(),
        cim=None,
    )


def triples(text: str) -> list[Triple]:
    return [quad.triple for quad in parse(text, RdfFormat.N_TRIPLES)]


def model(iri: str, cells: Mapping[str, str], content_hash: str | None = None) -> NewModel:
    """A model from label names (separated by spaces) to N-Triples."""
    return NewModel(
        iri=iri,
        header=header(iri),
        content_hash=content_hash or iri.rpartition(":")[2],
        base="urn:base:",
        spelling=b"spelling of " + iri.encode(),
        cells={
            frozenset(f"urn:label:{name}" for name in names.split()): triples(text)
            for names, text in cells.items()
        },
    )


def publish(record: FolderRecord, *models: NewModel, dataset: str = DATASET) -> frozenset[Cell]:
    manifest = record.publish(dataset, models, aside=False, attributes={}, keep=10)
    return frozenset(manifest.cells)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[FolderRecord]:
    opened = open_record(tmp_path / "home" / "record")
    yield opened
    opened.close()


@asynccontextmanager
async def views_of(
    record: FolderRecord, folder: str = "run", **settings: object
) -> AsyncIterator[Views]:
    views = Views(record, Settings(**settings), record.path.parent / folder)  # type: ignore[arg-type]
    try:
        yield views
    finally:
        await views.close()
