"""Statements on their way: written once as N-Triples, read as often as needed.

In: N-Triples bytes. Out: streams of them, each from the beginning, several at once. What is small
stays in memory; the rest lies in an unnamed temporary file, so that neither the size of a model
nor a crash leaves anything behind.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import weakref
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from pyoxigraph import RdfFormat, Triple, parse

MEMORY_BYTES = 1 << 20


class _Window(io.RawIOBase):
    """An independent reader of a file that others read too."""

    def __init__(self, kept: Kept) -> None:
        self._kept, self._at = kept, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = (0, self._at, self._kept.size_bytes)[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        wanted = max(0, min(len(view), self._kept.size_bytes - self._at))
        chunk = os.pread(self._kept.descriptor, wanted, self._at)
        view[: len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)


class Kept:
    """Bytes that outgrow memory gracefully. Write everything, then read."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self.descriptor = -1
        self.size_bytes = 0

    @classmethod
    def of(cls, path: Path) -> Kept:
        """Return an existing file to read from; it is closed when nobody reads it any more."""
        kept = cls()
        kept.descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(kept, os.close, kept.descriptor)
        kept.size_bytes = os.fstat(kept.descriptor).st_size
        return kept

    def write(self, chunk: bytes) -> None:
        """Append bytes."""
        self.size_bytes += len(chunk)
        self._chunks.append(chunk)
        if self.descriptor >= 0 or self.size_bytes > MEMORY_BYTES:
            if self.descriptor < 0:
                self.descriptor, name = tempfile.mkstemp(prefix="gridspine-")
                Path(name).unlink()
                weakref.finalize(self, os.close, self.descriptor)
            rest = memoryview(b"".join(self._chunks))
            while rest:
                rest = rest[os.write(self.descriptor, rest) :]
            self._chunks.clear()

    def open(self) -> BinaryIO:
        """Return a new stream from the beginning; many may be open at once."""
        if self.descriptor < 0:
            return io.BytesIO(b"".join(self._chunks))
        return io.BufferedReader(_Window(self), buffer_size=1 << 18)


class Spool(Kept):
    """N-Triples of one model, counted as they are written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = 0

    def write(self, chunk: bytes) -> None:
        """Append whole lines."""
        super().write(chunk)
        self.lines += chunk.count(b"\n")

    def take(self, other: Spool) -> None:
        """Append all lines of another spool."""
        with other.open() as stream:
            while chunk := stream.read(1 << 20):
                Kept.write(self, chunk)
        self.lines += other.lines

    @property
    def digest(self) -> str:
        """SHA-256 of everything written, in hexadecimal."""
        digest = hashlib.sha256()
        with self.open() as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        return digest.hexdigest()

    def __iter__(self) -> Iterator[Triple]:
        """Yield the triples in the order of the file."""
        with self.open() as stream:
            for quad in parse(stream, RdfFormat.N_TRIPLES):
                yield quad.triple

    def without_repeats(self, subjects: Collection[str]) -> tuple[Spool, int]:
        """Return a copy in which no statement about ``subjects`` (terms) stands twice.

        Also returns how many lines were dropped.
        """
        heads = {subject.encode() for subject in subjects}
        copy, seen, dropped = Spool(), set(), 0
        with self.open() as stream:
            while lines := stream.readlines(1 << 20):
                kept = []
                for line in lines:
                    if line.partition(b" ")[0] in heads:
                        if line in seen:
                            dropped += 1
                            continue
                        seen.add(line)
                    kept.append(line)
                copy.write(b"".join(kept))
        return copy, dropped
