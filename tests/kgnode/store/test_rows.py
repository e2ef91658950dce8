"""Answers are counted and cut at exact rows, in every format, whatever the values hold."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, QueryResultsFormat, RdfFormat, Store, Variable, parse

from kgnode.errors import ResultTooLarge
from kgnode.store.record import FolderRecord
from kgnode.store.rows import FORMS
from kgnode.store.view import Limits

from .conftest import model, publish, views_of

FORMATS = {
    "application/sparql-results+json": QueryResultsFormat.JSON,
    "application/sparql-results+xml": QueryResultsFormat.XML,
    "text/csv": QueryResultsFormat.CSV,
    "text/tab-separated-values": QueryResultsFormat.TSV,
}

NASTY = st.text(alphabet='},{"\\\n\r\t<>/result&ab:', max_size=12) | st.sampled_from(
    ["},{", '"}},{"', "</result>", "\r\n", '""', "}},{", "\\", '\\"', "</results></sparql>"]
)


def rows_in(media_type: str, body: bytes) -> int:
    """How many rows a reader of the format finds; fails on a document that is not whole."""
    if media_type.endswith("json"):
        return len(json.loads(body)["results"]["bindings"])
    if media_type.endswith("xml"):
        return len(ElementTree.fromstring(body).findall(".//{*}result"))
    if media_type == "text/csv":
        return len(list(csv.reader(io.StringIO(body.decode(), newline="")))) - 1
    assert body.endswith(b"\n")
    return body.count(b"\n") - 1


@settings(max_examples=150)
@given(values=st.lists(NASTY | st.none(), max_size=12), media_type=st.sampled_from(list(FORMATS)))
def test_ends_of_rows_are_found_whatever_the_values_hold(
    values: list[str | None], media_type: str
) -> None:
    names = [f"?v{n}" for n in range(2)]
    store = Store()
    template = "SELECT ?v0 ?v1 { VALUES (?v0 ?v1) { %s } }"
    rows = " ".join(
        "(UNDEF UNDEF)" if value is None else f"({Literal(value)} UNDEF)" for value in values
    )
    results = store.query(template % rows)
    assert [str(variable) for variable in results.variables] == names
    body = results.serialize(format=FORMATS[media_type])
    form = FORMS[media_type]
    ends = list(form.ends(body))
    assert len(ends) == len(values)
    assert form.at_most(body.count(form.mark)) >= len(values)
    if form.exact:
        assert form.at_most(body.count(form.mark)) == len(values)
    for count, end in enumerate(ends, start=1):
        assert rows_in(media_type, body[:end] + form.tail) == count
    assert Variable("v0") == results.variables[0]


GRAPHS = {
    "application/n-triples": RdfFormat.N_TRIPLES,
    "text/turtle": RdfFormat.TURTLE,
    "application/rdf+xml": RdfFormat.RDF_XML,
}
TEXT = "".join(f'<urn:s{n}> <urn:p> "{"},{" * (n % 3)} {n}" .\n' for n in range(5000))


@pytest.mark.parametrize("media_type", [*FORMATS, *GRAPHS])
def test_an_answer_at_the_limit_is_whole_and_one_above_is_cut_or_refused(
    record: FolderRecord, media_type: str
) -> None:
    graph = media_type in GRAPHS
    query = ("CONSTRUCT" if graph else "SELECT *") + " { ?s ?p ?o } " + "WHERE { ?s ?p ?o }" * graph

    def count(body: bytes) -> int:
        if graph:
            return len(list(parse(body, GRAPHS[media_type])))
        return rows_in(media_type, body)

    async def scenario() -> None:
        cells = publish(record, model("urn:m:1", {"a": TEXT}))
        async with views_of(record, view_named_graphs=False) as views:
            view = await views.get(cells)
            whole = await view.evaluate(query, media_type, Limits(20, 5000, 10**8))
            assert whole.truncated is None
            body = await whole.read()
            assert (len(body), count(body)) == (whole.length, 5000)
            for rows in (4999, 4000, 7):
                with pytest.raises(ResultTooLarge):
                    await view.evaluate(query, media_type, Limits(20, rows, 10**8))
                cut = await view.evaluate(query, media_type, Limits(20, rows, 10**8, cut=True))
                assert cut.truncated == "rows"
                assert count(await cut.read()) == rows
            for size in (len(body) - 1, len(body) // 2, 3000):
                with pytest.raises(ResultTooLarge):
                    await view.evaluate(query, media_type, Limits(20, 10**6, size))
                cut = await view.evaluate(query, media_type, Limits(20, 10**6, size, cut=True))
                assert cut.truncated == "bytes"
                found = await cut.read()
                assert len(found) <= size
                assert 0 < count(found) < 5000
                if not graph or media_type.endswith("triples"):
                    assert len(found) > size - 400

    asyncio.run(scenario())
