"""CIM XML out: what load-flow tools open (IEC 61970-552).

In: the triples of a model that may go out, its header, and where there is one the document it came
from. Out: one CIM XML document, or a zip of several. Identifiers and values are spelled as they
came in; what has no spelling is written as ``_uuid``, ``#_uuid`` and the value's own text.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast
from xml.sax.saxutils import escape, quoteattr

from pyoxigraph import Literal, NamedNode, Triple

from kgnode.cim.headers import KINDS, Header
from kgnode.cim.identity import is_ncname
from kgnode.cim.spelling import Element, Spelling
from kgnode.cim.survey import DATA_NAMESPACES
from kgnode.names import CIM16, CIM100, DM, MD, RDF, XSD

TYPE = f"{RDF}type"
_PREFIXES: Mapping[str, str] = {
    "rdf": RDF,
    "md": MD,
    "dm": DM,
    "eu": "http://iec.ch/TC57/CIM100-European#",
    "entsoe": "http://entsoe.eu/CIM/SchemaExtension/3/1#",
    "nc": "https://cim4.eu/ns/nc#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "xsd": XSD,
}
_OWN_CLASSES = {
    "SSH": (),
    "SV": ("Sv", "TopologicalIsland", "DCTopologicalIsland"),
    "TP": ("TopologicalNode", "DCTopologicalNode"),
}
"""Profile -> beginnings of the classes it defines itself; it only describes the rest."""


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
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as stream:
                write_model(model.triples, model.header, model.spelling, cast(BinaryIO, stream))


def write_model(
    triples: Iterable[Triple], header: Header, spelling: bytes | None, out: BinaryIO
) -> None:
    """Write one CIM XML document: the header's element first, then one element per subject."""
    _Writer(header, Spelling.of(spelling)).write(triples, out)


Value = NamedNode | Literal


class _Writer:
    def __init__(self, header: Header, spelling: Spelling) -> None:
        self.header, self.spelling = header, spelling
        self.subjects: dict[str, list[tuple[str, Value]]] = {}
        self.bases: set[str] = set()
        self.prefixes: dict[str, str] = {}
        self.names: dict[str, str] = {}

    def write(self, triples: Iterable[Triple], out: BinaryIO) -> None:
        self._gather(triples)
        self._name_namespaces()
        declared = "".join(
            f" xmlns:{prefix}={quoteattr(namespace)}" for namespace, prefix in self.prefixes.items()
        )
        out.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<rdf:RDF{declared}>\n'.encode())
        for number, subject in enumerate(self._ordered()):
            out.write(self._element(subject, self.subjects[subject], header=number == 0).encode())
        out.write(b"</rdf:RDF>\n")

    def _gather(self, triples: Iterable[Triple]) -> None:
        head = f"<{self.header.iri}>"
        self.subjects[head] = []
        for triple in triples:
            value = triple.object
            if isinstance(value, NamedNode | Literal):
                own = self.subjects.setdefault(str(triple.subject), [])
                own.append((triple.predicate.value, value))
        if not self.subjects[head]:
            self.subjects[head] = _header_statements(self.header)
        for subject in self.subjects:
            if not subject.startswith("<urn:") and subject != head:
                self.bases.add(subject[1 : max(subject.rfind("#"), subject.rfind("/")) + 1])

    def _ordered(self) -> list[str]:
        head, *rest = self.subjects
        known = self.spelling.elements
        last = len(known)
        return [
            head,
            *sorted(rest, key=lambda term: known[term].order if term in known else last),
        ]

    def _name_namespaces(self) -> None:
        used = {
            _split(iri)[0]
            for statements in self.subjects.values()
            for predicate, value in statements
            for iri in (
                (predicate, value.value)
                if predicate == TYPE and isinstance(value, NamedNode)
                else (predicate,)
            )
        }
        used |= {_split(element.class_iri)[0] for element in self.spelling.elements.values()}
        given = {namespace: prefix for prefix, namespace in self.spelling.namespaces.items()}
        ours = {namespace: prefix for prefix, namespace in _PREFIXES.items()}
        taken: set[str] = set()
        for namespace in [RDF, *sorted(used - {RDF})]:
            prefix = given.get(namespace) or ours.get(namespace)
            if namespace in (CIM16, CIM100, self.header.cim):
                prefix = given.get(namespace) or "cim"
            if not prefix or prefix in taken or namespace == RDF:
                prefix = "rdf" if namespace == RDF else f"ns{len(taken)}"
            taken.add(prefix)
            self.prefixes[namespace] = prefix

    def _element(self, subject: str, statements: list[tuple[str, Value]], *, header: bool) -> str:
        known = self.spelling.elements.get(subject)
        types = [
            value
            for predicate, value in statements
            if predicate == TYPE and isinstance(value, NamedNode)
        ]
        name = self._class(known, types, header=header)
        lines = [f"  <{self._qname(name)} {self._identity(subject, known, name, header=header)}>\n"]
        skipped = False
        for predicate, value in statements:
            if predicate == TYPE and value.value == name and not skipped:
                skipped = True
                continue
            lines.append(self._property(subject, predicate, value))
        lines.append(f"  </{self._qname(name)}>\n")
        return "".join(lines)

    def _class(self, known: Element | None, types: list[NamedNode], *, header: bool) -> str:
        given = [node.value for node in types]
        if header:
            return next((iri for iri in given if iri in KINDS), f"{MD}FullModel")
        if known is not None and (known.class_iri in given or not given):
            return known.class_iri
        return given[0] if given else f"{RDF}Description"

    def _identity(self, subject: str, known: Element | None, name: str, *, header: bool) -> str:
        iri = subject[1:-1]
        if known is not None:
            return f"rdf:{known.attribute}={quoteattr(known.spelling)}"
        local = self._local(iri)
        if header or local is None:
            return f"rdf:about={quoteattr(iri)}"
        if is_ncname(local) and self._defines(name):
            return f"rdf:ID={quoteattr(local)}"
        return f"rdf:about={quoteattr(f'#{local}')}"

    def _defines(self, class_iri: str) -> bool:
        keyword = next((word for word in self.header.keywords if word in _OWN_CLASSES), None)
        if keyword is None:
            return True
        return _split(class_iri)[1].startswith(_OWN_CLASSES[keyword] or ("\0",))

    def _local(self, iri: str) -> str | None:
        """Return the name of an object within its files; None for what is no local object."""
        if iri.startswith("urn:uuid:"):
            return f"_{iri[9:]}"
        cut = max(iri.rfind("#"), iri.rfind("/")) + 1
        if iri[:cut] in self.bases and not iri.startswith(DATA_NAMESPACES):
            return iri[cut:]
        return None

    def _property(self, subject: str, predicate: str, value: Value) -> str:
        name = self._qname(predicate)
        known = self.spelling.text(subject, f"<{predicate}>", value)
        if isinstance(value, NamedNode):
            reference = known
            if reference is None:
                local = None if predicate.startswith((MD, DM)) else self._local(value.value)
                reference = value.value if local is None else f"#{local}"
            return f"    <{name} rdf:resource={quoteattr(reference)}/>\n"
        text = escape(value.value if known is None else known)
        language = f' xml:lang="{value.language}"' if value.language else ""
        return f"    <{name}{language}>{text}</{name}>\n"

    def _qname(self, iri: str) -> str:
        known = self.names.get(iri)
        if known is None:
            namespace, local = _split(iri)
            known = self.names[iri] = f"{self.prefixes[namespace]}:{local}"
        return known


def _split(iri: str) -> tuple[str, str]:
    cut = max(iri.rfind("#"), iri.rfind("/")) + 1
    return iri[:cut], iri[cut:]


def _header_statements(header: Header) -> list[tuple[str, Value]]:
    """Return a header's statements, for a model whose header triples are not at hand."""
    one = {
        "created": header.created,
        "scenarioTime": header.scenario_time,
        "version": header.version,
        "description": header.description,
        "modelingAuthoritySet": header.authority,
    }
    found: list[tuple[str, Value]] = [
        (f"{MD}Model.{name}", Literal(text)) for name, text in one.items() if text is not None
    ]
    found += [(f"{MD}Model.profile", Literal(iri)) for iri in header.profiles]
    found += [(f"{MD}Model.Supersedes", NamedNode(iri)) for iri in header.supersedes]
    found += [(f"{MD}Model.DependentOn", NamedNode(iri)) for iri in header.dependent_on]
    return found
