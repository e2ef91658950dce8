"""The competency questions in IES4's words give the rows of those in CIM's words.

Here over one store of the whole demo, with what follows from the mappings worked out plainly.
"""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest

from federation.demo.scenario import Scenario, build
from federation.rerouting import questions as asking
from kgnode.assurance.data import Data
from kgnode.assurance.packs import load_packs
from kgnode.assurance.validate import validate_data
from kgnode.names import expand, resource_folder
from tests.federation.demo.cluster import running
from tests.federation.oracle import union
from tests.kgnode.alignment.hierarchy import Hierarchy
from tests.kgnode.alignment.product import materialise, triples

pytestmark = pytest.mark.demo

CIM = asking.FOLDER.parent / "competency"
IES4 = sorted((CIM / "ies4").glob("*.rq"))
OPEN = ox.NamedNode(expand("cim:Switch.open"))
MOVED = 5
OWN_WORDS = resource_folder("ontologies") / "gridspine-ies4.ttl"
Row = tuple[object, ...]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    return build("small", 1, tmp_path_factory.mktemp("twins"))


@pytest.fixture(scope="module")
def data(small: Scenario) -> ox.Store:
    """The whole demo with a few switches moved, so that every question has an answer."""
    with running(small) as cluster:
        store = union(node.store for node in cluster.nodes.values())
    closed = sorted(
        store.quads_for_pattern(None, OPEN, ox.Literal(False)), key=lambda q: str(q.subject)
    )
    for quad in closed[:MOVED]:
        store.remove(quad)
        store.add(ox.Quad(quad.subject, OPEN, ox.Literal(True)))
    return store


@pytest.fixture(scope="module")
def mapped(data: ox.Store) -> ox.Store:
    store = ox.Store()
    store.extend(data)
    materialise(store)
    return store


def _rows(store: ox.Store, path: Path) -> list[Row]:
    def value(term: object) -> object:
        if isinstance(term, ox.Literal) and term.datatype.value.endswith(("#double", "#integer")):
            return round(float(term.value), 6)
        return str(term)

    found = store.query(path.read_text())
    return sorted((tuple(value(term) for term in row) for row in found), key=str)  # type: ignore[union-attr]


def test_ten_of_the_twelve_are_worded_in_ies4() -> None:
    assert len(IES4) >= 10
    assert {path.name for path in IES4} <= {path.name for path in CIM.glob("*.rq")}


@pytest.mark.parametrize("path", IES4, ids=lambda path: path.stem)
def test_a_twin_says_what_is_lost_and_uses_no_word_of_cim(path: Path) -> None:
    twin, original = asking.read_question(path), asking.read_question(CIM / path.name)
    assert twin.columns == original.columns
    assert twin.title == original.title
    assert "lossy:" in path.read_text()
    assert "cim" not in twin.text.partition("PREFIX")[2].lower()


def test_every_twin_gives_the_same_rows_and_nothing_without_the_mappings(
    data: ox.Store, mapped: ox.Store
) -> None:
    for path in IES4:
        expected = _rows(data, CIM / path.name)
        assert expected, path.stem
        assert _rows(mapped, path) == expected, path.stem
        assert _rows(data, path) == [], path.stem


def test_the_materialised_demo_is_good_ies4(test_data: Path, mapped: ox.Store) -> None:
    """It conforms to the IES4 shapes and keeps to IES4's domains and ranges."""
    own = triples(OWN_WORDS)
    everything = ox.Store()
    everything.extend([*mapped, *own])
    report = validate_data(Data(everything), load_packs(["ies4"]))
    assert not report.results and not report.notes
    words = triples(test_data / "vocab/ies4/ies4.ttl")
    words.extend(own)
    broken, judged = Hierarchy(words).broken(mapped)
    assert judged > 10_000
    assert broken == set()
