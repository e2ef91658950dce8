"""What the CIM vocabularies say of properties and enumerations.

In: ontologies/cim-datatypes.csv and cim-classes.csv (made from the published profiles of CGMES
2.4.15, CGMES 3.0 and the network codes by ontologies/make_datatypes.py). Out: per property IRI its
kind, the XSD type it is held as and the one the vocabulary means (IEC 61970-501). Which vocabulary
speaks first is chosen by a model's header, never by a file name.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from kgnode.cim.headers import Header
from kgnode.cim.namespaces import spellings
from kgnode.names import CIM16, CIM100, XSD, resource_folder

Version = Literal["cgmes-2.4.15", "cgmes-3.0", "nc"]
PropertyKind = Literal["literal", "reference", "enumeration", "compound", "unknown"]


@dataclass(frozen=True)
class Property:
    """One property of a vocabulary.

    Attributes:
        iri: the property.
        kind: what its values are.
        held: XSD type its literals are held and answered as, full IRI; None if it has none.
        published: XSD type the vocabulary means, full IRI (``xsd:float`` for CIM Float).
        target: class or enumeration its values belong to, where known.
        profiles: keywords of the profiles that have it.
    """

    iri: str
    kind: PropertyKind
    held: str | None
    published: str | None
    target: str | None
    profiles: frozenset[str]


@dataclass(frozen=True)
class Vocabulary:
    """The properties and enumeration values of one version, with the others behind it."""

    version: Version
    properties: Mapping[str, Property]
    values: Mapping[str, frozenset[str]]
    others: tuple[Mapping[str, Property], ...] = ()

    def property(self, iri: str) -> Property | None:
        """Return what is known of a property; other versions are asked when this has none."""
        tables = (self.properties, *self.others)
        return next(
            (table[name] for name in spellings(iri) for table in tables if name in table), None
        )


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (resource_folder("ontologies") / name).open(newline="") as stream:
        yield from csv.DictReader(stream)


@lru_cache(maxsize=1)
def _tables() -> Mapping[str, Mapping[str, Property]]:
    tables: dict[str, dict[str, Property]] = {"cgmes-2.4.15": {}, "cgmes-3.0": {}, "nc": {}}
    for row in _rows("cim-datatypes.csv"):
        literal = row["kind"] == "literal"
        iri = row["namespace"] + row["name"]
        tables[row["vocabulary"]][iri] = Property(
            iri=iri,
            kind=row["kind"],  # type: ignore[arg-type]  # the script writes only these
            held=XSD + row["type"] if literal else None,
            published=XSD + row["published"] if literal else None,
            target=None if literal else row["type"] or None,
            profiles=frozenset(row["profiles"].split()),
        )
    return tables


@lru_cache(maxsize=1)
def _values() -> Mapping[str, Mapping[str, frozenset[str]]]:
    found: dict[str, dict[str, set[str]]] = {}
    for row in _rows("cim-classes.csv"):
        if row["kind"] == "value":
            version = found.setdefault(row["vocabulary"], {})
            version.setdefault(row["parent"], set()).add(row["namespace"] + row["name"])
    return {
        version: {enumeration: frozenset(values) for enumeration, values in table.items()}
        for version, table in found.items()
    }


@lru_cache(maxsize=3)
def vocabulary(version: Version) -> Vocabulary:
    """Return the vocabulary of one version."""
    tables = _tables()
    others = tuple(table for name, table in tables.items() if name != version)
    return Vocabulary(version, tables[version], _values().get(version, {}), others)


def version_of(header: Header) -> Version:
    """Return the vocabulary version that a header names, by its profiles, else its namespace."""
    for profile in header.profiles:
        if profile.startswith("http://entsoe.eu/CIM/"):
            return "cgmes-2.4.15"
        if profile.startswith("http://iec.ch/TC57/ns/CIM/") and profile.endswith(("/3.0", "/1.0")):
            return "cgmes-3.0"
        if "cim4.eu" in profile or "entsoe.eu/ns" in profile:
            return "nc"
    if header.cim == CIM16:
        return "cgmes-2.4.15"
    return "cgmes-3.0" if header.cim == CIM100 else "nc"


@lru_cache(maxsize=65536)
def published_datatype(property_iri: str) -> str | None:
    """Return the XSD datatype the vocabulary itself gives a property (``xsd:float`` for Float).

    Shapes that ask for that type are judged by it, and exports with vocabulary datatypes use it.
    """
    found = vocabulary("cgmes-3.0").property(property_iri)
    return found.published if found else None


@lru_cache(maxsize=65536)
def held_datatype(property_iri: str) -> str | None:
    """Return the XSD datatype in which a property's literals are held (``xsd:double``)."""
    found = vocabulary("cgmes-3.0").property(property_iri)
    return found.held if found else None
