"""What Oxigraph refuses is told with its place and how to mend it, never as a list of tokens."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from kgnode.store.saying import malformed


@pytest.mark.parametrize(
    ("query", "place", "reason"),
    [
        ("SELECT ?x WHERE {\n ?x a }", "line 2, column 8", "does not fit"),
        ("SELECT * { ?s cim:x ?o }", "line 1, column 20", "does not declare"),
        ("SELECT ?s { ?s ?p ?o } GROUP BY ?o", "line 1, column 35", "neither grouped"),
        ("SELECT * { ?s <a b> ?o }", "line 1, column", "no IRI"),
    ],
)
def test_a_fault_is_told_in_words(query: str, place: str, reason: str) -> None:
    with pytest.raises(SyntaxError) as refused:
        ox.Store().query(query)
    error = malformed(str(refused.value))
    assert place in error.message and reason in error.message
    assert "[" not in error.message and "expected one of" not in error.message
    assert error.hint and error.line
