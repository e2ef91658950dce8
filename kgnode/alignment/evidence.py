"""Why two terms may mean the same: each kind of evidence for itself, and suggestions from it.

In: terms, what is mapped already, what data uses. Out: ``Evidence`` of four kinds (label,
definition, structure, instances), and candidates ordered by what they say together. A suggestion is
only ever a row for people to look at; label matching alone misleads, so it is marked as alone.
"""

from __future__ import annotations

from collections import abc, defaultdict
from dataclasses import dataclass
from typing import Any, Literal

from rapidfuzz import fuzz, process

from kgnode.alignment.mapping import BOTH_WAYS, DOWNWARD, UPWARD, Mapping
from kgnode.alignment.terms import Term, Terms, words
from kgnode.alignment.use import Use
from kgnode.cim.namespaces import split

EvidenceKind = Literal["label", "definition", "structure", "instances"]

WEIGHTS: dict[EvidenceKind, float] = {
    "label": 0.6,
    "definition": 0.5,
    "structure": 0.5,
    "instances": 0.8,
}
"""How far each kind alone may carry: the total is ``1 - product of (1 - weight * score)``."""
LEAST_LABEL = 0.55
CANDIDATES = 8
TELLING = 0.35
"""A score from which a kind of evidence counts as one that speaks."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One kind of evidence.

    Attributes:
        kind: which.
        score: 0 to 1; None where there is nothing to judge by.
        detail: what was compared, in words.
    """

    kind: EvidenceKind
    score: float | None
    detail: str


class Weigher:
    """Weighs pairs of terms.

    Args:
        terms: what the vocabularies say.
        rows: living mappings, which structure is judged by.
        use: what data uses.
    """

    def __init__(self, terms: Terms, rows: abc.Iterable[Mapping], use: Use) -> None:
        self.terms, self.use = terms, use
        self._images: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            if not row.negative and row.predicate in BOTH_WAYS | UPWARD | DOWNWARD:
                self._images[row.subject].add(row.object)
                self._images[row.object].add(row.subject)

    def weigh(self, subject: str, object_: str) -> tuple[Evidence, ...]:
        """Return all four kinds of evidence for a pair."""
        one, other = self.terms.get(subject), self.terms.get(object_)
        return (
            _label(one, other),
            _definition(one, other),
            self._structure(one, other),
            self._instances(subject, object_),
        )

    def _structure(self, one: Term, other: Term) -> Evidence:
        """What stands around one term, taken through the mappings, against what is around it."""
        around = self._around(other)
        told = [near for near in self._around(one) if self._images.get(near)]
        if not told or not around:
            return Evidence("structure", None, "Nothing around them is mapped.")
        hits = [
            near
            for near in told
            if any(image in around or around & self._upward(image) for image in self._images[near])
        ]
        names = ", ".join(sorted(split(near)[1] for near in hits)[:4]) or "none"
        said = f"{len(hits)} of {len(told)} mapped neighbours meet: {names}."
        return Evidence("structure", len(hits) / len(told), said)

    def _around(self, term: Term) -> set[str]:
        near = {*term.parents, *term.domains, *term.ranges, *self.terms.below(term.iri)}
        return near - {term.iri}

    def _upward(self, iri: str) -> frozenset[str]:
        return self.terms.above(iri)

    def _instances(self, subject: str, object_: str) -> Evidence:
        """Members that both have: of the rarer term's (an overlap coefficient)."""
        rarer = min(self.use.of(subject), self.use.of(object_))
        if not rarer:
            return Evidence("instances", None, "At least one of them is not used here.")
        both = self.use.together.get(frozenset({subject, object_}), 0)
        score = min(both / rarer, 1.0)
        return Evidence("instances", score, f"{both} of {rarer} are shared.")


def _label(one: Term, other: Term) -> Evidence:
    left, right = words(one.label), words(other.label)
    if one.kind == other.kind == "property":
        left, right = words(one.label.rpartition(".")[2]), words(other.label.rpartition(".")[2])
    score = fuzz.token_sort_ratio(left, right) / 100
    return Evidence("label", round(score, 3), f"“{left}” against “{right}”.")


def _definition(one: Term, other: Term) -> Evidence:
    if not one.definition or not other.definition:
        return Evidence("definition", None, "One of them has no definition here.")
    score = fuzz.token_set_ratio(one.definition.lower(), other.definition.lower()) / 100
    return Evidence("definition", round(score, 3), "The words of both definitions.")


def total(evidence: abc.Iterable[Evidence]) -> float:
    """Return what all kinds say together, ``1 - product of (1 - weight * score)``.

    >>> total([Evidence("label", 1.0, ""), Evidence("instances", 0.5, "")])
    0.76
    """
    doubt = 1.0
    for one in evidence:
        if one.score is not None:
            doubt *= 1.0 - WEIGHTS[one.kind] * one.score
    return round(1.0 - doubt, 3)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A pair to look at.

    Attributes:
        kinds: how many kinds of evidence speak for it; one alone is a weak reason.
    """

    subject: str
    object: str
    evidence: tuple[Evidence, ...]
    total: float

    @property
    def kinds(self) -> int:
        """Return how many kinds of evidence speak."""
        return sum(one.score is not None and one.score >= TELLING for one in self.evidence)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "subject": self.subject,
            "object": self.object,
            "total": self.total,
            "kinds": self.kinds,
            "alone": self.kinds < 2,
            "evidence": [
                {"kind": one.kind, "score": one.score, "detail": one.detail}
                for one in self.evidence
            ],
        }


def suggestions(
    wanted: abc.Iterable[str],
    target: str,
    weigher: Weigher,
    known: abc.Container[tuple[str, str]],
    *,
    each: int = 3,
) -> dict[str, tuple[Suggestion, ...]]:
    """Return candidates for terms in one vocabulary, best first; pairs that are known are not.

    Args:
        wanted: terms to find counterparts of.
        target: namespace of the vocabulary to look in.
        weigher: weighs pairs.
        known: pairs that are mapped or denied already.
        each: how many candidates a term is given.
    """
    there = weigher.terms.vocabulary(target)
    by_kind: dict[str, dict[str, str]] = defaultdict(dict)
    for term in there:
        name = term.label.rpartition(".")[2] if term.kind == "property" else term.label
        by_kind[term.kind][term.iri] = words(name)
    found: dict[str, tuple[Suggestion, ...]] = {}
    for subject in wanted:
        pool = by_kind.get(weigher.terms.get(subject).kind, {})
        candidates = _by_label(subject, pool, weigher.terms)
        candidates |= {
            iri
            for pair in weigher.use.together
            if subject in pair
            for iri in pair - {subject}
            if split(iri)[0] == target
        }
        made = [
            Suggestion(subject, one, evidence, total(evidence))
            for one in candidates
            if one != subject and (subject, one) not in known
            for evidence in (weigher.weigh(subject, one),)
        ]
        made.sort(key=lambda one: (-one.total, one.object))
        found[subject] = tuple(made[:each])
    return found


def _by_label(subject: str, pool: abc.Mapping[str, str], terms: Terms) -> set[str]:
    term = terms.get(subject)
    name = words(term.label.rpartition(".")[2] if term.kind == "property" else term.label)
    best = process.extract(
        name, pool, scorer=fuzz.token_set_ratio, limit=CANDIDATES, score_cutoff=LEAST_LABEL * 100
    )
    return {iri for _, _, iri in best}
