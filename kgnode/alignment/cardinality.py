"""How many terms stand on the other side of a mapping, worked out from the whole set.

In: mappings. Out: the cardinality of each as SSSOM 1.1 defines ``mapping_cardinality``: whether its
subject has other objects and its object other subjects; a search that found no term counts as none.
Text and terms are told apart, and so are the scopes that ``cardinality_scope`` names.
"""

from __future__ import annotations

from collections import abc, defaultdict

from kgnode.alignment.mapping import Mapping
from kgnode.alignment.slots import NO_TERM

_FIELDS = {
    "predicate_id": "predicate",
    "mapping_justification": "justification",
    "mapping_date": "date",
    "mapping_cardinality": "cardinality",
}


def cardinalities(mappings: abc.Sequence[Mapping]) -> dict[str, str]:
    """Return the cardinality of each mapping, for example ``1:n``, by its id."""
    objects: dict[tuple[object, ...], set[tuple[bool, str]]] = defaultdict(set)
    subjects: dict[tuple[object, ...], set[tuple[bool, str]]] = defaultdict(set)
    for row in mappings:
        left, right = _sides(row)
        if NO_TERM not in (left[1], right[1]):
            objects[*_scope(row), left].add(right)
            subjects[*_scope(row), right].add(left)
    return {row.id: _told(row, objects, subjects) for row in mappings}


def _sides(row: Mapping) -> tuple[tuple[bool, str], tuple[bool, str]]:
    """Both sides, each with whether it is a term."""
    literal = ("rdfs literal",)
    left = row.other.get("subject_type") not in literal and bool(row.subject)
    right = row.other.get("object_type") not in literal and bool(row.object)
    return (
        (left, row.subject if left else row.subject_label),
        (right, row.object if right else row.object_label),
    )


def _scope(row: Mapping) -> tuple[object, ...]:
    slots = row.other.get("cardinality_scope", ())
    names = (slots,) if isinstance(slots, str) else slots
    return tuple(
        (name, getattr(row, _FIELDS[name]) if name in _FIELDS else row.other.get(name))
        for name in names
    )


def _told(
    row: Mapping,
    objects: abc.Mapping[tuple[object, ...], set[tuple[bool, str]]],
    subjects: abc.Mapping[tuple[object, ...], set[tuple[bool, str]]],
) -> str:
    left, right = _sides(row)
    if NO_TERM in (left[1], right[1]):
        return f"{int(left[1] != NO_TERM)}:{int(right[1] != NO_TERM)}"
    scope = _scope(row)
    many_objects = len(objects[*scope, left]) > 1
    many_subjects = len(subjects[*scope, right]) > 1
    return f"{'n' if many_subjects else '1'}:{'n' if many_objects else '1'}"
