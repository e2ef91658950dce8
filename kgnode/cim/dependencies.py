"""Does everything stand that a model stands on?

In: headers and passes of one reading. Out: findings: a model named in ``md:Model.DependentOn``
that is not there, with what it probably is, and references to things nowhere defined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kgnode.cim.datatypes import version_of
from kgnode.cim.headers import Header
from kgnode.cim.original import unpack
from kgnode.cim.repairs import EXAMPLES, Place, Repairs

NEEDS: Mapping[str, tuple[str, ...]] = {
    "EQ": ("EQBD",),
    "SSH": ("EQ",),
    "TP": ("EQ", "TPBD"),
    "SV": ("TP", "SSH", "EQ", "TPBD"),
    "DY": ("EQ",),
    "DL": ("EQ", "TP"),
    "GL": ("EQ",),
    "TPBD": ("EQBD",),
}
"""Profile -> profiles a model of it stands on (IEC 61970-600-1, profile dependencies)."""

WORDS: Mapping[str, str] = {
    "EQ": "equipment (EQ)",
    "EQBD": "equipment boundary (EQBD)",
    "TPBD": "topology boundary (TPBD)",
    "SSH": "steady state hypothesis (SSH)",
    "TP": "topology (TP)",
}


@dataclass(frozen=True)
class Standing:
    """What the check needs of one read document."""

    header: Header
    file: str
    base: str
    subjects: frozenset[str] | set[str]
    references: Mapping[str, str]
    spelling: bytes


def check(read: Sequence[Standing], known: Mapping[str, str], repairs: Repairs) -> None:
    """Report missing models and dangling references.

    Args:
        read: the documents of this reading.
        known: model IRIs that are kept elsewhere; what is in them cannot be looked at here.
        repairs: takes the findings.
    """
    given = {standing.header.iri for standing in read}
    present = {keyword for standing in read for keyword in standing.header.keywords}
    if any(standing.header.is_boundary for standing in read):
        present.add("EQBD")
    elsewhere = False
    for standing in read:
        for iri in standing.header.dependent_on:
            if iri in known:
                elsewhere = elsewhere or iri not in given
            elif iri not in given:
                detail = f"{iri}, probably {_probably(standing.header, present)}"
                repairs.add("missing_dependency", Place(standing.file, None, iri), detail)
    if not elsewhere:
        _dangling(read, given, repairs)


def _probably(header: Header, present: set[str]) -> str:
    """Say what a missing model probably is: what this profile stands on and nobody gave."""
    if header.is_boundary:
        return "another boundary or common-data model"
    absent = {"TPBD"} if version_of(header) != "cgmes-2.4.15" else set()
    direct = [need for keyword in header.keywords for need in NEEDS.get(keyword, ())]
    for needed in (direct, ["EQBD", "TPBD"]):
        missing = [need for need in dict.fromkeys(needed) if need not in present | absent]
        if missing:
            return " or ".join(WORDS[need] for need in missing)
    return "another version of a model that is given"


def _dangling(read: Sequence[Standing], given: set[str], repairs: Repairs) -> None:
    prefixes = ("<urn:uuid:", *(f"<{standing.base}" for standing in read))
    named = given | {
        iri
        for standing in read
        for iri in (*standing.header.dependent_on, *standing.header.supersedes)
    }
    models = {f"<{iri}>" for iri in named}
    for standing in read:
        wanted = {
            term: spelling
            for spelling, term in standing.references.items()
            if term.startswith(prefixes) and term not in models
        }
        missing = wanted.keys() - standing.subjects
        for other in read:
            missing -= other.subjects
        if not missing:
            continue
        examples = sorted(missing)[:EXAMPLES]
        text = b"".join(document for _, document in unpack(standing.spelling))
        for term in examples:
            place = Place(standing.file, _line(text, wanted[term]), term[1:-1])
            repairs.add("dangling_reference", place, wanted[term])
        rest = len(missing) - len(examples)
        repairs.counts["dangling_reference"] += rest


def _line(text: bytes, spelling: str) -> int | None:
    at = text.find(spelling.encode())
    return text.count(b"\n", 0, at) + 1 if at >= 0 else None
