"""Terms as the query spells them, brought to one absolute spelling.

In: the prologue of a query and the text of one term. Out: ``?v``, ``<absolute iri>`` or a literal
whose datatype is absolute (SPARQL 1.1 sections 4.1.1 and 19.8).
"""

from __future__ import annotations

import re
from urllib.parse import urljoin

from kgnode.query.parse import unescape

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDF_TYPE = f"<{RDF}type>"
RDF_FIRST, RDF_REST, RDF_NIL = f"<{RDF}first>", f"<{RDF}rest>", f"<{RDF}nil>"

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ESCAPED = re.compile(r"\\([_~.\-!$&'()*+,;=/?#@%])")
_RESOLVABLE = ("http:", "https:", "file:", "ftp:")


class Unread(Exception):
    """The query uses something that is not followed; everything is fetched for it instead."""


class Prologue:
    """BASE and PREFIX declarations, in the order they are read."""

    def __init__(self) -> None:
        self.base: str | None = None
        self.prefixes: dict[str, str] = {}

    def iri(self, reference: str) -> str:
        """Return ``<reference>`` as an absolute IRI in brackets."""
        inner = unescape(reference[1:-1])
        if _ABSOLUTE.match(inner):
            return f"<{inner}>"
        if self.base is None or not self.base.startswith(_RESOLVABLE):
            raise Unread(f"{reference} is relative")
        return f"<{urljoin(self.base, inner)}>"

    def name(self, prefixed: str) -> str:
        """Return ``prefix:local`` as an absolute IRI in brackets."""
        prefix, _, local = prefixed.partition(":")
        if prefix not in self.prefixes:
            raise Unread(f"{prefix}: is not declared")
        return f"<{self.prefixes[prefix]}{_ESCAPED.sub(lambda m: m[1], local)}>"
