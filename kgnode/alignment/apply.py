"""Mapping sets by name, applied to a query.

In: SPARQL text and the sets asked for, ``name`` or ``name@version``. Out: the text to run and the
sets, with versions, that it used. ``cim-namespaces`` is always there: queries written in one CIM
namespace find data published in another (docs/reading-cim.md, "Namespaces").
"""

from __future__ import annotations

from collections.abc import Sequence

from kgnode.alignment.widen import widen
from kgnode.cim.namespaces import spellings
from kgnode.errors import NotFound

NAMESPACES = "cim-namespaces"
NAMESPACES_VERSION = "1"


def apply_sets(text: str, sets: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the widened query and the sets that changed it, as ``name@version``.

    Raises:
        NotFound: no such set or version.
        RefusedQuery: the query cannot be changed with certainty.
    """
    used: list[str] = []
    for wanted in sets:
        name, _, version = wanted.partition("@")
        if name != NAMESPACES or version not in ("", NAMESPACES_VERSION):
            raise NotFound(
                f"There is no mapping set {wanted}.",
                hint=f"Sets here: {NAMESPACES}@{NAMESPACES_VERSION}.",
            )
        text, terms = widen(text, spellings)
        if terms:
            used.append(f"{NAMESPACES}@{NAMESPACES_VERSION}")
    return text, tuple(used)
