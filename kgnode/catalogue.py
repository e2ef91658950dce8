"""What a node tells of its data sets: one DCAT 3 record each, as data, JSON or words.

In: the manifests a caller may discover and the owner's identity. Out: frozen ``Entry`` values, and
the same as RDF (DCAT 3, Dublin Core Terms, PROV) in Turtle, JSON-LD or N-Triples. Counts are of the
caller's own view; a data set the caller may not know of is not there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, serialize

from kgnode.home import Identity
from kgnode.names import GS, PREFIXES, RDF, XSD
from kgnode.store.cells import Cell, Manifest

RDF_FORMATS: Mapping[str, RdfFormat] = {
    "text/turtle": RdfFormat.TURTLE,
    "application/ld+json": RdfFormat.JSON_LD,
    "application/n-triples": RdfFormat.N_TRIPLES,
}


@dataclass(frozen=True)
class ModelEntry:
    """One model of a data set, as the caller sees it."""

    iri: str
    profiles: tuple[str, ...]
    authority: str | None
    scenario_time: str | None
    version: str | None
    triples: int


@dataclass(frozen=True)
class Entry:
    """One data set, as the caller sees it.

    Attributes:
        issued, version: only told to callers who see the whole of it, since a change of what is
            hidden would show in them.
        triples: triples of the caller's own view of it.
        withheld: ``none``, ``some`` or ``undisclosed``: whether the owner hides anything from
            this caller, where the owner says so.
        conforms: result of the last validation, None where no pack was asked for.
    """

    iri: str
    id: str
    title: str
    description: str
    publisher: str
    publisher_name: str
    issued: datetime | None
    version: int | None
    licence: str | None
    contact: str | None
    endpoint: str | None
    models: tuple[ModelEntry, ...]
    triples: int
    withheld: str
    conforms: bool | None
    packs: tuple[str, ...]
    receipt: str | None
    aside: bool

    def to_json(self) -> dict[str, Any]:
        """Return the entry as JSON values."""
        return asdict(self) | {"issued": self.issued.isoformat() if self.issued else None}


def entries(
    manifests: Iterable[Manifest],
    permitted: frozenset[Cell],
    identity: Identity,
    withheld: Mapping[str, str],
    whole: Collection[str],
) -> tuple[Entry, ...]:
    """Return the entries of the data sets a caller may discover, ordered by identifier.

    Args:
        manifests: current versions of the discoverable data sets.
        permitted: the cells the caller may read; counts are of these alone.
        identity: the owner.
        withheld: what the owner says of each data set to this caller.
        whole: data sets of which the caller sees everything.
    """
    return tuple(
        sorted(
            (
                _entry(
                    m,
                    permitted,
                    identity,
                    withheld.get(m.dataset, "undisclosed"),
                    m.dataset in whole,
                )
                for m in manifests
            ),
            key=lambda entry: entry.iri,
        )
    )


def _entry(
    manifest: Manifest,
    permitted: frozenset[Cell],
    identity: Identity,
    withheld: str,
    whole: bool,
) -> Entry:
    models = []
    for model in manifest.models:
        seen = [cell for cell in model.cells if cell in permitted]
        if seen:
            models.append(
                ModelEntry(
                    iri=model.iri,
                    profiles=model.header.profiles,
                    authority=model.header.authority,
                    scenario_time=model.header.scenario_time,
                    version=model.header.version,
                    triples=sum(cell.triples for cell in seen),
                )
            )
    about = manifest.attributes
    return Entry(
        iri=manifest.dataset,
        id=manifest.dataset.rpartition(":")[2],
        title=about.get("title") or manifest.dataset.rpartition(":")[2],
        description=about.get("description") or "",
        publisher=identity.org,
        publisher_name=identity.name,
        issued=manifest.created if whole else None,
        version=manifest.number if whole else None,
        licence=about.get("licence"),
        contact=about.get("contact"),
        endpoint=f"{identity.node_url.rstrip('/')}/sparql" if identity.node_url else None,
        models=tuple(models),
        triples=sum(model.triples for model in models),
        withheld=withheld,
        conforms=about.get("conforms"),
        packs=tuple(about.get("packs") or ()),
        receipt=about.get("receipt"),
        aside=manifest.aside,
    )


def serialised(found: Iterable[Entry], media_type: str) -> bytes:
    """Return entries as RDF in one of :data:`RDF_FORMATS`."""
    triples = [triple for entry in found for triple in to_rdf(entry)]
    document = serialize(triples, format=RDF_FORMATS[media_type], prefixes=_prefixes())
    assert document is not None, "serialize() without output returns the bytes"  # noqa: S101
    return document


def _prefixes() -> dict[str, str]:
    return {name: PREFIXES[name] for name in ("dcat", "dct", "gs", "prov", "xsd")}


def to_rdf(entry: Entry) -> Iterator[Triple]:
    """Yield the DCAT 3 record of a data set, with one ``dcat:distribution``: the SPARQL service."""
    dcat, dct = PREFIXES["dcat"], PREFIXES["dct"]
    subject = NamedNode(entry.iri)

    def say(predicate: str, value: NamedNode | Literal, about: NamedNode = subject) -> Triple:
        return Triple(about, NamedNode(predicate), value)

    publisher = NamedNode(f"urn:gridspine:member:{entry.publisher}")
    yield say(f"{RDF}type", NamedNode(f"{dcat}Dataset"))
    yield say(f"{dct}identifier", Literal(entry.id))
    yield say(f"{dct}title", Literal(entry.title, language="en"))
    yield say(f"{dct}publisher", publisher)
    yield say(f"{PREFIXES['rdfs']}label", Literal(entry.publisher_name), publisher)
    if entry.issued is not None:
        issued = entry.issued.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        yield say(f"{dct}issued", Literal(issued, datatype=NamedNode(f"{XSD}dateTime")))
        yield say(f"{dcat}version", Literal(str(entry.version)))
    yield say(f"{GS}withheld", NamedNode(f"{GS}{entry.withheld}"))
    yield say(f"{GS}triples", Literal(entry.triples))
    if entry.description:
        yield say(f"{dct}description", Literal(entry.description, language="en"))
    if entry.licence:
        yield say(f"{dct}license", NamedNode(entry.licence))
    if entry.contact:
        yield say(f"{dcat}contactPoint", NamedNode(entry.contact))
    if entry.conforms is not None:
        yield say(f"{GS}conforms", Literal(entry.conforms))
    for pack in entry.packs:
        yield say(f"{GS}pack", Literal(pack))
    if entry.receipt:
        yield say(f"{GS}receipt", Literal(entry.receipt))
    if entry.endpoint:
        service = NamedNode(entry.endpoint)
        yield say(f"{RDF}type", NamedNode(f"{dcat}DataService"), service)
        yield say(f"{dcat}endpointURL", service, service)
        yield say(f"{dcat}servesDataset", subject, service)
    for model in entry.models:
        part = NamedNode(model.iri)
        yield say(f"{dct}hasPart", part)
        for profile in model.profiles:
            yield say(f"{dct}conformsTo", _iri_or_text(profile), part)
        yield say(f"{GS}triples", Literal(model.triples), part)


def _iri_or_text(value: str) -> NamedNode | Literal:
    try:
        return NamedNode(value)
    except ValueError:
        return Literal(value)
