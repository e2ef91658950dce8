"""Hostile packs are refused or cut with a word, and leave nothing running."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from kgnode.assurance.guard import validate_guarded
from kgnode.assurance.limits import Limits
from kgnode.assurance.packs import load_packs
from kgnode.assurance.validate import validate
from kgnode.cim.reader import ReadContext, read
from kgnode.cim.staged import Staged
from kgnode.errors import BadShapes, Deadline, Unexpected

PREFIXES = """
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix ex: <http://example.org/> .
"""
ENDLESS = """SELECT $this ?value WHERE {
  $this ex:p ?o . ?a ?b ?value . ?c ?d ?e . ?f ?g ?h . ?i ?j ?k .
  FILTER(STRLEN(CONCAT(STR(?a), STR(?c), STR(?f), STR(?i))) = 1)
}"""
FLOOD = """SELECT $this ?value WHERE {
  $this ex:p ?o . ?a ex:p ?b . ?c ex:p ?d . BIND(CONCAT(?o, ?b, ?d) AS ?value)
}"""
"""300 x 300 x 300 rows, all different."""
HOARD = """SELECT $this (GROUP_CONCAT(CONCAT(?b, ?d, STR(?c)); separator='') AS ?value) WHERE {
  $this ex:p ?o . ?a ex:p ?b . ?c ex:p ?d . ?e ex:p ?f
} GROUP BY $this"""
"""300 texts of 27 million parts."""


def shape(query: str) -> str:
    return (
        PREFIXES
        + "ex: sh:declare [ sh:prefix 'ex' ; sh:namespace 'http://example.org/' ] .\n"
        + "ex:S a sh:NodeShape ; sh:targetClass ex:C ; sh:sparql ex:q .\n"
        + f"ex:q sh:prefixes ex: ; sh:message 'no' ; sh:select '''{query}''' .\n"
    )


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Staged:
    file = tmp_path_factory.mktemp("data") / "data.ttl"
    lines = [f"ex:n{n} a ex:C ; ex:p 'value {n}' ." for n in range(300)]
    file.write_text("@prefix ex: <http://example.org/> .\n" + "\n".join(lines))
    return read([file], ReadContext("https://a.example/id#", "https://b.example/id#"))


def pack_of(folder: Path, text: str):  # type: ignore[no-untyped-def]
    file = folder / "hostile.ttl"
    file.write_text(text)
    return load_packs([file])


def test_a_guarded_validation_gives_the_same_report(staged: Staged, tmp_path: Path) -> None:
    packs = pack_of(tmp_path, shape("SELECT $this ?value WHERE { $this ex:p ?value }"))
    plain = validate(staged, packs)
    guarded = validate_guarded(staged, packs, limits=Limits(deadline_seconds=60))
    assert len(plain.results) == 300
    assert sorted(r.key for r in guarded.results) == sorted(r.key for r in plain.results)
    assert guarded.causes[0].examples[0].asset.file == plain.causes[0].examples[0].asset.file
    assert guarded.turtle()


def test_an_endless_pattern_is_ended_at_the_deadline(staged: Staged, tmp_path: Path) -> None:
    packs = pack_of(tmp_path, shape(ENDLESS))
    with pytest.raises(Deadline, match=r"stopped after 2 s"):
        validate_guarded(staged, packs, limits=Limits(deadline_seconds=2))
    left = [child for child in psutil.Process().children() if "guard" in " ".join(child.cmdline())]
    assert left == []


def test_a_rule_that_takes_too_much_memory_ends_alone(staged: Staged, tmp_path: Path) -> None:
    packs = pack_of(tmp_path, shape(HOARD))
    limits = Limits(deadline_seconds=60, memory_bytes=250 << 20)
    with pytest.raises(Unexpected, match="no report") as ended:
        validate_guarded(staged, packs, limits=limits)
    assert "validation_memory_bytes" in (ended.value.hint or "")


def test_ten_million_results_are_cut_with_a_word(staged: Staged, tmp_path: Path) -> None:
    packs = pack_of(tmp_path, shape(FLOOD))
    report = validate(staged, packs, limits=Limits(results_per_check=1000))
    assert len(report.results) == 1000
    assert not report.passes
    assert any(note.startswith("CUT: ex:S") or "CUT" in note for note in report.notes)
    assert "CUT" in report.text()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT $this WHERE { SERVICE <http://127.0.0.1:9/> { $this ?p ?o } }",
        "SELECT $this WHERE { $this ?p ?o . FILTER EXISTS { SERVICE SILENT ?x { ?s ?p ?o } } }",
        "SELECT $this FROM <http://127.0.0.1:9/> WHERE { $this ?p ?o }",
        "SELECT $this WHERE { $this ?p ?o . service <http://127.0.0.1:9/> { ?a ?b ?c } }",
    ],
)
def test_a_query_that_reaches_out_is_refused_before_it_runs(tmp_path: Path, query: str) -> None:
    with pytest.raises(BadShapes, match="may not be used in a shape"):
        pack_of(tmp_path, shape(query))


SERVICE = "SERVICE <http://127.0.0.1:9/> { $this ex:p ?v }"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT $this WHERE { # \r " + SERVICE + " \n $this ex:p ?v }",
        "SELECT $this WHERE { " + SERVICE.replace("S", "\\\\u0053", 1) + " }",
        "SELECT $this WHERE { $this ex:p ?a , ?b FILTER(?a<?b)SERVICE?x#>\n{ $this ex:p ?v } }",
        "SELECT $this WHERE { $this ex:p ?v FILTER(" + "(" * 2000 + "1" + ")" * 2000 + ") }",
        "SELECT $this WHERE { $this ex:p ?v FILTER(" + "!" * 50_000 + "true) }",
        "SELECT $this WHERE { $this ex:p ?v FILTER(1" + " + 1" * 50_000 + " > 0) }",
        "SELECT $this WHERE { {$this ex:p ?v}" + " UNION {$this ex:p ?v}" * 20_000 + " }",
    ],
    ids=["return", "escape", "less than", "brackets", "signs", "sums", "unions"],
)
@pytest.mark.parametrize("target", [False, True], ids=["constraint", "target"])
def test_what_readers_part_differently_or_fall_over_is_refused_unread(
    tmp_path: Path, query: str, target: bool
) -> None:
    text = shape(query)
    if target:
        text = PREFIXES + (
            "ex: sh:declare [ sh:prefix 'ex' ; sh:namespace 'http://example.org/' ] .\n"
            "ex:S a sh:NodeShape ; sh:target [ a sh:SPARQLTarget ; sh:prefixes ex: ; "
            f"sh:select '''{query}''' ] ; sh:property [ sh:path ex:p ; sh:minCount 3 ] .\n"
        )
    with pytest.raises(BadShapes):
        pack_of(tmp_path, text)


@pytest.mark.parametrize(
    "shapes",
    [
        "ex:S sh:property [ sh:path " + "[ sh:inversePath " * 900 + "ex:p" + " ]" * 900 + " ] .",
        "ex:S sh:node ex:S0 . "
        + " ".join(f"ex:S{n} sh:node ex:S{n + 1} ." for n in range(900))
        + " ex:S900 sh:class ex:D .",
        "ex:S sh:not " + "[ sh:not " * 900 + "[ sh:class ex:D ]" + " ]" * 900 + " .",
    ],
    ids=["path", "nodes", "not"],
)
def test_shapes_and_paths_nested_without_end_are_refused(tmp_path: Path, shapes: str) -> None:
    with pytest.raises(BadShapes):
        pack_of(tmp_path, PREFIXES + "ex:S a sh:NodeShape ; sh:targetClass ex:C . " + shapes)


def test_a_rule_that_reaches_out_is_refused_too(tmp_path: Path) -> None:
    text = shape("SELECT $this WHERE { $this ex:q 1 }") + (
        'ex:S sh:rule [ a sh:SPARQLRule ; sh:construct "CONSTRUCT { $this a ex:D } '
        'WHERE { SERVICE <http://127.0.0.1:9/> { ?a ?b ?c } }" ] .'
    )
    with pytest.raises(BadShapes, match="SERVICE"):
        pack_of(tmp_path, text)


def test_a_word_that_only_looks_like_a_keyword_is_no_reason_to_refuse(tmp_path: Path) -> None:
    query = 'SELECT $this WHERE { $this ex:inService ex:service . FILTER(STR($this) != "SERVICE") }'
    assert pack_of(tmp_path, shape(query))
