"""What a reader mended or noticed, counted by code.

In: single findings, as they happen. Out: one ``Repair`` per code with the first three places.
Severity ``repair`` means that what is kept differs from what the file says, and ``--strict``
refuses it; ``warning`` and ``note`` are told, and change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kgnode.errors import RepairRefused

Severity = Literal["repair", "warning", "note"]
EXAMPLES = 3

CODES: Mapping[str, tuple[Severity, str]] = {
    "missing_hash": ("repair", "A local reference was written without its '#'."),
    "non_ncname_id": ("repair", "An rdf:ID is no NCName, which RDF/XML requires."),
    "bad_iri": ("repair", "Characters that no IRI may hold were percent-encoded."),
    "duplicate_id": ("repair", "An rdf:ID stands on two elements; their statements were joined."),
    "split_reference": ("repair", "Several references in one attribute were taken apart."),
    "reference_as_text": ("repair", "A reference was written as text."),
    "literal_form": ("repair", "A value was written in a form that its datatype does not have."),
    "no_header": ("repair", "The file has no model header; its model is named by its content."),
    "several_headers": ("repair", "Several headers in one file; the first names the model."),
    "repeated_statement": ("repair", "The same statement stands twice; it is kept once."),
    "stray_text": ("repair", "Text that belongs to no property was left out."),
    "markup": ("repair", "Markup inside a value was reduced to its text."),
    "bad_literal": ("warning", "A value does not fit its property's datatype; kept as text."),
    "literal_as_reference": ("warning", "A property with literal values holds a reference."),
    "unknown_value": ("warning", "An enumeration has no such value; kept as it is."),
    "unknown_property": ("warning", "No vocabulary known here has this property; kept as it is."),
    "dangling_reference": ("warning", "A reference to something that is nowhere defined."),
    "missing_dependency": ("warning", "A model needs another that is not there."),
    "duplicate_model": ("note", "The same model was given twice; it is read once."),
    "not_read": ("note", "A file that holds no model was left out."),
    "generic_type": ("note", "A file describes an object as mere Equipment; its own type stands."),
}
"""Code -> severity and what it means."""


@dataclass(frozen=True)
class Place:
    """Where something stands: file as the user named it, 1-based line, subject IRI."""

    file: str
    line: int | None = None
    subject: str | None = None


@dataclass(frozen=True)
class Repair:
    """All findings of one code in one reading.

    Attributes:
        code: stable name, see docs/reading-cim.md.
        message: one sentence.
        count: how often.
        examples: the first three places.
        severity: ``repair``, ``warning`` or ``note``.
        details: what exactly, for the same first three places.
    """

    code: str
    message: str
    count: int
    examples: tuple[Place, ...]
    severity: Severity = "repair"
    details: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the form the commands show: code, severity, message, count, examples."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "count": self.count,
            "examples": [
                {"file": place.file, "line": place.line, "subject": place.subject, "detail": detail}
                for place, detail in zip(self.examples, self.details, strict=True)
            ],
        }


@dataclass
class Repairs:
    """The findings of one reading, while it runs."""

    counts: dict[str, int] = field(default_factory=dict)
    places: dict[str, list[tuple[Place, str]]] = field(default_factory=dict)

    def add(self, code: str, place: Place, detail: str = "", count: int = 1) -> None:
        """Note one finding (or ``count`` at once)."""
        self.counts[code] = self.counts.get(code, 0) + count
        kept = self.places.setdefault(code, [])
        if len(kept) < EXAMPLES:
            kept.append((place, detail))

    def all(self) -> tuple[Repair, ...]:
        """Return one record per code, repairs before warnings before notes."""
        order = {"repair": 0, "warning": 1, "note": 2}
        found = [
            Repair(
                code=code,
                message=CODES[code][1],
                count=count,
                examples=tuple(place for place, _ in self.places[code]),
                severity=CODES[code][0],
                details=tuple(detail for _, detail in self.places[code]),
            )
            for code, count in self.counts.items()
        ]
        return tuple(sorted(found, key=lambda repair: (order[repair.severity], repair.code)))


def refuse(repairs: Iterable[Repair]) -> None:
    """Refuse data that needed repairs (``--strict``).

    Raises:
        RepairRefused: at least one finding is a repair; names the first place and all codes.
    """
    found = [repair for repair in repairs if repair.severity == "repair"]
    if not found:
        return
    first = found[0].examples[0]
    listed = ", ".join(f"{repair.code} ({repair.count})" for repair in found)
    raise RepairRefused(
        f"The data needs repairs: {listed}.",
        hint="Mend the files, or read without --strict and look at the report.",
        file=first.file,
        line=first.line,
        subject=first.subject,
        count=sum(repair.count for repair in found),
    )
