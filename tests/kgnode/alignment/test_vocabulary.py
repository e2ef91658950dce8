"""Our own vocabulary hangs together: by a reasoner, and by plain checks without one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import pyoxigraph as ox
import pytest

from kgnode.alignment.coherence import unsatisfiable
from kgnode.alignment.terms import known_terms
from kgnode.names import GS, RDF, RDFS, XSD
from tests.rules.vocabulary import FILES, LABELS, MEANINGS, OWL, SKOS, load, terms, values

ROOT = Path(__file__).parents[3]
TYPE = f"{RDF}type"
CLASS, THINGS, TEXTS = (f"{OWL}{k}" for k in ("Class", "ObjectProperty", "DatatypeProperty"))
NOTE = f"{OWL}AnnotationProperty"
EXAMPLES = {"gs:x", "gs:spelled"}
"""Names that the documentation makes up."""
USED = re.compile(r"\bgs:[A-Za-z][A-Za-z-]*\b|\{GS\}([A-Za-z][A-Za-z-]*)")


@pytest.fixture(scope="module")
def ours() -> ox.Store:
    """All files of ours."""
    store = ox.Store()
    for name in FILES:
        store.extend(load(name))
    return store


def _problems(store: ox.Store) -> list[str]:
    """Return what is wrong with a vocabulary, found without a reasoner."""
    known = known_terms()
    found = []
    for iri in terms(store):
        kinds = set(values(store, iri, TYPE)) & {CLASS, THINGS, TEXTS, NOTE, f"{SKOS}Concept"}
        if len(kinds) > 1:
            found.append(f"{iri} is two kinds of term")
        if not values(store, iri, *LABELS):
            found.append(f"{iri} has no label")
        if not values(store, iri, *MEANINGS):
            found.append(f"{iri} has no meaning")
        above = _above(store, iri)
        if iri in above:
            found.append(f"{iri} is above itself")
        for one in above - {iri}:
            if one.startswith(GS) and not values(store, one, TYPE):
                found.append(f"{iri} stands under {one}, which is not defined")
            if not one.startswith((GS, OWL, RDFS)) and not known.get(one).kind:
                found.append(f"{iri} stands under {one}, which no vocabulary has")
            if set(values(store, one, f"{OWL}disjointWith")) & (above | {iri}):
                found.append(f"{iri} stands under two disjoint classes")
        for end in values(store, iri, f"{RDFS}range"):
            textual = end.startswith((XSD, f"{RDFS}Literal"))
            if (TEXTS in kinds) != textual and kinds & {TEXTS, THINGS}:
                found.append(f"{iri} has values of another sort than its range")
        for end in values(store, iri, f"{RDFS}range", f"{RDFS}domain"):
            if end.startswith(GS) and not values(store, end, TYPE):
                found.append(f"{iri} speaks of {end}, which is not defined")
    return found


def _above(store: ox.Store, iri: str) -> set[str]:
    found: set[str] = set()
    level = {iri}
    while level:
        level = {
            up
            for one in level
            for up in values(store, one, f"{RDFS}subClassOf", f"{RDFS}subPropertyOf")
        } - found
        found |= level
    return found


def _statements(store: Iterable[ox.Quad]) -> str:
    """Return OWL that HermiT reads: classes, hierarchy, disjointness, domains and ranges."""
    known = known_terms()
    lines = set()
    classes = set()
    for quad in store:
        if quad.predicate.value == TYPE and quad.object.value.startswith(SKOS):  # type: ignore[union-attr]
            continue
        lines.add(f"{quad.subject} {quad.predicate} {quad.object} .")
        if quad.predicate.value == f"{RDFS}subClassOf":
            classes |= {quad.object.value, *known.above(quad.object.value)}  # type: ignore[union-attr]
    for iri in classes:
        lines.add(f"<{iri}> <{TYPE}> <{CLASS}> .")
        lines |= {f"<{iri}> <{RDFS}subClassOf> <{up}> ." for up in known.get(iri).parents}
    return "\n".join(sorted(lines))


def _one_each(store: ox.Store) -> list[ox.Quad]:
    """Return a member for each class, so that a reasoner must look at it."""
    return [
        ox.Quad(ox.NamedNode(f"urn:example:{n}"), ox.NamedNode(TYPE), ox.NamedNode(iri))
        for n, iri in enumerate(terms(store))
        if CLASS in values(store, iri, TYPE)
    ]


def test_the_vocabulary_is_sound_without_a_reasoner(ours: ox.Store) -> None:
    assert len(terms(ours)) >= 80
    assert _problems(ours) == []


@pytest.mark.skipif(not shutil.which("java"), reason="HermiT needs Java")
def test_a_reasoner_finds_every_class_possible(ours: ox.Store) -> None:
    assert unsatisfiable(_statements([*ours, *_one_each(ours)]), []) == []


SPOILT = {
    "is above itself": "gs:Rating rdfs:subClassOf gs:Mine . gs:Mine a owl:Class ; rdfs:label 'm' ; "
    "rdfs:comment 'Mine.' ; rdfs:subClassOf gs:Rating .",
    "stands under two disjoint classes": "gs:Mine a owl:Class ; rdfs:label 'm' ; "
    "rdfs:comment 'Mine.' ; rdfs:subClassOf gs:OpenState , gs:ClosedState .",
    "which is not defined": "gs:Mine a owl:Class ; rdfs:label 'm' ; rdfs:comment 'Mine.' ; "
    "rdfs:subClassOf gs:Missing .",
    "which no vocabulary has": "gs:Mine a owl:Class ; rdfs:label 'm' ; rdfs:comment 'Mine.' ; "
    "rdfs:subClassOf <http://ies.data.gov.uk/ontology/ies4#Mesure> .",
    "values of another sort": "gs:mine a owl:ObjectProperty ; rdfs:label 'm' ; "
    "rdfs:comment 'Mine.' ; rdfs:range <http://www.w3.org/2001/XMLSchema#double> .",
    "two kinds of term": "gs:Rating a owl:ObjectProperty .",
    "has no label": "gs:mine a owl:Class ; rdfs:comment 'Mine.' .",
    "has no meaning": "gs:mine a owl:Class ; rdfs:label 'm' .",
}


def _spoilt(ours: ox.Store, text: str) -> ox.Store:
    store = ox.Store()
    store.extend(ours)
    head = f"@prefix gs: <{GS}> . @prefix owl: <{OWL}> . @prefix rdfs: <{RDFS}> . "
    store.load((head + text).encode(), format=ox.RdfFormat.TURTLE)
    return store


@pytest.mark.parametrize("fault", SPOILT)
def test_the_plain_check_notices(fault: str, ours: ox.Store) -> None:
    assert any(fault in problem for problem in _problems(_spoilt(ours, SPOILT[fault])))


@pytest.mark.skipif(not shutil.which("java"), reason="HermiT needs Java")
def test_the_reasoner_notices(ours: ox.Store) -> None:
    store = _spoilt(ours, SPOILT["stands under two disjoint classes"])
    assert unsatisfiable(_statements(store), []) == [f"{GS}Mine"]


def test_every_word_of_ours_that_is_used_is_defined(ours: ox.Store) -> None:
    defined = {f"gs:{iri.removeprefix(GS)}" for iri in terms(ours)}
    for folder in ("kgnode", "federation", "shapes", "ontologies", "docs"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix not in {".py", ".ttl", ".rq", ".md", ".json", ".tsv"}:
                continue
            for found in USED.finditer(path.read_text(encoding="utf-8")):
                name = f"gs:{found[1]}" if found[1] else found[0]
                assert name in defined | EXAMPLES, (str(path.relative_to(ROOT)), name)
