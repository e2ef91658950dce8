"""What answers of the whole federation change between two versions of mapping sets.

In: a gateway's address, queries, and the sets before and after. Out: ``Preview``s. Versions are
pinned in queries, so a version may be released and adopted by all members, looked at here, and is
used by nobody until they name it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from federation.ask import select
from kgnode.alignment.preview import Changed, Rows, changed, rows_of
from kgnode.errors import GridspineError


@dataclass(frozen=True)
class Preview:
    """What becomes of one query.

    Attributes:
        change: its rows before and after.
        before: status of the answer before: complete, incomplete, unsound or failed.
        after: the same afterwards. Only two complete answers can be compared with certainty.
    """

    change: Changed
    before: str
    after: str

    @property
    def certain(self) -> bool:
        """Whether both answers are complete."""
        return self.before == self.after == "complete"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        status = {"status_before": self.before, "status_after": self.after}
        return asdict(self.change) | status | {"certain": self.certain}


def preview(
    url: str, queries: Mapping[str, str], before: str, after: str, token: str | None = None
) -> tuple[Preview, ...]:
    """Ask each query twice and tell what changes.

    Args:
        url: address of a gateway, or of a node.
        queries: name to SELECT or ASK query.
        before: mapping sets, ``name@version`` separated by commas; empty for none.
        after: the same afterwards.
        token: access token for that address; None asks as the public.
    """
    found = []
    for name, query in sorted(queries.items()):
        rows, status, said = _asked(url, query, before, token)
        later, then, told = _asked(url, query, after, token)
        found.append(Preview(changed(name, rows, later, (said, told)), status, then))
    return tuple(found)


def _asked(url: str, query: str, mappings: str, token: str | None) -> tuple[Rows, str, str]:
    try:
        got = select(url, query, token, partial=True, mappings=mappings)
    except GridspineError as error:
        return Rows(), "failed", error.message
    return rows_of(got.sparql), got.status, ""
