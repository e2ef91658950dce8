"""Models out of the record: as CIM XML that other tools open, or as RDF.

In: stored models. Out: a zip with one CIM XML file per authority and profile, or one RDF file.
CIM XML goes out with the identifiers and literals as they came in; RDF as it is queried.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Triple, serialize

from kgnode.cim.convert import as_published, by_vocabulary
from kgnode.cim.difference import Version, write_difference
from kgnode.cim.writer import ExportModel, file_name, write_model, write_zip, zip_entry
from kgnode.errors import BadRequest
from kgnode.names import PREFIXES
from kgnode.store.cells import Manifest, StoredModel
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
    record: Record,
    models: Sequence[StoredModel],
    out: Path,
    form: str,
    *,
    datatypes: str = "held",
) -> dict[str, Any]:
    """Write models to ``out`` and return ``{"out", "as", "models", "triples"}``.

    Args:
        record: where they are kept.
        models: what to write.
        out: the file.
        form: cim, nq, trig, ttl or nt.
        datatypes: RDF only: ``held`` (``xsd:double``) or ``vocabulary`` (``xsd:float``).

    Raises:
        BadRequest: no such form or datatypes, or nothing to export.
    """
    if not models:
        raise BadRequest("There is no model to export.", hint="Name data sets that have models.")
    published = by_vocabulary(datatypes)
    if form == "cim":
        plain = [model.iri for model in models if model.header.kind == "rdf"]
        if plain:
            raise BadRequest(
                f"{plain[0]} is no CIM model.", hint=f"Use --as {', '.join(RDF_FORMATS)}."
            )
        write_zip([export_model(record, model) for model in models], out)
    elif form in RDF_FORMATS:
        _write_rdf(record, models, out, RDF_FORMATS[form], published=published)
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


def export_difference(record: Record, old: Manifest, new: Manifest, out: Path) -> dict[str, Any]:
    """Write what leads from one version of a data set to another, as difference models in a zip.

    Models that only the new version has are written whole; those only in the old one are named as
    ``removed``, since a difference model cannot take a whole model away.

    Raises:
        BadRequest: the versions do not differ.
    """
    changed, added, removed = _compared(old, new)
    if not (changed or added or removed):
        raise BadRequest(
            f"Versions {old.number} and {new.number} do not differ.", hint="Name two others."
        )
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for before, after in changed:
            name = f"{file_name(after.header).removesuffix('.xml')}_DIFF.xml"
            with archive.open(zip_entry(name), "w", force_zip64=True) as stream:
                write_difference(_version(record, before), _version(record, after), stream)
        for model in added:
            whole = export_model(record, model)
            with archive.open(zip_entry(whole.name), "w", force_zip64=True) as stream:
                write_model(whole.triples, whole.header, whole.spelling, stream)
    return {
        "out": str(out),
        "as": "cim",
        "from": old.number,
        "to": new.number,
        "models": [model.iri for _, model in changed] + [model.iri for model in added],
        "removed": [model.iri for model in removed],
    }


def _compared(
    old: Manifest, new: Manifest
) -> tuple[list[tuple[StoredModel, StoredModel]], list[StoredModel], list[StoredModel]]:
    """Pair the models of two versions: (before, after) that differ, added, removed."""
    rest = {model.iri: model for model in old.models}
    changed, added = [], []
    for model in new.models:
        before = rest.pop(model.iri, None) or next(
            (other for other in rest.values() if model.header.replaces(other.header)), None
        )
        if before is None:
            added.append(model)
            continue
        rest.pop(before.iri, None)
        if before.content_hash != model.content_hash:
            changed.append((before, model))
    return changed, added, list(rest.values())


def _version(record: Record, model: StoredModel) -> Version:
    triples = list(model_triples(record, model))
    return Version(model.header, triples, record.spelling(model.content_hash))


def _write_rdf(
    record: Record, models: Sequence[StoredModel], out: Path, form: RdfFormat, *, published: bool
) -> None:
    def quads() -> Iterator[Quad]:
        for model in models:
            graph = NamedNode(model.iri)
            for triple in model_triples(record, model):
                value = triple.object
                if published and isinstance(value, Literal):
                    value = as_published(triple.predicate.value, value)
                yield Quad(triple.subject, triple.predicate, value, graph)

    triples = (quad.triple for quad in quads())
    temporary = out.with_name(f".{out.name}.part")
    with temporary.open("wb") as stream:
        serialize(
            quads() if form.supports_datasets else triples, stream, format=form, prefixes=PREFIXES
        )
    temporary.replace(out)
