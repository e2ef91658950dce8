"""The coverage and gap report: what exists, what is needed, what is aligned, what is missing.

In: what data uses, queries that are or will be asked, mapping sets and vocabularies. Out:
``Report``, as JSON values, text or HTML. A term is covered when an approved mapping leads from it
to the target vocabulary; one that only loses on the way, or only waits for stewards, is told apart.
"""

from __future__ import annotations

from collections import abc, defaultdict
from dataclasses import dataclass
from typing import Any, Literal

from kgnode.alignment.mapping import BOTH_WAYS, DOWNWARD, UPWARD, Mapping, Status
from kgnode.alignment.standing import OPEN, Standing
from kgnode.alignment.terms import Terms
from kgnode.alignment.use import MODELLING, Use, named
from kgnode.cim.namespaces import spellings, split
from kgnode.names import shorten

State = Literal["exact", "lossy", "structural", "open", "denied", "none"]
STATES: dict[State, str] = {
    "exact": "an approved mapping that means the same",
    "lossy": "an approved mapping that is broader or narrower",
    "structural": "a released structural map that reads or makes it",
    "open": "a mapping that waits for stewards",
    "denied": "looked at and found to have no counterpart",
    "none": "nothing",
}
"""How a term stands, best first, with the words for it."""
MISSING: tuple[State, ...] = ("open", "denied", "none")

Maps = abc.Mapping[str, abc.Sequence[str]]
"""Term -> the released structural maps that read or make it."""


@dataclass(frozen=True, slots=True)
class Covered:
    """One term and how it stands.

    Attributes:
        used: members or triples in the data.
        asked: queries that name it.
        mappings: ids of the claims behind its state.
    """

    term: str
    kind: str
    state: State
    used: int
    asked: int
    mappings: tuple[str, ...]
    targets: tuple[str, ...]

    @property
    def weight(self) -> int:
        """How much it matters: use, with each query counting for a hundred triples."""
        return self.used + 100 * self.asked

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "term": self.term,
            "short": shorten(self.term),
            "kind": self.kind,
            "state": self.state,
            "used": self.used,
            "asked": self.asked,
            "mappings": list(self.mappings),
            "targets": [shorten(one) for one in self.targets],
        }


@dataclass(frozen=True, slots=True)
class UseCase:
    """Queries that belong together, and the terms they need."""

    name: str
    needs: tuple[Covered, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        missing = [one for one in self.needs if one.state in MISSING]
        return {
            "name": self.name,
            "needs": len(self.needs),
            "met": len(self.needs) - len(missing),
            "lossy": [shorten(one.term) for one in self.needs if one.state == "lossy"],
            "missing": [shorten(one.term) for one in missing],
        }


def stand(
    terms: abc.Iterable[str],
    claims: abc.Iterable[Standing],
    use: Use,
    known: Terms,
    target: str | None = None,
    maps: Maps | None = None,
) -> tuple[Covered, ...]:
    """Return how each term stands, the most used first.

    Args:
        terms: the terms.
        claims: the claims of all sets that are looked at.
        use: what data uses and queries ask.
        known: what the vocabularies say.
        target: namespace that a mapping must lead to; any where None.
        maps: the structural maps that count.
    """
    claimed: dict[str, list[Standing]] = defaultdict(list)
    for claim in claims:
        if claim.live and claim.first.between_terms:
            for side, other in _sides(claim.first):
                if target is None or split(other)[0] == target:
                    claimed[side].append(claim)
    found = [
        _covered(
            term,
            [one for same in spellings(term) for one in claimed[same]],
            use,
            known,
            [one for same in spellings(term) for one in (maps or {}).get(same, ())],
        )
        for term in set(terms)
    ]
    return tuple(sorted(found, key=lambda one: (-one.weight, one.term)))


def _sides(row: Mapping) -> tuple[tuple[str, str], tuple[str, str]]:
    return (row.subject, row.object), (row.object, row.subject)


def by_term(maps: abc.Mapping[str, str], target: str | None = None) -> Maps:
    """Return which structural maps, name to text, read or make each term.

    A map counts where it names terms of the target and others: it leads from these to those.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for name, text in sorted(maps.items()):
        terms = [one for one in named(text) if split(one)[0] not in MODELLING]
        if target is None or any(split(one)[0] == target for one in terms):
            for term in terms:
                found[term].append(name)
    return found


def _covered(
    term: str, claims: abc.Sequence[Standing], use: Use, known: Terms, maps: abc.Sequence[str]
) -> Covered:
    working = [c for c in claims if not c.first.negative]
    approved = [c for c in working if c.status is Status.APPROVED]
    exact = [c for c in approved if c.first.predicate in BOTH_WAYS]
    lossy = [c for c in approved if c.first.predicate in UPWARD | DOWNWARD]
    waiting = [c for c in working if c.status in OPEN]
    denied = [c for c in claims if c.first.negative]
    states: tuple[tuple[State, list[Standing]], ...] = (
        ("exact", exact),
        ("lossy", lossy),
        ("open", waiting),
        ("denied", denied),
    )
    state, behind = next(((s, c) for s, c in states if c), ("none", []))
    if maps and state in MISSING:
        state, behind = "structural", []
    targets = (
        c.first.object if c.first.subject in spellings(term) else c.first.subject for c in behind
    )
    kind = known.get(term).kind or ("class" if term in use.classes else "property")
    return Covered(
        term,
        kind,
        state,
        use.of(term),
        use.asked.get(term, 0),
        tuple(dict.fromkeys([claim.key for claim in behind] or maps)),
        tuple(dict.fromkeys(targets)),
    )


@dataclass(frozen=True)
class Report:
    """A coverage and gap report.

    Attributes:
        title: what it is about.
        made: when (ISO 8601, UTC).
        view: whose view of the data it speaks of.
        sets: the mapping sets, as ``name@version`` or the name with its state.
        models: vocabularies in use: namespace, classes, properties, triples.
        terms: how each used or asked term stands.
        cases: the use cases.
    """

    title: str
    made: str
    view: str
    sets: tuple[str, ...]
    models: tuple[tuple[str, int, int, int], ...]
    terms: tuple[Covered, ...]
    cases: tuple[UseCase, ...]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Terms, and their uses, by state."""
        found = {state: {"terms": 0, "uses": 0} for state in STATES}
        for one in self.terms:
            found[one.state]["terms"] += 1
            found[one.state]["uses"] += one.used
        return {str(state): told for state, told in found.items()}

    @property
    def gaps(self) -> tuple[Covered, ...]:
        """Terms that no approved mapping covers, the most used first."""
        return tuple(one for one in self.terms if one.state in MISSING)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "title": self.title,
            "made": self.made,
            "view": self.view,
            "sets": list(self.sets),
            "models": [
                {"namespace": n, "classes": c, "properties": p, "triples": t}
                for n, c, p, t in self.models
            ],
            "counts": self.counts,
            "terms": [one.to_json() for one in self.terms],
            "gaps": [one.to_json() for one in self.gaps],
            "cases": [case.to_json() for case in self.cases],
        }


def models_of(use: Use) -> tuple[tuple[str, int, int, int], ...]:
    """Return the vocabularies in use: namespace, classes, properties, triples of the latter."""
    classes: dict[str, int] = defaultdict(int)
    properties: dict[str, int] = defaultdict(int)
    triples: dict[str, int] = defaultdict(int)
    for iri in use.classes:
        classes[split(iri)[0]] += 1
    for iri, count in use.properties.items():
        properties[split(iri)[0]] += 1
        triples[split(iri)[0]] += count
    spaces = sorted({*classes, *properties} - MODELLING, key=lambda one: (-triples[one], one))
    return tuple((one, classes[one], properties[one], triples[one]) for one in spaces)


def use_cases(
    queries: abc.Mapping[str, abc.Iterable[str]],
    claims: abc.Sequence[Standing],
    use: Use,
    known: Terms,
    target: str | None = None,
    maps: Maps | None = None,
) -> tuple[UseCase, ...]:
    """Return each use case with how the terms of its queries stand."""
    cases = []
    for name, texts in sorted(queries.items()):
        needed = {iri for text in texts for iri in named(text)}
        wanted = {
            iri
            for iri in needed
            if split(iri)[0] not in MODELLING and (known.get(iri).kind or use.of(iri))
        }
        cases.append(UseCase(name, stand(wanted, claims, use, known, target, maps)))
    return tuple(cases)
