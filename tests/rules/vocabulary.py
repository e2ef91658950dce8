"""The page of our own vocabulary, made from the files of ``ontologies/``.

In: Turtle. Out: lines of Markdown, one section a file, one row a term: what it is, what is above
it, what it is said of, what it means. Used by ``tables.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyoxigraph as ox

from kgnode.names import GS, RDF, RDFS, resource_folder, shorten

OWL = "http://www.w3.org/2002/07/owl#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
FILES = (
    "gridspine-planning.ttl",
    "gridspine-ies4.ttl",
    "gridspine-catalogue.ttl",
    "gridspine-studies.ttl",
    "odrl-profile.ttl",
)
MEANINGS = (f"{RDFS}comment", f"{SKOS}definition", f"{SKOS}scopeNote")
LABELS = (f"{RDFS}label", f"{SKOS}prefLabel")
KINDS = {
    f"{OWL}Class": "class",
    f"{OWL}ObjectProperty": "property",
    f"{OWL}DatatypeProperty": "property",
    f"{OWL}AnnotationProperty": "note",
    f"{SKOS}Concept": "concept",
    f"{SKOS}ConceptScheme": "scheme",
}


def load(name: str) -> ox.Store:
    """Return a file of ours as a store."""
    store = ox.Store()
    store.load(path=resource_folder("ontologies") / name, format=ox.RdfFormat.TURTLE)
    return store


def values(store: ox.Store, subject: str, *predicates: str) -> list[str]:
    """Return the values of properties of a term, sorted."""
    return sorted(
        quad.object.value  # type: ignore[union-attr]
        for predicate in predicates
        for quad in store.quads_for_pattern(
            ox.NamedNode(subject), ox.NamedNode(predicate), None, None
        )
    )


def terms(store: ox.Store) -> list[str]:
    """Return the terms of ours that a file defines, in order of their names."""
    about = ox.NamedNode(f"{RDF}type")
    found = {
        quad.subject.value  # type: ignore[union-attr]
        for quad in store.quads_for_pattern(None, about, None, None)
    }
    return sorted(iri for iri in found if iri.startswith(GS))


def _said(store: ox.Store, iri: str) -> str:
    """Return what a term stands under, or from what to what it leads."""
    above = values(store, iri, f"{RDFS}subClassOf", f"{RDFS}subPropertyOf", f"{SKOS}inScheme")
    ends = [values(store, iri, f"{RDFS}{side}") for side in ("domain", "range")]
    if any(ends):
        one, other = (", ".join(f"`{shorten(each)}`" for each in end) or "anything" for end in ends)
        return f"{one} → {other}"
    return ", ".join(f"`{shorten(one)}`" for one in above)


def vocabulary() -> Iterator[str]:
    """Yield the page."""
    for name in FILES:
        text = (resource_folder("ontologies") / name).read_text(encoding="utf-8")
        store = load(name)
        yield f"## {name}"
        yield ""
        yield text.splitlines()[0].removeprefix("# ")
        yield ""
        yield "| Term | Is | Under, or from → to | Meaning |"
        yield "|---|---|---|---|"
        for iri in terms(store):
            types = values(store, iri, f"{RDF}type")
            kind = next((KINDS[one] for one in types if one in KINDS), f"`{shorten(types[0])}`")
            meaning = " ".join(values(store, iri, *MEANINGS)) or values(store, iri, *LABELS)[0]
            yield f"| `{shorten(iri)}` | {kind} | {_said(store, iri)} | {meaning} |"
        yield ""
