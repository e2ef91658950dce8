"""A question to a gateway or a node, from Python: blocking, three lines.

In: an address, a query, a token. Out: an ``Answer`` with rows as terms, the status and the report.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
import pyoxigraph as ox
import urllib3

from kgnode.errors import (
    Forbidden,
    GridspineError,
    IdentityError,
    MemberError,
    NotComplete,
    QueryError,
)

Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
_ACCEPT = "application/sparql-results+json"
_INSIDE = re.compile(r"\w+\(host=.*?\): |\[Errno -?\d+\] ")
"""What a library says of its own objects and of the system's numbers."""
_http = urllib3.PoolManager(retries=False)


@dataclass(frozen=True)
class Answer:
    """Rows as variable -> term; ``boolean`` for ASK."""

    rows: list[dict[str, Term]]
    status: str
    report: dict[str, Any] = field(default_factory=dict)
    milliseconds: float = 0.0
    boolean: bool | None = None
    sparql: dict[str, Any] = field(default_factory=dict)


def select(
    url: str,
    query: str,
    token: str | None = None,
    partial: bool = False,
    timeout_seconds: float = 120.0,
    mappings: str = "",
) -> Answer:
    """Ask a gateway or a node a SELECT or ASK query.

    Args:
        url: base address, or that of its SPARQL endpoint.
        query: SPARQL 1.1 text.
        token: access token for that address; None asks as the public.
        partial: take an answer that is not complete, labelled.
        timeout_seconds: how long to wait.
        mappings: mapping sets to ask under, ``name@version``, separated by commas.

    Raises:
        NotComplete: sources were lost; ``detail["report"]`` says which.
        QueryError, IdentityError, Forbidden, MemberError: as the other side says.
    """
    start = time.perf_counter()
    endpoint = url if url.rstrip("/").endswith("/sparql") else url.rstrip("/") + "/sparql"
    headers = {"Accept": _ACCEPT, "Content-Type": "application/x-www-form-urlencoded"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    fields = {"query": query, "timeout": str(timeout_seconds)}
    if partial:
        fields["partial"] = "allow"
    if mappings:
        fields["mappings"] = mappings
    try:
        response = _http.request(
            "POST", endpoint, body=urlencode(fields), headers=headers,
            timeout=timeout_seconds + 5, redirect=False,
        )  # fmt: skip
    except urllib3.exceptions.HTTPError as error:
        raise unreachable(endpoint, error) from error
    if response.status != 200:
        raise _failure(response.status, response.data, endpoint)
    spent = (time.perf_counter() - start) * 1000
    document = orjson.loads(response.data)
    parsed = ox.parse_query_results(response.data, format=ox.QueryResultsFormat.JSON)
    status = response.headers.get("Gridspine-Status", "complete")
    report = _report(response.headers.get("Gridspine-Report"), endpoint, headers)
    if isinstance(parsed, ox.QueryBoolean):
        return Answer([], status, report, spent, bool(parsed), document)
    names = [variable.value for variable in parsed.variables]
    rows = [
        {name: term for name in names if (term := solution[name]) is not None}
        for solution in parsed
    ]
    return Answer(rows, status, report, spent, None, document)


def _report(url: str | None, endpoint: str, headers: dict[str, str]) -> dict[str, Any]:
    if url is None or urlsplit(url)[:2] != urlsplit(endpoint)[:2]:
        return {}  # the token goes nowhere but where it was sent
    try:
        response = _http.request("GET", url, headers={**headers, "Accept": "application/json"})
        return dict(orjson.loads(response.data)) if response.status == 200 else {}
    except (urllib3.exceptions.HTTPError, ValueError):
        return {}


def unreachable(address: str, error: Exception) -> MemberError:
    """Return the error of an address that gave no answer, in words.

    >>> refused = "HTTPConnection(host='x', port=9): It failed: [Errno 111] Connection refused"
    >>> unreachable("http://x:9", OSError(refused)).message
    'http://x:9 cannot be reached: It failed: Connection refused.'
    """
    said = _INSIDE.sub("", str(error)).rstrip(".")
    return MemberError(f"{address} cannot be reached: {said}.", hint="Is it being served?")


def _failure(status: int, body: bytes, endpoint: str) -> GridspineError:
    try:
        document = dict(orjson.loads(body))
    except (ValueError, TypeError):
        document = {}
    message = str(document.get("detail") or f"{endpoint} answered with status {status}.")
    hint = str(document.get("hint", ""))
    if document.get("code") == "not_complete":
        kept = {k: document[k] for k in ("report", "answer_status") if k in document}
        return NotComplete(message, hint=hint, detail=kept)
    kind: type[GridspineError] = QueryError if 400 <= status < 500 else MemberError
    kind = {401: IdentityError, 403: Forbidden, 504: QueryError}.get(status, kind)
    return kind(message, hint=hint)
