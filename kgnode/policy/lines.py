"""Dividing a model's triples by label set, as N-Triples lines.

In: an N-Triples stream (RDF 1.1 N-Triples, canonical form) and the marks by subject, predicate and
object. Out: label set -> lines. A line that is not in canonical form is parsed, never guessed: a
mark that was missed would open what is closed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import BinaryIO

from pyoxigraph import BlankNode, NamedNode, RdfFormat, parse

from kgnode.cim.spool import Spool

Names = frozenset[str]
NONE: Names = frozenset()
CHUNK_BYTES = 1 << 20


def divide(
    stream: BinaryIO,
    subjects: Mapping[str, Names],
    predicates: Mapping[str, Names],
    objects: Mapping[str, Names],
) -> Mapping[Names, Spool]:
    """Return label set -> lines; the set of a line is the union of its three marks.

    Cost: one pass, three look-ups a line; unions are made once per combination. What is large
    lies in temporary files, so memory does not grow with the model.
    """
    by_subject, by_predicate, by_object = map(_as_terms, (subjects, predicates, objects))
    unions: dict[tuple[Names, Names, Names], Names] = {}
    spools: dict[Names, Spool] = defaultdict(Spool)
    while chunk := stream.readlines(CHUNK_BYTES):
        parts: dict[Names, list[bytes]] = defaultdict(list)
        for line in chunk:
            subject, predicate, value = terms(line)
            key = (
                by_subject.get(subject, NONE),
                by_predicate.get(predicate, NONE),
                by_object.get(value, NONE),
            )
            union = unions.get(key)
            if union is None:
                union = unions[key] = key[0] | key[1] | key[2]
            parts[union].append(line if line.endswith(b"\n") else line + b"\n")
        for names, lines in parts.items():
            spools[names].write(b"".join(lines))
    return spools


def _as_terms(marks: Mapping[str, Names]) -> dict[bytes, Names]:
    return {b"<" + iri.encode() + b">": names for iri, names in marks.items()}


def terms(line: bytes) -> tuple[bytes, bytes, bytes]:
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
