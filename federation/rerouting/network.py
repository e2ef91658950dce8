"""CIM models of several organisations as one PowSyBl network.

In: CIM XML files, zips and folders, or models written by ``kgnode.cim.writer``. Out: a pypowsybl
network joined at boundary points (IEC 61970-600 sub-networks), refused where joining would be
wrong: an identifier defined twice, a boundary point that is not paired, a load that is not fed.
"""

from __future__ import annotations

import hashlib
import io
import logging
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgnode.errors import BadIdentifier, EmptyInput, InputError, MissingFile, NotCim
from kgnode.names import uuid_urn

if TYPE_CHECKING:
    from kgnode.cim.writer import ExportModel

Network = Any
"""A ``pypowsybl.network.Network``; the package ships no types."""

IMPORT_PARAMETERS = {
    "iidm.import.cgmes.cgm-with-subnetworks": "true",
    "iidm.import.cgmes.cgm-with-subnetworks-defined-by": "MODELING_AUTHORITY",
    "iidm.import.cgmes.source-for-iidm-id": "rdfID",
    "iidm.import.cgmes.import-control-areas": "false",
}
"""Without sub-networks CGMES 3 boundary lines stay unpaired and a load flow still converges."""

_HEAD_BYTES = 16384
_PROFILE = re.compile(rb"Model\.profile>\s*([^<\s]+)\s*<")
_AUTHORITY = re.compile(rb"Model\.modelingAuthoritySet>\s*([^<\s]+)\s*<")
_MODEL = re.compile(rb'FullModel\s+rdf:about="([^"]+)"')
_DEFINED = re.compile(rb'rdf:ID="([^"]+)"')
_KINDS = (
    ("EquipmentBoundaryOperation", "EQ_BD"),
    ("EquipmentBoundary", "EQ_BD"),
    ("TopologyBoundary", "TP_BD"),
    ("SteadyStateHypothesis", "SSH"),
    ("StateVariables", "SV"),
    ("Topology", "TP"),
    ("Equipment", "EQ"),
    ("Operation", "EQ"),
    ("ShortCircuit", "EQ"),
)
"""Profile name in the header -> the mark PowSyBl looks for in a file name; others are left out."""


@dataclass(frozen=True)
class Document:
    """One CIM XML document of the network: its authority, model IRI and kind from its header."""

    name: str
    authority: str
    model: str
    kind: str
    content: bytes


@dataclass(frozen=True)
class Joined:
    """How the organisations' models hang together.

    Attributes:
        tie_lines: boundary points where two boundary lines became one branch.
        unpaired: ids of boundary lines whose other side is not in the set.
        half_paired: pairing keys carried by two lines that were nevertheless not joined.
        unfed_loads: ids of loads on a bus outside the main synchronous component.
    """

    tie_lines: int
    unpaired: tuple[str, ...]
    half_paired: tuple[str, ...]
    unfed_loads: tuple[str, ...]


def load_files(paths: Sequence[Path], *, boundary_points: int | None = None) -> Network:
    """Return the network of CIM XML files, zips and folders.

    Args:
        paths: files, zips or folders with files; equal documents count once.
        boundary_points: how many must be joined; None where a part of them is enough.

    Raises:
        MissingFile, EmptyInput, NotCim: the input holds no model.
        BadIdentifier: two organisations define the same identifier.
        InputError: PowSyBl refuses the models, or boundary points stay open.
    """
    return _load(tuple(documents(paths)), boundary_points)


def assemble(models: Iterable[ExportModel], *, boundary_points: int | None = None) -> Network:
    """Return the network of models held as triples, through CIM XML (errors as `load_files`)."""
    from kgnode.cim.writer import write_zip

    with tempfile.TemporaryDirectory(prefix="gridspine-") as folder:
        path = Path(folder) / "assembled.zip"
        write_zip(models, path)
        return load_files([path], boundary_points=boundary_points)


def documents(paths: Sequence[Path]) -> Iterator[Document]:
    """Yield the documents of files, zips and folders that a network is made of, each once."""
    seen: set[str] = set()
    for name, content in _files(paths):
        digest = hashlib.sha256(content).hexdigest()
        if digest in seen:
            continue
        seen.add(digest)
        head = content[:_HEAD_BYTES]
        model = _MODEL.search(head)
        if model is None:
            continue
        profiles = b" ".join(_PROFILE.findall(head)).decode(errors="replace")
        kind = next((mark for word, mark in _KINDS if word in profiles), "")
        authority = _AUTHORITY.search(head)
        if kind:
            yield Document(
                name=name,
                authority=authority.group(1).decode(errors="replace") if authority else "",
                model=model.group(1).decode(errors="replace"),
                kind=kind,
                content=content,
            )


def duplicates(parts: Iterable[Document]) -> dict[str, tuple[str, ...]]:
    """Return identifiers with two definitions -> the names of the documents.

    One of them in two organisations' models blocks the whole import without naming it. Documents of
    one authority and different kinds (EQ and TP of a boundary set) may describe the same object.
    """
    places: dict[str, dict[tuple[str, str], str]] = {}
    for part in parts:
        key = (part.authority or part.model, part.kind)
        for spelling in set(_DEFINED.findall(part.content)):
            found = places.setdefault(plain_id(spelling.decode(errors="replace")), {})
            while key in found:
                key = (*key[:1], f"{key[1]}*")
            found[key] = part.name
    return {
        identifier: tuple(found.values())
        for identifier, found in places.items()
        if len({authority for authority, _ in found}) > 1 or any("*" in k for _, k in found)
    }


def plain_id(spelling: str) -> str:
    """Return one spelling for an identifier, be it from a graph, a file or PowSyBl.

    >>> plain_id("_9D25A1F9E5D14D47B6DCDE99C4380B40")
    '9d25a1f9-e5d1-4d47-b6dc-de99c4380b40'
    >>> plain_id("https://tno.example/id#_BUS-1")
    'BUS-1'
    """
    urn = uuid_urn(spelling)
    if urn is not None:
        return urn.removeprefix("urn:uuid:")
    return spelling[spelling.rfind("#") + 1 :].removeprefix("_")


def joined(network: Network) -> Joined:
    """Say how the parts of a network hang together; never raises."""
    lines = network.get_boundary_lines(attributes=["paired", "pairing_key"])
    unpaired = lines[~lines["paired"]]
    keys = Counter(str(key) for key in unpaired["pairing_key"] if key)
    loads = network.get_loads(attributes=["bus_id", "connected"])
    component = network.get_buses(attributes=["synchronous_component"])["synchronous_component"]
    fed = loads["connected"] & (loads["bus_id"].map(component) == 0)
    return Joined(
        tie_lines=len(network.get_tie_lines()),
        unpaired=tuple(sorted(unpaired.index)),
        half_paired=tuple(sorted(key for key, count in keys.items() if count > 1)),
        unfed_loads=tuple(sorted(loads.index[~fed])),
    )


def quiet_import() -> None:
    """Keep pypowsybl's note on its optional parts from standard error."""
    logging.getLogger("powsybl").addHandler(logging.NullHandler())


def _load(parts: tuple[Document, ...], boundary_points: int | None) -> Network:
    quiet_import()
    import pypowsybl

    if not parts:
        raise EmptyInput("No CIM model to make a network of.", hint="Give at least an EQ model.")
    twice = duplicates(parts)
    if twice:
        identifier, names = next(iter(sorted(twice.items())))
        raise BadIdentifier(
            f"{identifier} is defined by {' and '.join(names)}.",
            hint="Each asset has one owner; withdraw one of the definitions.",
            subject=identifier,
            count=len(twice),
        )
    try:
        network = pypowsybl.network.load_from_binary_buffer(_archive(parts), IMPORT_PARAMETERS)
    except pypowsybl.PyPowsyblError as error:
        raise NotCim(
            f"The models make no network: {error}",
            hint="Check each of them with: kgnode validate.",
        ) from error
    state = joined(network)
    if state.half_paired or (boundary_points is not None and state.tie_lines != boundary_points):
        raise InputError(
            f"{state.tie_lines} boundary points are joined"
            + (f" of {boundary_points}" if boundary_points is not None else "")
            + (f"; not joined: {', '.join(state.half_paired)}" if state.half_paired else "")
            + ".",
            hint="Both sides must refer to the boundary set's connectivity node and be connected.",
            count=len(state.half_paired) or 1,
        )
    return network


def _archive(parts: Sequence[Document]) -> io.BytesIO:
    """Return a zip with names that say what the headers say; those of the files say nothing."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for number, part in enumerate(parts):
            archive.writestr(f"{number:03d}_{part.kind}.xml", part.content)
    buffer.seek(0)
    return buffer


def _files(paths: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        if path.is_dir():
            yield from _files(sorted(path.rglob("*.xml")) + sorted(path.rglob("*.zip")))
        elif not path.is_file():
            raise MissingFile(f"{path} does not exist.", file=str(path))
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    if name.lower().endswith(".xml"):
                        yield f"{path.name}!{name}", archive.read(name)
        else:
            yield path.name, path.read_bytes()
