"""The four-authority set read by a plain reader of the tests' own, one store per organisation.

It knows nothing of the node: what the code under test finds over it is checked against a second
reading, not against itself.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pyoxigraph as ox
import pytest

from federation.rerouting.areas import Areas, supply_areas
from federation.rerouting.bench import Bench
from federation.rerouting.extract import ask_all, extract
from federation.rerouting.grid import Grid
from federation.rerouting.network import Network, load_files
from federation.rerouting.proof import load_network
from federation.rerouting.questions import Ask
from federation.rerouting.request import Told

Fresh = partial[Network]

_REFERENCE = re.compile(r'rdf:(about|resource|ID)="#?_?([0-9a-f-]{36})"')


def stores(path: Path) -> dict[str, ox.Store]:
    """One store per organisation of a zip whose identifiers are UUIDs."""
    found: dict[str, ox.Store] = {}
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            text = archive.read(name).decode()
            match = re.search(r"modelingAuthoritySet>https?://(\w+)\.", text)
            assert match is not None
            text = _REFERENCE.sub(_absolute, text)
            store = found.setdefault(match.group(1).upper(), ox.Store())
            store.load(text.encode(), format=ox.RdfFormat.RDF_XML, base_iri="http://example.org/")
    return found


def _absolute(match: re.Match[str]) -> str:
    attribute = "resource" if match.group(1) == "resource" else "about"
    return f'rdf:{attribute}="urn:uuid:{match.group(2)}"'


def ask(store: ox.Store) -> Ask:
    """Answer queries from a store, as rows of lexical values."""

    def answer(query: str) -> list[list[str]]:
        result = store.query(query)
        assert isinstance(result, ox.QuerySolutions)
        body = result.serialize(format=ox.QueryResultsFormat.CSV)
        assert body is not None
        rows = csv.reader(io.StringIO(body.decode()))
        next(rows)
        return list(rows)

    return answer


@pytest.fixture(scope="session")
def four_zip(test_data: Path) -> Path:
    return test_data / "cim" / "gsp_four_authorities.zip"


@pytest.fixture(scope="session")
def four_stores(four_zip: Path) -> Mapping[str, ox.Store]:
    return stores(four_zip)


@pytest.fixture(scope="session")
def fresh_four(four_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    """Gives a network of the set as if just imported: the import itself is done once."""
    path = tmp_path_factory.mktemp("four") / "four.biidm"
    load_files([four_zip]).save(str(path), format="BIIDM")
    return partial(load_network, path)


@pytest.fixture(scope="session")
def shown(four_stores: Mapping[str, ox.Store], fresh_four: Fresh) -> Told:
    """What the four tell a planner who may see everything."""
    answers = ask_all({org: ask(store) for org, store in four_stores.items()})
    withheld = {org: {"network": "none"} for org in four_stores}
    return Told(answers=answers, withheld=withheld, archive=fresh_four.args[0])


@pytest.fixture(scope="session")
def four_bench(fresh_four: Fresh, four_grid: Grid, four_areas: Areas) -> Bench:
    """A bench to measure on; whoever changes more than variants makes one of their own."""
    return Bench(fresh_four(), four_grid, four_areas)


@pytest.fixture(scope="session")
def four_grid(four_stores: Mapping[str, ox.Store]) -> Grid:
    return extract({org: ask(store) for org, store in four_stores.items()})


@pytest.fixture(scope="session")
def four_areas(four_grid: Grid) -> Areas:
    return supply_areas(four_grid)
