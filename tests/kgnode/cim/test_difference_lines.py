"""A difference applied to lines gives what a difference applied to a graph gives."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store, Triple

from kgnode.cim import Staged
from kgnode.cim.difference import KeptLines, Version, line, lines_about
from kgnode.cim.headers import Header
from kgnode.cim.succession import apply_differences
from kgnode.store.canonical import Patched, write_canonical

Reading = Callable[..., Staged]
OLD, NEW = (f"urn:uuid:11111111-0000-4000-8000-00000000000{n}" for n in (1, 2))
XSD = "http://www.w3.org/2001/XMLSchema#"
CIM = "http://iec.ch/TC57/CIM100#"
HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:cim="http://iec.ch/TC57/CIM100#"
 xmlns:md="http://iec.ch/TC57/61970-552/ModelDescription/1#"
 xmlns:dm="http://iec.ch/TC57/61970-552/DifferenceModel/1#">
<dm:DifferenceModel rdf:about="{new}"><md:Model.version>2</md:Model.version>
<md:Model.Supersedes rdf:resource="{old}"/>{parts}</dm:DifferenceModel></rdf:RDF>"""
TEXTS = (
    'say "no"',
    "back\\slash",
    "tab\there",
    "line\nbreak",
    "carriage\rreturn",
    "Łódź \U0001f50c",
    "",
    "\x7f\x0b",
)
VALUES = (
    *(Literal(text) for text in TEXTS),
    Literal("Zug", language="de"),
    Literal("01", datatype=NamedNode(XSD + "integer")),
    Literal("2.50", datatype=NamedNode(XSD + "double")),
    Literal("1E3", datatype=NamedNode(XSD + "double")),
    Literal("2026-01-01T00:00:00.000Z", datatype=NamedNode(XSD + "dateTime")),
    Literal("7", datatype=NamedNode(XSD + "int")),
    Literal("true", datatype=NamedNode(XSD + "boolean")),
    NamedNode("urn:uuid:aaaaaaaa-0000-4000-8000-000000000001"),
)


def some(chance: random.Random, number: int) -> set[Triple]:
    names = [NamedNode(f"urn:uuid:bbbbbbbb-0000-4000-8000-{n:012}") for n in range(40)]
    properties = [NamedNode(f"{CIM}IdentifiedObject.{name}") for name in ("name", "mRID", "x")]
    return {
        Triple(chance.choice(names), chance.choice(properties), chance.choice(VALUES))
        for _ in range(number)
    }


def as_stored(triples: set[Triple]) -> set[Triple]:
    store = Store()
    store.extend(Quad(t.subject, t.predicate, t.object) for t in triples)
    return {quad.triple for quad in store}


def cell(triples: set[Triple], folder: Path, name: str) -> Path:
    path = folder / f"{name}.nt"
    with path.open("wb") as out:
        write_canonical(triples, OLD, out, folder)
    return path


@pytest.fixture(params=range(6))
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.param)


def test_a_line_is_what_a_cell_holds(chance: random.Random, tmp_path: Path) -> None:
    triples = as_stored(some(chance, 200))
    held = cell(triples, tmp_path, "cell").read_bytes().splitlines(keepends=True)
    assert sorted(held) == sorted(map(line, triples))
    assert KeptLines((tmp_path / "cell.nt",)).lines() == set(held)


def test_a_patched_cell_is_the_file_that_writing_anew_would_make(
    chance: random.Random, tmp_path: Path
) -> None:
    before = as_stored(some(chance, 300))
    file = cell(before, tmp_path, "before")
    removed = set(chance.sample(sorted(before, key=str), 20)) | as_stored(some(chance, 3))
    added = as_stored(some(chance, 30))
    anew = cell((before - removed) | added, tmp_path, "anew").read_bytes()
    patched = Patched(file, frozenset(map(line, removed)), frozenset(map(line, added)))
    with (tmp_path / "patched").open("wb") as out:
        digest, count = write_canonical(patched, NEW, out, tmp_path)
    assert (tmp_path / "patched").read_bytes() == anew
    assert digest == hashlib.sha256(anew).hexdigest()
    assert count == len((before - removed) | added)
    assert set(patched) == (before - removed) | added
    empty = Patched(None, frozenset(), frozenset(map(line, added)))
    assert b"".join(empty.lines()) == cell(added, tmp_path, "alone").read_bytes()


def test_kept_lines_and_triples_lead_to_the_same_version(
    chance: random.Random, tmp_path: Path, reading: Reading
) -> None:
    before = as_stored(
        some(chance, 120) | {Triple(NamedNode(OLD), NamedNode(CIM + "x"), Literal("1"))}
    )
    files = tuple(
        cell({t for t in before if t.predicate.value.endswith(end)}, tmp_path, end)
        for end in ("name", "mRID", "x")
    )
    gone = {t for t in chance.sample(sorted(before, key=str), 12) if plain(t)}
    come = {t for t in some(chance, 12) if plain(t)} - before
    parts = section("reverseDifferences", gone) + section("forwardDifferences", come)
    header = Header.of(OLD, "full", [], None)
    results = []
    for triples in (KeptLines(files), before):
        staged = reading(HEAD.format(old=OLD, new=NEW, parts=parts).encode())
        base = Version(header, triples, b"", "c0ffee")
        results.append(apply_differences(staged, lambda iri, base=base: base))
    ours, plainly = (result.models[0] for result in results)
    assert ours == plainly
    assert results[0].changes == results[1].changes
    spools = [result.spools[NEW].open().read() for result in results]
    assert spools[0] == spools[1]
    head = {t for t in results[0].spools[NEW] if t.subject == NamedNode(NEW)}
    assert head
    wanted = {t for t in (before - gone) | as_stored(come) if t.subject != NamedNode(OLD)} | head
    assert spools[0] == b"".join(sorted(map(line, wanted)))


def plain(triple: Triple) -> bool:
    """Whether XML can say it with the reader giving back just that."""
    value = triple.object
    return isinstance(value, NamedNode) or (
        isinstance(value, Literal)
        and value.datatype.value == XSD + "string"
        and value.value in TEXTS[:2]
    )


def section(name: str, triples: set[Triple]) -> str:
    told = "".join(
        f'<rdf:Description rdf:about="{t.subject.value}">{statement(t)}</rdf:Description>'
        for t in sorted(triples, key=str)
    )
    tag = f"dm:DifferenceModel.{name}"
    return f'<{tag} rdf:parseType="Statements">{told}</{tag}>'


def statement(triple: Triple) -> str:
    name = triple.predicate.value.replace(CIM, "cim:")
    if isinstance(triple.object, NamedNode):
        return f'<{name} rdf:resource="{triple.object.value}"/>'
    assert isinstance(triple.object, Literal)
    return f"<{name}>{escape(triple.object.value)}</{name}>"


def test_the_lines_about_a_subject_are_found_without_parting_the_others(
    chance: random.Random, tmp_path: Path
) -> None:
    triples = as_stored(some(chance, 60))
    content = cell(triples, tmp_path, "cell").read_bytes()
    lines = content.splitlines(keepends=True)
    subjects = {text.partition(b" ")[0] for text in lines}
    for subject in (*subjects, b"<urn:uuid:bbbbbbbb-0000-4000-8000-0000000000>", b"<urn:none>"):
        wanted = [text for text in lines if text.startswith(subject + b" ")]
        assert list(lines_about(content, subject)) == wanted
        removed = frozenset(wanted[1:])
        file = tmp_path / "cell.nt"
        assert Patched(file, removed, frozenset()).tells_of(subject) == bool(wanted)
        assert not Patched(file, frozenset(wanted), frozenset()).tells_of(subject)
        assert Patched(None, removed, frozenset(wanted)).tells_of(subject) == bool(wanted)
    assert list(lines_about(b"", b"<urn:none>")) == []
