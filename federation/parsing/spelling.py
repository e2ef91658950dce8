"""Terms as the query spells them, brought to one absolute spelling.

In: the prologue of a query and the text of one term. Out: ``?v``, ``<absolute iri>`` or a literal
whose datatype is absolute (SPARQL 1.1 sections 4.1.1 and 19.8).
"""

from __future__ import annotations

import re

import pyoxigraph as ox

from kgnode.query.parse import unescape

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDF_TYPE = f"<{RDF}type>"
RDF_FIRST, RDF_REST, RDF_NIL = f"<{RDF}first>", f"<{RDF}rest>", f"<{RDF}nil>"

IRI = re.compile(r"<[^\x00-\x20<>\"{}|^`\\]*>")
"""An IRI as it may be pasted into a query."""

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ESCAPED = re.compile(r"\\([_~.\-!$&'()*+,;=/?#@%])")
_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:)?(//[^/?#]*)?([^?#]*)(\?[^#]*)?(#.*)?\Z", re.DOTALL)


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
        if self.base is None:
            raise Unread(f"{reference} is relative")
        return f"<{resolve(self.base, inner)}>"

    def name(self, prefixed: str) -> str:
        """Return ``prefix:local`` as an absolute IRI in brackets."""
        prefix, _, local = prefixed.partition(":")
        if prefix not in self.prefixes:
            raise Unread(f"{prefix}: is not declared")
        return f"<{self.prefixes[prefix]}{_ESCAPED.sub(lambda m: m[1], local)}>"


def resolve(base: str, reference: str) -> str:
    """Return a relative reference as an absolute IRI (RFC 3986 section 5.2.2).

    >>> resolve("http://a/b/c?d", "../e#f")
    'http://a/e#f'
    >>> resolve("http://a/b/", "#")
    'http://a/b/#'
    """
    old, new = _PARTS.match(base), _PARTS.match(reference)
    if old is None or new is None:
        raise Unread(f"{reference} cannot be resolved")
    scheme, host, path, query, _ = (part or "" for part in old.groups())
    own_host, own_path, own_query, fragment = (part or "" for part in new.groups()[1:])
    if own_host:
        return scheme + own_host + _without_dots(own_path) + own_query + fragment
    if not own_path:
        return scheme + host + path + (own_query or query) + fragment
    if own_path[0] != "/":
        own_path = (path.rpartition("/")[0] if path or not host else "") + "/" + own_path
    return scheme + host + _without_dots(own_path) + own_query + fragment


def _without_dots(path: str) -> str:
    kept: list[str] = []
    parts = path.split("/")
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        if part == "..":
            if len(kept) > 1:
                kept.pop()
            kept += [""] if last else []
        elif part == ".":
            kept += [""] if last else []
        else:
            kept.append(part)
    return "/".join(kept)


def stored(literal: str) -> str | None:
    """Return a literal as a store gives it back, None if it is none.

    >>> stored("01.50")
    '"1.5"^^<http://www.w3.org/2001/XMLSchema#decimal>'
    """
    store = ox.Store()
    try:
        store.load(f"<urn:s> <urn:p> {literal} .".encode(), format=ox.RdfFormat.TURTLE)
    except SyntaxError:
        return None
    texts = [str(quad.object) for quad in store]
    return texts[0] if len(texts) == 1 else None
