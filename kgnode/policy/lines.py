"""Dividing a model's triples by label set, as N-Triples lines.

In: an N-Triples stream (RDF 1.1 N-Triples, canonical form) and the marks by subject, predicate and
object. Out: label set -> lines. A line that is not in canonical form is parsed, never guessed: a
mark that was missed would open what is closed.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from pyoxigraph import BlankNode, NamedNode, RdfFormat, Triple, parse

Names = frozenset[str]
NONE: Names = frozenset()
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Lines:
    """Some triples of a model: iterate over them, or take them as an N-Triples stream."""

    lines: tuple[bytes, ...]

    def __iter__(self) -> Iterator[Triple]:
        """Yield the triples in the order of the model."""
        for quad in parse(self.ntriples(), RdfFormat.N_TRIPLES):
            yield quad.triple

    def __len__(self) -> int:
        """Return how many lines there are."""
        return len(self.lines)

    def ntriples(self) -> BinaryIO:
        """Return the triples as a binary N-Triples stream."""
        return io.BytesIO(b"".join(self.lines))


def divide(
    stream: BinaryIO,
    subjects: Mapping[str, Names],
    predicates: Mapping[str, Names],
    objects: Mapping[str, Names],
) -> Mapping[Names, list[bytes]]:
    """Return label set -> lines; the set of a line is the union of its three marks.

    Cost: one pass, three look-ups a line; unions are made once per combination.
    """
    by_subject, by_predicate, by_object = map(_as_terms, (subjects, predicates, objects))
    parts: dict[tuple[Names, Names, Names], list[bytes]] = defaultdict(list)
    while chunk := stream.readlines(CHUNK_BYTES):
        for line in chunk:
            subject, predicate, value = _terms(line)
            key = (
                by_subject.get(subject, NONE),
                by_predicate.get(predicate, NONE),
                by_object.get(value, NONE),
            )
            parts[key].append(line)
    united: dict[Names, list[bytes]] = {}
    for (first, second, third), lines in parts.items():
        united.setdefault(first | second | third, []).extend(lines)
    return united


def _as_terms(marks: Mapping[str, Names]) -> dict[bytes, Names]:
    return {b"<" + iri.encode() + b">": names for iri, names in marks.items()}


def _terms(line: bytes) -> tuple[bytes, bytes, bytes]:
    """Return subject, predicate and object as written; literals as some text without marks."""
    parts = line.split(b" ", 2)
    if len(parts) == 3 and line.endswith(b" .\n"):
        subject, predicate, rest = parts
        value = b'"' if rest[:1] == b'"' else rest[:-3]
        whole = subject[-1:] == b">" and predicate[-1:] == b">"
        plain = b"\\" not in subject and b"\\" not in predicate and b"\\" not in value
        if whole and plain and (value[:1] == b'"' or value[-1:] == b">"):
            return subject, predicate, value
    return _parsed(line)


def _parsed(line: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the terms of a line that is valid but not canonical."""
    for quad in parse(line, RdfFormat.N_TRIPLES):
        return _written(quad.subject), _written(quad.predicate), _written(quad.object)
    return b"", b"", b""


def _written(term: object) -> bytes:
    if isinstance(term, NamedNode):
        return b"<" + term.value.encode() + b">"
    return b"_" if isinstance(term, BlankNode) else b'"'
