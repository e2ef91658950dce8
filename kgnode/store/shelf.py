"""Immutable files named by their content: the triples of cells, and spellings.

In: triples, bytes. Out: digests, paths. A file appears under its name only when it is complete and
on disk (written beside, fsync, rename), so whoever finds a name finds the whole content. Cells are
canonical N-Triples lines (RDF 1.1 N-Triples section 4), sorted, without duplicates.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from pyoxigraph import (
    BlankNode,
    DefaultGraph,
    NamedNode,
    RdfFormat,
    Store,
    Triple,
    parse,
    serialize,
)

from kgnode.errors import NotFound, StoreFull, Unexpected
from kgnode.names import bnode_iri
from kgnode.store.cells import WholeGraph

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Shelf:
    """The folders ``cells``, ``spelling`` and ``incoming`` of a record."""

    def __init__(self, path: Path) -> None:
        self.cells = path / "cells"
        self.spellings = path / "spelling"
        self.incoming = path / "incoming"
        for folder in (self.cells, self.spellings, self.incoming):
            folder.mkdir(exist_ok=True)

    def cell(self, digest: str) -> Path:
        """Return the file of a cell. Raises NotFound."""
        path = self.cells / f"{digest}.nt"
        if not path.exists():
            raise NotFound(
                f"The triples {digest[:16]} are not in the record.",
                hint="The version they belong to was replaced or withdrawn; ask again.",
            )
        return path

    def spelling(self, content_hash: str) -> bytes:
        """Return a spelling. Raises NotFound."""
        try:
            return (self.spellings / content_hash).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"No spelling is kept for content {content_hash[:16]}.") from error

    def put_cell(self, triples: Iterable[Triple] | Streamed, model: str) -> tuple[str, int]:
        """Keep triples; return their digest and how many different ones there are.

        Blank nodes become IRIs under the model's name, since graphs are merged later.
        """
        with refusing_a_full_disk(self.cells):
            lines = sorted(set(canonical_lines(triples, model)))
            content = b"".join(lines)
            digest = hashlib.sha256(content).hexdigest()
            self._put(self.cells / f"{digest}.nt", content)
            return digest, len(lines)

    def put_spelling(self, content_hash: str, spelling: bytes) -> None:
        """Keep the spelling of a model."""
        with refusing_a_full_disk(self.spellings):
            self._put(self.spellings / content_hash, spelling)

    def settle(self) -> None:
        """Return when the names of all files put so far survive a power cut."""
        for folder in (self.cells, self.spellings):
            sync_folder(folder)

    @classmethod
    def create(cls, path: Path) -> Shelf:
        """Make the folders in a new place."""
        path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    def link_into(self, other: Shelf, digests: set[str], content_hashes: set[str]) -> None:
        """Give the files named a second name on another shelf. Raises NotFound."""
        for digest in digests:
            link(self.cell(digest), other.cells / f"{digest}.nt")
        for content_hash in content_hashes:
            link(self.spellings / content_hash, other.spellings / content_hash)
        other.settle()

    def sweep(self, digests: set[str], content_hashes: set[str]) -> int:
        """Remove every file that none of the names given refers to; return how many."""
        wanted = {f"{digest}.nt" for digest in digests}
        leftovers = [path for path in self.cells.iterdir() if path.name not in wanted]
        leftovers += [p for p in self.spellings.iterdir() if p.name not in content_hashes]
        leftovers += list(self.incoming.iterdir())
        for path in leftovers:
            path.unlink(missing_ok=True)
        return len(leftovers)

    def _put(self, path: Path, content: bytes) -> None:
        if path.exists():
            return
        handle, temporary = tempfile.mkstemp(dir=self.incoming)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise


class Streamed(Protocol):
    """Triples that can also be had as N-Triples, without an object for each."""

    def ntriples(self) -> BinaryIO:
        """Return all triples as an N-Triples stream."""


def canonical_lines(triples: Iterable[Triple] | Streamed, model: str) -> list[bytes]:
    """Return the triples as lines, equal for equal terms of the engine.

    The engine keeps numbers, booleans and times by value, so "01" and "1" are one integer in it.
    Lines that could be spelled in several ways go through it once; all others are unambiguous.
    """
    if isinstance(triples, WholeGraph):
        content, spelled_by_the_engine = triples.dump(), True
    elif hasattr(triples, "ntriples"):
        with triples.ntriples() as stream:
            content, spelled_by_the_engine = stream.read(), False
    else:
        content = serialize(triples, format=RdfFormat.N_TRIPLES) or b""
        spelled_by_the_engine = False
    if b"_:" in content:
        content = _without_blank_nodes(content, model)
    lines = content.splitlines(keepends=True)
    if spelled_by_the_engine:
        return lines
    plain: list[bytes] = []
    spelled: list[bytes] = []
    for line in lines:
        ambiguous = b'"^^<' in line or b"\\" in line or b'"@' in line
        (spelled if ambiguous else plain).append(line)
    store = Store()
    store.load(b"".join(spelled), RdfFormat.N_TRIPLES, lenient=True)
    content = store.dump(format=RdfFormat.N_TRIPLES, from_graph=DefaultGraph()) or b""
    return plain + content.splitlines(keepends=True)


def _without_blank_nodes(content: bytes, model: str) -> bytes:
    """Replace each blank node by an IRI of the model (skolemisation, RDF 1.1 section 3.5)."""

    def named(term: object) -> object:
        return NamedNode(bnode_iri(model, term.value)) if isinstance(term, BlankNode) else term

    replaced = (
        Triple(named(t.subject), t.predicate, named(t.object))  # type: ignore[arg-type]
        for t in parse(content, RdfFormat.N_TRIPLES, lenient=True)
    )
    return serialize(replaced, format=RdfFormat.N_TRIPLES) or b""


@contextlib.contextmanager
def refusing_a_full_disk(folder: Path) -> Iterator[None]:
    """Turn the system's error of a full disk into ``StoreFull``, and any other into a defect."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL or "No space left" in str(error):
            raise StoreFull(
                f"The disk of {folder} is full; nothing was changed.",
                hint="Free disk space, then try again.",
                file=str(folder),
            ) from error
        raise Unexpected(f"{folder} could not be written: {error}.") from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Make all files and names below a folder survive a power cut."""
    for path in folder.rglob("*"):
        sync_folder(path)
    sync_folder(folder)


def link(source: Path, target: Path) -> None:
    """Give an immutable file a second name; copy it where the file system cannot."""
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP}:
            raise
        shutil.copyfile(source, target)
