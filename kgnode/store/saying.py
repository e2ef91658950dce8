"""What Oxigraph says of a query's syntax, put into words for whoever wrote the query.

In: the message of its ``SyntaxError``, which lists every token that could have stood there. Out:
``MalformedQuery`` with line and column, the one reason among them that is meant for people, and how
to mend it.
"""

from __future__ import annotations

import re

from kgnode.errors import MalformedQuery

_PLACE = re.compile(r"error at (\d+):(\d+): expected (.*)", re.DOTALL)
_WORDS = {
    "prefix not found": (
        "a prefix is used that the query does not declare",
        "Declare it before SELECT, for example PREFIX cim: <http://iec.ch/TC57/CIM100#>.",
    ),
    "variable that is unbound": (
        "SELECT or HAVING uses a variable that is neither grouped nor aggregated",
        "Name it in GROUP BY, or put it into an aggregate such as SAMPLE(?x).",
    ),
    "iri parsing failed": ("what stands there is no IRI", "An IRI has no spaces: <urn:x:y>."),
}
_GENERAL = "what stands there, or just before, does not fit"


def malformed(message: str) -> MalformedQuery:
    """Return the error for what Oxigraph says of a query.

    >>> str(malformed("error at 2:5: expected one of OPTIONAL, Prefix not found, ['%']").message)
    'Not SPARQL 1.1 at line 2, column 5: a prefix is used that the query does not declare.'
    """
    match = _PLACE.match(message)
    if match is None:
        return MalformedQuery(f"Not SPARQL 1.1: {message[:300]}.")
    line, column, expected = int(match[1]), int(match[2]), match[3].lower()
    reason, hint = next(
        (said for known, said in _WORDS.items() if known in expected),
        (_GENERAL, "Look for a missing object, bracket, dot or keyword left of it."),
    )
    return MalformedQuery(
        f"Not SPARQL 1.1 at line {line}, column {column}: {reason}.",
        hint=hint,
        line=line,
        detail={"column": column},
    )
