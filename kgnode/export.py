"""Models out of the record: as CIM XML that other tools open, or as RDF.

In: stored models. Out: a zip with one CIM XML file per authority and profile, or one RDF file.
CIM XML goes out with the identifiers and literals as they came in; RDF as it is queried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode, Quad, RdfFormat, Triple, serialize

from kgnode.cim.headers import Header
from kgnode.cim.writer import ExportModel, write_zip
from kgnode.errors import BadRequest
from kgnode.names import PREFIXES
from kgnode.store.cells import StoredModel
from kgnode.store.record import Record

RDF_FORMATS = {
    "nq": RdfFormat.N_QUADS,
    "trig": RdfFormat.TRIG,
    "ttl": RdfFormat.TURTLE,
    "nt": RdfFormat.N_TRIPLES,
}


def model_triples(record: Record, model: StoredModel) -> Iterator[Triple]:
    """Iterate over the triples of a model, whatever cells they stand in."""
    for cell in model.cells:
        yield from record.triples(cell.iri)


def export_models(
    record: Record, models: Sequence[StoredModel], out: Path, form: str
) -> dict[str, Any]:
    """Write models to ``out`` and return ``{"out", "as", "models", "triples"}``.

    Raises:
        BadRequest: no such form, or nothing to export.
    """
    if not models:
        raise BadRequest("There is no model to export.", hint="Name data sets that have models.")
    if form == "cim":
        write_zip([export_model(record, model) for model in models], out)
    elif form in RDF_FORMATS:
        _write_rdf(record, models, out, RDF_FORMATS[form])
    else:
        raise BadRequest(
            f"There is no export as {form}.", hint=f"Use cim, {', '.join(RDF_FORMATS)}."
        )
    return {
        "out": str(out),
        "as": form,
        "models": [model.iri for model in models],
        "triples": sum(model.triples for model in models),
    }


def export_model(record: Record, model: StoredModel) -> ExportModel:
    """Return a stored model as the CIM XML writer takes it."""
    return ExportModel(
        header=model.header,
        triples=list(model_triples(record, model)),
        spelling=record.spelling(model.content_hash),
        name=file_name(model.header),
    )


def file_name(header: Header) -> str:
    """Return the file's name inside the zip: time, authority, profiles (IEC 61970-600-1)."""
    time = "".join(c for c in header.scenario_time or "" if c.isalnum())[:13]
    authority = (header.authority or "model").rstrip("/#").rpartition("/")[2] or "model"
    kept = "".join(c if c.isalnum() or c in "-." else "_" for c in authority)
    profiles = "-".join(header.keywords) or "RDF"
    return f"{time or 'undated'}_{kept}_{profiles}_{header.version or '1'}.xml"


def _write_rdf(record: Record, models: Sequence[StoredModel], out: Path, form: RdfFormat) -> None:
    def quads() -> Iterator[Quad]:
        for model in models:
            graph = NamedNode(model.iri)
            for triple in model_triples(record, model):
                yield Quad(triple.subject, triple.predicate, triple.object, graph)

    triples = (quad.triple for quad in quads())
    temporary = out.with_name(f".{out.name}.part")
    with temporary.open("wb") as stream:
        serialize(
            quads() if form.supports_datasets else triples, stream, format=form, prefixes=PREFIXES
        )
    temporary.replace(out)
