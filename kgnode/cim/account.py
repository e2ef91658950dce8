"""What became of the statements of a document, and who is told while it is read.

In: counts from one pass. Out: an ``Account`` in which every statement of the file is found again,
and the ``Watch`` that a second reading may bring to learn what stands where.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass
class Account:
    """What became of the statements of a document: read + split = kept + generic + repeated."""

    split: int = 0
    generic: int = 0
    repeated: int = 0
    kept: int = 0

    @property
    def read(self) -> int:
        """Statements in the file: one per property element or attribute, one per typed node."""
        return self.kept + self.generic + self.repeated - self.split


class Watch(Protocol):
    """Told what stands where, when a document is read again for its spelling or its lines."""

    def element(self, term: str, attribute: str, raw: str, class_iri: str, line: int) -> None:
        """Take an element: subject term, ``ID`` or ``about``, its value, class, line."""

    def statement(self, line: str, raw: str, reference: bool) -> None:
        """Take a statement: its N-Triples line, the object's spelling, by reference or not."""
