"""Files in one format out: ``kgnode convert``.

In: paths and the wanted format. Out: a file of RDF, or a zip of CIM XML, and a summary. No home is
needed; nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pyoxigraph import Literal as RdfLiteral
from pyoxigraph import NamedNode, Quad, RdfFormat, serialize

from kgnode.cim.datatypes import published_datatype
from kgnode.cim.reader import ReadContext, read
from kgnode.cim.repairs import Repair
from kgnode.cim.staged import Staged
from kgnode.cim.writer import ExportModel, file_name, write_zip
from kgnode.errors import BadRequest, StoreFull
from kgnode.names import PREFIXES

Format = Literal["nq", "trig", "ttl", "nt", "cim"]
FORMATS = {
    "nq": RdfFormat.N_QUADS,
    "trig": RdfFormat.TRIG,
    "ttl": RdfFormat.TURTLE,
    "nt": RdfFormat.N_TRIPLES,
}


@dataclass(frozen=True)
class Converted:
    """What was written."""

    models: int
    triples: int
    repairs: tuple[Repair, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the ``result`` of the command."""
        return {
            "models": self.models,
            "triples": self.triples,
            "repairs": [repair.to_json() for repair in self.repairs],
        }


def convert(
    paths: Sequence[Path],
    out: Path,
    as_format: Format,
    context: ReadContext,
    *,
    datatypes: str = "held",
) -> Converted:
    """Read files and write them in another format.

    Args:
        paths: files, folders and zips.
        out: the file to write; for ``cim`` a zip with one document per model.
        as_format: ``nq`` and ``trig`` keep one graph per model; ``ttl`` and ``nt`` merge them.
        context: bases, limits and strictness.
        datatypes: RDF only: ``held``, or ``vocabulary`` to write CIM Float as ``xsd:float``.

    Raises:
        InputError: as ``read``; BadRequest: an unknown format. StoreFull: ``out`` not writable.
    """
    if as_format not in (*FORMATS, "cim"):
        raise BadRequest(
            f"{as_format!r} is no format to convert to.", hint="Use nq, trig, ttl, nt or cim."
        )
    published = by_vocabulary(datatypes)
    staged = read(paths, context)
    try:
        if as_format == "cim":
            write_zip(exports(staged), out)
        else:
            _write_rdf(staged, out, as_format, published=published)
    except OSError as error:
        raise StoreFull(
            f"{out} cannot be written: {error.strerror or error}.",
            hint="Check the folder, its permissions and the free space.",
            file=str(out),
        ) from error
    return Converted(
        len(staged.models), sum(model.triples for model in staged.models), staged.repairs
    )


def exports(staged: Staged) -> Iterator[ExportModel]:
    """Yield every staged model as it would be exported."""
    for model in staged.models:
        yield ExportModel(
            model.header, staged.graph(model.iri), model.spelling, file_name(model.header)
        )


def _write_rdf(staged: Staged, out: Path, as_format: str, *, published: bool) -> None:
    graphs = as_format in ("nq", "trig")
    quads: Iterator[Any] = _quads(staged, published=published)
    if not graphs:
        quads = (triple for triple in dict.fromkeys(quad.triple for quad in quads))
    prefixes = PREFIXES if as_format in ("ttl", "trig") else None
    with out.open("wb") as stream:
        serialize(quads, stream, FORMATS[as_format], prefixes=prefixes)


def _quads(staged: Staged, *, published: bool) -> Iterator[Quad]:
    for model in staged.models:
        graph = NamedNode(model.iri)
        for triple in staged.graph(model.iri):
            value = triple.object
            if published and isinstance(value, RdfLiteral):
                value = as_published(triple.predicate.value, value)
            yield Quad(triple.subject, triple.predicate, value, graph)


def by_vocabulary(datatypes: str) -> bool:
    """Tell whether literals go out with the vocabulary's own datatypes.

    Raises:
        BadRequest: neither ``held`` nor ``vocabulary``.
    """
    if datatypes not in ("held", "vocabulary"):
        raise BadRequest(f"There are no datatypes {datatypes!r}.", hint="Use held or vocabulary.")
    return datatypes == "vocabulary"


def as_published(predicate: str, value: RdfLiteral) -> RdfLiteral:
    """Return a literal with the datatype the vocabulary itself gives its property."""
    published = published_datatype(predicate)
    if published is None or value.language or value.datatype.value == published:
        return value
    if value.datatype.value.endswith("#string"):
        return value
    return RdfLiteral(value.value, datatype=NamedNode(published))
