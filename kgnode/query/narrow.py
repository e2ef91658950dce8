"""Which cells a query is answered from.

In: what the caller sees, and the graphs the request or the query names. Out: ``Reach``: the cells
of the default graph and those of the named graphs. Follows SPARQL 1.1 Protocol section 2.1.4 (the
request's graphs win over the query's) and Query section 13.2. A graph that is not visible is left
out exactly as one that does not exist.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from kgnode.policy.decide import Visible
from kgnode.query.parse import ParsedQuery
from kgnode.query.protocol import SparqlRequest
from kgnode.store.cells import Cell, Manifest
from kgnode.store.derive import Derivation
from kgnode.store.seat import Key, version_of


@dataclass(frozen=True)
class Reach:
    """The cells behind one query.

    Attributes:
        cells: their merge is the default graph.
        named: the cells behind the named graphs, one graph per model.
        rules: digest of the mappings that the query is asked under; empty without any.
        derived: what follows from the cells under them, where the view has to hold it.
    """

    cells: frozenset[Cell]
    named: frozenset[Cell]
    rules: str = ""
    derived: Derivation | None = None

    @cached_property
    def version(self) -> str:
        """Digest of exactly these cells and rules, whatever the engine holds ready of them."""
        own = version_of(Key(self.cells, self.named))
        if not self.rules:
            return own
        return hashlib.sha256(f"{own} {self.rules}".encode()).hexdigest()[:32]


def whole(visible: Visible, named_graphs: bool) -> Reach:
    """Return the reach of a query that names no graph: every data set not published aside."""
    shown = (manifest for manifest in visible.manifests if not manifest.aside)
    cells = frozenset(cell for manifest in shown for cell in manifest.cells)
    return Reach(cells, cells if named_graphs else frozenset())


def narrow(visible: Visible, request: SparqlRequest, parsed: ParsedQuery) -> Reach | None:
    """Return the reach of a query that names graphs, or None if nothing names one."""
    default, named = request.default_graphs, request.named_graphs
    if not default and not named:
        if not parsed.clauses:
            return None
        default, named = parsed.from_default, parsed.from_named
    if not default and not named:
        return None
    return Reach(
        frozenset(_cells(visible.manifests, default)), frozenset(_cells(visible.manifests, named))
    )


def _cells(manifests: Iterable[Manifest], graphs: Collection[str]) -> Iterable[Cell]:
    """Yield the cells of the models named, by their own IRI or by that of their data set."""
    for manifest in manifests:
        for model in manifest.models:
            if model.iri in graphs or manifest.dataset in graphs:
                yield from model.cells
