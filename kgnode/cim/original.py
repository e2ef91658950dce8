"""The document a model was read from, kept compressed beside it.

In: a document as it came and how it was read. Out: one opaque blob, and back. From it an export
spells identifiers and values as their owner does, and a report finds lines.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import orjson

from kgnode.cim.account import Watch
from kgnode.cim.datatypes import Version, vocabulary
from kgnode.cim.document import Document
from kgnode.cim.identity import Identities
from kgnode.cim.repairs import Repairs


@dataclass(frozen=True)
class Reading:
    """How a document was read: everything that decides what its spellings mean.

    Attributes:
        model: IRI of the model.
        base: base of its own names.
        version: vocabulary that typed its literals.
        foreign: name -> base of the authority that defines it, where that is another one.
        namespaces: prefix -> namespace of its root element.
    """

    model: str
    base: str
    version: Version
    foreign: Mapping[str, str] = field(default_factory=dict)
    namespaces: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Return the reading as one line of JSON; equal readings give equal bytes."""
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)

    def digest(self, document: bytes) -> str:
        """Return the SHA-256 of a document's digest and of how it was read, in hexadecimal.

        The same document read in the same way has the same statements.
        """
        return hashlib.sha256(document + self.to_json()).hexdigest()


def pack(reading: Reading, compressed: bytes) -> bytes:
    """Return the blob of a document that is zlib-compressed already."""
    return join([reading.to_json() + b"\n" + compressed])


def join(blobs: Sequence[bytes]) -> bytes:
    """Return the blob of a model that several documents made: the first, then its differences."""
    parts = [part for blob in blobs for part in _parts(blob)]
    head = b" ".join(str(len(part)).encode() for part in parts)
    return b"gs1 " + head + b"\n" + b"".join(parts)


def _parts(blob: bytes) -> list[bytes]:
    if not blob.startswith(b"gs1 "):
        return [blob] if blob else []
    head, _, rest = blob.partition(b"\n")
    parts, at = [], 0
    for size in head.split()[1:]:
        parts.append(rest[at : at + int(size)])
        at += int(size)
    return parts


def unpack(blob: bytes) -> Iterator[tuple[Reading, bytes]]:
    """Yield how each document was read, and the document."""
    for part in _parts(blob):
        head, _, compressed = part.partition(b"\n")
        yield Reading(**orjson.loads(head)), zlib.decompress(compressed)


def replay(blob: bytes, watch: Watch) -> list[Reading]:
    """Read kept documents again in the same way, telling ``watch`` what stands where."""
    readings = []
    for reading, document in unpack(blob):
        _replay(reading, document, watch)
        readings.append(reading)
    return readings


def _replay(reading: Reading, document: bytes, watch: Watch) -> None:
    scan = Document(
        reading.model,
        reading.model,
        Identities(reading.base, reading.foreign, lambda code, spelled: None),
        vocabulary(reading.version),
        Repairs(),
        lambda section, lines: None,
        watch,
    )
    scan.run(io.BytesIO(document))
