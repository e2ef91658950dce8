"""A home that holds a vocabulary shows, weighs and checks with what it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kgnode.alignment.shelf import Shelf
from kgnode.alignment.vocabularies import read_vocabulary
from kgnode.errors import BadMapping, BadRequest, Forbidden
from tests.kgnode.mapping_world import R1, World, make_world

WORDS = """@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix a: <https://a.example#> .
a:Line a owl:Class ; rdfs:label "ligne"@fr , "Line"@en ; rdfs:subClassOf a:Thing , [] ;
  rdfs:comment "A span\\n  between poles." ; owl:disjointWith a:Area .
a:len a owl:DatatypeProperty ; rdfs:domain a:Line ; skos:definition "How long." .
a:one a a:Line ; rdfs:comment "No term." ."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.node.close()


def test_terms_are_read_with_all_that_is_said_of_them() -> None:
    line, length = read_vocabulary(WORDS.encode(), "ttl")
    assert (line.label, line.definition) == ("Line", "A span between poles.")
    assert (line.kind, line.parents) == ("class", ("https://a.example#Thing",))
    assert line.disjoint == ("https://a.example#Area",)
    assert (length.kind, length.domains) == ("property", ("https://a.example#Line",))
    assert (length.label, length.definition) == ("len", "How long.")


@pytest.mark.parametrize(
    "content", ["", "a b c", "<urn:a> <urn:b> <urn:c> .", "<< " * 40 + "<urn:a>"]
)
def test_what_is_no_vocabulary_is_refused_and_not_kept(content: str, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    with pytest.raises(BadMapping):
        shelf.keep_vocabulary("words", content.encode(), "ttl")
    for name, form in (("../words", "ttl"), ("words", "exe")):
        with pytest.raises(BadRequest):
            shelf.keep_vocabulary(name, WORDS.encode(), form)
    assert list(tmp_path.iterdir()) == []


def test_what_a_home_holds_is_shown_beside_a_mapping(world: World) -> None:
    assert world.do("show", id=R1)["mappings"][0]["subject"]["definition"] == ""
    told = world.do("vocabulary", set="words", content=WORDS, form="ttl")
    assert told == {"vocabulary": "words", "terms": 2}
    shown = world.do("show", id=R1)["mappings"][0]["subject"]
    assert shown["definition"] == "A span between poles."
    assert shown["parents"] == ["https://a.example#Thing"]
    assert "small" in [one["name"] for one in world.do("list")["sets"]]
    assert "words" not in [one["name"] for one in world.do("list")["sets"]]
    again = WORDS.replace("between poles", "of wire")
    world.do("vocabulary", set="words", content=again, form="ttl")
    assert "of wire" in world.do("show", id=R1)["mappings"][0]["subject"]["definition"]


def test_conflicts_are_found_by_what_it_says(world: World) -> None:
    world.do("vocabulary", set="words", content=WORDS, form="ttl")
    made = world.do(
        "propose", "anna@NESO", subject="https://b.example#Asset", relation="broader",
        object="https://a.example#Area",
    )  # fmt: skip
    assert "disjoint" in {one["kind"] for one in made["changed"][0]["conflicts"]}


def test_only_the_homes_own_steward_adds_one(world: World) -> None:
    with pytest.raises(Forbidden):
        world.do("vocabulary", "anna@NESO", set="words", content=WORDS, form="ttl")
