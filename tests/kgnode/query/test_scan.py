from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgnode.errors import MalformedQuery
from kgnode.query.scan import MAX_CHAIN, MAX_DEPTH, MAX_PATTERNS, scan


def kinds(text: str) -> list[tuple[str, str]]:
    return [(token.kind, token.text) for token in scan(text)]


def test_comments_strings_and_iris_hide_what_they_hold() -> None:
    text = """SELECT * { # SERVICE <x> {
      ?s <http://x/SERVICE#a> "SERVICE", 'it''s', '''a 'b' "c"
      SERVICE''', \"\"\"SERVICE \\\"\"\"\" }"""
    assert [word for kind, word in kinds(text) if kind == "word"] == ["SELECT"]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_comment_ends_at_every_line_end_that_sparql_knows(end: str) -> None:
    words = [word for kind, word in kinds(f"SELECT * {{ # c{end}SERVICE ?x {{}} }}")]
    assert "SERVICE" in words


@pytest.mark.parametrize(
    "text",
    [
        'SELECT * { ?s ?p "open }',
        "SELECT * { ?s ?p 'two\nlines' }",
        r"\u0053ELECT * {}",
        r"SELECT * { \u0053ERVICE <http://x/> {} }",
        "SELECT * { ?s ?p ?o ] }",
        "SELECT * { ?s ?p ?o ",
        "SELECT * } {",
        "SELECT * { ` }",
        "SELECT * {}\x00",
        "SELECT * { ?s\x0c?p ?o }",
        "SELECT * { ?s\u00a0?p ?o }",
        "\ufeffSELECT * {}",
    ],
)
def test_what_fits_no_terminal_is_malformed_with_its_place(text: str) -> None:
    with pytest.raises(MalformedQuery, match=r"line \d+, column \d+"):
        scan(text)


def test_line_and_column_are_those_of_the_fault() -> None:
    with pytest.raises(MalformedQuery, match=r"line 2, column 3") as caught:
        scan("SELECT *\n{ ` }")
    assert (caught.value.line, caught.value.detail["column"]) == (2, 3)


@pytest.mark.parametrize("pair", ["{}", "()", "[]"])
def test_nesting_bombs_are_refused_before_any_parser_sees_them(pair: str) -> None:
    bomb = "ASK " + pair[0] * 100_000 + pair[1] * 100_000
    with pytest.raises(MalformedQuery, match=f"more than {MAX_DEPTH} deep"):
        scan(bomb)
    scan("ASK " + pair[0] * MAX_DEPTH + pair[1] * MAX_DEPTH)


@pytest.mark.parametrize("link", ["||", "+", "!", "|", "/", " UNION ", " OPTIONAL ", " BIND "])
def test_endless_chains_are_refused(link: str) -> None:
    with pytest.raises(MalformedQuery, match="operators"):
        scan("ASK { FILTER(" + f"1{link}" * (MAX_CHAIN + 1) + "1) }")


def test_more_names_for_values_than_an_engine_can_nest_are_refused() -> None:
    named = "SELECT {} {{ ?s ?p ?o }}"
    scan(named.format(" ".join(f"(?o AS ?v{n})" for n in range(MAX_CHAIN))))
    with pytest.raises(MalformedQuery, match="operators"):
        scan(named.format(" ".join(f"(?o AS ?v{n})" for n in range(MAX_CHAIN + 1))))


@pytest.mark.parametrize("part", ["?s ?p ?o . ", "?p ?o ; ", "?o , "])
def test_more_patterns_than_an_engine_can_join_are_refused(part: str) -> None:
    scan("ASK { ?s ?p " + part * MAX_PATTERNS + "}")
    with pytest.raises(MalformedQuery, match="patterns"):
        scan("ASK { ?s ?p " + part * (MAX_PATTERNS + 1) + "}")


def test_long_lists_of_values_are_no_patterns() -> None:
    scan("ASK { ?s ?p ?o FILTER(?o IN (" + ", ".join(["1"] * 20_000) + ")) }")
    scan("ASK { ?s ?p ?o VALUES ?o { " + "1 " * 20_000 + "} }")


@pytest.mark.parametrize(
    ("text", "doubtful"),
    [
        ("SELECT * { FILTER(?o<'>'||1=1) } # ')}", True),
        ("SELECT * { FILTER(?o<?x#>\n) }", True),
        ("SELECT * { ?s <http://x/o'hare> ?o }", False),
        ("SELECT * { ?s <https://x/a#b> ?o }", False),
        ("PREFIX : <#'> SELECT * { ?s ?p ?o }", False),
        ("SELECT * { FILTER(?o<?x && ?x>3) }", False),
    ],
)
def test_an_iri_that_could_be_a_comparison_is_marked(text: str, doubtful: bool) -> None:
    assert any(token.doubtful for token in scan(text)) is doubtful


def test_names_follow_the_grammar_beyond_ascii() -> None:
    text = "PREFIX é: <http://x/> SELECT ?été { é:nao\u0301 é:a.b-c é:\\-x }"
    assert [word for kind, word in kinds(text) if kind == "name"] == [
        "é:",
        "é:nao\u0301",
        "é:a.b-c",
        "é:\\-x",
    ]


@given(st.text(max_size=200))
def test_tokens_never_overlap_and_errors_are_the_only_other_outcome(text: str) -> None:
    try:
        tokens = scan(text)
    except MalformedQuery:
        return
    place = 0
    for token in tokens:
        assert token.start >= place
        assert text[token.start : token.end] == token.text
        place = token.end
