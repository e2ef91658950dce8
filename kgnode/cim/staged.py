"""Models that have been read and not yet kept: one graph each, checked and countable.

In: what the reader found. Out: triples per model, one in-memory store of all of them for shapes and
labels (built when first asked for), and the place in the file where a subject is defined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from pyoxigraph import NamedNode, RdfFormat, Store, Triple

from kgnode.cim.account import Account
from kgnode.cim.difference import Changed, Difference
from kgnode.cim.headers import Header
from kgnode.cim.places import find
from kgnode.cim.repairs import Place, Repair
from kgnode.cim.spool import Spool

__all__ = ["Account", "Model", "Place", "Repair", "Staged", "Statements"]


@dataclass(frozen=True)
class Model:
    """One model as read.

    Attributes:
        iri: its IRI and the name of its graph.
        header: what it says of itself.
        content_hash: SHA-256 of its document and how it was read, hexadecimal; of its statements,
            where it has no document of its own.
        triples: number of distinct triples, header included.
        file: where it came from, as the user named it.
        base: base of those of its identifiers that are no UUIDs.
        spelling: compressed original document, from which an export spells; empty for plain RDF.
        account: what became of each statement of the file.
    """

    iri: str
    header: Header
    content_hash: str
    triples: int
    file: str
    base: str
    spelling: bytes
    account: Account


@dataclass(frozen=True)
class Statements:
    """The triples of one model: iterate over them, or take them as an N-Triples stream.

    Where every triple gets the same label, the stream saves a Python object per triple.
    """

    spool: Spool
    count: int

    def __iter__(self) -> Iterator[Triple]:
        """Yield the triples in the order of the file."""
        return iter(self.spool)

    def __len__(self) -> int:
        """Return the number of triples."""
        return self.count

    def ntriples(self) -> BinaryIO:
        """Return all triples as a binary N-Triples stream."""
        return self.spool.open()


@dataclass(frozen=True)
class Staged:
    """All models of one reading.

    Attributes:
        models: in the order of the files.
        repairs: what was mended or noticed.
        spools: model IRI -> its statements.
        differences: IRI of a difference model -> its parts.
        replaced: versions that differences among the models took as their starting points.
        changes: model IRI -> what differences changed to make it.
        again: IRIs of models that are staged again as the record holds them.
        beside: IRI of a model that is only looked at -> its N-Triples files.
    """

    models: tuple[Model, ...]
    repairs: tuple[Repair, ...]
    spools: Mapping[str, Spool]
    differences: Mapping[str, Difference] = field(default_factory=dict)
    replaced: frozenset[str] = frozenset()
    changes: Mapping[str, Changed] = field(default_factory=dict)
    again: frozenset[str] = frozenset()
    beside: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)

    @cached_property
    def store(self) -> Store:
        """All models, and those beside them, in memory, one graph each; the default graph is empty.

        It costs seconds for a million triples: what needs no graphs reads the spools and files.
        """
        store = Store()
        for model in self.models:
            with self.spools[model.iri].open() as stream:
                store.bulk_load(stream, RdfFormat.N_TRIPLES, to_graph=NamedNode(model.iri))
        for iri, paths in self.beside.items():
            for path in paths:
                store.bulk_load(path=path, format=RdfFormat.N_TRIPLES, to_graph=NamedNode(iri))
        return store

    def graph(self, model_iri: str) -> Statements:
        """Return the triples of one model."""
        model = next(model for model in self.models if model.iri == model_iri)
        return Statements(self.spools[model_iri], model.triples)

    def place(self, subject_iri: str) -> Place | None:
        """Return the file and line that define a subject, or else first describe it."""
        best: Place | None = None
        for model in self.models:
            found = self._lines(model).get(subject_iri)
            if found is None:
                continue
            line, defines = found
            place = Place(model.file, line, subject_iri)
            if defines:
                return place
            best = best or place
        return best

    def _lines(self, model: Model) -> Mapping[str, tuple[int, bool]]:
        known = self._indexes.get(model.iri)
        if known is None:
            known = self._indexes[model.iri] = find(model.spelling)
        return known

    @cached_property
    def _indexes(self) -> dict[str, Mapping[str, tuple[int, bool]]]:
        return {}
