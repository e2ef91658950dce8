"""Immutable files named by their content: the triples of cells, and spellings.

In: triples, bytes. Out: digests, paths. A file appears under its name only when it is complete and
on disk (written beside, fsync, rename), so whoever finds a name finds the whole content. Cells are
in the one form that kgnode/store/canonical.py gives them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from pyoxigraph import Triple

from kgnode.errors import NotFound, StoreFull, Unexpected
from kgnode.store.canonical import Streamed, write_canonical

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
        with (
            refusing_a_full_disk(self.cells),
            tempfile.NamedTemporaryFile(dir=self.incoming, delete=False) as stream,
        ):
            temporary = Path(stream.name)
            try:
                digest, count = write_canonical(triples, model, stream, self.incoming)
                self._name(stream, self.cells / f"{digest}.nt")
            finally:
                temporary.unlink(missing_ok=True)
            return digest, count

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
        with tempfile.NamedTemporaryFile(dir=self.incoming, delete=False) as stream:
            try:
                stream.write(content)
                self._name(stream, path)
            finally:
                Path(stream.name).unlink(missing_ok=True)

    def _name(self, stream: IO[bytes], path: Path) -> None:
        """Give a written file its name, once it is on disk."""
        stream.flush()
        os.fsync(stream.fileno())
        Path(stream.name).replace(path)


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
