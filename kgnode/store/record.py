"""The record: which versions a data set has, and the triples of their cells.

In: complete manifests, one writer at a time. Out: manifests, cells as N-Triples files, spellings.
``Record`` is the port; ``FolderRecord`` keeps a folder of immutable files named by their content.
A version becomes current by one atomic rename of its manifest, after all it refers to is on disk;
what a crash leaves behind is swept at the next start. See docs/store.md.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any, Protocol

import orjson
from pyoxigraph import RdfFormat, Triple, parse

from kgnode.errors import BadRequest, HomeInUse, NotFound
from kgnode.home import write_atomically
from kgnode.store.cells import Cell, Manifest, NewModel, StoredModel, name_cell
from kgnode.store.shelf import Shelf, refusing_a_full_disk, sync_folder, sync_tree

HEAD = "head"
VERSIONS = "versions-"


class Record(Protocol):
    """What the rest of a node asks of its system of record.

    Any store can stand behind it that can keep immutable cells and flip one pointer; the contract
    tests in tests/kgnode/store/contract.py run against each adapter.
    """

    def datasets(self) -> tuple[Manifest, ...]:
        """Return the current version of every data set, also those published aside."""

    def current(self, dataset: str) -> Manifest | None:
        """Return the current version of a data set, None if there is none."""

    def history(self, dataset: str) -> tuple[Manifest, ...]:
        """Return the versions kept, newest first."""

    def at(self, dataset: str, time: datetime) -> Manifest | None:
        """Return the version that was current at a time, None if none is kept."""

    def publish(
        self,
        dataset: str,
        models: Sequence[NewModel | StoredModel],
        *,
        aside: bool,
        attributes: Mapping[str, Any],
        keep: int,
        created: datetime | None = None,
    ) -> Manifest:
        """Make a new version current: complete, or not at all.

        Models given as ``StoredModel`` are kept by reference. When it returns, the version
        survives a crash.

        Raises:
            StoreFull: the disk is full; the old version stays current.
            NotFound: a ``StoredModel`` is not in the record.
        """

    def withdraw(self, dataset: str) -> None:
        """Remove a data set with all its versions; their numbers are not used again.

        Raises:
            NotFound: no such data set.
        """

    def triples(self, cell: str) -> Iterator[Triple]:
        """Iterate over the triples of a cell. Raises NotFound."""

    def cell_file(self, cell: Cell) -> Path:
        """Return a local N-Triples file of the cell, without duplicates. Raises NotFound."""

    def spelling(self, content_hash: str) -> bytes:
        """Return the spelling kept with a model. Raises NotFound."""

    def backup(self, folder: Path) -> None:
        """Write everything to a new folder, as of one moment, while the record stays in use."""

    def restore(self, folder: Path) -> None:
        """Replace all versions by those of a backup: complete, or not at all."""

    def close(self) -> None:
        """Let go of the record, so that another process may open it."""


def open_record(path: Path) -> FolderRecord:
    """Open the record in a folder, make it if there is none, sweep what a crash left.

    Raises:
        HomeInUse: another process (or this one) has it open.
    """
    return FolderRecord(path)


class FolderRecord:
    """The record as a folder of files.

    ::

        head                       name of the folder of manifests in force
        versions-N/DATASET/7.json  version 7 of a data set; the highest number is current
        cells/DIGEST.nt            the triples of a cell, never changed
        spelling/HASH              the spelling of a model, never changed
        lock                       held by the one process that has it open
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock_file = (path / "lock").open("w")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock_file.close()
            raise HomeInUse(
                f"{path.parent} is in use by another process.",
                hint="Stop it, or send the command to the node that serves this home.",
                file=str(path.parent),
            ) from error
        self._writing = threading.RLock()
        self._shelf = Shelf(path)
        self._versions: dict[str, tuple[Manifest, ...]] = {}  # newest first; replaced, not changed
        self._current: tuple[object, tuple[Manifest, ...]] = (None, ())  # versions, newest of each
        self._numbers: dict[str, int] = {}  # the highest number used, withdrawn ones too
        self._folder = self._in_force()
        self._read()
        self._sweep()

    # reading

    def datasets(self) -> tuple[Manifest, ...]:
        """Return the current version of every data set."""
        versions = self._versions
        if self._current[0] is not versions:
            found = tuple(newest[0] for _, newest in sorted(versions.items()))
            self._current = (versions, found)
        return self._current[1]

    def current(self, dataset: str) -> Manifest | None:
        """Return the current version of a data set."""
        return next(iter(self.history(dataset)), None)

    def history(self, dataset: str) -> tuple[Manifest, ...]:
        """Return the versions kept, newest first."""
        return self._versions.get(dataset, ())

    def at(self, dataset: str, time: datetime) -> Manifest | None:
        """Return the version that was current at a time."""
        return next((v for v in self.history(dataset) if v.created <= time), None)

    def triples(self, cell: str) -> Iterator[Triple]:
        """Iterate over the triples of a cell."""
        known = next((c for c in self._cells() if c.iri == cell), None)
        if known is None:
            raise NotFound(f"There is no cell {cell}.", hint="It may have been replaced.")
        quads = parse(path=self.cell_file(known), format=RdfFormat.N_TRIPLES, lenient=True)
        return (quad.triple for quad in quads)

    def cell_file(self, cell: Cell) -> Path:
        """Return the file of a cell."""
        return self._shelf.cell(cell.digest)

    def spelling(self, content_hash: str) -> bytes:
        """Return a spelling."""
        return self._shelf.spelling(content_hash)

    # writing

    def publish(
        self,
        dataset: str,
        models: Sequence[NewModel | StoredModel],
        *,
        aside: bool,
        attributes: Mapping[str, Any],
        keep: int,
        created: datetime | None = None,
    ) -> Manifest:
        """Put all cells on disk, then make the version current by one rename."""
        with self._writing:
            stored = tuple(self._stored(model) for model in models)
            self._shelf.settle()
            earlier = self.history(dataset)
            time = created or datetime.now(UTC)
            if earlier and time <= earlier[0].created:  # a clock set back must not reorder history
                time = earlier[0].created + timedelta(microseconds=1)
            number = self._numbers.get(dataset, 0) + 1
            manifest = Manifest(dataset, number, time, stored, aside, dict(attributes), keep)
            self._write(dataset, number, manifest.to_json())
            self._numbers[dataset] = number
            self._versions = {**self._versions, dataset: (manifest, *earlier)}
            self._prune(dataset)
            return manifest

    def withdraw(self, dataset: str) -> None:
        """Remove a data set by a version that says so, then its files."""
        with self._writing:
            if dataset not in self._versions:
                raise NotFound(
                    f"There is no data set {dataset}.", hint="kgnode versions lists them."
                )
            number = self._numbers[dataset] + 1
            self._write(dataset, number, {"dataset": dataset, "number": number, "withdrawn": True})
            self._numbers[dataset] = number
            self._versions = {k: v for k, v in self._versions.items() if k != dataset}
            self._prune(dataset)

    def backup(self, folder: Path) -> None:
        """Link or copy everything into a new folder; its ``head`` is written last."""
        if folder.exists() and any(folder.iterdir()):
            raise BadRequest(f"{folder} is not empty.", hint="Name a new folder for the backup.")
        with self._writing, refusing_a_full_disk(folder):
            target = Shelf.create(folder)
            self._shelf.link_into(target, *self._wanted())
            versions = folder / self._folder.name
            shutil.copytree(self._folder, versions)
            sync_tree(versions)
            target.settle()
            write_atomically(folder / HEAD, self._folder.name.encode())

    def restore(self, folder: Path) -> None:
        """Bring the backup in beside the versions in force, then flip ``head``."""
        if not (folder / HEAD).is_file():
            raise BadRequest(f"{folder} holds no complete backup.", hint="Name a backup's folder.")
        with self._writing, refusing_a_full_disk(self.path):
            versions = folder / (folder / HEAD).read_text().strip()
            number = int(self._folder.name.removeprefix(VERSIONS)) + 1
            target = self.path / f"{VERSIONS}{number}"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(versions, target)
            sync_tree(target)
            kept, _ = read_versions(target)
            cells = {c.digest for vs in kept.values() for v in vs for c in v.cells}
            hashes = {m.content_hash for vs in kept.values() for v in vs for m in v.models}
            Shelf(folder).link_into(self._shelf, cells, hashes)
            write_atomically(self.path / HEAD, target.name.encode())
            self._folder = target
            self._read()
            self._sweep()

    def close(self) -> None:
        """Release the lock."""
        with self._writing:
            self._lock_file.close()

    # the files

    def _in_force(self) -> Path:
        head = self.path / HEAD
        if not head.exists():
            (self.path / f"{VERSIONS}1").mkdir(exist_ok=True)
            write_atomically(head, f"{VERSIONS}1".encode())
        return self.path / head.read_text().strip()

    def _read(self) -> None:
        self._versions, self._numbers = read_versions(self._folder)

    def _write(self, dataset: str, number: int, document: Mapping[str, Any]) -> None:
        folder = self._folder / folder_name(dataset)
        if not folder.exists():
            folder.mkdir()
            sync_folder(self._folder)
        write_atomically(folder / f"{number}.json", orjson.dumps(document))

    def _stored(self, model: NewModel | StoredModel) -> StoredModel:
        if isinstance(model, StoredModel):
            for cell in model.cells:
                self.cell_file(cell)
            return model
        cells = []
        for labels, triples in model.cells.items():
            digest, count = self._shelf.put_cell(triples, model.iri)
            if count:
                iri = name_cell(model.content_hash, labels, digest)
                cells.append(Cell(iri, model.iri, labels, count, digest))
        cells.sort(key=lambda cell: cell.iri)
        self._shelf.put_spelling(model.content_hash, model.spelling)
        total = sum(cell.triples for cell in cells)
        return StoredModel(
            model.iri, model.header, model.content_hash, model.base, tuple(cells), total
        )

    def _prune(self, dataset: str) -> None:
        versions = self.history(dataset)
        if versions and len(versions) > versions[0].keep:
            kept = versions[: versions[0].keep]
            self._versions = {**self._versions, dataset: kept}
        self._sweep()

    def _cells(self) -> Iterator[Cell]:
        for versions in self._versions.values():
            for version in versions:
                yield from version.cells

    def _wanted(self) -> tuple[set[str], set[str]]:
        models = [m for vs in self._versions.values() for v in vs for m in v.models]
        return {c.digest for m in models for c in m.cells}, {m.content_hash for m in models}

    def _sweep(self) -> None:
        """Remove what no kept version refers to: manifests first, then what they alone held."""
        for dataset, last in self._numbers.items():
            numbers = {version.number for version in self.history(dataset)} | {last}
            for path in (self._folder / folder_name(dataset)).iterdir():
                if path.suffix != ".json" or int(path.stem) not in numbers:
                    path.unlink()
        for folder in self.path.glob(f"{VERSIONS}*"):
            if folder != self._folder:
                shutil.rmtree(folder)
        self._shelf.sweep(*self._wanted())


def folder_name(dataset: str) -> str:
    """Return the folder name of a data set; IRIs may hold what file names may not."""
    return hashlib.sha256(dataset.encode()).hexdigest()[:32]


def read_versions(folder: Path) -> tuple[dict[str, tuple[Manifest, ...]], dict[str, int]]:
    """Return the versions of every data set, newest first, and the highest number used of each."""
    versions: dict[str, tuple[Manifest, ...]] = {}
    numbers: dict[str, int] = {}
    for place in folder.iterdir():
        documents = [orjson.loads(path.read_bytes()) for path in place.glob("[0-9]*.json")]
        documents.sort(key=lambda document: -document["number"])
        if not documents:
            continue
        dataset = documents[0]["dataset"]
        numbers[dataset] = documents[0]["number"]
        if "withdrawn" not in documents[0]:
            kept = takewhile(lambda document: "withdrawn" not in document, documents)
            manifests = [Manifest.from_json(document) for document in kept]
            versions[dataset] = tuple(manifests[: manifests[0].keep])
    return versions, numbers
