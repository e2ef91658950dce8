"""Which format an answer takes.

In: the ``Accept`` header and the form of the query. Out: one media type that the engine writes.
Follows RFC 9110 section 12.5.1 (quality values, specificity) and the four result formats of SPARQL
1.1 plus Oxigraph's RDF formats. Where a client is indifferent, the first in our order wins.
"""

from __future__ import annotations

from functools import lru_cache

from kgnode.errors import NotAcceptable

JSON = "application/sparql-results+json"
XML = "application/sparql-results+xml"
CSV = "text/csv"
TSV = "text/tab-separated-values"
TURTLE = "text/turtle"
N_TRIPLES = "application/n-triples"
RDF_XML = "application/rdf+xml"
JSON_LD = "application/ld+json"
N_QUADS = "application/n-quads"
TRIG = "application/trig"

SOLUTIONS = (JSON, XML, CSV, TSV)
"""What SELECT and ASK are answered in, in our order of preference."""
GRAPHS = (TURTLE, N_TRIPLES, RDF_XML, JSON_LD, N_QUADS, TRIG)
"""What CONSTRUCT and DESCRIBE are answered in, in our order of preference."""

_ALIASES = {
    JSON: ("application/json", "text/json"),
    XML: ("application/xml", "text/xml"),
    CSV: ("application/csv",),
    TSV: ("text/tsv",),
    TURTLE: ("application/turtle", "application/x-turtle"),
    N_TRIPLES: ("text/plain",),
    RDF_XML: ("application/xml", "text/xml"),
    JSON_LD: ("application/json",),
}
CHARSET = frozenset({CSV, TSV, TURTLE, "text/plain", "text/xml", "text/json"})
"""Text types whose default character set is not UTF-8 unless it is said."""


@lru_cache(maxsize=512)
def negotiate(accept: str | None, form: str) -> str:
    """Return the media type to answer with; the client's own name for it where it uses an alias.

    >>> negotiate("text/csv;q=0.5, application/sparql-results+xml", "SELECT")
    'application/sparql-results+xml'
    >>> negotiate("text/html, */*;q=0.1", "CONSTRUCT")
    'text/turtle'

    Raises:
        NotAcceptable: the client accepts none of the formats of this form.
    """
    offered = SOLUTIONS if form in ("SELECT", "ASK") else GRAPHS
    if accept is None or not accept.strip():
        return offered[0]
    ranges = _ranges(accept)
    best, best_rank = None, (0.0, 0.0)
    for place, media in enumerate(offered):
        for alias in (media, *_ALIASES.get(media, ())):
            quality, specificity = _quality(alias, ranges)
            if alias != media and specificity < 2:
                continue  # a wildcard never chooses an alias
            rank = (quality, -place - (0 if alias == media else 0.5))
            if quality > 0 and (best is None or rank > best_rank):
                best, best_rank = alias, rank
    if best is None:
        raise NotAcceptable(
            f"No format of a {form} answer is acceptable to the client ({accept}).",
            hint=f"Accept one of {', '.join(offered)}.",
        )
    return best


def engine_format(media_type: str, form: str) -> str:
    """Return the media type by which the engine knows the format.

    >>> engine_format("application/xml", "CONSTRUCT")
    'application/rdf+xml'
    """
    if media_type in SOLUTIONS or media_type in GRAPHS:
        return media_type
    offered = SOLUTIONS if form in ("SELECT", "ASK") else GRAPHS
    return next(media for media in offered if media_type in _ALIASES.get(media, ()))


def content_type(media_type: str) -> str:
    """Return the ``Content-Type`` value: text types say that they are UTF-8."""
    return f"{media_type}; charset=utf-8" if media_type in CHARSET else media_type


def _ranges(accept: str) -> list[tuple[str, str, float]]:
    found = []
    for part in accept.split(","):
        name, *parameters = part.split(";")
        kind, _, subtype = name.strip().lower().partition("/")
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip().lower() == "q":
                try:
                    quality = min(1.0, max(0.0, float(value)))
                except ValueError:
                    quality = 0.0
        if kind == "*" and not subtype:
            subtype = "*"  # some old clients send a lone star
        found.append((kind, subtype, quality))
    return found


def _quality(media: str, ranges: list[tuple[str, str, float]]) -> tuple[float, int]:
    kind, _, subtype = media.partition("/")
    best = (0.0, -1)
    for range_kind, range_subtype, quality in ranges:
        if range_kind == kind and range_subtype == subtype:
            specificity = 2
        elif range_kind == kind and range_subtype == "*":
            specificity = 1
        elif range_kind == "*" and range_subtype == "*":
            specificity = 0
        else:
            continue
        if specificity > best[1]:
            best = (quality, specificity)
    return best
