"""The document a model was read from, kept compressed beside it.

In: a document as it came and how it was read. Out: one opaque blob, and back. From it an export
spells identifiers and values as their owner does, and a report finds lines.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from kgnode.cim.datatypes import Version, vocabulary
from kgnode.cim.document import Document, Watch
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


def pack(reading: Reading, compressed: bytes) -> bytes:
    """Return the blob of a document that is zlib-compressed already."""
    head = {
        "model": reading.model,
        "base": reading.base,
        "version": reading.version,
        "foreign": dict(reading.foreign),
        "namespaces": dict(reading.namespaces),
    }
    return orjson.dumps(head) + b"\n" + compressed


def unpack(blob: bytes) -> tuple[Reading, bytes]:
    """Return how the document was read, and the document."""
    head, _, compressed = blob.partition(b"\n")
    return Reading(**orjson.loads(head)), zlib.decompress(compressed)


def replay(blob: bytes, watch: Watch) -> Reading:
    """Read a kept document again in the same way, telling ``watch`` what stands where."""
    reading, document = unpack(blob)
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
    return reading
