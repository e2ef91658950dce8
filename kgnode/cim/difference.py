"""Difference models: what a version adds and takes away (IEC 61970-552, dm:DifferenceModel).

In: the forward, reverse and precondition statements of a document, and the version they were made
from. Out: the next version, exactly; or, from two versions, the document. A difference model bears
the IRI of the version it leads to and supersedes the one it starts from; whatever does not fit is
refused, so that applying it twice is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import IO, Literal

from pyoxigraph import NamedNode, Quad, RdfFormat, Store, Triple

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

_BASE, _FORWARD, _REVERSE = (NamedNode(f"urn:gridspine:difference:{n}") for n in "bfr")


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
    store = Store()
    store.bulk_extend(Quad(t.subject, t.predicate, t.object, _BASE) for t in base.triples)
    _load(store, difference.forward, _FORWARD)
    _load(store, difference.reverse, _REVERSE)
    forward, reverse = _changes(store)
    _check_stands(store, _load_triples(difference.preconditions), own, "precondition")
    _check_stands(store, reverse, own, "statement to take away")
    there = [t for t in forward if _in(store, t, _BASE) and t not in reverse]
    if there:
        raise _mismatch(own, there, "statement to add is there already")
    removed = [*reverse, *_about(store, base.header.iri)]
    for triple in removed:
        store.remove(Quad(triple.subject, triple.predicate, triple.object, _BASE))
    store.extend(Quad(t.subject, t.predicate, t.object, _BASE) for t in forward)
    head = _full_header(own)
    store.extend(Quad(t.subject, t.predicate, t.object, _BASE) for t in head)
    return Applied(
        _header(own, head, base),
        _spool(store),
        join([base.spelling, own.spelling]),
        Changed(
            base.header.iri, base.content_hash, frozenset([*forward, *head]), frozenset(removed)
        ),
    )


def _load(store: Store, spool: Spool, graph: NamedNode) -> None:
    with spool.open() as stream:
        store.load(stream, RdfFormat.N_TRIPLES, to_graph=graph)


def _load_triples(spool: Spool) -> list[Triple]:
    store = Store()
    _load(store, spool, _BASE)
    return [quad.triple for quad in store]


def _changes(store: Store) -> tuple[list[Triple], list[Triple]]:
    """Return what is added and taken away.

    Some tools write an object's class on both sides, or beside one changed value, to say what it
    is: a type that stands on both sides, or that the base has already, is no change.
    """
    forward = {quad.triple for quad in store.quads_for_pattern(None, None, None, _FORWARD)}
    reverse = {quad.triple for quad in store.quads_for_pattern(None, None, None, _REVERSE)}
    types = {triple for triple in forward if triple.predicate.value == TYPE}
    context = {triple for triple in types if triple in reverse or _in(store, triple, _BASE)}
    if forward - types or reverse:
        forward -= context
        reverse -= context
    return sorted(forward, key=str), sorted(reverse, key=str)


def _in(store: Store, triple: Triple, graph: NamedNode) -> bool:
    return Quad(triple.subject, triple.predicate, triple.object, graph) in store


def _about(store: Store, iri: str) -> list[Triple]:
    pattern = store.quads_for_pattern(NamedNode(iri), None, None, _BASE)
    return [quad.triple for quad in pattern]


def _check_stands(store: Store, wanted: Sequence[Triple], own: Version, what: str) -> None:
    missing = [triple for triple in wanted if not _in(store, triple, _BASE)]
    if missing:
        raise _mismatch(own, missing, f"{what} is not there")


def _mismatch(own: Version, wrong: Sequence[Triple], what: str) -> DifferenceMismatch:
    first = wrong[0]
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


def _spool(store: Store) -> Spool:
    spool = Spool()
    quads = store.quads_for_pattern(None, None, None, _BASE)
    lines = sorted(f"{quad.subject} {quad.predicate} {quad.object} .\n" for quad in quads)
    for at in range(0, len(lines), 20_000):
        spool.write("".join(lines[at : at + 20_000]).encode())
    return spool


def write_difference(old: Version, new: Version, out: IO[bytes]) -> None:
    """Write the difference model that leads from ``old`` to ``new``.

    Values are compared as the store holds them: ``2.20`` and ``2.2`` are no change.
    """
    head = NamedNode(new.header.iri)
    before, after = _stored(old), _stored(new)
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


def _stored(version: Version) -> set[Triple]:
    store = Store()
    store.bulk_extend(Quad(t.subject, t.predicate, t.object, _BASE) for t in version.triples)
    return {quad.triple for quad in store}
