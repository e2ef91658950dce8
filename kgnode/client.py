"""A node or a gateway from Python: queries as rows, or as a data frame where pandas is there.

In: an address, a token, SPARQL. Out: rows of Python values, or a ``pandas.DataFrame``. Built on
SPARQLWrapper, so anything it can do stays possible through ``wrapper()``.

    from kgnode.client import Client

    node = Client("http://127.0.0.1:8700")
    rows = node.select("SELECT ?line WHERE { ?line a <http://iec.ch/TC57/CIM100#ACLineSegment> }")
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from SPARQLWrapper import JSON, N3, POST, SPARQLWrapper
from SPARQLWrapper.SPARQLExceptions import SPARQLWrapperException

from kgnode.errors import GridspineError, MemberError, MissingExtra
from kgnode.names import XSD
from kgnode.problems import from_problem

_CONVERT: Mapping[str, Any] = {
    f"{XSD}integer": int,
    f"{XSD}int": int,
    f"{XSD}long": int,
    f"{XSD}double": float,
    f"{XSD}float": float,
    f"{XSD}decimal": float,
    f"{XSD}boolean": lambda text: text in ("true", "1"),
}


class Client:
    """One node or gateway.

    Args:
        url: its address, with or without ``/sparql``.
        token: an access token for it; without one, the public role asks.
        timeout_seconds: how long to wait for an answer.
    """

    def __init__(self, url: str, token: str | None = None, timeout_seconds: float = 60.0) -> None:
        stem = url.rstrip("/")
        self.endpoint = stem if stem.endswith("/sparql") else f"{stem}/sparql"
        self.token = token
        self.timeout_seconds = timeout_seconds

    def wrapper(self) -> SPARQLWrapper:
        """Return a SPARQLWrapper that is set up for this endpoint and caller."""
        made = SPARQLWrapper(self.endpoint, agent="gridspine")
        made.setMethod(POST)
        made.setTimeout(max(1, round(self.timeout_seconds)))
        if self.token:
            made.addCustomHttpHeader("Authorization", f"Bearer {self.token}")
        return made

    def select(self, query: str, **parameters: str) -> list[dict[str, Any]]:
        """Return the rows of a SELECT: variable -> int, float, bool or str; None where unbound.

        Raises:
            GridspineError: what the endpoint answered, as the class of its code.
            MemberError: it cannot be reached.
        """
        document = self._ask(query, JSON, parameters)
        names = document["head"]["vars"]
        return [
            {name: _value(row.get(name)) for name in names}
            for row in document["results"]["bindings"]
        ]

    def ask(self, query: str, **parameters: str) -> bool:
        """Return the answer of an ASK."""
        return bool(self._ask(query, JSON, parameters)["boolean"])

    def construct(self, query: str, **parameters: str) -> bytes:
        """Return the graph of a CONSTRUCT or DESCRIBE as Turtle."""
        content: bytes = self._ask(query, N3, parameters)
        return content

    def frame(self, query: str, **parameters: str) -> Any:
        """Return the rows of a SELECT as a ``pandas.DataFrame``.

        Raises:
            MissingExtra: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingExtra(
                "Data frames need pandas.", hint="Install it: pip install pandas."
            ) from error
        return pandas.DataFrame(self.select(query, **parameters))

    def _ask(self, query: str, form: str, parameters: Mapping[str, str]) -> Any:
        wrapper = self.wrapper()
        wrapper.setQuery(query)
        wrapper.setReturnFormat(form)
        for name, value in parameters.items():
            wrapper.addParameter(name, value)
        try:
            return wrapper.query().convert() if form == JSON else wrapper.query().response.read()
        except SPARQLWrapperException as error:
            raise _told(error) from error
        except OSError as error:
            raise _told_by_http(error, self.endpoint) from error


def _told(error: SPARQLWrapperException) -> GridspineError:
    """The error inside SPARQLWrapper's own: its message ends with the response's repr."""
    text = str(error)
    start = text.find("Response:\n")
    if start >= 0:
        import ast

        body = ast.literal_eval(text[start + len("Response:\n") :])
        return from_problem(body if isinstance(body, bytes) else str(body).encode())
    return MemberError(text)


def _told_by_http(error: OSError, endpoint: str) -> GridspineError:
    read = getattr(error, "read", None)
    if read is not None:
        return from_problem(read())
    return MemberError(
        f"{endpoint} could not be asked: {error}.", hint="Is the node being served there?"
    )


def _value(term: Mapping[str, str] | None) -> Any:
    if term is None:
        return None
    return _CONVERT.get(term.get("datatype", ""), str)(term["value"])
