"""Register packs in a home: any folder of shapes becomes a pack of that home.

In: a folder or file of shapes and the home's ``packs`` folder. Out: a copy with a manifest that
says which document is for which profile. Official documents are named by profile and kind
(``..._Topology-AP-Con-Complex-CrossProfile-SHACL.ttl``, ``TopologyProfile.ttl``); what their names
say is written into the manifest once, where an operator can read and change it.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from kgnode.assurance.packs import MANIFEST, NAMESPACES, Pack, list_packs, read_pack
from kgnode.errors import BadRequest, NotFound
from kgnode.home import write_atomically
from kgnode.names import IDENTIFIER

_CON = re.compile(
    r"(?:[\d-]+[_-])?(?P<profile>[A-Za-z0-9-]+?)[_-]AP-Con-(?P<kind>[A-Za-z-]+)-SHACL"
)
_NAMED = re.compile(r"(?P<profile>[A-Za-z]+)Profile")
_EVERYWHERE = ("AllProfiles", "IdentifiedObject", "Header", "Common", "NC", "DatasetMetadata")
_WORDS = {
    "Equipment": ("CoreEquipment", "EquipmentCore", "EquipmentOperation", "EquipmentShortCircuit"),
    "EquipmentBoundary": ("EquipmentBoundary", "EquipmentBoundaryOperation"),
}
"""Profile as file names write it -> as headers write it, where they differ."""


@dataclass(frozen=True)
class Purpose:
    """What a document is for, as its name says."""

    profiles: tuple[str, ...]
    scope: str
    when: str


def add_pack(source: Path, registered: Path, *, id: str = "", version: str = "") -> Pack:
    """Copy shapes into the home's packs and return the pack; one of the same id is replaced.

    Raises:
        BadRequest: the id cannot be used.
        BadShapes: the source holds no shapes, or broken ones. Nothing is kept then.
    """
    pack = read_pack(source)
    name = id or pack.id
    if not IDENTIFIER.match(name):
        raise BadRequest(
            f"{name!r} cannot be the id of a pack.",
            hint="Give --id: a letter, then letters, digits, dots, dashes or underscores.",
        )
    pack.check()
    target, fresh = registered / name, registered / f".{name}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for file in pack.files:
        write_atomically(fresh / file.name, file.content)
    if (source / MANIFEST).is_file() and not id and not version:
        shutil.copyfile(source / MANIFEST, fresh / MANIFEST)
    else:
        content = _manifest(pack, name, version or pack.version)
        write_atomically(fresh / MANIFEST, content.encode())
    shutil.rmtree(target, ignore_errors=True)
    fresh.replace(target)
    return read_pack(target)


def remove_pack(id: str, registered: Path) -> None:
    """Remove a registered pack.

    Raises:
        NotFound: the home has none of that id; shipped packs cannot be removed.
    """
    target = registered / id
    if not IDENTIFIER.match(id) or not (target / MANIFEST).is_file():
        known = sorted(p.id for p in list_packs(registered) if p.folder.parent == registered)
        raise NotFound(
            f"The home has no pack {id}.",
            hint=f"Registered packs: {', '.join(known) or 'none'}.",
        )
    shutil.rmtree(target)


def purpose(name: str) -> Purpose:
    """Return what a document of that name is for; unknown names are for all data at once."""
    stem = Path(name).stem
    match = _CON.search(stem)
    if match is None:
        plain = _NAMED.fullmatch(stem)
        if plain is None or plain["profile"] == "FileHeader":
            return Purpose((), "all", "")
        return Purpose(_words(plain["profile"]), "profile", "")
    profile, kind = match["profile"], match["kind"]
    when = ""
    if kind.endswith("SolvedMAS"):
        when = "unsolved" if kind.endswith("NotSolvedMAS") else "solved"
    if any(profile.startswith(word) or profile.endswith(word) for word in _EVERYWHERE):
        return Purpose((), "all", when)
    across = "CrossProfile" in kind or when == "solved"
    return Purpose(_words(profile), "all" if across else "profile", when)


def _words(profile: str) -> tuple[str, ...]:
    return _WORDS.get(profile, (profile,))


def _manifest(pack: Pack, name: str, version: str) -> str:
    lines = [
        f"id = {_text(name)}",
        f"version = {_text(version)}",
        f"title = {_text(pack.title)}",
        f"source = {_text(pack.source)}",
        f"classes = {_text(pack.classes or _classes(pack))}",
        f"profiles = {_list(_all_profiles(pack))}",
        f"applies = {_list(_namespaces(pack))}",
        "files = [",
    ]
    for file in pack.files:
        use = purpose(file.name)
        lines.append(
            f"  {{ name = {_text(file.name)}, profiles = {_list(use.profiles)}, "
            f"scope = {_text(use.scope)}, when = {_text(use.when)} }},"
        )
    return "\n".join([*lines, "]", ""])


def _all_profiles(pack: Pack) -> tuple[str, ...]:
    words = {word for file in pack.files for word in purpose(file.name).profiles}
    return tuple(sorted(words))


def _classes(pack: Pack) -> str:
    """How CIM shapes are read: closed ones list one class's properties, so only exact targets."""
    if not _namespaces(pack):
        return ""
    closed = any(b"sh:closed" in file.content for file in pack.files)
    return "cim-values" if closed else "cim"


def _namespaces(pack: Pack) -> tuple[str, ...]:
    """The CIM versions that the documents speak of."""
    return tuple(
        name
        for name, iri in NAMESPACES.items()
        if any(f"{iri}>".encode() in file.content for file in pack.files)
    )


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _list(values: tuple[str, ...]) -> str:
    return f"[{', '.join(_text(value) for value in values)}]"
