"""An HTTP request as a SPARQL request.

In: method, address, headers and body. Out: ``SparqlRequest``. Follows SPARQL 1.1 Protocol section
2.1 (query by GET, by URL-encoded POST, by direct POST) and adds ``timeout``, ``limit=cut``, ``at``,
``mappings``. Parameters it does not know are kept for whoever answers, never acted on here.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from kgnode.errors import BadRequest, RefusedQuery, UnsupportedMedia
from kgnode.query.head import Head

FORM = b"application/x-www-form-urlencoded"
DIRECT = b"application/sparql-query"
UPDATE = b"application/sparql-update"


class SparqlRequest(NamedTuple):
    """One request, not yet authenticated nor parsed.

    Attributes:
        query: the query text; None asks for the service description.
        default_graphs: IRIs that narrow the default graph, ahead of the query's own FROM.
        named_graphs: the same for named graphs.
        accept: the ``Accept`` header as it came.
        timeout_seconds: the client's own deadline; the node's stays the upper bound.
        limit_cut: cut too large an answer instead of refusing it.
        at: answer from the versions current then.
        mappings: mapping sets to apply, ``set@version``.
        if_none_match: entity tags the client already has.
        base: what relative IRIs are resolved against where the query sets none.
        method: GET, HEAD or POST.
        parameters: all parameters, in order of arrival.
    """

    query: str | None
    default_graphs: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()
    accept: str | None = None
    timeout_seconds: float | None = None
    limit_cut: bool = False
    at: datetime | None = None
    mappings: tuple[str, ...] = ()
    if_none_match: str | None = None
    base: str | None = None
    method: str = "GET"
    parameters: Mapping[str, tuple[str, ...]] = MappingProxyType({})


def read_request(
    method: str, query_string: bytes, head: Head, body: bytes = b"", *, base: str | None = None
) -> SparqlRequest:
    """Return what a request asks.

    Args:
        method: GET, HEAD or POST.
        query_string: of its address, still encoded.
        head: its headers.
        body: all of it.
        base: the address it was sent to.

    Raises:
        BadRequest: a parameter is missing, doubled, or cannot be understood; no UTF-8.
        UnsupportedMedia: a POST whose body is neither a form nor a query.
        RefusedQuery: an update was sent.
    """
    if method == "GET" and query_string.startswith(b"query=") and b"&" not in query_string:
        query = _utf8(unquoted(query_string[6:].replace(b"+", b" ")))  # as nearly all are
        return SparqlRequest(
            query,
            accept=head.accept,
            if_none_match=head.if_none_match,
            base=base,
            parameters={"query": (query,)},
        )
    parameters = _decode(query_string)
    if method == "POST":
        _take_body(parameters, head.content_type, body)
    if "update" in parameters:
        raise _refused()
    if method == "POST" and "query" not in parameters:
        raise BadRequest("The request has no query.", hint="Send it in the field query.")
    return SparqlRequest(
        query=_single(parameters, "query"),
        default_graphs=tuple(parameters.get("default-graph-uri", ())),
        named_graphs=tuple(parameters.get("named-graph-uri", ())),
        accept=head.accept,
        timeout_seconds=_seconds(_single(parameters, "timeout")),
        limit_cut=_cut(_single(parameters, "limit")),
        at=moment(_single(parameters, "at")),
        mappings=split_names(parameters.get("mappings", ())),
        if_none_match=head.if_none_match,
        base=base,
        method=method,
        parameters={key: tuple(values) for key, values in parameters.items()},
    )


def _take_body(parameters: dict[str, list[str]], media: bytes, body: bytes) -> None:
    """Add what the body of a POST says to what its address says."""
    if media == FORM:
        for key, values in _decode(body).items():
            parameters.setdefault(key, []).extend(values)
    elif media == DIRECT:
        if "query" in parameters:
            raise BadRequest("The query is given twice, in the address and in the body.")
        parameters["query"] = [_utf8(body)]
    elif media == UPDATE:
        raise _refused()
    else:
        raise UnsupportedMedia(
            f"A body of type {media.decode('latin-1') or '(none)'} is not understood here.",
            hint=f"Send {DIRECT.decode()}, or a form with the field query.",
        )


@lru_cache(maxsize=256)
def address(scheme: str, host: bytes, path: str) -> str:
    """Return the address a request was sent to, as the client spelled it."""
    quoted = quote(path, safe="/~!$&'()*+,;=:@")
    return f"{scheme}://{host.decode() or 'localhost'}{quoted}"


def _decode(encoded: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    if encoded:
        for part in encoded.replace(b"+", b" ").split(b"&"):
            if part:
                key, _, value = part.partition(b"=")
                found.setdefault(_utf8(unquoted(key)), []).append(_utf8(unquoted(value)))
    return found


def unquoted(encoded: bytes) -> bytes:
    """Return bytes without their percent encoding (RFC 3986 section 2.1), as urllib does.

    Quoted-printable decoding does the same for texts whose escapes are all sound, in C.
    """
    if b"%" not in encoded:
        return encoded
    if b"=" not in encoded and b"\n" not in encoded and b"\r" not in encoded:
        decoded = binascii.a2b_qp(encoded.replace(b"%", b"="))
        if len(decoded) == len(encoded) - 2 * encoded.count(b"%"):
            return decoded
    return unquote_to_bytes(encoded)


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"The request is not UTF-8 at byte {error.start}.", hint="Encode it in UTF-8."
        ) from error


def _single(parameters: Mapping[str, list[str]], name: str) -> str | None:
    values = parameters.get(name)
    if values is None:
        return None
    if len(values) > 1:
        raise BadRequest(f"The parameter {name} is given {len(values)} times.", hint="Once only.")
    return values[0]


def _seconds(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not (0 < seconds < math.inf):
        raise BadRequest(
            f"timeout={value} is no time.", hint="Give seconds above 0, for example timeout=10."
        )
    return seconds


def _cut(value: str | None) -> bool:
    if value not in (None, "cut", "refuse"):
        raise BadRequest(f"limit={value} is not known.", hint="Use limit=cut or leave it out.")
    return value == "cut"


def moment(value: str | None) -> datetime | None:
    """Return the moment that ``at`` names.

    Raises:
        BadRequest: it is no time.
    """
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value.strip().replace(" ", "+"))
    except ValueError as error:
        raise BadRequest(
            f"at={value} is no time.", hint="Use ISO 8601, for example 2027-01-31T12:00:00Z."
        ) from error
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def split_names(values: Iterable[str]) -> tuple[str, ...]:
    """Return the names in values that may each hold several, separated by commas.

    >>> split_names(["cim-ies4@1, cim-namespaces"])
    ('cim-ies4@1', 'cim-namespaces')
    """
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


def _refused() -> RefusedQuery:
    return RefusedQuery(
        "This endpoint answers queries; it accepts no update.",
        hint="Data changes by publishing: kgnode publish HOME FILE --dataset ID.",
    )
