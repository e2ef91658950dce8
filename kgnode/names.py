"""Identifiers of things: the IRIs, and the prefixes that pages and commands use.

In: organisation ids, data set ids, spellings found in files. Out: IRIs as plain strings; nothing
here knows a store or a parser. UUID URNs follow RFC 9562 section 4 (lower case, dashed).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

GS = "https://w3id.org/gridspine#"
ODRL_PROFILE = "https://w3id.org/gridspine/odrl"

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
XSD = "http://www.w3.org/2001/XMLSchema#"
MD = "http://iec.ch/TC57/61970-552/ModelDescription/1#"
DM = "http://iec.ch/TC57/61970-552/DifferenceModel/1#"
CIM16 = "http://iec.ch/TC57/2013/CIM-schema-cim16#"
CIM100 = "http://iec.ch/TC57/CIM100#"
CIM_UCAIUG = "https://cim.ucaiug.io/ns#"

PREFIXES: dict[str, str] = {
    "gs": GS,
    "cim": CIM100,
    "cim16": CIM16,
    "cimu": CIM_UCAIUG,
    "eu": "http://iec.ch/TC57/CIM100-European#",
    "md": MD,
    "rdf": RDF,
    "rdfs": RDFS,
    "xsd": XSD,
    "owl": "http://www.w3.org/2002/07/owl#",
    "sh": "http://www.w3.org/ns/shacl#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "ies": "http://ies.data.gov.uk/ontology/ies4#",
    "ies5": "http://informationexchangestandard.org/ont/ies/common/",
}
"""Prefixes offered to people; a query that declares its own is never touched."""

IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,62}\Z")
"""What an organisation, data set or label id may look like."""

_UUID = re.compile(
    r"[#_]*(?:urn:uuid:)?[#_]*"
    r"([0-9a-fA-F]{8})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{12})\Z"
)


def uuid_urn(spelling: str) -> str | None:
    """Return ``urn:uuid:...`` if the spelling is a UUID in any of the ways CIM writes one.

    >>> uuid_urn("#_9D25A1F9E5D14D47B6DCDE99C4380B40")
    'urn:uuid:9d25a1f9-e5d1-4d47-b6dc-de99c4380b40'
    >>> uuid_urn("_LINE-29") is None
    True
    """
    match = _UUID.match(spelling)
    return f"urn:uuid:{'-'.join(match.groups()).lower()}" if match else None


def dataset_iri(org: str, dataset: str) -> str:
    """Return the IRI of a data set of an organisation."""
    return f"urn:gridspine:dataset:{org}:{dataset}"


def label_iri(org: str, dataset: str, label: str) -> str:
    """Return the IRI of a label of a data set."""
    return f"urn:gridspine:label:{org}:{dataset}:{label}"


def cell_iri(content_hash: str, labels: Iterable[str]) -> str:
    """Return the IRI of a cell: model content and label set, in whatever order they come."""
    joined = "\n".join(sorted(labels))
    return f"urn:gridspine:cell:{content_hash}:{hashlib.sha256(joined.encode()).hexdigest()[:16]}"


def bnode_iri(model: str, local: str) -> str:
    """Return the IRI that stands for a blank node of a model (skolemisation, RDF 1.1 s3.5)."""
    return f"urn:gridspine:bnode:{model}:{local}"


@lru_cache(maxsize=65536)
def authority(iri: str) -> str:
    """Return the IRI up to its last ``/`` or ``#``; ``urn:uuid:`` for UUIDs.

    >>> authority("https://tno.example/id#BUS-1")
    'https://tno.example/id#'
    >>> authority("urn:uuid:9d25a1f9-e5d1-4d47-b6dc-de99c4380b40")
    'urn:uuid:'
    """
    if iri.startswith("urn:uuid:"):
        return "urn:uuid:"
    cut = max(iri.rfind("/"), iri.rfind("#"))
    return iri[: cut + 1] if cut >= 0 else iri[: iri.rfind(":") + 1]


@lru_cache(maxsize=65536)
def shorten(iri: str) -> str:
    """Return ``prefix:local`` where one of our prefixes fits, else the IRI itself."""
    for prefix, namespace in PREFIXES.items():
        if iri.startswith(namespace) and len(iri) > len(namespace):
            return f"{prefix}:{iri[len(namespace) :]}"
    return iri


def expand(name: str) -> str:
    """Return the IRI of ``prefix:local``; anything else comes back as it is.

    >>> expand("cim:Terminal")
    'http://iec.ch/TC57/CIM100#Terminal'
    """
    prefix, colon, local = name.partition(":")
    namespace = PREFIXES.get(prefix)
    return f"{namespace}{local}" if colon and namespace is not None else name


def resource_folder(name: str) -> Path:
    """Return the folder of a shipped resource (``ontologies`` or ``shapes``).

    Installed packages carry them under ``kgnode/data``; a checkout has them at its top.
    """
    packaged = Path(__file__).parent / "data" / name
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / name
