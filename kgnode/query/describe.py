"""What the endpoint can do, as RDF.

In: the endpoint's address, the caller's own view. Out: a service description in the format the
client accepts. Follows SPARQL 1.1 Service Description; the graphs named are those this caller sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyoxigraph as ox

from kgnode.names import RDF, XSD
from kgnode.policy.caller import Caller
from kgnode.query.answer import SparqlAnswer
from kgnode.query.desk import Desk
from kgnode.query.protocol import SparqlRequest
from kgnode.query.serialise import engine_format, negotiate
from kgnode.store.cells import StoredModel

SD = "http://www.w3.org/ns/sparql-service-description#"
VOID = "http://rdfs.org/ns/void#"
_FORMATS = "http://www.w3.org/ns/formats/"
RESULT_FORMATS = tuple(
    _FORMATS + name
    for name in (
        "SPARQL_Results_JSON",
        "SPARQL_Results_XML",
        "SPARQL_Results_CSV",
        "SPARQL_Results_TSV",
        "Turtle",
        "N-Triples",
        "RDF_XML",
        "JSON-LD",
        "N-Quads",
        "TriG",
    )
)


async def describe(
    request: SparqlRequest, caller: Caller, address: str, desk: Desk
) -> SparqlAnswer:
    """Answer a request without a query.

    Raises:
        NotAcceptable: the client accepts no RDF format.
    """
    media_type = negotiate(request.accept, "CONSTRUCT")
    seen = desk.see(caller, request.at)
    models = [model for m in seen.manifests if not m.aside for model in m.models]
    named = models if desk.settings.view_named_graphs else []
    triples = service_description(address, named, sum(model.triples for model in models))
    written_as = ox.RdfFormat.from_media_type(engine_format(media_type, "CONSTRUCT"))
    prefixes = {"sd": SD, "void": VOID, "formats": _FORMATS}
    content = ox.serialize(triples, format=written_as, prefixes=prefixes)
    headers = (("Gridspine-Policy", seen.digest),)
    return SparqlAnswer(200, headers, media_type, content=content or b"")


def service_description(
    address: str, named: Iterable[StoredModel], default_triples: int | None
) -> Iterator[ox.Triple]:
    """Yield the description of a service; ``default_triples`` None where it is not known."""
    service = ox.BlankNode("service")
    dataset, default = ox.BlankNode("dataset"), ox.BlankNode("default")
    rdf_type = ox.NamedNode(RDF + "type")
    yield ox.Triple(service, rdf_type, ox.NamedNode(SD + "Service"))
    yield ox.Triple(service, ox.NamedNode(SD + "endpoint"), ox.NamedNode(address))
    language = ox.NamedNode(SD + "SPARQL11Query")
    yield ox.Triple(service, ox.NamedNode(SD + "supportedLanguage"), language)
    for result_format in RESULT_FORMATS:
        yield ox.Triple(service, ox.NamedNode(SD + "resultFormat"), ox.NamedNode(result_format))
    yield ox.Triple(service, ox.NamedNode(SD + "defaultDataset"), dataset)
    yield ox.Triple(dataset, rdf_type, ox.NamedNode(SD + "Dataset"))
    yield ox.Triple(dataset, ox.NamedNode(SD + "defaultGraph"), default)
    yield ox.Triple(default, rdf_type, ox.NamedNode(SD + "Graph"))
    if default_triples is not None:
        yield ox.Triple(default, ox.NamedNode(VOID + "triples"), _count(default_triples))
    for model in named:
        place, graph = ox.BlankNode(), ox.BlankNode()
        yield ox.Triple(dataset, ox.NamedNode(SD + "namedGraph"), place)
        yield ox.Triple(place, rdf_type, ox.NamedNode(SD + "NamedGraph"))
        yield ox.Triple(place, ox.NamedNode(SD + "name"), ox.NamedNode(model.iri))
        yield ox.Triple(place, ox.NamedNode(SD + "graph"), graph)
        yield ox.Triple(graph, rdf_type, ox.NamedNode(SD + "Graph"))
        yield ox.Triple(graph, ox.NamedNode(VOID + "triples"), _count(model.triples))


def _count(number: int) -> ox.Literal:
    return ox.Literal(str(number), datatype=ox.NamedNode(XSD + "integer"))
