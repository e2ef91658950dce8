"""Sets of CIM models as stores that answer queries, one per organisation.

In: files by organisation, or one zip of several authorities. Out: stores, and how to ask them.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path

import pyoxigraph as ox

from federation.rerouting.questions import Ask
from kgnode.cim.reader import ReadContext, read

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("GRIDSPINE_DATA", ROOT.parent / "shared" / "data"))


def ask(store: ox.Store) -> Ask:
    """Answer queries from a store as rows of lexical values."""

    def answer(query: str) -> list[list[str]]:
        found = store.query(query)
        assert isinstance(found, ox.QuerySolutions)
        body = found.serialize(format=ox.QueryResultsFormat.CSV) or b""
        rows = csv.reader(io.StringIO(body.decode()))
        next(rows)
        return list(rows)

    return answer


def stores_of(paths: Mapping[str, list[Path]]) -> dict[str, ox.Store]:
    """One merged store per organisation, or per authority where one zip holds all."""
    found: dict[str, ox.Store] = {}
    for org, files in paths.items():
        staged = read(files, ReadContext(f"https://{org}.example/id#", "https://b.example/id#"))
        for model in staged.models:
            name = org or str(model.header.authority).split("//")[1].split(".")[0].upper()
            store = found.setdefault(name, ox.Store())
            store.extend(ox.Quad(*triple) for triple in staged.graph(model.iri))
    return found
