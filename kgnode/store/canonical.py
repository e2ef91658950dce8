"""The one form of a cell's file: equal sets of triples make equal files.

In: triples as objects, as a graph of a store or as an N-Triples stream, any amount of them. Out:
N-Triples lines as the engine writes them (RDF 1.1 N-Triples section 4), without duplicates, grouped
by subject, in a fixed order. Memory stays bounded: what is large goes through files.
"""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, BinaryIO, Protocol
from zlib import crc32

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

from kgnode.cim.difference import lines_about
from kgnode.names import bnode_iri
from kgnode.store.cells import WholeGraph

GROUPS = 16
CHUNK_BYTES = 8 << 20
CHUNK_TRIPLES = 50_000
IN_MEMORY_BYTES = 48 << 20
"""Lines that are held before they go to files."""

AS_THE_ENGINE = re.compile(
    rb'"(?:-?(?:0|[1-9][0-9]{0,7})(?:\.[0-9]{0,6}[1-9])?"\^\^<http://www\.w3\.org/2001/XMLSchema#double'
    rb'|(?:0|-?[1-9][0-9]{0,17})"\^\^<http://www\.w3\.org/2001/XMLSchema#integer'
    rb'|(?:true|false)"\^\^<http://www\.w3\.org/2001/XMLSchema#boolean)> \.\n'
).search
"""Finds a typed literal that the engine would spell the same way: at most 15 significant digits, of
which a double gives every one back, no needless zeros or signs."""


class Streamed(Protocol):
    """Triples that can also be had as N-Triples, without an object for each."""

    def ntriples(self) -> BinaryIO:
        """Return all triples as an N-Triples stream."""


def write_canonical(
    triples: Iterable[Triple] | Streamed, model: str, out: IO[bytes], folder: Path
) -> tuple[str, int]:
    """Write triples in their one form; return the SHA-256 of the file and how many there are.

    Args:
        triples: in any order, with any duplicates and spellings.
        model: IRI under which blank nodes get names.
        out: where to.
        folder: for temporary files.
    """
    if isinstance(triples, Patched):
        lines = triples.lines()
        content = b"".join(lines)
        out.write(content)
        return hashlib.sha256(content).hexdigest(), len(lines)
    held, size = _groups(), 0
    with _Spill(folder) as spill:
        for lines in _canonical(triples, model, folder):
            for line in lines:
                held[_group(line)].append(line)
                size += len(line)
            if size > IN_MEMORY_BYTES:
                spill.take(held)
                held, size = _groups(), 0
        digest, count = hashlib.sha256(), 0
        for number, group in enumerate(held):
            different = set(group)
            group.clear()
            different.update(spill.lines(number))
            content = b"".join(sorted(different))
            digest.update(content)
            count += len(different)
            out.write(content)
    return digest.hexdigest(), count


def _group(line: bytes) -> int:
    return crc32(line[: line.index(b" ")]) % GROUPS


def _order(line: bytes) -> tuple[int, bytes]:
    """Return where a line stands in a cell's file."""
    return _group(line), line


@dataclass(frozen=True)
class Patched:
    """The triples of a cell without some and with others; all as lines of the one form.

    Attributes:
        file: the cell's file; None for no triples.
        removed: lines to be taken away; those that are not there do no harm.
        added: lines to be added, without blank nodes.
    """

    file: Path | None
    removed: frozenset[bytes]
    added: frozenset[bytes]

    def lines(self) -> list[bytes]:
        """Return the lines in the order of a cell's file; only those added are looked up."""
        kept: list[bytes] = []
        if self.file is not None:
            with self.file.open("rb") as stream:
                kept = [line for line in stream if line not in self.removed]
        parts: list[list[bytes]] = []
        start = 0
        for line in sorted(self.added, key=_order):
            at = bisect_left(kept, _order(line), start, key=_order)
            there = at < len(kept) and kept[at] == line
            parts += [kept[start:at], [] if there else [line]]
            start = at
        return [line for part in (*parts, kept[start:]) for line in part]

    def tells_of(self, subject: bytes) -> bool:
        """Whether a statement has that subject, a term as N-Triples writes it."""
        if any(line.startswith(subject + b" ") for line in self.added):
            return True
        content = b"" if self.file is None else self.file.read_bytes()
        return any(line not in self.removed for line in lines_about(content, subject))

    def ntriples(self) -> BinaryIO:
        """Return all triples as an N-Triples stream."""
        return io.BytesIO(b"".join(self.lines()))

    def __iter__(self) -> Iterator[Triple]:
        """Yield the triples."""
        for quad in parse(self.ntriples(), RdfFormat.N_TRIPLES, lenient=True):
            yield quad.triple


class _Spill:
    """Files for groups of lines that do not fit in memory; made when first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[IO[bytes]] = []

    def __enter__(self) -> _Spill:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def take(self, held: list[list[bytes]]) -> None:
        """Append the lines of each group to its file."""
        if not self._files:
            self._files = [tempfile.TemporaryFile(dir=self._folder) for _ in held]  # noqa: SIM115
        for file, group in zip(self._files, held, strict=True):
            file.write(b"".join(group))

    def lines(self, number: int) -> Iterable[bytes]:
        """Return the lines of a group's file."""
        if not self._files:
            return ()
        self._files[number].seek(0)
        return self._files[number]


def _groups() -> list[list[bytes]]:
    return [[] for _ in range(GROUPS)]


def _canonical(
    triples: Iterable[Triple] | Streamed, model: str, folder: Path
) -> Iterator[list[bytes]]:
    """Yield lines, equal for equal terms of the engine, some thousands at a time.

    The engine keeps numbers, booleans and times by value, so "01" and "1" are one integer in it.
    Lines that could be spelled in several ways go through it once; all others are unambiguous.
    """
    if isinstance(triples, WholeGraph):
        with tempfile.TemporaryFile(dir=folder) as stream:
            triples.write(stream)
            stream.seek(0)
            for content in _chunks(stream):
                yield _named(content, model).splitlines(keepends=True)
        return
    if hasattr(triples, "ntriples"):
        with triples.ntriples() as source:
            for content in _chunks(source):
                yield _one_spelling(_named(content, model))
        return
    iterator = iter(triples)
    while some := list(islice(iterator, CHUNK_TRIPLES)):
        content = serialize(some, format=RdfFormat.N_TRIPLES) or b""
        yield _one_spelling(_named(content, model))


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield whole lines, some megabytes at a time."""
    while content := stream.read(CHUNK_BYTES):
        yield content if content.endswith(b"\n") else content + stream.readline()


def _one_spelling(content: bytes) -> list[bytes]:
    """Return lines with every literal spelled as the engine does."""
    lines = content.splitlines(keepends=True)
    certain: list[bytes] = []
    spelled: list[bytes] = []
    for line in lines:
        if b"\\" in line or b'"@' in line or (b'"^^<' in line and not AS_THE_ENGINE(line)):
            spelled.append(line)
        else:
            certain.append(line)
    if spelled:
        store = Store()
        store.load(b"".join(spelled), RdfFormat.N_TRIPLES, lenient=True)
        again = store.dump(format=RdfFormat.N_TRIPLES, from_graph=DefaultGraph()) or b""
        certain += again.splitlines(keepends=True)
    return certain


def _named(content: bytes, model: str) -> bytes:
    """Replace each blank node by an IRI of the model (skolemisation, RDF 1.1 section 3.5)."""
    if b"_:" not in content:
        return content

    def named(term: object) -> object:
        return NamedNode(bnode_iri(model, term.value)) if isinstance(term, BlankNode) else term

    replaced = (
        Triple(named(t.subject), t.predicate, named(t.object))  # type: ignore[arg-type]
        for t in parse(content, RdfFormat.N_TRIPLES, lenient=True)
    )
    return serialize(replaced, format=RdfFormat.N_TRIPLES) or b""
