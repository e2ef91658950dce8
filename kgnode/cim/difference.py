"""Difference models: what a version adds and takes away (IEC 61970-552, dm:DifferenceModel).

In: the forward, reverse and precondition statements of a document, and the version they were made
from. Out: the next version, exactly; or, from two versions, the document. A difference model bears
the IRI of the version it leads to and supersedes the one it starts from; whatever does not fit is
refused, so that applying it twice is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Literal

from pyoxigraph import NamedNode, Quad, RdfFormat, Store, Triple, parse

from kgnode.cim.elements import TYPE, Elements, Value, by_subject
from kgnode.cim.headers import DIFFERENCE_MODEL, FULL_MODEL, KINDS, Header
from kgnode.cim.original import join
from kgnode.cim.spelling import Spelling
from kgnode.cim.spool import Spool
from kgnode.errors import DifferenceMismatch
from kgnode.names import DM, GS, MD

Section = Literal["forwardDifferences", "reverseDifferences", "preconditions"]
SECTIONS: tuple[Section, ...] = ("forwardDifferences", "reverseDifferences", "preconditions")
IMPLIED = f"{GS}impliedSupersedes"
"""Says that ``Supersedes`` only tells the base: the version's own header has it not."""
HEADER_CLASS = f"{GS}headerClass"
"""Class of the version's own header, where that is no ``md:FullModel``."""


@dataclass(frozen=True)
class Difference:
    """The parts of a difference model.

    Attributes:
        forward: statements the new version has and the old one has not.
        reverse: statements the old version has and the new one has not.
        preconditions: statements that must stand in the old version, and stay.
    """

    forward: Spool
    reverse: Spool
    preconditions: Spool


@dataclass(frozen=True)
class Changed:
    """What differences made of a version that was there before: take away, then add.

    Attributes:
        base: IRI of that version.
        base_hash: its content hash; empty where it was not among the files.
    """

    base: str
    base_hash: str
    added: frozenset[Triple]
    removed: frozenset[Triple]

    def then(self, later: Changed) -> Changed:
        """Return this change and a later one of its outcome as one."""
        added = (self.added - later.removed) | later.added
        return Changed(self.base, self.base_hash, added, self.removed | later.removed)


@dataclass(frozen=True)
class Version:
    """One version of a model: header, triples (the header's among them), spelling."""

    header: Header
    triples: Iterable[Triple]
    spelling: bytes = b""
    content_hash: str = ""

    def lines(self) -> set[bytes]:
        """Return the triples as the lines that the record keeps, without an object for each."""
        if isinstance(self.triples, KeptLines):
            return self.triples.lines()
        return {line(triple) for triple in _as_stored(self.triples)}

    def about(self) -> list[bytes]:
        """Return the lines of the header."""
        subject = f"<{self.header.iri}>".encode()
        if isinstance(self.triples, KeptLines):
            contents = (file.read_bytes() for file in self.triples.files)
            return [found for content in contents for found in lines_about(content, subject)]
        return [found for found in self.lines() if found.startswith(subject + b" ")]


@dataclass(frozen=True)
class KeptLines:
    """Triples in files of the record: N-Triples in the one form the engine writes, no repeats."""

    files: tuple[Path, ...]

    def __iter__(self) -> Iterator[Triple]:
        """Yield the triples."""
        for file in self.files:
            for quad in parse(path=file, format=RdfFormat.N_TRIPLES, lenient=True):
                yield quad.triple

    def lines(self) -> set[bytes]:
        """Return their lines."""
        found: set[bytes] = set()
        for file in self.files:
            with file.open("rb") as stream:
                found.update(stream)
        return found


@dataclass(frozen=True)
class Applied:
    """The version a difference leads to."""

    header: Header
    spool: Spool
    spelling: bytes
    changed: Changed


def apply(base: Version, own: Version, difference: Difference) -> Applied:
    """Return the version that a difference model makes of ``base``.

    Args:
        base: the version it starts from.
        own: the difference model itself: its header, header triples and spelling.
        difference: its statements.

    Raises:
        DifferenceMismatch: it starts from another version, takes away what is not there, adds
            what is there already, or a precondition fails; the first such statement is named.
    """
    if base.header.iri not in (*own.header.supersedes, own.header.iri):
        raise DifferenceMismatch(
            f"{own.header.iri} starts from {' or '.join(own.header.supersedes) or 'no model'}, "
            f"not from {base.header.iri}.",
            hint="Apply it to the version it supersedes; it may have been applied already.",
            subject=own.header.iri,
        )
    old = base.lines()
    forward, reverse = _changes(difference, old)
    _check_stands(old, _load_triples(difference.preconditions), own, "precondition")
    _check_stands(old, reverse, own, "statement to take away")
    there = [t for t in forward - reverse if line(t) in old]
    if there:
        raise _mismatch(own, there, "statement to add is there already")
    head = _full_header(own)
    removed = reverse | _triples(base.about())
    added = forward | _as_stored(head)
    old.difference_update(map(line, removed))
    old.update(map(line, added))
    return Applied(
        _header(own, head, base),
        _spool(old),
        join([base.spelling, own.spelling]),
        Changed(base.header.iri, base.content_hash, frozenset(added), frozenset(removed)),
    )


def line(triple: Triple) -> bytes:
    """Return the one line that stands for a triple as the engine holds it (N-Triples section 4)."""
    return f"{triple.subject} {triple.predicate} {triple.object} .\n".encode()


def _as_stored(triples: Iterable[Triple]) -> set[Triple]:
    """Return triples as the engine holds them: numbers and times by value."""
    store = Store()
    store.bulk_extend(Quad(t.subject, t.predicate, t.object) for t in triples)
    return {quad.triple for quad in store}


def _load_triples(spool: Spool) -> set[Triple]:
    store = Store()
    with spool.open() as stream:
        store.load(stream, RdfFormat.N_TRIPLES)
    return {quad.triple for quad in store}


def _changes(difference: Difference, old: Collection[bytes]) -> tuple[set[Triple], set[Triple]]:
    """Return what is added and taken away.

    Some tools write an object's class on both sides, or beside one changed value, to say what it
    is: a type that stands on both sides, or that the base has already, is no change.
    """
    forward, reverse = _load_triples(difference.forward), _load_triples(difference.reverse)
    types = {triple for triple in forward if triple.predicate.value == TYPE}
    context = {triple for triple in types if triple in reverse or line(triple) in old}
    if forward - types or reverse:
        forward -= context
        reverse -= context
    return forward, reverse


def _triples(lines: Iterable[bytes]) -> set[Triple]:
    return {quad.triple for quad in parse(b"".join(lines), RdfFormat.N_TRIPLES, lenient=True)}


def lines_about(content: bytes, subject: bytes) -> Iterator[bytes]:
    r"""Yield the lines of N-Triples that begin with a subject; the others are not parted.

    >>> list(lines_about(b'<a> <p> <b> .\n<b> <p> <a> .\n', b"<b>"))
    [b'<b> <p> <a> .\n']
    """
    head = subject + b" "
    at = 0 if content.startswith(head) else content.find(b"\n" + head) + 1
    while at or content.startswith(head):
        end = content.find(b"\n", at) + 1 or len(content)
        yield content[at:end]
        at = content.find(b"\n" + head, end - 1) + 1
        if not at:
            return


def _check_stands(
    old: Collection[bytes], wanted: Iterable[Triple], own: Version, what: str
) -> None:
    missing = [triple for triple in wanted if line(triple) not in old]
    if missing:
        raise _mismatch(own, missing, f"{what} is not there")


def _mismatch(own: Version, wrong: Collection[Triple], what: str) -> DifferenceMismatch:
    first = min(wrong, key=str)
    return DifferenceMismatch(
        f"{own.header.iri} does not fit: a {what}: {first.predicate.value} {first.object}.",
        hint="Apply it to the version it was made from; it may have been applied already.",
        subject=str(first.subject)[1:-1],
        count=len(wrong),
    )


def _full_header(own: Version) -> list[Triple]:
    """Return the header triples of the version a difference leads to."""
    subject = NamedNode(own.header.iri)
    implied = {
        triple.object
        for triple in own.triples
        if triple.subject == subject and triple.predicate.value == IMPLIED
    }
    found = []
    own_class = next(
        (triple.object for triple in own.triples if triple.predicate.value == HEADER_CLASS),
        NamedNode(FULL_MODEL),
    )
    for triple in own.triples:
        if triple.subject != subject or triple.predicate.value.startswith(DM):
            continue
        if triple.predicate.value in (IMPLIED, HEADER_CLASS):
            continue
        if triple.predicate.value == f"{MD}Model.Supersedes" and triple.object in implied:
            continue
        if triple.predicate.value == TYPE and triple.object == NamedNode(DIFFERENCE_MODEL):
            triple = Triple(subject, triple.predicate, own_class)
        found.append(triple)
    return found


def _header(own: Version, head: Sequence[Triple], base: Version) -> Header:
    statements = [
        (triple.predicate.value, triple.object.value)
        for triple in head
        if not isinstance(triple.object, Triple)
    ]
    cim = own.header.cim or base.header.cim
    own_class = next((text for name, text in statements if name == TYPE), FULL_MODEL)
    return Header.of(own.header.iri, KINDS.get(own_class, "full"), statements, cim)


def _spool(lines: Iterable[bytes]) -> Spool:
    spool = Spool()
    ordered = sorted(lines)
    for at in range(0, len(ordered), 20_000):
        spool.write(b"".join(ordered[at : at + 20_000]))
    return spool


def write_difference(old: Version, new: Version, out: IO[bytes]) -> None:
    """Write the difference model that leads from ``old`` to ``new``.

    Values are compared as the store holds them: ``2.20`` and ``2.2`` are no change.
    """
    head = NamedNode(new.header.iri)
    before, after = _as_stored(old.triples), _as_stored(new.triples)
    new_head = [t for t in after if t.subject == head]
    old_head = {t for t in before if t.subject == NamedNode(old.header.iri)}
    forward = sorted(after - before - set(new_head), key=str)
    reverse = sorted(before - after - old_head - {t for t in before if t.subject == head}, key=str)
    header = replace(new.header, kind="difference")
    parts = {"reverseDifferences": by_subject(reverse), "forwardDifferences": by_subject(forward)}
    statements = _difference_header(new_head, old, new)
    spellings = {
        "reverseDifferences": Spelling.of(old.spelling),
        "forwardDifferences": Spelling.of(new.spelling),
    }
    known = Spelling.of(new.spelling)
    known.namespaces = {
        **spellings["reverseDifferences"].namespaces,
        **known.namespaces,
        "dm": DM,
        "gs": GS,
    }
    everything = [*parts.values(), {f"<{new.header.iri}>": statements}]
    writer = Elements(header, known, everything)
    more = []
    for section, part in parts.items():
        writer.spelling = spellings[section]
        writer.spelling.namespaces = known.namespaces
        body = "".join(writer.element(subject, part, described=True) for subject in part)
        name = writer.qname(f"{DM}DifferenceModel.{section}")
        more.append(f'    <{name} rdf:parseType="Statements">\n{body}    </{name}>\n')
    writer.spelling = known
    out.write(writer.root().encode())
    out.write(writer.header_element(statements, "".join(more)).encode())
    out.write(b"</rdf:RDF>\n")


def _difference_header(
    head: Sequence[Triple], old: Version, new: Version
) -> list[tuple[str, Value]]:
    statements = by_subject(t for t in head if t.predicate.value != TYPE)
    found = list(statements.get(f"<{new.header.iri}>", []))
    found.insert(0, (TYPE, NamedNode(DIFFERENCE_MODEL)))
    classes = {t.object for t in head if t.predicate.value == TYPE} - {NamedNode(FULL_MODEL)}
    found += [(HEADER_CLASS, node) for node in classes if isinstance(node, NamedNode)]
    supersedes = (f"{MD}Model.Supersedes", NamedNode(old.header.iri))
    if supersedes not in found and old.header.iri != new.header.iri:
        found += [supersedes, (IMPLIED, NamedNode(old.header.iri))]
    return found
