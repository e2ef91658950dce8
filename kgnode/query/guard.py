"""Whether a query may run at all, whoever asks.

In: a parsed query. Out: nothing, or a refusal by name. Updates and ``SERVICE`` never run: the
first are no business of a caller, the second would make the node send requests to addresses that a
caller chose (SPARQL 1.1 Federated Query). Two readings must agree that a query holds no SERVICE.
"""

from __future__ import annotations

from kgnode.errors import RefusedQuery
from kgnode.query.parse import ParsedQuery


def guard(parsed: ParsedQuery) -> None:
    """Let a query pass.

    Raises:
        RefusedQuery: it is an update, calls ``SERVICE``, or mentions it where the readings of the
            text do not agree on what it is.
    """
    if parsed.form == "UPDATE":
        raise RefusedQuery(
            "This endpoint answers queries; it accepts no update.",
            hint="Data changes by publishing: kgnode publish HOME FILE --dataset ID.",
        )
    if "service" not in parsed.mentions:
        return
    if "SERVICE" in parsed.keywords:
        raise _refused()
    if parsed.doubtful:
        raise RefusedQuery(
            "The query mentions SERVICE in a way that cannot be read with certainty.",
            hint="Remove the word from strings and comments, or write IRIs in full.",
        )
    if next(parsed.nodes("service_graph_pattern"), None) is not None:
        raise _refused()


def _refused() -> RefusedQuery:
    return RefusedQuery(
        "SERVICE is refused: a node sends no request to an address that a query names.",
        hint="Send the query to a federation gateway; it joins the members by itself.",
    )
