"""Where rows end in a serialised result, so that an answer can be counted and cut exactly.

In: the bytes that the engine writes (SPARQL 1.1 results in JSON, XML, CSV, TSV; N-Triples and
N-Quads). Out: counts and offsets. ``at_most`` is one native scan and never too low, so the exact
scan runs only for answers near the limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

JSON_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]')
CSV_TOKENS = re.compile(rb'"|\r\n')


@dataclass(frozen=True)
class RowForm:
    """How one media type separates rows.

    Attributes:
        mark: occurs at least once per row, save for ``spare`` fewer.
        exact: the mark occurs nowhere else.
        header: marks that stand before the first row.
        tail: what closes a document that is cut after a row.
    """

    mark: bytes
    exact: bool
    header: int = 0
    spare: int = 0
    tail: bytes = b""

    def at_most(self, marks: int) -> int:
        """Return how many rows there can be at most, given the marks counted."""
        return max(marks - self.header + self.spare, 0)

    def ends(self, content: bytes) -> Iterator[int]:
        """Yield the offset just after each row."""
        if self is JSON:
            return _json_ends(content)
        if self is CSV:
            return _csv_ends(content)
        return self._mark_ends(content)

    def _mark_ends(self, content: bytes) -> Iterator[int]:
        at, skipped = 0, 0
        while (found := content.find(self.mark, at)) >= 0:
            at = found + len(self.mark)
            skipped += 1
            if skipped > self.header:
                yield at


JSON = RowForm(b"},{", exact=False, spare=1, tail=b"]}}")
XML = RowForm(b"</result>", exact=True, tail=b"</results></sparql>")
CSV = RowForm(b"\r\n", exact=False, header=1)
TSV = RowForm(b"\n", exact=True, header=1)
LINES = RowForm(b"\n", exact=True)

FORMS = {
    "application/sparql-results+json": JSON,
    "application/sparql-results+xml": XML,
    "text/csv": CSV,
    "text/tab-separated-values": TSV,
    "application/n-triples": LINES,
    "application/n-quads": LINES,
}
"""Forms by the engine's canonical media type; other graph formats are counted as they are made."""


def _json_ends(content: bytes) -> Iterator[int]:
    depth = 0
    for token in JSON_TOKENS.finditer(content):
        first = token.group()[:1]
        if first in b"{[":
            depth += 1
        elif first in b"}]":
            depth -= 1
            if depth == 3 and first == b"}":  # document, results, bindings
                yield token.end()


def _csv_ends(content: bytes) -> Iterator[int]:
    quoted, header = False, True
    for token in CSV_TOKENS.finditer(content):
        if token.group() == b'"':
            quoted = not quoted
        elif not quoted:
            if not header:
                yield token.end()
            header = False
