"""A first look at an XML document: is it CIM, whose model is it, and what does it stand on?

In: an XML stream. Out: a ``Survey``; reading stops behind the header, which well-made files have at
their top (IEC 61970-552). A document without a header is looked through to its end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from kgnode.cim.headers import KINDS, Kind
from kgnode.cim.xml import feed, new_parser
from kgnode.errors import NotCim
from kgnode.names import CIM16, CIM100, CIM_UCAIUG, RDF

XML = "http://www.w3.org/XML/1998/namespace"
DATA_NAMESPACES = (CIM100, CIM16, CIM_UCAIUG, "http://iec.ch/TC57/", "https://cim4.eu/ns/nc#")
"""Beginnings of the namespaces in which CIM data, not vocabularies, has its classes."""


@dataclass(frozen=True)
class Survey:
    """What the first look found.

    Attributes:
        is_cim: CIM XML, else other RDF/XML.
        kind: kind of the header; None without one.
        about: the header's own spelling of its IRI.
        statements: (property IRI, text or IRI) pairs of the header.
        cim: the CIM namespace declared at the root.
        base: ``xml:base`` of the root.
        namespaces: prefix -> namespace of the root.
    """

    is_cim: bool
    kind: Kind | None
    about: str
    statements: tuple[tuple[str, str], ...]
    cim: str | None
    base: str | None
    namespaces: Mapping[str, str]


class _Enough(Exception):
    """Raised by the handlers when the header is complete."""


class _Look:
    def __init__(self, stream: BinaryIO, file: str) -> None:
        self.file = file
        self.parser = new_parser(file)
        self.depth = 0
        self.namespaces: dict[str, str] = {}
        self.base: str | None = None
        self.kind: Kind | None = None
        self.about = ""
        self.statements: list[tuple[str, str]] = []
        self.data = False
        self.texts: list[str] = []
        self.resource: str | None = None
        self.parser.StartNamespaceDeclHandler = self.namespace
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text
        with contextlib.suppress(_Enough):
            feed(self.parser, stream, file)

    def namespace(self, prefix: str | None, iri: str | None) -> None:
        if self.depth == 0:
            self.namespaces.setdefault(prefix or "", iri or "")

    def text(self, data: str) -> None:
        if self.kind is not None and self.depth == 3:
            self.texts.append(data)

    def start(self, name: str, attributes: list[str]) -> None:
        self.depth += 1
        if self.depth == 1:
            if name != f"{RDF}RDF":
                raise NotCim(
                    f"{self.file} has the root element {name.rpartition('#')[2]}, not rdf:RDF.",
                    hint="Give CIM XML (IEC 61970-552) or RDF.",
                    file=self.file,
                    line=self.parser.CurrentLineNumber,
                )
            self.base = self._attribute(attributes, f"{XML}base")
        elif self.depth == 2:
            kind = KINDS.get(name)
            if kind == "dataset" and not self._declares_cim():
                kind = None
            if kind is not None:
                self.kind = kind
                self.about = self._attribute(attributes, f"{RDF}about") or "#" + (
                    self._attribute(attributes, f"{RDF}ID") or ""
                )
            self.data = self.data or name.startswith(DATA_NAMESPACES)
        elif self.depth == 3 and self.kind is not None:
            self.resource = self._attribute(attributes, f"{RDF}resource")
            self.texts.clear()

    def end(self, name: str) -> None:
        if self.kind is not None:
            if self.depth == 2:
                raise _Enough
            if self.depth == 3:
                text = "".join(self.texts) if self.resource is None else self.resource
                self.statements.append((name, text))
        self.depth -= 1

    def _declares_cim(self) -> bool:
        return any(iri.startswith(DATA_NAMESPACES) for iri in self.namespaces.values())

    @staticmethod
    def _attribute(attributes: list[str], name: str) -> str | None:
        return next(
            (attributes[at + 1] for at in range(0, len(attributes), 2) if attributes[at] == name),
            None,
        )


def look(stream: BinaryIO, file: str) -> Survey:
    """Look at a document.

    Raises:
        NotXml, TruncatedInput, EmptyInput: as the XML parser finds.
        NotCim: its root is not ``rdf:RDF``.
    """
    seen = _Look(stream, file)
    declared = set(seen.namespaces.values())
    cim = next((iri for iri in (CIM100, CIM16, CIM_UCAIUG) if iri in declared), None)
    if cim is None:
        cim = next((iri for iri in declared if "CIM-schema-cim" in iri or "/CIM" in iri), None)
    return Survey(
        is_cim=seen.kind is not None or seen.data,
        kind=seen.kind,
        about=seen.about if seen.about != "#" else "",
        statements=tuple(seen.statements),
        cim=cim,
        base=seen.base,
        namespaces=seen.namespaces,
    )
