"""CIM XML out: what load-flow tools open (IEC 61970-552).

In: the triples of a model that may go out, its header, and where there is one the document it came
from. Out: one CIM XML document, or a zip of several. Identifiers and values are spelled as they
came in; what has no spelling is written as ``_uuid``, ``#_uuid`` and the value's own text.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pyoxigraph import Triple

from kgnode.cim.elements import Elements, by_subject, header_statements, nested_subjects
from kgnode.cim.headers import Header
from kgnode.cim.spelling import Spelling


@dataclass(frozen=True)
class ExportModel:
    """One model to be written: ``name`` is the file's name inside the zip."""

    header: Header
    triples: Iterable[Triple]
    spelling: bytes | None
    name: str


def file_name(header: Header) -> str:
    """Return a file name by time, authority, profile and version, as CGMES tools expect.

    >>> file_name(Header("urn:x", profiles=("http://entsoe.eu/CIM/EquipmentCore/3/1",),
    ...     authority="http://elia.be/CGMES/2.4.15", version="2",
    ...     scenario_time="2014-06-01T10:30:00"))
    '20140601T1030Z_elia.be-CGMES-2.4.15_EQ_002.xml'
    """
    digits = "".join(char for char in header.scenario_time or "" if char.isdigit())
    time = f"{digits[:8]}T{digits[8:12]}Z" if len(digits) >= 12 else "undated"
    authority = (header.authority or "").strip().split("://")[-1].strip("/") or header.iri[-12:]
    plain = "".join(char if char.isalnum() or char in ".-" else "-" for char in authority)
    profile = header.keywords[0] if header.keywords else header.kind.upper()
    version = (header.version or "1").strip()
    return f"{time}_{plain}_{profile}_{version.zfill(3) if version.isdigit() else '001'}.xml"


def write_zip(models: Iterable[ExportModel], path: Path) -> None:
    """Write one document per model into a zip; equal input gives equal bytes."""
    names: set[str] = set()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for model in models:
            name, number = model.name, 1
            while name in names:
                number += 1
                name = f"{model.name.removesuffix('.xml')}_{number}.xml"
            names.add(name)
            with archive.open(zip_entry(name), "w", force_zip64=True) as stream:
                write_model(model.triples, model.header, model.spelling, stream)


def zip_entry(name: str) -> zipfile.ZipInfo:
    """Return a compressed member without the time of day."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def write_model(
    triples: Iterable[Triple], header: Header, spelling: bytes | None, out: IO[bytes]
) -> None:
    """Write one CIM XML document: the header's element first, then one element per subject.

    Raises:
        InputError: a value or a name that XML cannot carry.
    """
    part = by_subject(triples)
    head = part.pop(f"<{header.iri}>", None) or header_statements(header)
    inner = nested_subjects(part)
    elements = Elements(header, Spelling.of(spelling), [part, {f"<{header.iri}>": head}], inner)
    out.write(elements.root().encode())
    out.write(elements.header_element(head).encode())
    for subject in elements.ordered(part):
        if subject not in inner:
            out.write(elements.element(subject, part).encode())
    out.write(b"</rdf:RDF>\n")
