"""CIM XML as the demo writes it: one document per model, byte-equal between two builds.

In: class names, mRIDs and property values. Out: an RDF/XML document in the form of
IEC 61970-552 (``md:FullModel`` header, ``rdf:ID`` where an object is defined, ``rdf:about`` where
another file defines it). Objects come out in the order they were put in.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from kgnode.names import CIM100, GS, MD, PREFIXES, RDF, expand

NAMESPACE = uuid.UUID("6b1c7c52-0f5e-5d0a-9c1c-2f6e6f7d3a10")
"""Namespace of every identifier the demo makes (RFC 9562 section 5.5)."""

_SPACES = {"cim": CIM100, "eu": PREFIXES["eu"], "gs": GS, "md": MD, "rdf": RDF}


@dataclass(frozen=True)
class Ref:
    """A reference to an object by its mRID."""

    mrid: str


@dataclass(frozen=True)
class Term:
    """An enumeration value or concept, as ``prefix:local``."""

    name: str


Value = str | float | int | bool | Ref | Term


def identify(*path: object) -> str:
    """Return the UUID of a thing from the names on the way to it; equal in every build.

    >>> identify("small", 1, "TNO", "BUS-1") == identify("small", 1, "TNO", "BUS-1")
    True
    """
    return str(uuid.uuid5(NAMESPACE, "/".join(str(part) for part in path)))


@dataclass(frozen=True)
class ModelHeader:
    """What ``md:FullModel`` says of a model; ``profiles`` and ``dependent_on`` are IRIs."""

    iri: str
    authority: str
    profiles: tuple[str, ...]
    scenario_time: str
    created: str
    description: str
    dependent_on: tuple[str, ...] = ()
    version: int = 1


class Document:
    """One CIM XML document that grows object by object."""

    def __init__(self, header: ModelHeader) -> None:
        self.header = header
        self._objects: list[str] = []
        self._defined: set[str] = set()

    def define(self, kind: str, mrid: str, values: Mapping[str, Value]) -> str:
        """Add an object that this document defines, with its mRID; return the mRID.

        Raises:
            ValueError: the mRID is defined already (a mistake of the generator).
        """
        if mrid in self._defined:
            raise ValueError(f"{mrid} ({kind}) is defined twice")
        self._defined.add(mrid)
        head = f'<{_tag(kind)} rdf:ID="_{mrid}">'
        self._put(kind, head, {"IdentifiedObject.mRID": mrid, **values})
        return mrid

    def add(self, kind: str, mrid: str, values: Mapping[str, Value]) -> None:
        """Add an object without name and mRID of its own (position points)."""
        self._put(kind, f'<{_tag(kind)} rdf:ID="_{mrid}">', values)

    def about(self, kind: str, mrid: str, values: Mapping[str, Value]) -> None:
        """Say something of an object that another document defines."""
        self._put(kind, f'<{_tag(kind)} rdf:about="#_{mrid}">', values)

    def _put(self, kind: str, head: str, values: Mapping[str, Value]) -> None:
        body = "".join(_element(name, value) for name, value in values.items())
        self._objects.append(f"{head}\n{body}</{_tag(kind)}>\n")

    def write(self, path: Path) -> Path:
        """Write the document to a file and return its path."""
        spaces = "".join(f' xmlns:{prefix}="{iri}"' for prefix, iri in _SPACES.items())
        with path.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(f'<?xml version="1.0" encoding="utf-8"?>\n<rdf:RDF{spaces}>\n')
            stream.write(_header(self.header))
            stream.writelines(self._objects)
            stream.write("</rdf:RDF>\n")
        return path


def _tag(name: str) -> str:
    return name if ":" in name else f"cim:{name}"


def _element(name: str, value: Value) -> str:
    tag = _tag(name)
    if isinstance(value, Ref):
        return f'<{tag} rdf:resource="#_{value.mrid}"/>\n'
    if isinstance(value, Term):
        return f"<{tag} rdf:resource={quoteattr(expand(value.name))}/>\n"
    return f"<{tag}>{_text(value)}</{tag}>\n"


def _text(value: str | float | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value + 0.0:.10g}"
    return escape(str(value))


def _header(header: ModelHeader) -> str:
    values = [
        ("scenarioTime", header.scenario_time),
        ("created", header.created),
        ("description", header.description),
        ("version", str(header.version)),
        *[("profile", profile) for profile in header.profiles],
        ("modelingAuthoritySet", header.authority),
    ]
    lines = [f"<md:Model.{name}>{escape(text)}</md:Model.{name}>\n" for name, text in values]
    lines += [f'<md:Model.DependentOn rdf:resource="{iri}"/>\n' for iri in header.dependent_on]
    return f'<md:FullModel rdf:about="{header.iri}">\n{"".join(lines)}</md:FullModel>\n'
