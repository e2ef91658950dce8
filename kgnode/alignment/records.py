"""Rows of any SSSOM document become mappings; one place where a document is judged.

In: the metadata of a set and rows as plain text, each with its line. Out: a ``MappingSet``, or
``BadMapping`` with line and reason. References are expanded, slots of the set that count for all
mappings are passed down to them (SSSOM 1.1, "Propagation of mapping set slots").
"""

from __future__ import annotations

import math
import re
from collections import abc
from dataclasses import replace
from pathlib import PurePath

from kgnode.alignment.curies import Curies, fault, is_iri
from kgnode.alignment.mapping import (
    Extension,
    Ids,
    Mapping,
    MappingSet,
    Status,
    Value,
    kind_of,
)
from kgnode.alignment.slots import (
    CHOICES,
    JUSTIFICATIONS,
    PROPAGATED,
    REPLACED_SLOT,
    SEMAPV,
    SLOTS,
    STATUS_SLOT,
    Slot,
)
from kgnode.errors import BadMapping

Raw = abc.Mapping[str, str | list[str]]
"""A row or the metadata as read: slot name to text, a list where the document has one."""

MOST_ROWS = 200_000
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_PIPES = re.compile(r"(?<!\\)\|")
_NAME = re.compile(r"[A-Za-z_][\w-]{0,63}\Z")
_LITERAL = "rdfs literal"
_CORE = frozenset({"subject_id", "predicate_id", "object_id", "mapping_justification"})


class Records:
    """Collects the rows of one document.

    Args:
        metadata: slots of the set.
        curies: its prefix map.
        extensions: its extension definitions.
        file: the document, as messages name it.
        lines: line of each key of the metadata, where known.
    """

    def __init__(
        self,
        metadata: Raw,
        curies: abc.Mapping[str, str],
        extensions: tuple[Extension, ...] = (),
        *,
        file: str | None = None,
        lines: abc.Mapping[str, int] | None = None,
        name: str = "",
    ) -> None:
        self.file, self.lines, self.name = file, lines or {}, name
        self.notes: list[str] = []
        self._noted: set[str] = set()
        for prefix, namespace in curies.items():
            wrong = fault(prefix, namespace)
            if wrong:
                raise self.bad(wrong, self.line_of(prefix, "curie_map"), "Correct curie_map.")
        self.curies = Curies(curies)
        self.extensions = extensions
        self.of_set = {
            slot: value
            for slot, given in metadata.items()
            if (value := self.value(slot, given, self.line_of(slot))) is not None
        }
        for needed in ("mapping_set_id", "license"):
            if not self.of_set.get(needed):
                raise self.bad(
                    f"The set does not say its {needed}.", 1, "Every mapping set must have one."
                )
        self.rows: list[Mapping] = []
        self._computed = Ids(str(self.of_set["mapping_set_id"]))
        self._ids: dict[str, int | None] = {}
        self._made: set[str] = set()

    def line_of(self, *keys: str) -> int:
        """Return the line of the first of the keys whose line is known, else 1."""
        return next((self.lines[key] for key in keys if key in self.lines), 1)

    def bad(self, message: str, line: int | None, hint: str) -> BadMapping:
        """Return the error about a place in this document."""
        return BadMapping(message, hint=hint, file=self.file, line=line)

    def note(self, text: str, line: int | None) -> None:
        """Keep a remark, once for each text."""
        if text not in self._noted:
            self._noted.add(text)
            self.notes.append(f"line {line}: {text}" if line else text)

    def value(self, slot: str, given: str | list[str], line: int | None) -> Value | None:
        """Return what a slot holds, checked; None where it is empty.

        Raises:
            BadMapping: the slot may not hold it.
        """
        known = SLOTS.get(slot)
        if known is None:
            return self._extra(slot, given, line)
        if not known.many:
            if isinstance(given, list):
                if len(given) > 1:
                    raise self.bad(f"{slot} may hold one value.", line, "Keep one.")
                given = given[0] if given else ""
            return self._single(slot, known, given, line) if given else None
        parts = given if isinstance(given, list) else split(given)
        values = tuple(self._single(slot, known, part, line) for part in parts if part)
        return values or None

    def _extra(self, slot: str, given: str | list[str], line: int | None) -> Value | None:
        if not _NAME.match(slot):
            raise self.bad(f"{slot!r} cannot be the name of a slot.", line, "Correct the name.")
        if slot not in {extension.slot for extension in self.extensions}:
            self.note(f"{slot} is no slot of SSSOM and is not defined; it is kept.", line)
        if isinstance(given, list):
            return tuple(given) if len(given) > 1 else "".join(given) or None
        return given or None

    def _single(self, slot: str, known: Slot, text: str, line: int | None) -> str:
        kind = known.kind
        if kind == "text":
            return text
        if kind == "entity":
            return self._entity(slot, text, line)
        if kind == "uri":
            if not is_iri(text):
                raise self.bad(f"{slot} is {text!r}, which is no IRI.", line, "Write the full IRI.")
        elif kind == "choice":
            if text not in CHOICES[slot]:
                allowed = ", ".join(CHOICES[slot])
                raise self.bad(f"{slot} is {text!r}.", line, f"It may be: {allowed}.")
        elif kind == "number":
            self.number(slot, known, text, line)
        elif not _DATE.match(text):
            raise self.bad(f"{slot} is {text!r}, which is no date.", line, "Write YYYY-MM-DD.")
        return text

    def _entity(self, slot: str, text: str, line: int | None) -> str:
        iri = self.curies.expand(text)
        if iri is not None:
            return iri
        if slot in _CORE:
            raise self.bad(
                f"{slot} is {text!r}, which is neither an IRI nor a name with a declared prefix.",
                line,
                "Declare the prefix in curie_map, or write the full IRI.",
            )
        self.note(f"{slot} has {text!r}, whose prefix is not declared; it is kept as text.", line)
        return text

    def number(self, slot: str, known: Slot, text: str, line: int | None) -> float:
        """Return a number within the slot's range."""
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not known.low <= found <= 1.0:
            raise self.bad(
                f"{slot} is {text!r}.", line, f"It must be a number from {known.low:g} to 1."
            )
        return found

    def add(self, row: Raw, line: int | None) -> None:
        """Take one row.

        Raises:
            BadMapping: it lacks something or holds what it may not.
        """
        if len(self.rows) >= MOST_ROWS:
            raise self.bad(f"More than {MOST_ROWS} rows.", line, "Split the set.")
        held: dict[str, Value] = {}
        for slot, given in row.items():
            if given:
                value = self.value(slot, given, line)
                if value is not None:
                    held[slot] = value
        self._complete(held, line)
        mapping = self._mapping(held, line)
        if mapping.id in self._ids:
            first = self._ids[mapping.id]
            raise self.bad(
                f"The record {mapping.id} is there twice, first at line {first}.",
                line,
                "Give each record its own record_id.",
            )
        self._ids[mapping.id] = line
        self.rows.append(mapping)

    def _complete(self, held: abc.Mapping[str, Value], line: int | None) -> None:
        for needed in ("predicate_id", "mapping_justification"):
            if needed not in held:
                raise self.bad(f"The row has no {needed}.", line, f"Give {needed}.")
        for side in ("subject", "object"):
            literal = self._shared(held, f"{side}_type") == _LITERAL
            needed = f"{side}_label" if literal else f"{side}_id"
            if needed not in held:
                raise self.bad(f"The row has no {needed}.", line, f"Give {needed}.")
        reviewed = "reviewer_id" in held or "reviewer_label" in held
        for slot in ("review_date", "reviewer_agreement"):
            if slot in held and not reviewed:
                raise self.bad(f"{slot} is given, but no reviewer.", line, "Give reviewer_id.")
        justification = held["mapping_justification"]
        if isinstance(justification, str) and (
            justification.removeprefix(SEMAPV) not in JUSTIFICATIONS
        ):
            self.note(f"{justification} is no justification that SSSOM names.", line)

    def _shared(self, held: abc.Mapping[str, Value], slot: str) -> Value | None:
        return held.get(slot, self.of_set.get(slot))

    def _mapping(self, held: dict[str, Value], line: int | None) -> Mapping:
        def text(slot: str) -> str:
            found = held.pop(slot, "")
            return found if isinstance(found, str) else "|".join(found)

        def several(slot: str) -> tuple[str, ...]:
            found = held.pop(slot, ())
            return (found,) if isinstance(found, str) else found

        types = (self._shared(held, "subject_type"), self._shared(held, "object_type"))
        status = text(STATUS_SLOT) or Status.PROPOSED
        if status not in list(Status):
            allowed = ", ".join(Status)
            raise self.bad(f"{STATUS_SLOT} is {status!r}.", line, f"It may be: {allowed}.")
        confidence = text("confidence")
        claim = (
            text("subject_id"),
            text("predicate_id"),
            text("object_id"),
            text("predicate_modifier") == "Not",
        )
        justification = text("mapping_justification")
        labels = text("subject_label"), text("object_label")
        own = text("record_id")
        computed = self._computed.next(claim, justification, labels)
        self._made.add(computed)
        return Mapping(
            own or computed,
            *claim,
            kind=kind_of(claim[1], types),
            status=Status(status),
            justification=justification,
            confidence=float(confidence) if confidence else None,
            cardinality=text("mapping_cardinality") or None,
            authors=several("author_id"),
            reviewers=several("reviewer_id"),
            date=text("mapping_date") or None,
            comment=text("comment"),
            subject_label=labels[0],
            object_label=labels[1],
            replaced_by=text(REPLACED_SLOT) or None,
            other=held,
        )

    def done(self) -> MappingSet:
        """Return the set, with what counts for all mappings passed down to them."""
        of_set = dict(self.of_set)
        rows = self.rows
        for slot in PROPAGATED:
            if slot in of_set and rows and not any(_holds(row, slot) for row in rows):
                rows = [_given(row, slot, of_set[slot]) for row in rows]
                del of_set[slot]

        def text(slot: str) -> str:
            found = of_set.pop(slot, "")
            return found if isinstance(found, str) else "|".join(found)

        identifier = text("mapping_set_id")
        used = {slot for row in rows for slot in row.other} | of_set.keys()
        own_ids = any(row.id not in self._made for row in rows)
        if own_ids or any(slot in SLOTS and SLOTS[slot].since == "1.1" for slot in used):
            of_set.setdefault("sssom_version", "1.1")
        return MappingSet(
            identifier,
            self.name or name_of(identifier),
            version=text("mapping_set_version") or None,
            title=text("mapping_set_title"),
            licence=text("license"),
            curies=dict(self.curies.declared),
            mappings=tuple(rows),
            extensions=self.extensions,
            other=of_set,
            notes=tuple(self.notes),
        )


def _holds(row: Mapping, slot: str) -> bool:
    return bool(row.date) if slot == "mapping_date" else slot in row.other


def _given(row: Mapping, slot: str, value: Value) -> Mapping:
    if slot == "mapping_date":
        return replace(row, date=str(value))
    return replace(row, other={**row.other, slot: value})


def split(text: str) -> list[str]:
    r"""Return the values of a cell that may hold several; ``\|`` is a bar of the text.

    >>> split(r"a|b\|c")
    ['a', 'b|c']
    """
    if "|" not in text:
        return [text]
    return [part.replace("\\|", "|") for part in _PIPES.split(text)]


def name_of(identifier: str) -> str:
    """Return the short name of a document or an IRI of a set.

    >>> name_of("https://w3id.org/gridspine/mappings/cim-ies4.sssom.tsv")
    'cim-ies4'
    """
    last = PurePath(identifier.rstrip("/#")).name.rpartition("#")[2].rpartition(":")[2]
    for ending in (".tsv", ".csv", ".json", ".ttl", ".rdf", ".sssom"):
        last = last.removesuffix(ending)
    return re.sub(r"[^A-Za-z0-9._-]", "-", last) or "set"
