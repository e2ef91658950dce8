from __future__ import annotations

import io

import pyoxigraph as ox
import pytest

from kgnode.errors import NotAcceptable
from kgnode.query.serialise import GRAPHS, SOLUTIONS, content_type, engine_format, negotiate

JSON, XML, CSV, TSV = SOLUTIONS


@pytest.mark.parametrize(
    ("accept", "form", "media_type"),
    [
        (None, "SELECT", JSON),
        ("", "ASK", JSON),
        ("*/*", "SELECT", JSON),
        ("*/*", "CONSTRUCT", "text/turtle"),
        ("text/*", "SELECT", CSV),
        ("text/*", "DESCRIBE", "text/turtle"),
        ("text/csv;q=0.5, application/sparql-results+xml", "SELECT", XML),
        ("text/csv;q=0.5, application/sparql-results+xml;q=0.4", "SELECT", CSV),
        ("application/json", "SELECT", "application/json"),
        ("application/sparql-results+json,application/json,text/javascript", "SELECT", JSON),
        ("text/html, */*;q=0.1", "SELECT", JSON),
        ("*/*, application/sparql-results+json;q=0", "SELECT", XML),
        ("TEXT/CSV ; Q=1", "SELECT", CSV),
        ("text/csv;charset=utf-8", "SELECT", CSV),
        ("*", "SELECT", JSON),
        ("text/csv;q=oops, text/tab-separated-values;q=0.1", "SELECT", TSV),
        ("application/rdf+xml, application/sparql-results+xml", "SELECT", XML),
        ("application/rdf+xml;q=0.9, text/turtle;q=0.8", "CONSTRUCT", "application/rdf+xml"),
        ("application/xml", "CONSTRUCT", "application/xml"),
        ("application/n-quads", "CONSTRUCT", "application/n-quads"),
    ],
)
def test_the_best_of_what_the_client_accepts_is_taken(
    accept: str | None, form: str, media_type: str
) -> None:
    assert negotiate(accept, form) == media_type


@pytest.mark.parametrize(
    ("accept", "form"),
    [("text/html", "SELECT"), ("image/*", "CONSTRUCT"), ("*/*;q=0", "ASK"), ("text/turtle", "ASK")],
)
def test_nothing_acceptable_is_an_error_that_names_what_there_is(accept: str, form: str) -> None:
    with pytest.raises(NotAcceptable) as caught:
        negotiate(accept, form)
    assert caught.value.status == 406
    assert "application/" in caught.value.hint


@pytest.mark.parametrize("media_type", SOLUTIONS)
@pytest.mark.parametrize("text", ["SELECT (1 AS ?x) {}", "ASK {}"])
def test_the_engine_writes_every_solution_format(media_type: str, text: str) -> None:
    written = ox.QueryResultsFormat.from_media_type(engine_format(media_type, "SELECT"))
    assert written is not None
    result = ox.Store().query(text)
    assert not isinstance(result, ox.QueryTriples)
    out = io.BytesIO()
    result.serialize(out, written)
    assert out.getvalue()


@pytest.mark.parametrize("media_type", GRAPHS)
def test_the_engine_writes_every_graph_format(media_type: str) -> None:
    assert ox.RdfFormat.from_media_type(engine_format(media_type, "CONSTRUCT")) is not None


def test_text_types_say_their_character_set() -> None:
    assert content_type(CSV) == "text/csv; charset=utf-8"
    assert content_type(JSON) == JSON
