from __future__ import annotations

import re
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgnode.errors import GridspineError, MalformedQuery
from kgnode.query.parse import _parse as read_in_full
from kgnode.query.parse import parse, plain


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("SELECT * {}", "SELECT"),
        ("select ?x where {}", "SELECT"),
        ("PREFIX a: <http://x/> BASE <http://y/> ASK {}", "ASK"),
        ("# c\nCONSTRUCT WHERE { ?s ?p ?o }", "CONSTRUCT"),
        ("DESCRIBE <http://x/>", "DESCRIBE"),
        ("INSERT DATA { <a:a> <a:b> 1 }", "UPDATE"),
        ("LOAD <http://x/>", "UPDATE"),
        ("WITH <a:a> DELETE {} WHERE {}", "UPDATE"),
    ],
)
def test_the_form_is_the_first_word_after_the_prologue(text: str, form: str) -> None:
    assert parse(text).form == form


@pytest.mark.parametrize("text", ["", "  # nothing", "PREFIX a: <http://x/>", "HELLO {}", "?x"])
def test_a_text_without_a_form_is_malformed(text: str) -> None:
    with pytest.raises(MalformedQuery):
        parse(text)


def test_dataset_clauses_are_found_resolved_and_blanked_out() -> None:
    text = (
        "BASE <http://b/x/> PREFIX g: <../g#>\n"
        "SELECT * FROM <one> from named\n g:two FROM NAMED <urn:t\\u0068ree> "
        "WHERE { ?from ?p 'FROM' }"
    )
    parsed = parse(text)
    assert parsed.from_default == ("http://b/x/one",)
    assert parsed.from_named == ("http://b/g#two", "urn:three")
    bare = parsed.without_dataset()
    assert len(bare) == len(text)
    assert bare.count("\n") == text.count("\n")
    assert parse(bare).clauses == ()
    assert "?from ?p 'FROM'" in bare


def test_a_construct_keeps_its_template_when_its_dataset_goes() -> None:
    parsed = parse("CONSTRUCT { ?s ?p ?o } FROM <urn:a> WHERE { ?s ?p ?o }")
    assert parsed.from_default == ("urn:a",)
    assert parsed.without_dataset().split() == (
        ["CONSTRUCT", "{", "?s", "?p", "?o", "}", "WHERE", "{", "?s", "?p", "?o", "}"]
    )


@pytest.mark.parametrize(
    "text", ["SELECT * FROM {}", "SELECT * FROM a:b {}", "SELECT * FROM <rel> {}"]
)
def test_a_dataset_clause_without_a_usable_graph_is_malformed(text: str) -> None:
    with pytest.raises(MalformedQuery):
        parse(text)


@pytest.mark.parametrize(
    ("text", "repeatable"),
    [
        ("SELECT (NOW() AS ?t) {}", False),
        ("SELECT * { BIND(rand() AS ?r) }", False),
        ("SELECT * { ?now ?p 'NOW()' }", True),
    ],
)
def test_what_changes_from_run_to_run_is_known(text: str, repeatable: bool) -> None:
    assert parse(text).repeatable is repeatable


def test_spans_of_the_tree_are_those_of_the_text() -> None:
    text = 'SELECT * { ?s ?p "caf\\u00E9é" ; a <http://x/\\u0061> FILTER(ISIRI(?s)) }'
    parsed = parse(text)
    assert parsed.readable
    raw = text.encode()
    assert [raw[n.start_byte : n.end_byte] for n in parsed.nodes("iri_reference")] == [
        b"<http://x/\\u0061>"
    ]


def test_the_tree_ends_comments_where_sparql_does() -> None:
    parsed = parse("SELECT * { # c\rSERVICE <http://x/> { ?s ?p ?o } }")
    assert next(parsed.nodes("service_graph_pattern"), None) is not None


def test_both_readings_accept_every_valid_query_of_the_w3c_suites(test_data: Path) -> None:
    store = ox.Store()
    unread = []
    suites = test_data / "suites" / "w3c_sparql"
    files = [*suites.glob("sparql10/*/*.rq"), *suites.glob("sparql11/*/*.rq")]
    assert len(files) > 500
    for file in files:
        text = "BASE <http://base.example/>\n" + file.read_bytes().decode()
        if re.search("service", text, re.IGNORECASE):
            continue
        try:
            store.query(text)
        except SyntaxError:
            continue
        except (OSError, RuntimeError):
            pass
        try:
            parsed = parse(text)
        except GridspineError as error:
            pytest.fail(f"{file.name} is valid but was refused: {error}")
        if not parsed.readable:
            unread.append(file.name)
    assert sorted(unread) == ["syn-pname-09.rq", "syntax-form-construct06.rq", "syntax-qname-04.rq"]


def test_one_look_and_full_reading_agree_on_every_query_of_the_w3c_suites(
    test_data: Path,
) -> None:
    suites = test_data / "suites" / "w3c_sparql"
    looked = 0
    for file in [*suites.glob("sparql10/*/*.rq"), *suites.glob("sparql11/*/*.rq")]:
        text = file.read_bytes().decode()
        one_look = plain(text)
        if one_look is None:
            continue
        looked += 1
        try:
            full = read_in_full(text)
        except MalformedQuery:
            continue  # left to the engine
        for what in ("form", "clauses", "repeatable", "asks_graphs"):
            assert getattr(one_look, what) == getattr(full, what), (file.name, what)
        assert "SERVICE" not in full.keywords
    assert looked > 300


WORDS = [
    "SELECT", "ASK", " ", "\n", "#x\n", "PREFIX a: <http://x/> ", "BASE <http://x/>", "{", "}",
    "?x",
    "FROM", "<http://g/>", "NAMED", "GRAPH", "NOW()", "SERVICE", "'", '"', "\r", "a:b", "INSERT",
    "\\u0053", "service", "(", ")", "*", "DESCRIBE", "a:FROM", "_", "1",
]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_one_look_never_sees_less_than_a_full_reading(words: list[str]) -> None:
    text = "".join(words)
    one_look = plain(text)
    try:
        full = read_in_full(text)
    except MalformedQuery:
        return
    if one_look is not None:
        assert (one_look.form, one_look.clauses) == (full.form, full.clauses)
        assert (one_look.repeatable, one_look.asks_graphs) == (full.repeatable, full.asks_graphs)
        assert not full.keywords & {"SERVICE", "FROM", "GRAPH"}
