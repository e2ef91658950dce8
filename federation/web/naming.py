"""Names of things for people, in place of their IRIs.

In: IRIs of an answer, the caller. Out: the names that members show this caller. A name that cannot
be had within a moment is left out: the IRI is shown then, and the answer stays what it is.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import orjson

from federation.answer import Ask, answer
from federation.members.pool import Identity
from federation.members.subquery import TERM
from federation.run import Federation
from kgnode.errors import GridspineError
from kgnode.names import PREFIXES

QUERY = Path(__file__).parent / "queries" / "names.rq"
_SECONDS = 2.0
_MOST = 1000
"""A VALUES block beyond this slows the members down."""
_VOCABULARY = tuple(PREFIXES.values())


async def names_of(
    iris: Collection[str], identity: Identity, federation: Federation
) -> dict[str, str]:
    """Return a name for each IRI that has one; terms of well-known vocabularies are not asked."""
    unknown = sorted(iri for iri in iris if not iri.startswith(_VOCABULARY))
    terms = [term for iri in unknown if TERM.fullmatch(term := f"<{iri}>")][:_MOST]
    if not terms:
        return {}
    text = QUERY.read_text(encoding="utf-8").replace("{}", "{" + " ".join(terms) + "}", 1)
    media = "application/sparql-results+json"
    try:
        got = await answer(
            Ask(text, identity, media, partial=True, timeout_seconds=_SECONDS), federation
        )
    except GridspineError:
        return {}
    rows = orjson.loads(got.body)["results"]["bindings"]
    return {row["thing"]["value"]: row["name"]["value"] for row in reversed(rows)}
