"""Where subjects stand in a document.

In: the kept document of a model. Out: subject IRI -> (line, whether it is defined there by
``rdf:ID``). Made only when a report asks for places.
"""

from __future__ import annotations

from collections.abc import Mapping

from kgnode.cim.original import replay


class _Lines:
    def __init__(self) -> None:
        self.found: dict[str, tuple[int, bool]] = {}

    def element(self, term: str, attribute: str, raw: str, class_iri: str, line: int) -> None:
        defines = attribute == "ID"
        if term[1:-1] not in self.found or (defines and not self.found[term[1:-1]][1]):
            self.found[term[1:-1]] = (line, defines)

    def statement(self, line: str, raw: str, reference: bool) -> None:
        pass


def find(blob: bytes) -> Mapping[str, tuple[int, bool]]:
    """Return the line of the first element about each subject; a defining element comes first."""
    lines = _Lines()
    replay(blob, lines)
    return lines.found
