"""What a gateway may know of a caller's view to plan queries, and nothing of what is hidden.

In: the store of one view (its default graph is the merge of its named graphs). Out: bytes of four
answers: the summary (VoID-like counts per predicate and class with the authorities of subjects and
objects), the sorted hashes of terms, those of the literals at one predicate, and the shared terms
per predicate and class. Each may over-state what could match a query, never under-state it. Run
inside an evaluator, through ``View.call``.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, Store

from kgnode.errors import BadRequest
from kgnode.names import RDF, authority
from kgnode.store.derive import Following

MOST_LISTED = 20_000
"""More shared terms than this at one position are told as unknown, which over-states."""

_TYPE = f"{RDF}type"

Readable = Store | Following
"""A view's store, or one read as if it held what follows."""


@dataclass
class _Usage:
    count: int = 0
    subjects: Counter[str] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)


def summarise(store: Readable) -> bytes:
    """Return JSON ``{"predicates": {...}, "classes": {...}}`` of a view's store.

    Authorities are IRI prefixes to the last ``/`` or ``#``, ``literal``, or ``urn:uuid:``.
    """
    predicates: dict[str, _Usage] = {}
    classes: dict[str, _Usage] = {}
    for quad in _triples(store):
        subject = authority(quad.subject.value) if isinstance(quad.subject, NamedNode) else "_:"
        value = quad.object
        kind = authority(value.value) if isinstance(value, NamedNode) else "literal"
        usage = predicates.setdefault(quad.predicate.value, _Usage())
        usage.count += 1
        usage.subjects[subject] += 1
        usage.objects[kind] += 1
        if quad.predicate.value == _TYPE and isinstance(value, NamedNode):
            members = classes.setdefault(value.value, _Usage())
            members.count += 1
            members.subjects[subject] += 1
    document = {
        "predicates": {
            iri: {"count": u.count, "subjects": dict(u.subjects), "objects": dict(u.objects)}
            for iri, u in sorted(predicates.items())
        },
        "classes": {
            iri: {"count": u.count, "subjects": dict(u.subjects)}
            for iri, u in sorted(classes.items())
        },
    }
    return orjson.dumps(document)


def term_hash(iri: str) -> int:
    """Return the 64-bit hash of a term's text: BLAKE2b of its UTF-8 bytes, little endian.

    >>> term_hash("urn:x") == term_hash("urn:x") != term_hash("urn:y")
    True
    """
    return int.from_bytes(blake2b(iri.encode(), digest_size=8).digest(), "little")


def term_hashes(store: Readable) -> bytes:
    """Return the sorted distinct hashes of all IRIs in subject or object position.

    The form is 8 bytes little endian each, one after the other.
    """
    iris: set[str] = set()
    for quad in _triples(store):
        if isinstance(quad.subject, NamedNode):
            iris.add(quad.subject.value)
        if isinstance(quad.object, NamedNode):
            iris.add(quad.object.value)
    return array("Q", sorted({term_hash(iri) for iri in iris})).tobytes()


def literal_hashes(store: Readable, predicate: bytes) -> bytes:
    """Return the sorted distinct hashes of the literals that stand at one predicate.

    A literal is hashed in the N-Triples spelling in which the store gives it back, which is the
    same for all spellings of a value that the engine takes for the same term.

    Raises:
        BadRequest: the predicate is no IRI.
    """
    try:
        wanted = NamedNode(predicate.decode())
    except ValueError as error:
        raise BadRequest("The predicate is no IRI.", hint="Give it without brackets.") from error
    found = store.quads_for_pattern(None, wanted, None, DefaultGraph())
    literals = {str(quad.object) for quad in found if isinstance(quad.object, Literal)}
    return array("Q", sorted({term_hash(text) for text in literals})).tobytes()


@dataclass
class _Position:
    shared: set[int] = field(default_factory=set)
    local: bool = False
    literals: bool = False

    def document(self) -> dict[str, Any]:
        listed = sorted(self.shared) if len(self.shared) <= MOST_LISTED else None
        return {"shared": listed, "local": self.local, "literals": self.literals}


def shared_terms(store: Readable, hashes: bytes) -> bytes:
    """Return where the given shared terms stand: per predicate and class, by position.

    Args:
        store: the store of a view.
        hashes: sorted hashes in the form of :func:`term_hashes`.

    Raises:
        BadRequest: the body is no whole number of hashes.
    """
    index = {value: place for place, value in enumerate(array("Q", _whole(hashes)))}
    places: dict[str, int | None] = {}
    predicates: dict[str, tuple[_Position, _Position]] = {}
    classes: dict[str, _Position] = {}

    def place_of(iri: str) -> int | None:
        if iri not in places:
            places[iri] = index.get(term_hash(iri))
        return places[iri]

    def note(position: _Position, iri: str) -> None:
        place = place_of(iri)
        if place is None:
            position.local = True
        else:
            position.shared.add(place)

    for quad in _triples(store):
        usage = predicates.setdefault(quad.predicate.value, (_Position(), _Position()))
        if isinstance(quad.subject, NamedNode):
            note(usage[0], quad.subject.value)
        if not isinstance(quad.object, NamedNode):
            usage[1].literals = True
            continue
        note(usage[1], quad.object.value)
        if quad.predicate.value == _TYPE and isinstance(quad.subject, NamedNode):
            note(classes.setdefault(quad.object.value, _Position()), quad.subject.value)
    return orjson.dumps(
        {
            "predicates": {
                iri: {"subjects": usage[0].document(), "objects": usage[1].document()}
                for iri, usage in predicates.items()
            },
            "classes": {iri: {"subjects": p.document()} for iri, p in classes.items()},
        }
    )


def named_terms(store: Readable, hashes: bytes) -> bytes:
    """Return the IRIs behind some hashes, as JSON ``{"names": [IRI or null, ...]}``.

    Raises:
        BadRequest: the body is no whole number of hashes.
    """
    wanted = array("Q", _whole(hashes)).tolist()
    left = set(wanted)
    seen: set[str] = set()
    names: dict[int, str] = {}
    for quad in _triples(store):
        for term in (quad.subject, quad.object):
            if isinstance(term, NamedNode) and term.value not in seen:
                seen.add(term.value)
                if (hashed := term_hash(term.value)) in left:
                    left.discard(hashed)
                    names[hashed] = term.value
        if not left:
            break
    return orjson.dumps({"names": [names.get(hashed) for hashed in wanted]})


def _whole(hashes: bytes) -> bytes:
    if len(hashes) % 8:
        raise BadRequest(
            "The body is not a list of 64-bit hashes.", hint="Send 8 bytes, little endian, a hash."
        )
    return hashes


def answer(store: Store, argument: bytes) -> bytes:
    """Return one of the answers of this module, also under rules on single triples.

    Args:
        store: the store of a view.
        argument: a line of JSON, ``{"function": name, "rules": order of a Derivation or null}``,
            and behind it what the function wants besides.
    """
    line, _, rest = argument.partition(b"\n")
    asked = orjson.loads(line)
    read = store if asked["rules"] is None else Following(store, asked["rules"])
    if asked["function"] in ALONE:
        return ALONE[asked["function"]](read)
    return WITH_MORE[asked["function"]](read, rest)


ALONE = {"summarise": summarise, "term_hashes": term_hashes}
WITH_MORE = {
    "literal_hashes": literal_hashes,
    "shared_terms": shared_terms,
    "named_terms": named_terms,
}


def _triples(store: Readable) -> Iterator[Quad]:
    """The triples of the default graph, which is the merge of all the view's named graphs."""
    return store.quads_for_pattern(None, None, None, DefaultGraph())
