"""Shape packs: versioned folders of shapes with a manifest ``pack.toml``.

In: names of shipped or registered packs, or files and folders of shapes. Out: frozen ``Pack``s,
whose shapes can be asked for one CIM version: a pack written in CIM100 that lists several
``namespaces`` serves them all from one source. What is loose gets a manifest of its own making,
with the content's hash as version.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from kgnode.assurance.graph import FORMATS, Graph, parse, read_file
from kgnode.assurance.reading import read_shapes
from kgnode.assurance.shapes import Shapes, sh
from kgnode.cim.datatypes import held_datatype, published_datatype
from kgnode.errors import BadShapes, NotFound
from kgnode.names import CIM16, CIM100, CIM_UCAIUG, resource_folder

MANIFEST = "pack.toml"
NAMESPACES = {"cim100": CIM100, "cim16": CIM16, "cim-ucaiug": CIM_UCAIUG}
"""Short names of CIM namespaces in manifests."""


@dataclass(frozen=True)
class PackFile:
    """One document of a pack.

    Attributes:
        name: file name.
        content: its bytes.
        namespaces: CIM namespaces it is for; empty means all of the pack's.
        profiles: segments of profile IRIs, one of which a header must name; empty means any data.
        scope: ``profile``: judged on the models of those profiles; ``all``: on everything.
        when: ``solved`` or ``unsolved``: only with, or only without, state variables.
    """

    name: str
    content: bytes
    namespaces: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    scope: str = "all"
    when: str = ""


@dataclass(frozen=True, eq=False)
class Pack:
    """One pack.

    Attributes:
        id: name, unique among registered packs.
        version: of the content; for loose shapes the beginning of its hash.
        namespaces: CIM namespaces it serves; empty means as written, whatever the data.
        profiles: words of which one must occur in a header's profile; empty means any.
        classes: ``cim`` where targets and sh:class are read with CIM's class hierarchy,
            ``cim-values`` where only sh:class is (closed shapes), else empty.
        severity: shape name -> severity, where the manifest changes what the shape says.
        folder: where it was read from.
        default: whether it is chosen where nobody named a pack.
        applies: CIM namespaces of the data it is meant for; empty means any.
    """

    id: str
    version: str
    title: str
    source: str
    namespaces: tuple[str, ...]
    profiles: tuple[str, ...]
    classes: str
    severity: Mapping[str, str]
    files: tuple[PackFile, ...]
    folder: Path
    default: bool = False
    applies: tuple[str, ...] = ()
    _made: dict[Any, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the pack's documents, hexadecimal."""
        seen = hashlib.sha256()
        for file in self.files:
            seen.update(file.name.encode() + b"\0" + file.content + b"\0")
        return seen.hexdigest()

    def shapes(self, namespace: str | None = None, files: Iterable[str] | None = None) -> Shapes:
        """Return the shapes for data in one CIM namespace, of all or of some documents.

        Raises:
            BadShapes: a document is no RDF, holds no shapes, or shapes that are broken.
        """
        names = None if files is None else frozenset(files)
        key = (namespace, names)
        if key not in self._made:
            self._made[key] = self._read(namespace, names)
        found: Shapes = self._made[key]
        return found

    def _read(self, namespace: str | None, names: frozenset[str] | None) -> Shapes:
        graph = Graph()
        for file in self.files:
            if names is not None and file.name not in names:
                continue
            if namespace and file.namespaces and namespace not in file.namespaces:
                continue
            content = file.content
            if self.namespaces and namespace and namespace != CIM100:
                content = content.replace(CIM100.encode(), namespace.encode())
            for triple in parse(content, file.name, base=f"urn:gridspine:pack:{self.id}:"):
                graph.add(*triple)
        _align_datatypes(graph)
        return read_shapes(graph)

    def check(self) -> tuple[str, ...]:
        """Return the faults of the pack's shapes.

        Raises:
            BadShapes: nothing in it is a shape, or a shape is broken.
        """
        faults: dict[str, None] = {}
        count = 0
        for namespace in self.namespaces or (None,):
            shapes = self.shapes(namespace)
            count += len(shapes.targeted)
            faults.update(dict.fromkeys(shapes.faults))
        if not count:
            raise BadShapes(
                f"The pack {self.id} holds no shape with a target.",
                hint="Shapes need sh:targetClass or another target; check the file is SHACL.",
                file=str(self.folder),
            )
        return tuple(faults)


def _align_datatypes(graph: Graph) -> None:
    """Ask for the type a property is held as, where the shape asks for the vocabulary's own.

    CIM Float is xsd:float in the vocabularies and held as xsd:double, exact to the file.
    """
    for node in list(graph.all_subjects()):
        path, asked = graph.value(node, sh("path")), graph.value(node, sh("datatype"))
        if not isinstance(path, ox.NamedNode) or not isinstance(asked, ox.NamedNode):
            continue
        held = held_datatype(path.value)
        if held and held != asked.value and asked.value == published_datatype(path.value):
            graph.replace(node, sh("datatype"), ox.NamedNode(held))


_READ: dict[tuple[Path, bytes, str], Pack] = {}
_MOST_READ = 64
"""Packs whose shapes are kept read; more than a home has."""


def load_packs(
    names_or_paths: Sequence[str | Path], registered: Path | None = None
) -> tuple[Pack, ...]:
    """Return packs by name (shipped or registered) or by path (a file or folder of shapes).

    Raises:
        NotFound: no pack of that name and no such path.
        BadShapes: a pack cannot be used; the message names the file and the line.
    """
    known = {pack.id: pack for pack in list_packs(registered)}
    packs = []
    for name in names_or_paths:
        wanted, _, version = str(name).partition("@")
        if wanted in known:
            pack = known[wanted]
            if version and version != pack.version:
                raise NotFound(
                    f"Pack {wanted} is here as version {pack.version}, not {version}.",
                    hint="Register the version you want, or ask without a version.",
                )
        elif Path(name).exists():
            pack = read_pack(Path(name))
        else:
            raise NotFound(
                f"There is no pack {name}.",
                hint=f"Known packs: {', '.join(sorted(known)) or 'none'}; a path works too. "
                "Packs of a home are known where it is named (--home).",
            )
        pack.check()
        packs.append(pack)
    return tuple(packs)


def list_packs(registered: Path | None = None) -> tuple[Pack, ...]:
    """Return all shipped packs and those of a home's folder; a registered one wins by its id."""
    found: dict[str, Pack] = {}
    for root in (resource_folder("shapes"), registered):
        if root is None or not root.is_dir():
            continue
        for manifest in sorted(root.glob(f"*/{MANIFEST}")):
            pack = read_pack(manifest.parent)
            found[pack.id] = pack
    return tuple(found.values())


def read_pack(path: Path) -> Pack:
    """Return the pack in a folder, or made of one file or of a folder without a manifest.

    Raises:
        MissingFile: the path cannot be read.
        BadShapes: the manifest is faulty or the folder holds no document.
    """
    manifest = path / MANIFEST
    if manifest.is_file():
        return _from_manifest(path, manifest)
    if path.is_dir():
        names = sorted(p for p in path.iterdir() if p.suffix.lower() in FORMATS and p.is_file())
    else:
        names = [path]
    if not names:
        raise BadShapes(
            f"{path} holds no shapes.",
            hint=f"Shapes end in {', '.join(FORMATS)}.",
            file=str(path),
        )
    files = tuple(PackFile(name.name, read_file(name)) for name in names)
    loose = Pack(path.stem, "", path.stem, str(path), (), (), "", {}, files, path)
    return Pack(path.stem, loose.digest[:12], path.stem, str(path), (), (), "", {}, files, path)


def _from_manifest(folder: Path, manifest: Path) -> Pack:
    text = read_file(manifest)
    try:
        table = tomllib.loads(text.decode())
        files = tuple(
            PackFile(
                entry["name"],
                read_file(folder / entry["name"]),
                tuple(NAMESPACES.get(n, n) for n in entry.get("namespaces", ())),
                tuple(entry.get("profiles", ())),
                entry.get("scope", "all"),
                entry.get("when", ""),
            )
            for entry in table["files"]
        )
        pack = Pack(
            id=str(table["id"]),
            version=str(table["version"]),
            title=str(table.get("title", table["id"])),
            source=str(table.get("source", "")),
            namespaces=tuple(NAMESPACES.get(n, n) for n in table.get("namespaces", ())),
            profiles=tuple(table.get("profiles", ())),
            classes=str(table.get("classes", "")),
            severity=dict(table.get("severity", {})),
            files=files,
            folder=folder,
            default=bool(table.get("default", False)),
            applies=tuple(NAMESPACES.get(n, n) for n in table.get("applies", ())),
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise BadShapes(
            f"The manifest {manifest} is faulty: {error}.",
            hint="It needs id, version and files = [{name = ...}]; docs/assurance.md shows one.",
            file=str(manifest),
        ) from error
    return _as_read_before(pack, text)


def _as_read_before(pack: Pack, manifest: bytes) -> Pack:
    """Return the pack with the same content that was read before, whose shapes are parsed."""
    if len(_READ) >= _MOST_READ:
        _READ.clear()
    return _READ.setdefault((pack.folder, manifest, pack.digest), pack)
