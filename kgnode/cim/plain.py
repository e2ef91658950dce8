"""RDF that is no CIM XML: Turtle, TriG, N-Triples, N-Quads, RDF/XML, JSON-LD.

In: one document. Out: one graph per named graph and one for the rest, each with the header found in
it, or named by its content. Literals of CIM properties get the vocabulary's datatype, blank nodes
become IRIs, remote contexts are refused (RDF 1.1 concepts, section 3.5).
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, parse

from kgnode.cim.account import Account
from kgnode.cim.archive import Source
from kgnode.cim.datatypes import held_datatype
from kgnode.cim.hazards import DEEPEST_JSON, hazard
from kgnode.cim.headers import KINDS, Header
from kgnode.cim.literals import quoted, typed
from kgnode.cim.repairs import Place, Repairs
from kgnode.cim.spool import Spool
from kgnode.errors import EmptyInput, NotRdf, TruncatedInput
from kgnode.names import RDF, XSD, bnode_iri, uuid_urn
from kgnode.settings import Settings

FORMATS = {
    ".ttl": "ttl",
    ".trig": "trig",
    ".nt": "nt",
    ".nq": "nq",
    ".jsonld": "jsonld",
    ".json": "jsonld",
    ".xml": "xml",
    ".rdf": "xml",
    ".owl": "xml",
}
_PARSERS = {
    "ttl": RdfFormat.TURTLE,
    "trig": RdfFormat.TRIG,
    "nt": RdfFormat.N_TRIPLES,
    "nq": RdfFormat.N_QUADS,
    "jsonld": RdfFormat.JSON_LD,
    "xml": RdfFormat.RDF_XML,
}


@dataclass(frozen=True)
class PlainGraph:
    """One graph of a document."""

    header: Header
    spool: Spool
    file: str
    account: Account


def format_of(source: Source) -> str:
    """Return the format of a document: by its suffix, else by its first bytes."""
    suffix = PurePosixPath(source.name.replace("\\", "/")).suffix.lower()
    if suffix in FORMATS:
        return FORMATS[suffix]
    with source.open() as stream:
        start = stream.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b"<?xml", b"<!", b"<rdf:", b"\xff\xfe", b"\xfe\xff")):
        return "xml"
    if start.startswith((b"{", b"[")):
        return "jsonld"
    return "ttl" if start.startswith((b"@", b"#", b"PREFIX", b"<", b"_:")) else "xml"


def nameless(digest: bytes, naming_key: bytes) -> str:
    """Return the IRI of a model that brings none: by its content, and by a home's secret if any."""
    name = hmac.digest(naming_key, digest, "sha256") if naming_key else digest
    return f"urn:gridspine:model:{name.hex()[:32]}"


def read_plain(
    source: Source, kind: str, settings: Settings, naming_key: bytes, repairs: Repairs
) -> list[PlainGraph]:
    """Read one document.

    Raises:
        NotRdf: it cannot be parsed, or asks for a remote JSON-LD context.
        EmptyInput: no statements in it.
        TruncatedInput: it ends within a statement.
    """
    with source.open() as stream:
        content = stream.read(settings.archive_max_bytes)
    if kind == "jsonld":
        _refuse_remote_contexts(content, source.name)
    elif found := hazard(content, xml=kind == "xml"):
        raise NotRdf(
            f"{source.name} {found.what}.", hint=found.hint, file=source.name, line=found.line
        )
    base = nameless(hashlib.sha256(content).digest(), naming_key)
    graphs: dict[str, list[Quad]] = {}
    try:
        for quad in parse(io.BytesIO(content), _PARSERS[kind], base_iri=f"{base}#"):
            name = quad.graph_name
            key = "" if isinstance(name, DefaultGraph) else str(name.value)
            graphs.setdefault(key, []).append(quad)
    except SyntaxError as error:
        raise _unreadable(error, kind, source.name) from error
    except (ValueError, RecursionError) as error:
        raise NotRdf(
            f"{source.name} cannot be read: {error}.", hint="Check its encoding.", file=source.name
        ) from error
    if not graphs:
        raise EmptyInput(
            f"{source.name} holds no statements.", hint="Give a full file.", file=source.name
        )
    return [
        _graph(name or base, quads, source.name, repairs, named=bool(name))
        for name, quads in graphs.items()
    ]


def _unreadable(error: SyntaxError, kind: str, file: str) -> NotRdf | TruncatedInput:
    line = error.lineno
    if "end" in (error.msg or "").lower().split() and kind in ("ttl", "trig", "nt", "nq"):
        return TruncatedInput(
            f"{file} ends within a statement: {error.msg}.",
            hint="Fetch or write the file again.",
            file=file,
            line=line,
        )
    return NotRdf(
        f"{file} cannot be parsed: {error.msg}.",
        hint="Check the file at that line, and that its suffix says its format.",
        file=file,
        line=line,
    )


def _refuse_remote_contexts(content: bytes, file: str) -> None:
    """Refuse JSON-LD that would have to fetch something."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NotRdf(f"{file} is no JSON: {error}.", hint="Check the file.", file=file) from error
    queue: list[tuple[Any, int]] = [(document, 0)]
    while queue:
        value, depth = queue.pop()
        if depth > DEEPEST_JSON:
            raise NotRdf(f"{file} is nested too deep.", hint="Flatten it.", file=file)
        if isinstance(value, list):
            queue.extend((item, depth + 1) for item in value)
        elif isinstance(value, dict):
            contexts = value.get("@context", [])
            for context in contexts if isinstance(contexts, list) else [contexts]:
                remote = context if isinstance(context, str) else None
                if isinstance(context, dict) and isinstance(context.get("@import"), str):
                    remote = context["@import"]
                if remote is not None:
                    raise NotRdf(
                        f"{file} wants the remote context {remote}, which is not fetched.",
                        hint="Write the context into the file.",
                        file=file,
                    )
            queue.extend((item, depth + 1) for item in value.values())


def _graph(name: str, quads: list[Quad], file: str, repairs: Repairs, *, named: bool) -> PlainGraph:
    header = _header(name, quads, named=named)
    spool = Spool()
    blanks: dict[str, str] = {}
    lines: dict[str, None] = {}
    for quad in quads:
        subject = _term(quad.subject, header.iri, blanks)
        predicate = quad.predicate.value
        lines[f"{subject} <{predicate}> {_object(quad, header.iri, blanks, file, repairs)} .\n"] = (
            None
        )
    spool.write("".join(lines).encode())
    account = Account(repeated=len(quads) - len(lines), kept=len(lines))
    return PlainGraph(header, spool, file, account)


def _header(name: str, quads: Iterable[Quad], *, named: bool) -> Header:
    of_type = {
        quad.subject.value: KINDS[quad.object.value]
        for quad in quads
        if quad.predicate.value == f"{RDF}type"
        and isinstance(quad.object, NamedNode)
        and quad.object.value in KINDS
        and isinstance(quad.subject, NamedNode)
    }
    about = name if name in of_type else next(iter(of_type), None)
    if about is None or (named and about != name) or (len(of_type) > 1 and about != name):
        return Header(iri=name, kind="rdf")
    statements = [
        (quad.predicate.value, quad.object.value)
        for quad in quads
        if quad.subject == NamedNode(about) and isinstance(quad.object, NamedNode | Literal)
    ]
    spaces = {quad.predicate.value.rpartition("#")[0] + "#" for quad in quads}
    cim = next(
        (space for space in sorted(spaces) if "/CIM" in space or "cim.ucaiug" in space), None
    )
    return Header.of(uuid_urn(about) or about, of_type[about], statements, cim)


def _term(term: object, model: str, blanks: dict[str, str]) -> str:
    if isinstance(term, BlankNode):
        known = blanks.get(term.value)
        if known is None:
            number = hashlib.sha256(str(len(blanks)).encode()).hexdigest()[:16]
            known = blanks[term.value] = f"<{bnode_iri(model, number)}>"
        return known
    if isinstance(term, NamedNode) and term.value[:9].lower() == "urn:uuid:":
        return f"<{uuid_urn(term.value) or term.value}>"
    return str(term)


def _object(quad: Quad, model: str, blanks: dict[str, str], file: str, repairs: Repairs) -> str:
    term = quad.object
    if not isinstance(term, Literal) or term.language:
        return _term(term, model, blanks)
    held = held_datatype(quad.predicate.value)
    given = term.datatype.value
    if held is None or held == given or held == f"{XSD}string":
        return str(term)
    if given not in (f"{XSD}string", f"{XSD}float", f"{XSD}decimal", f"{XSD}integer"):
        return str(term)
    text, code = typed(term.value, held)
    if code is not None:
        place = Place(file, None, _term(quad.subject, model, blanks)[1:-1])
        repairs.add(code, place, f"{quad.predicate.value} {term.value[:40]!r}")
        return quoted(term.value) if code == "bad_literal" else text
    return text
