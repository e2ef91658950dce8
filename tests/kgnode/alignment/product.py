"""The product's own mapping sets, applied the plain way to a store of triples.

In: data. Out: the data with all that follows from sets taken as approved, and from their structural
maps: each single mapping until nothing new comes, then each CONSTRUCT once. Shares nothing with the
product but the reading of a set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyoxigraph as ox

from kgnode.alignment.mapping import Mapping, MappingSet
from kgnode.alignment.sssom_tsv import read
from kgnode.names import RDF, resource_folder
from tests.kgnode.alignment.plain import BACK, FORTH

FOLDER = resource_folder("ontologies") / "mappings"
NAMES = sorted(path.name.removesuffix(".sssom.tsv") for path in FOLDER.glob("*.sssom.tsv"))
TYPE = ox.NamedNode(f"{RDF}type")
HERE = Path(__file__).parent


def product_set(name: str) -> MappingSet:
    """Return a set that comes with the product."""
    return read(FOLDER / f"{name}.sssom.tsv")


def structural(name: str) -> dict[str, str]:
    """Return the CONSTRUCT files of a set: name and text."""
    return {p.stem: p.read_text() for p in sorted((FOLDER / "structural" / name).glob("*.rq"))}


def triples(path: Path) -> ox.Store:
    """Return a Turtle file as a store."""
    store = ox.Store()
    store.load(path=path, format=ox.RdfFormat.TURTLE)
    return store


def constructed(store: ox.Store, text: str) -> list[ox.Triple]:
    """Return what a CONSTRUCT makes, each triple once."""
    return list(set(store.query(text)))  # type: ignore[arg-type]


def materialise(store: ox.Store, names: Iterable[str] = ("cim-ies4",)) -> None:
    """Add all that follows from sets, taken as approved, to a store of one graph."""
    names = list(names)
    rows = [row for name in names for row in product_set(name).mappings if not row.negative]
    before = -1
    while before != len(store):
        before = len(store)
        store.extend([quad for row in rows for quad in _follows(store, row)])
    made = [
        triple
        for name in names
        for text in structural(name).values()
        for triple in constructed(store, text)
    ]
    store.extend(ox.Quad(*triple) for triple in made)


def _follows(store: ox.Store, row: Mapping) -> Iterator[ox.Quad]:
    subject, target = ox.NamedNode(row.subject), ox.NamedNode(row.object)
    ways = [(subject, target)] if row.predicate in FORTH else []
    ways += [(target, subject)] if row.predicate in BACK else []
    for old, new in ways:
        if row.kind == "class":
            for quad in store.quads_for_pattern(None, TYPE, old, None):
                yield ox.Quad(quad.subject, TYPE, new)
        elif row.kind == "property":
            for quad in store.quads_for_pattern(None, old, None, None):
                yield ox.Quad(quad.subject, new, quad.object)
        else:
            for quad in store.quads_for_pattern(None, None, old, None):
                if quad.predicate != TYPE:
                    yield ox.Quad(quad.subject, quad.predicate, new)
