"""A mapping set laid out for writing: the slots of the set, and a row of slots a mapping.

In: a ``MappingSet``. Out: ``Laid`` with values by slot name in the order of the specification; what
all rows share stands once on the set where SSSOM passes it down (SSSOM 1.1, "Propagation"). The
inverse of ``records``.
"""

from __future__ import annotations

from collections import abc
from dataclasses import dataclass

from kgnode.alignment.curies import Curies
from kgnode.alignment.mapping import Extension, Ids, Mapping, MappingSet, Status, Value
from kgnode.alignment.slots import PROPAGATED, REPLACED_SLOT, SLOTS, STATUS_SLOT
from kgnode.names import GS, XSD

OURS = {
    STATUS_SLOT: Extension(STATUS_SLOT, f"{GS}mappingStatus", f"{XSD}string"),
    REPLACED_SLOT: Extension(REPLACED_SLOT, f"{GS}replacedBy", f"{XSD}anyURI"),
}


@dataclass(frozen=True)
class Laid:
    """A set ready to be written.

    Attributes:
        head: slots of the set.
        rows: slots of each mapping.
        columns: the slots that any row has, in order.
        extensions: definitions to write.
        curies: contracts references.
    """

    head: abc.Mapping[str, Value]
    rows: tuple[abc.Mapping[str, Value], ...]
    columns: tuple[str, ...]
    extensions: tuple[Extension, ...]
    curies: Curies

    def short(self, slot: str, value: Value) -> Value:
        """Return a value with references contracted to CURIEs."""
        if slot not in SLOTS or SLOTS[slot].kind != "entity":
            return value
        if isinstance(value, str):
            return self.curies.contract(value)
        return tuple(self.curies.contract(one) for one in value)


def lay(mappings: MappingSet) -> Laid:
    """Lay a set out for writing."""
    ids = Ids(mappings.id)
    rows = []
    for mapping in mappings.mappings:
        labels = (mapping.subject_label, mapping.object_label)
        computed = ids.next(mapping.claim, mapping.justification, labels)
        rows.append(row_of(mapping, None if mapping.id == computed else mapping.id))
    head: dict[str, Value] = {
        "mapping_set_id": mappings.id,
        "license": mappings.licence,
        **mappings.other,
    }
    if mappings.version:
        head["mapping_set_version"] = mappings.version
    if mappings.title:
        head["mapping_set_title"] = mappings.title
    _share(head, rows)
    used = {slot for row in rows for slot in row}
    known = {extension.slot for extension in mappings.extensions}
    extensions = mappings.extensions + tuple(
        definition for slot, definition in OURS.items() if slot in used and slot not in known
    )
    modern = any(slot in SLOTS and SLOTS[slot].since == "1.1" for slot in used | head.keys())
    if modern:
        head.setdefault("sssom_version", "1.1")
    return Laid(
        {slot: head[slot] for slot in _ordered(head)},
        tuple(rows),
        tuple(_ordered(used)),
        extensions,
        Curies(mappings.curies),
    )


def row_of(mapping: Mapping, record_id: str | None) -> dict[str, Value]:
    """Return the slots of one mapping that hold anything."""
    row: dict[str, Value] = {
        "record_id": record_id or "",
        "subject_id": mapping.subject,
        "subject_label": mapping.subject_label,
        "predicate_id": mapping.predicate,
        "predicate_modifier": "Not" if mapping.negative else "",
        "object_id": mapping.object,
        "object_label": mapping.object_label,
        "mapping_justification": mapping.justification,
        "author_id": mapping.authors,
        "reviewer_id": mapping.reviewers,
        "mapping_cardinality": mapping.cardinality or "",
        "mapping_date": mapping.date or "",
        "confidence": "" if mapping.confidence is None else repr(mapping.confidence),
        "comment": mapping.comment,
        STATUS_SLOT: "" if mapping.status is Status.PROPOSED else mapping.status.value,
        REPLACED_SLOT: mapping.replaced_by or "",
        **mapping.other,
    }
    return {slot: value for slot, value in row.items() if value}


def _share(head: dict[str, Value], rows: list[dict[str, Value]]) -> None:
    """Move what all rows have in common to the head, where it is passed down again."""
    if len(rows) < 2:
        return
    for slot in PROPAGATED:
        value = rows[0].get(slot)
        if value and slot not in head and all(row.get(slot) == value for row in rows):
            head[slot] = value
            for row in rows:
                del row[slot]


def _ordered(slots: abc.Iterable[str]) -> list[str]:
    places = {slot: place for place, slot in enumerate(SLOTS)}
    return sorted(slots, key=lambda slot: (places.get(slot, len(places)), slot))
