"""From files to staged models: find, look, read, join, check.

In: paths of CIM XML (IEC 61970-552), RDF, folders and zips. Out: ``Staged``. Every identifier is an
IRI of the authority that defines it, every literal has its vocabulary's datatype, every model is
one graph, and whatever had to be mended is said (refused under ``strict``).
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from kgnode.cim.account import Account
from kgnode.cim.archive import Source, sources
from kgnode.cim.datatypes import version_of, vocabulary
from kgnode.cim.dependencies import Standing, check
from kgnode.cim.difference import SECTIONS, Difference
from kgnode.cim.document import Document
from kgnode.cim.headers import Header
from kgnode.cim.identity import Identities, escaped, valid_iri, with_separator
from kgnode.cim.original import Reading, pack
from kgnode.cim.plain import PlainGraph, format_of, nameless, read_plain
from kgnode.cim.repairs import Place, Repairs, refuse
from kgnode.cim.spool import Spool
from kgnode.cim.staged import Model, Staged
from kgnode.cim.survey import Survey, look
from kgnode.errors import BadIdentifier, NotCim
from kgnode.names import uuid_urn
from kgnode.settings import Settings, load_settings

CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class ReadContext:
    """What a reading knows beside the files.

    Attributes:
        base_iri: base of the publishing authority's identifiers that are no UUIDs.
        boundary_base: the one base of all boundary sets, from the membership document.
        strict: refuse data that needs repairs.
        settings: limits on archives.
        known_bases: model IRI -> base, for models that are kept already.
        naming_key: secret of a home; with it the name of a model without a header tells nothing
            of its content to those who may see only a part of it.
    """

    base_iri: str
    boundary_base: str
    strict: bool = False
    settings: Settings = field(default_factory=load_settings)
    known_bases: Mapping[str, str] = field(default_factory=dict)
    naming_key: bytes = field(default=b"", repr=False)


@dataclass
class Entry:
    """One CIM document on its way.

    Attributes:
        subjects: terms of everything it describes.
        outward: spelling -> term of its references to things it does not describe.
        own_names: local names, no UUIDs, that it defines; ``other_names`` it only uses.
    """

    source: Source
    survey: Survey
    header: Header
    base: str = ""
    spools: dict[str, Spool] = field(default_factory=dict)
    account: Account = field(default_factory=Account)
    subjects: set[str] = field(default_factory=set)
    outward: dict[str, str] = field(default_factory=dict)
    own_names: set[str] = field(default_factory=set)
    other_names: set[str] = field(default_factory=set)
    spelling: bytes = b""
    content_hash: str = ""
    repairs: Repairs = field(default_factory=Repairs)


class _Tee:
    """A stream that also compresses and digests what is read from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.digest = hashlib.sha256()
        self.compressor = zlib.compressobj(1)
        self.parts: list[bytes] = []

    def read(self, size: int = -1) -> bytes:
        chunk = self.stream.read(size)
        self.digest.update(chunk)
        self.parts.append(self.compressor.compress(chunk))
        return chunk

    def blob(self) -> bytes:
        self.parts.append(self.compressor.flush())
        return b"".join(self.parts)


def read(paths: Sequence[Path], context: ReadContext) -> Staged:
    """Read models from files, folders and zips.

    Raises:
        MissingFile, EmptyInput, NotXml, NotCim, NotRdf, TruncatedInput, ArchiveTooLarge,
        BadIdentifier: with the file, and the line where there is one.
        RepairRefused: ``context.strict`` and something needs mending.
    """
    found, left_out = sources(paths, context.settings)
    repairs = Repairs()
    for name in left_out:
        repairs.add("not_read", Place(name))
    entries, plain = _look_at(found, context, repairs)
    entries = _without_copies(entries, repairs)
    give_bases(entries, context)
    for entry in entries:
        scan(entry, {})
    for entry, foreign in _foreign_names(entries, context):
        scan(entry, foreign)
    for entry in entries:
        _merge(entry.repairs, repairs)
    staged = _stage(entries, plain, repairs, context)
    if context.strict:
        refuse(staged.repairs)
    return staged


def _look_at(
    found: Sequence[Source], context: ReadContext, repairs: Repairs
) -> tuple[list[Entry], list[PlainGraph]]:
    entries: list[Entry] = []
    plain: list[PlainGraph] = []
    for source in found:
        kind = format_of(source)
        if kind == "xml":
            try:
                with source.open() as stream:
                    survey = look(stream, source.name)
            except NotCim:
                if source.named or len(found) == 1:
                    raise
                repairs.add("not_read", Place(source.name))
                continue
            if survey.is_cim:
                header = _header(source, survey, context, repairs)
                entries.append(Entry(source, survey, header))
                continue
        plain.extend(read_plain(source, kind, context.settings, context.naming_key, repairs))
    if not entries and not plain:
        raise NotCim("None of the files holds a model.", hint="Give CIM XML or RDF.")
    return entries, plain


def _header(source: Source, survey: Survey, context: ReadContext, repairs: Repairs) -> Header:
    if survey.kind is None or not survey.about:
        repairs.add("no_header", Place(source.name))
        iri = nameless(_content(source), context.naming_key)
        return Header.of(iri, survey.kind or "full", survey.statements, survey.cim)
    iri = model_iri(survey.about)
    statements = [(name, uuid_urn(text) or text) for name, text in survey.statements]
    return Header.of(iri, survey.kind, statements, survey.cim)


def model_iri(spelling: str) -> str:
    """Return the IRI of a model from the ``rdf:about`` of its header."""
    return Identities("urn:gridspine:model:", {}, lambda code, raw: None).of_reference(spelling)[
        1:-1
    ]


def _without_copies(entries: list[Entry], repairs: Repairs) -> list[Entry]:
    """Leave out a model given twice with the same content; refuse two contents of one model."""
    kept: dict[str, Entry] = {}
    for entry in entries:
        before = kept.setdefault(entry.header.iri, entry)
        if before is entry:
            continue
        if _content(before.source) != _content(entry.source):
            raise BadIdentifier(
                f"{entry.header.iri} is in {before.source.name} and, with other content, in "
                f"{entry.source.name}.",
                hint="Give one of the two; two versions of a model need two model identifiers.",
                file=entry.source.name,
                subject=entry.header.iri,
            )
        repairs.add("duplicate_model", Place(entry.source.name, None, entry.header.iri))
    return list(kept.values())


def _content(source: Source) -> bytes:
    digest = hashlib.sha256()
    with source.open() as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.digest()


def give_bases(entries: Sequence[Entry], context: ReadContext) -> None:
    """Give every document the base of its authority (docs/reading-cim.md, "Identifiers")."""
    authorities = {entry.header.authority for entry in entries if not entry.header.is_boundary} - {
        None
    }
    for entry in entries:
        header = entry.header
        known = next(
            (
                context.known_bases[iri]
                for iri in (header.iri, *header.supersedes, *header.dependent_on)
                if iri in context.known_bases
                and context.known_bases[iri] != with_separator(context.boundary_base)
            ),
            None,
        )
        if entry.survey.base and valid_iri(entry.survey.base) == entry.survey.base:
            base = entry.survey.base
        elif header.is_boundary:
            base = context.boundary_base
        elif known is not None:
            base = known
        elif len(authorities) > 1 and header.authority:
            base = f"{with_separator(context.base_iri)}{_slug(header.authority)}/"
        else:
            base = context.base_iri
        entry.base = with_separator(base)


def _slug(authority: str) -> str:
    plain = authority.strip().split("://")[-1].strip("/")
    return "".join(char if char.isalnum() or char in ".-" else "-" for char in plain)


def scan(entry: Entry, foreign: Mapping[str, str]) -> None:
    """Read one document into spools, with the bases of names that others define."""
    entry.repairs = Repairs()
    entry.spools = {"main": Spool()}

    def write(section: str, lines: bytes) -> None:
        entry.spools.setdefault(section, Spool()).write(lines)

    def report(code: str, spelling: str) -> None:
        document.found(code, spelling)

    version = version_of(entry.header)
    identities = Identities(entry.base, foreign, report)
    document = Document(
        entry.source.name,
        entry.header.iri,
        identities,
        vocabulary(version),
        entry.repairs,
        write,
    )
    with entry.source.open() as stream:
        tee = _Tee(stream)
        document.run(cast(BinaryIO, tee))
    allowed = SECTIONS if entry.header.kind == "difference" else ()
    if entry.spools.keys() - {"main", *allowed}:
        raise NotCim(
            f"{entry.source.name} has rdf:parseType='Statements' where no difference model has it.",
            hint="Only a dm:DifferenceModel holds statements, in its three parts.",
            file=entry.source.name,
        )
    reading = Reading(entry.header.iri, entry.base, version, foreign, entry.survey.namespaces)
    entry.spelling = pack(reading, tee.blob())
    entry.content_hash = reading.digest(tee.digest.digest())
    _keep(entry, document, identities)
    if document.repeated_subjects:
        main = entry.spools["main"]
        spool, dropped = main.without_repeats(document.repeated_subjects)
        if dropped:
            entry.spools["main"] = spool
            document.account.repeated += dropped
            document.account.kept -= dropped
            entry.repairs.add("repeated_statement", Place(entry.source.name), "", dropped)


def _keep(entry: Entry, document: Document, identities: Identities) -> None:
    """Keep of a pass what the others need to know, and let go of the rest."""
    entry.account, entry.subjects = document.account, document.subjects
    entry.outward = {
        spelling: term
        for spelling, term in identities.references.items()
        if term not in document.subjects
    }
    names = identities.local_names
    entry.own_names = {n for n in names if f"<{entry.base}{escaped(n)}>" in document.defined}
    entry.other_names = names - entry.own_names


def _foreign_names(
    entries: Sequence[Entry], context: ReadContext
) -> list[tuple[Entry, dict[str, str]]]:
    """Find documents that name things of another base, and which base each name has."""
    owners: dict[str, dict[str, str]] = {}
    for entry in entries:
        for name in entry.own_names:
            owners.setdefault(name, {})[entry.header.iri] = entry.base
    again = []
    for entry in entries:
        foreign: dict[str, str] = {}
        for name in entry.other_names:
            bases = owners.get(name, {})
            if not bases or entry.base in bases.values():
                continue
            depended = (bases[iri] for iri in entry.header.dependent_on if iri in bases)
            foreign[name] = next(depended, next(iter(bases.values())))
        if foreign:
            again.append((entry, foreign))
    return again


def _merge(own: Repairs, all_repairs: Repairs) -> None:
    for code, count in own.counts.items():
        for place, detail in own.places[code]:
            all_repairs.add(code, place, detail, 0)
        all_repairs.counts[code] = all_repairs.counts.get(code, 0) + count


def _stage(
    entries: Sequence[Entry], plain: Sequence[PlainGraph], repairs: Repairs, context: ReadContext
) -> Staged:
    models: list[Model] = []
    spools: dict[str, Spool] = {}
    differences: dict[str, Difference] = {}
    for entry in entries:
        main = entry.spools["main"]
        if entry.header.kind == "difference":
            parts = [entry.spools.get(name) or Spool() for name in SECTIONS]
            differences[entry.header.iri] = Difference(*parts)
        spools[entry.header.iri] = main
        models.append(
            Model(
                entry.header.iri,
                entry.header,
                entry.content_hash,
                main.lines,
                entry.source.name,
                entry.base,
                entry.spelling,
                entry.account,
            )
        )
    for graph in plain:
        if graph.header.iri in spools:
            raise BadIdentifier(
                f"{graph.header.iri} is in {graph.file} and in another file.",
                hint="Give one of the two.",
                file=graph.file,
                subject=graph.header.iri,
            )
        spools[graph.header.iri] = graph.spool
        models.append(
            Model(
                graph.header.iri,
                graph.header,
                graph.spool.digest,
                graph.spool.lines,
                graph.file,
                with_separator(context.base_iri),
                b"",
                graph.account,
            )
        )
    check([_standing(entry) for entry in entries], context.known_bases, repairs)
    return Staged(tuple(models), repairs.all(), spools, differences)


def _standing(entry: Entry) -> Standing:
    return Standing(
        entry.header,
        entry.source.name,
        entry.base,
        entry.subjects,
        entry.outward,
        entry.spelling,
    )
