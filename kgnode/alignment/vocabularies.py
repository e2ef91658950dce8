"""Vocabularies that an owner adds, so that stewards see labels, definitions and what stands around.

In: RDFS or OWL documents (Turtle, N-Triples, RDF/XML), such as IES4 or the CIM profiles. Out: the
``Term``s they describe. They are kept beside the mapping sets, ``HOME/mappings/NAME.vocabulary.*``;
the product itself brings facts about terms, but no definitions of others.
"""

from __future__ import annotations

from collections import abc
from pathlib import Path

import pyoxigraph as ox

from kgnode.alignment.slots import OWL, SKOS
from kgnode.alignment.sssom_rdf import Said, facts_of
from kgnode.alignment.terms import Term, TermKind
from kgnode.cim.namespaces import split
from kgnode.errors import BadMapping
from kgnode.names import RDF, RDFS

MIDDLE = ".vocabulary."
ENDINGS = ("ttl", "nt", "rdf")
_KINDS: dict[str, TermKind] = {
    f"{RDFS}Class": "class",
    f"{OWL}Class": "class",
    f"{RDF}Property": "property",
    f"{OWL}ObjectProperty": "property",
    f"{OWL}DatatypeProperty": "property",
    f"{OWL}AnnotationProperty": "property",
}
_LABELS = (f"{RDFS}label", f"{SKOS}prefLabel")
_DEFINITIONS = (f"{SKOS}definition", f"{RDFS}comment", "http://purl.org/dc/terms/description")
_PARENTS = (f"{RDFS}subClassOf", f"{RDFS}subPropertyOf")
_RANGES = (f"{RDFS}range", "http://iec.ch/TC57/1999/rdf-schema-extensions-19990926#dataType")
_LONGEST = 2_000
"""Characters of a definition that are kept."""


def read_vocabulary(content: bytes, form: str, *, file: str | None = None) -> tuple[Term, ...]:
    """Return the classes and properties that a document describes.

    Args:
        content: the document.
        form: ttl, nt or rdf.
        file: its name in messages.

    Raises:
        BadMapping: it is no RDF, or describes no class and no property.
    """
    facts, _ = facts_of(content, form, file)
    found = []
    for node, said in facts.items():
        types = {value.value for name, value in said if name == f"{RDF}type"}
        kind = next((_KINDS[one] for one in sorted(types) if one in _KINDS), None)
        if kind is not None and isinstance(node, ox.NamedNode):
            found.append(_term(node.value, kind, said))
    if not found:
        raise BadMapping(
            "The document describes no class and no property.",
            hint="Give a vocabulary in RDFS or OWL.",
            file=file,
        )
    return tuple(found)


def kept_vocabularies(folder: Path) -> tuple[Path, ...]:
    """Return the files of the vocabularies kept in a folder."""
    return tuple(sorted(p for one in ENDINGS for p in folder.glob(f"*{MIDDLE}{one}")))


def _term(iri: str, kind: TermKind, said: Said) -> Term:
    return Term(
        iri,
        _words(said, _LABELS) or split(iri)[1] or iri,
        _words(said, _DEFINITIONS)[:_LONGEST],
        _named(said, _PARENTS),
        kind,
        _named(said, (f"{RDFS}domain",)),
        _named(said, _RANGES),
        _named(said, (f"{OWL}disjointWith",)),
    )


def _words(said: Said, names: abc.Sequence[str]) -> str:
    """Return the text of the first property that has any, English or without a language first."""
    for name in names:
        texts = [value for one, value in said if one == name and isinstance(value, ox.Literal)]
        texts.sort(key=lambda text: (text.language or "en").partition("-")[0] != "en")
        if texts:
            return " ".join(texts[0].value.split())
    return ""


def _named(said: Said, names: abc.Container[str]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            value.value for name, value in said if name in names and isinstance(value, ox.NamedNode)
        )
    )
