"""What a rewritten query looks like, and what is left to a view that holds what follows."""

from __future__ import annotations

import orjson
import pyoxigraph as ox
import pytest

from kgnode.alignment.rewrite import Rewritten, rewrite
from kgnode.alignment.rules import Active, Rules
from kgnode.alignment.structural import construct
from kgnode.alignment.usage import Group, encoded, question, read_usage, repeated, used
from kgnode.query.parse import parse
from tests.kgnode.alignment.sets import mapping_set

PREFIX = "PREFIX : <http://x/> "
DATA = """@prefix : <http://x/> .
:a a :Line ; :length 1 ; :span 1 . :b a :Bay ; :span 2 . :c a :Yard ; :in :b ."""
SET = mapping_set(
    "s", "c Line < Asset", "c Bay < Asset", "c Yard = Site", "p length = extent",
    "p span < extent", "p in = within",
)  # fmt: skip
MAP = construct("s/m", "CONSTRUCT { ?s <http://x/made> ?o } WHERE { ?s <http://x/in> ?o }")


def rewritten(query: str, *, structural: bool = False, data: str = DATA) -> Rewritten:
    store = ox.Store()
    store.load(data.encode(), format=ox.RdfFormat.TURTLE)
    rules = Rules.of([SET], constructs=[MAP] if structural else [])
    active = Active.over(rules, read_usage(used(store, question(rules))))

    def repeats(group: Group) -> bool:
        return bool(orjson.loads(repeated(store, encoded([group])))[0])

    text = PREFIX + query
    return rewrite(parse(text).tree.root_node, text.encode(), active, repeats)


@pytest.mark.parametrize(
    ("query", "becomes"),
    [
        ("SELECT * { ?s a :Site }", "SELECT * { ?s a <http://x/Yard> }"),
        ("SELECT * { ?s :within ?o , :b ; a :Site . }",
         "SELECT * { ?s <http://x/in> ?o , :b ; a <http://x/Yard> . }"),
        ("SELECT ?s { ?s :within/^:within ?o }",
         "SELECT ?s { ?s <http://x/in>/^<http://x/in> ?o }"),
        ("ASK { ?s :extent ?o }",
         "ASK { { ?s <http://x/length> ?o } UNION { ?s <http://x/span> ?o } }"),
        ("SELECT ?s { ?s :extent ?o }",
         "SELECT ?s { { ?s <http://x/length> ?o } UNION { ?s <http://x/span> ?o "
         "FILTER NOT EXISTS { { ?s <http://x/length> ?o } } } }"),
        ("SELECT ?s { ?s :unknown ?o }", "SELECT ?s { ?s :unknown ?o }"),
    ],
)  # fmt: skip
def test_a_term_becomes_exactly_what_the_view_uses(query: str, becomes: str) -> None:
    assert rewritten(query).text == PREFIX + becomes


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { ?s ?p ?o }",
        "SELECT * { ?s !:length ?o }",
        "DESCRIBE :a",
        "SELECT * { ?s :within* ?o }",
        "SELECT ?s { ?s :extent/:within ?o }",
        "SELECT ?s { ?s a/:within ?o }",
        "BASE <http://x/> SELECT ?s { ?s <extent> ?o }",
    ],
)
def test_what_cannot_be_rewritten_exactly_is_not(query: str) -> None:
    found = rewritten(query)
    assert found.text is None and found.reason


def test_a_structural_map_matters_only_to_what_it_makes() -> None:
    assert rewritten("SELECT * { ?s :made ?o }", structural=True).text is None
    assert rewritten("SELECT * { ?s a :Site }", structural=True).text is not None


def test_a_variable_of_the_query_is_never_taken_for_one_of_the_rewriting() -> None:
    query = 'SELECT * { ?gs_m1 a ?gs_mm . FILTER(?gs_m1 != "gs_mmm") }'
    found = rewritten(query, data=DATA + " :d a :Line .").text
    assert found is not None
    assert "?gs_mmmm1" in found and "SELECT ?gs_m1 ?gs_mm  {" in found


def test_columns_keep_the_order_in_which_the_query_names_them() -> None:
    found = rewritten("SELECT * { ?z :within [ a :Asset , ?b ] . ?z :length ?a }").text
    assert found is not None and "SELECT ?z ?b ?a  {" in found
