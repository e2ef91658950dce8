"""What the record keeps: cells, models and the manifests that make a version of a data set.

In: models as they come from reading and labelling. Out: frozen records with a JSON form. A cell is
the triples of one model that carry exactly one set of labels; its IRI covers the labels and the
triples themselves, so a cell never changes and versions share it by reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from pyoxigraph import NamedNode, RdfFormat, Store, Triple

from kgnode.cim.headers import Header
from kgnode.names import cell_iri


@dataclass(frozen=True)
class Cell:
    """The triples of one model that carry one set of labels.

    Attributes:
        iri: names labels and content; two cells with one IRI are the same triples.
        model: IRI of the model the triples belong to.
        labels: label IRIs; empty means closed to all but the owner.
        triples: how many there are.
        digest: SHA-256 of the triples as stored, 64 hexadecimal digits.
    """

    iri: str
    model: str
    labels: frozenset[str]
    triples: int
    digest: str = ""

    def __hash__(self) -> int:
        return hash(self.iri)

    def to_json(self) -> dict[str, Any]:
        """Return the members of the manifest file."""
        return {
            "iri": self.iri,
            "labels": sorted(self.labels),
            "triples": self.triples,
            "digest": self.digest,
        }

    @classmethod
    def from_json(cls, model: str, document: Mapping[str, Any]) -> Cell:
        """Return the cell of a manifest file's member."""
        return cls(
            document["iri"],
            model,
            frozenset(document["labels"]),
            document["triples"],
            document["digest"],
        )


@dataclass(frozen=True)
class StoredModel:
    """A model in the record.

    Attributes:
        content_hash: SHA-256 of the model's content as the reader gave it; also names its spelling.
        base: base IRI under which its identifiers were resolved.
    """

    iri: str
    header: Header
    content_hash: str
    base: str
    cells: tuple[Cell, ...]
    triples: int

    def to_json(self) -> dict[str, Any]:
        """Return the members of the manifest file."""
        return {
            "iri": self.iri,
            "header": self.header.to_json(),
            "content_hash": self.content_hash,
            "base": self.base,
            "triples": self.triples,
            "cells": [cell.to_json() for cell in self.cells],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> StoredModel:
        """Return the model of a manifest file's member."""
        iri = document["iri"]
        return cls(
            iri,
            Header.from_json(document["header"]),
            document["content_hash"],
            document["base"],
            tuple(Cell.from_json(iri, cell) for cell in document["cells"]),
            document["triples"],
        )


@dataclass(frozen=True)
class Manifest:
    """One version of a data set: its models, complete.

    Attributes:
        dataset: IRI of the data set.
        number: 1 for the first version; never used twice, not even after a withdrawal.
        created: when it became current (UTC).
        aside: not part of the default graph.
        attributes: title, licence, contact, packs, validation and the like, as given.
        keep: how many versions the data set keeps.
    """

    dataset: str
    number: int
    created: datetime
    models: tuple[StoredModel, ...]
    aside: bool
    attributes: Mapping[str, Any] = field(default_factory=dict)
    keep: int = 10

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All cells of all models."""
        return tuple(cell for model in self.models for cell in model.cells)

    @property
    def triples(self) -> int:
        """Triples of all models."""
        return sum(model.triples for model in self.models)

    def to_json(self) -> dict[str, Any]:
        """Return the manifest file's document."""
        return {
            "dataset": self.dataset,
            "number": self.number,
            "created": self.created.isoformat(),
            "aside": self.aside,
            "keep": self.keep,
            "attributes": dict(self.attributes),
            "models": [model.to_json() for model in self.models],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Manifest:
        """Return the manifest of a file's document."""
        return cls(
            document["dataset"],
            document["number"],
            datetime.fromisoformat(document["created"]),
            tuple(StoredModel.from_json(model) for model in document["models"]),
            document["aside"],
            document["attributes"],
            document["keep"],
        )


@dataclass(frozen=True)
class WholeGraph:
    """All triples of one graph of a staged store, handed over without touching them one by one.

    >>> store = Store()
    >>> store.update("INSERT DATA { GRAPH <urn:m> { <urn:s> <urn:p> 1 } }")
    >>> len(list(WholeGraph(store, "urn:m")))
    1
    """

    store: Store
    graph: str

    def __iter__(self) -> Iterator[Triple]:
        for quad in self.store.quads_for_pattern(None, None, None, NamedNode(self.graph)):
            yield quad.triple

    def write(self, out: IO[bytes]) -> None:
        """Write the triples as N-Triples."""
        self.store.dump(out, RdfFormat.N_TRIPLES, from_graph=NamedNode(self.graph))


@dataclass(frozen=True)
class NewModel:
    """A model to be published.

    Attributes:
        spelling: what an export needs to give back the file's own identifiers and literals.
        cells: label set -> its triples; a ``WholeGraph``, or anything with a method ``ntriples``
            that gives a stream, is taken without an object per triple.
    """

    iri: str
    header: Header
    content_hash: str
    base: str
    spelling: bytes
    cells: Mapping[frozenset[str], Iterable[Triple]]


def name_cell(content_hash: str, labels: Iterable[str], digest: str) -> str:
    """Return the IRI of a cell.

    The digest of the triples counts with the labels: after a change of the labelling rules the
    same model and the same label set can mean other triples, which must not be taken for the old.

    >>> name_cell("c0ffee", ["urn:l"], "1" * 64) == name_cell("c0ffee", ["urn:l"], "2" * 64)
    False
    """
    return cell_iri(content_hash, [*labels, f"sha256:{digest}"])
