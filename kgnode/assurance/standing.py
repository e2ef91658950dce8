"""What stands judged between two publishes, so that a difference costs what it changes.

In: the models of a version by content, the change that leads to them, and packs. Out: the same
``Report`` as a full validation, and the judged data kept for the next change. Kept is only what can
be judged step by step: CIM, compiled packs whose documents look at everything. Not for threads:
whoever publishes holds the node's lock for writing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import pyoxigraph as ox

from kgnode.assurance.assets import Placing
from kgnode.assurance.data import DERIVED, SKOLEM, Data
from kgnode.assurance.incremental import Session
from kgnode.assurance.packs import Pack
from kgnode.assurance.report import Report
from kgnode.errors import BadShapes
from kgnode.names import XSD

BYTES_PER_TRIPLE = 450
"""Memory of one triple of judged data, about: the store and its share of indexes."""

_SKOLEMS = f'ASK {{ ?s ?p ?o FILTER(STRSTARTS(STR(?s), "{SKOLEM}")) }}'

Contents = frozenset[tuple[str, str]]
"""Models judged together: IRI and content hash of each."""


@dataclass(frozen=True)
class Step:
    """One change of some models: to be taken away, then to be added."""

    before: Contents
    added: Collection[ox.Triple]
    removed: Collection[ox.Triple]


class Standing:
    """Judged data that is kept, least recently used out.

    Args:
        most_bytes: memory it may take, about; 0 keeps nothing.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[tuple[str, ...], tuple[Contents, int, Session]] = OrderedDict()

    def report(
        self,
        now: Contents,
        packs: Sequence[Pack],
        step: Step | None,
        make: Callable[[], Data],
        place: Placing | None = None,
    ) -> Report | None:
        """Return the report on some models; None where they cannot be judged step by step.

        Args:
            now: the models.
            packs: the packs to judge by.
            step: what leads to them from models judged before, where that is known.
            make: merges the models, where nothing judged before can be used.
            place: where a subject stands in the files.
        """
        if not self._most or not all(_steady(pack) for pack in packs):
            return None
        session = self._take(now, packs, step)
        if session is None:
            session = _begin(make(), packs)
            if session is None:
                return None
        report = session.report(place)
        if report.passes:
            self._keep(now, packs, session)
        elif step is not None and session.changed:
            session.apply(step.removed, step.added)  # what was refused is undone
            self._keep(step.before, packs, session)
        return report

    def _take(self, now: Contents, packs: Sequence[Pack], step: Step | None) -> Session | None:
        """Return a session brought to these models; it is no longer kept then."""
        for key, (contents, _, session) in list(self._kept.items()):
            if key[0] != _digest(packs):
                continue
            if contents == now:
                del self._kept[key]
                return session
            if step is not None and contents == step.before and _plain(step):
                del self._kept[key]
                session.apply(step.added, step.removed)
                return session if session.same_namespaces else None
        return None

    def _keep(self, now: Contents, packs: Sequence[Pack], session: Session) -> None:
        size = session.triples * BYTES_PER_TRIPLE
        key = (_digest(packs), *sorted(iri for iri, _ in now))
        self._kept[key] = (now, size, session)
        while sum(size for _, size, _ in self._kept.values()) > self._most:
            self._kept.popitem(last=False)


def net(
    changes: Iterable[tuple[Collection[ox.Triple], Collection[ox.Triple]]],
    stays: Callable[[ox.Triple], bool],
) -> tuple[set[ox.Triple], set[ox.Triple]]:
    """Return what several models' changes add to their merge and take from it.

    Args:
        changes: for each model what is added and removed.
        stays: whether a triple stands in any of the models as they are now.
    """
    added: set[ox.Triple] = set()
    removed: set[ox.Triple] = set()
    for more, less in changes:
        added |= set(more)
        removed |= set(less)
    return added, {triple for triple in removed - added if not stays(triple)}


def _begin(data: Data, packs: Sequence[Pack]) -> Session | None:
    """Return a session; None where merging again could write the same models in another way."""
    try:
        return None if data.derived or data.store.query(_SKOLEMS) else Session(data, packs)
    except BadShapes:
        return None


def _steady(pack: Pack) -> bool:
    """Whether all documents of a pack look at everything, whatever the headers say."""
    return all(file.scope == "all" and not file.profiles and not file.when for file in pack.files)


def _plain(step: Step) -> bool:
    """Whether a change holds nothing that merging would write in another way."""
    return not any(
        (isinstance(term, ox.Literal) and term.datatype.value.removeprefix(XSD) in DERIVED)
        or (isinstance(term, ox.NamedNode) and term.value.startswith(SKOLEM))
        or isinstance(term, ox.BlankNode)
        for triple in (*step.added, *step.removed)
        for term in (triple.subject, triple.object)
    )


def _digest(packs: Sequence[Pack]) -> str:
    return " ".join(f"{pack.id}@{pack.digest}" for pack in packs)
