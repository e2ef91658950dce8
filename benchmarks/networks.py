"""Large CIM sets made from a small one: the same network several times, with fresh identifiers.

In: a CGMES zip whose identifiers are UUIDs, and how many copies. Out: one XML file per profile in
which every copy has identifiers of its own; the header stands once.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

_UUID = re.compile(rb"_([0-9a-f]{8})(?=-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
_HEADER = re.compile(rb"(.*?</md:FullModel>)(.*)(</rdf:RDF>\s*)\Z", re.DOTALL)


def replicate(source: Path, copies: int, folder: Path) -> list[Path]:
    """Write the replicated set into ``folder`` and return its files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with zipfile.ZipFile(source) as archive:
        for name in sorted(archive.namelist()):
            match = _HEADER.match(archive.read(name))
            if match is None:
                raise ValueError(f"{name} has no header")
            head, body, tail = match.groups()
            path = folder / name
            with path.open("wb") as stream:
                stream.write(head)
                for number in range(copies):
                    stream.write(_renamed(body, number))
                stream.write(tail)
            written.append(path)
    return written


def _renamed(body: bytes, number: int) -> bytes:
    if number == 0:
        return body
    return _UUID.sub(lambda match: b"_%08x" % (int(match[1], 16) ^ number), body)
