"""From what a user names to single documents: files, folders, zips, zips in zips.

In: paths. Out: ``Source`` objects that can be opened again and again. Nothing is unpacked to disk,
so names inside an archive can do no harm; unpacked size, ratio, number of members and nesting are
bounded by what is really read, not by what the archive claims.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from kgnode.cim.spool import Kept
from kgnode.errors import ArchiveTooLarge, EmptyInput, InputError, MissingFile, TruncatedInput
from kgnode.settings import Settings

DOCUMENTS = frozenset({".xml", ".rdf", ".owl", ".ttl", ".trig", ".nt", ".nq", ".jsonld", ".json"})
"""Suffixes read out of a folder or an archive; anything else there is left out and reported."""

_ZIP = b"PK\x03\x04"
_RATIO_FLOOR_BYTES = 1 << 20
_LIMIT_HINT = "Raise GRIDSPINE_ARCHIVE_MAX_BYTES, _RATIO, _MEMBERS or _DEPTH if you trust it."


@dataclass(frozen=True)
class Source:
    """One document: its name as the user knows it, and how to open it."""

    name: str
    opener: Callable[[], BinaryIO]
    named: bool = True
    path: Path | None = None

    def open(self) -> BinaryIO:
        """Open it from the beginning.

        Raises:
            MissingFile: it cannot be read.
        """
        try:
            return self.opener()
        except OSError as error:
            raise MissingFile(
                f"{self.name} cannot be read: {error.strerror or error}.",
                hint="Check the name and the permissions.",
                file=self.name,
            ) from error


@dataclass
class Budget:
    """What one reading may still unpack."""

    settings: Settings
    members: int = 0
    unpacked: dict[str, int] = field(default_factory=dict)

    def member(self, archive: str) -> None:
        """Count one member of an archive."""
        self.members += 1
        if self.members > self.settings.archive_max_members:
            raise ArchiveTooLarge(
                f"{archive} holds more than {self.settings.archive_max_members} files.",
                hint=_LIMIT_HINT,
                file=archive,
            )

    def grew(self, name: str, size_bytes: int, packed_bytes: int) -> None:
        """Note that ``size_bytes`` of a member have been unpacked so far."""
        self.unpacked[name] = max(size_bytes, self.unpacked.get(name, 0))
        limit = self.settings.archive_max_bytes
        ratio = self.settings.archive_max_ratio
        if sum(self.unpacked.values()) > limit:
            raise ArchiveTooLarge(
                f"{name} unpacks beyond {limit} bytes.", hint=_LIMIT_HINT, file=name
            )
        if size_bytes > _RATIO_FLOOR_BYTES and size_bytes > ratio * max(packed_bytes, 1):
            raise ArchiveTooLarge(
                f"{name} unpacks to more than {ratio} times its packed size.",
                hint=_LIMIT_HINT,
                file=name,
            )


class _Member(io.RawIOBase):
    """A member of an archive, read within the budget."""

    def __init__(self, stream: BinaryIO, name: str, packed_bytes: int, budget: Budget) -> None:
        self._stream, self._name = stream, name
        self._packed_bytes, self._budget, self._read_bytes = packed_bytes, budget, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        try:
            chunk = self._stream.read(len(view))
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise TruncatedInput(
                f"{self._name} is damaged in the archive: {error}.",
                hint="Fetch or make the archive again.",
                file=self._name,
            ) from error
        self._read_bytes += len(chunk)
        self._budget.grew(self._name, self._read_bytes, self._packed_bytes)
        view[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._stream.close()
        super().close()


def sources(paths: Sequence[Path], settings: Settings) -> tuple[list[Source], list[str]]:
    """Return the documents behind the paths, and the names of files left out.

    Raises:
        MissingFile: a path does not exist.
        EmptyInput: a file, folder or archive holds nothing.
        ArchiveTooLarge, TruncatedInput: an archive beyond the limits, or damaged.
    """
    budget = Budget(settings)
    found: list[Source] = []
    left_out: list[str] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(entry for entry in path.rglob("*") if entry.is_file())
            if not inside:
                raise EmptyInput(f"{path} holds no files.", hint="Name the files.", file=str(path))
            for entry in inside:
                _take(_file(entry, named=False), entry.suffix, budget, found, left_out)
        elif path.is_file():
            _take(_file(path, named=True), path.suffix, budget, found, left_out)
        else:
            raise MissingFile(f"{path} does not exist.", hint="Check the name.", file=str(path))
    return found, left_out


def _file(path: Path, *, named: bool) -> Source:
    return Source(str(path), lambda: path.open("rb"), named, path)


def _take(
    source: Source, suffix: str, budget: Budget, found: list[Source], left_out: list[str]
) -> None:
    """Put a file into ``found``: itself, its members, or its name into ``left_out``."""
    with source.open() as stream:
        start = stream.read(4)
    if not start:
        if not source.named and suffix.lower() not in DOCUMENTS:
            left_out.append(source.name)
            return
        raise EmptyInput(f"{source.name} is empty.", hint="Give a full file.", file=source.name)
    if start == _ZIP or suffix.lower() == ".zip":
        found_before = len(found)
        for member, member_suffix in _members(source, budget, 1):
            if member_suffix in DOCUMENTS:
                found.append(member)
            else:
                left_out.append(member.name)
        if len(found) == found_before:
            raise EmptyInput(
                f"{source.name} holds no models.", hint="Give CIM XML or RDF.", file=source.name
            )
    elif source.named or suffix.lower() in DOCUMENTS:
        found.append(source)
    else:
        left_out.append(source.name)


def _members(source: Source, budget: Budget, depth: int) -> Iterator[tuple[Source, str]]:
    """Yield the documents of an archive and of the archives in it, with their suffixes."""
    if depth > budget.settings.archive_max_depth + 1:
        raise ArchiveTooLarge(
            f"{source.name} nests archives too deep.", hint=_LIMIT_HINT, file=source.name
        )
    try:
        archive = zipfile.ZipFile(_seekable(source))
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise TruncatedInput(
            f"{source.name} is no whole zip archive: {error}.",
            hint="Fetch or make the archive again.",
            file=source.name,
        ) from error
    for info in archive.infolist():
        if info.is_dir() or info.filename.startswith("__MACOSX/"):
            continue
        budget.member(source.name)
        name = f"{source.name}!{info.filename}"
        member = Source(name, _opener(archive, info, name, budget), named=False)
        suffix = Path(info.filename).suffix.lower()
        if suffix == ".zip":
            yield from _members(member, budget, depth + 1)
        else:
            yield member, suffix


def _opener(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, budget: Budget
) -> Callable[[], BinaryIO]:
    def opened() -> BinaryIO:
        try:
            stream = archive.open(info)
        except (RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{name} cannot be unpacked: {error}.",
                hint="Pack it again without a password, with the deflate method.",
                file=name,
            ) from error
        packed = max(info.compress_size, 1)
        return io.BufferedReader(
            _Member(cast(BinaryIO, stream), name, packed, budget), buffer_size=1 << 18
        )

    return opened


def _seekable(source: Source) -> BinaryIO:
    """Return a source so that one can seek in it: archives in archives are copied, in bounds."""
    if source.path is not None:
        return Kept.of(source.path).open()
    copy = Kept()
    with source.open() as stream:
        while chunk := stream.read(1 << 20):
            copy.write(chunk)
    return copy.open()
