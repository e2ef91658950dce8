"""What a denied mapping forbids: the claim, all that mean the same, and all that would imply it.

In: subjects, predicates and objects. Out: what a claim means (``meaning``) and implies
(``implied``), so that a denial is met whichever way round and in whichever words it is claimed; and
``Denials``, which switches off the rules that approved denials speak against. Equality implies
inclusion both ways, and nearness (SKOS section 10.3: exactMatch is under closeMatch).
"""

from __future__ import annotations

from collections import abc, defaultdict

from kgnode.alignment.mapping import (
    BOTH_WAYS,
    CLOSE,
    DOWNWARD,
    RELATED,
    UPWARD,
    Mapping,
    Status,
)

Meaning = tuple[str, str, str]
"""A relation and its ends, equal for all claims that mean the same."""

_EQUAL, _UNDER, _NEAR = "equal", "under", "near"


def meaning(subject: str, predicate: str, object_: str) -> Meaning:
    """Return what a claim means.

    >>> from kgnode.alignment.mapping import BROAD, NARROW
    >>> meaning("a", BROAD, "b") == meaning("b", NARROW, "a")
    True
    """
    low, high = sorted((subject, object_))
    if predicate in BOTH_WAYS:
        return _EQUAL, low, high
    if predicate in UPWARD:
        return _UNDER, subject, object_
    if predicate in DOWNWARD:
        return _UNDER, object_, subject
    if predicate == CLOSE:
        return _NEAR, low, high
    return (predicate, low, high) if predicate == RELATED else (predicate, subject, object_)


def implied(subject: str, predicate: str, object_: str) -> frozenset[Meaning]:
    """Return all that is true if a claim is, itself included."""
    own = meaning(subject, predicate, object_)
    if own[0] != _EQUAL:
        return frozenset({own})
    ends = own[1:]
    return frozenset({own, (_NEAR, *ends), (_UNDER, *ends), (_UNDER, ends[1], ends[0])})


class Denials:
    """The approved denials among some mappings.

    Args:
        rows: mappings of every status.
    """

    def __init__(self, rows: abc.Iterable[Mapping] = ()) -> None:
        self.meant = frozenset(
            meaning(row.subject, row.predicate, row.object)
            for row in rows
            if row.negative and row.status is Status.APPROVED and row.between_terms
        )
        apart: dict[str, dict[str, bool]] = defaultdict(dict)
        for relation, one, other in sorted(self.meant):
            if relation == _UNDER:
                apart[other][one] = True
            elif relation in (_EQUAL, _NEAR):
                apart[other].setdefault(one, False)
                apart[one].setdefault(other, False)
        self._apart: abc.Mapping[str, abc.Mapping[str, bool]] = dict(apart)

    def switches_off(self, row: Mapping) -> bool:
        """Whether a mapping claims, or implies, what is denied."""
        return not self.meant.isdisjoint(implied(row.subject, row.predicate, row.object))

    def concern(self, target: str) -> bool:
        """Whether something is denied to have its facts from somewhere."""
        return target in self._apart

    def forbid(self, source: str, target: str, *, lossy: bool) -> bool:
        """Whether facts of a source may not be a target's, by a way with or without loss."""
        wholly = self._apart.get(target, {}).get(source)
        return wholly is not None and (wholly or not lossy)
