"""What in a mapping set cannot be true together, or is unlikely to be.

In: mappings and what the vocabularies say. Out: ``Conflict``s, each naming the mappings behind it.
Contradictions, disjoint classes and kinds that do not fit are errors, which stop a release; the
rest are warnings for a steward to judge. No reasoner: fast enough for every edit.
"""

from __future__ import annotations

import itertools
from collections import abc, defaultdict
from dataclasses import dataclass
from typing import Any, Literal

from kgnode.alignment.denials import Meaning, implied, meaning
from kgnode.alignment.mapping import BOTH_WAYS, DOWNWARD, UPWARD, Mapping
from kgnode.alignment.reach import Reach
from kgnode.alignment.terms import Terms
from kgnode.names import XSD, authority, shorten

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """One conflict.

    Attributes:
        kind: contradiction, one_to_many, cycle, disjoint, domain, range or kind.
        severity: ``error`` stops a release.
        message: one sentence.
        mappings: ids of the rows that make it.
        terms: the terms it is about.
    """

    kind: str
    severity: Severity
    message: str
    mappings: tuple[str, ...]
    terms: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "message": self.message,
            "mappings": list(self.mappings),
            "terms": list(self.terms),
        }


def conflicts(mappings: abc.Iterable[Mapping], terms: Terms) -> tuple[Conflict, ...]:
    """Return all conflicts among mappings, errors first; one row a claim is enough."""
    rows = [row for row in mappings if row.between_terms]
    told = [row for row in rows if not row.negative]
    graph = Reach(told, terms)
    found = [
        *_contradictions(rows, graph),
        *_kinds(told, terms),
        *_disjoint(graph, terms),
        *_one_to_many(told),
        *_cycles(told, graph),
        *_domains_and_ranges(told, graph),
    ]
    return tuple(sorted(found, key=lambda one: (one.severity, one.kind, one.terms, one.message)))


def _contradictions(rows: abc.Iterable[Mapping], graph: Reach) -> abc.Iterator[Conflict]:
    """Denials that a claim, or a chain of claims, speaks against."""
    rows = list(rows)
    denials = [row for row in rows if row.negative]
    denied = {side for row in denials for side in (row.subject, row.object)}
    claimed: dict[Meaning, list[str]] = defaultdict(list)
    for row in rows:
        if not row.negative and row.subject in denied and row.object in denied:
            for meant in implied(row.subject, row.predicate, row.object):
                claimed[meant].append(row.id)
    for no in denials:
        said = f"{shorten(no.subject)} {shorten(no.predicate)} {shorten(no.object)}"
        against = claimed.get(meaning(no.subject, no.predicate, no.object), [])
        chain = () if against else _led_to(no, graph)
        if against or chain:
            how = "both claimed and denied" if against else "denied, yet other mappings lead to it"
            yield Conflict(
                "contradiction",
                "error",
                f"{said} is {how}.",
                (*against, *chain, no.id),
                (no.subject, no.object),
            )


def _led_to(denial: Mapping, graph: Reach) -> tuple[str, ...]:
    """Return the mappings that together make what is denied; none where nothing does."""
    lower, upper = denial.subject, denial.object
    if denial.predicate in DOWNWARD:
        lower, upper = upper, lower
    if denial.predicate in UPWARD | DOWNWARD:
        return graph.behind(lower, upper) if graph.is_above(upper, lower) else ()
    both = graph.is_above(upper, lower) and graph.is_above(lower, upper)
    if denial.predicate not in BOTH_WAYS or not both:
        return ()
    return tuple(dict.fromkeys((*graph.behind(lower, upper), *graph.behind(upper, lower))))


def _kinds(rows: abc.Iterable[Mapping], terms: Terms) -> abc.Iterator[Conflict]:
    for row in rows:
        left, right = terms.get(row.subject).kind, terms.get(row.object).kind
        if left and right and left != right:
            yield Conflict(
                "kind",
                "error",
                f"{shorten(row.subject)} is a {left}, {shorten(row.object)} a {right}.",
                (row.id,),
                (row.subject, row.object),
            )


def _one_to_many(rows: abc.Iterable[Mapping]) -> abc.Iterator[Conflict]:
    """A term that equals two terms of one vocabulary makes those equal too."""
    equal: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.predicate in BOTH_WAYS:
            equal[row.subject, authority(row.object)][row.object].append(row.id)
            equal[row.object, authority(row.subject)][row.subject].append(row.id)
    for (term, _), others in equal.items():
        if len(others) > 1:
            names = sorted(others)
            yield Conflict(
                "one_to_many",
                "warning",
                f"{shorten(term)} equals {' and '.join(map(shorten, names))}, which makes them "
                "equal to each other.",
                tuple(sorted({one for ids in others.values() for one in ids})),
                (term, *names),
            )


def _disjoint(graph: Reach, terms: Terms) -> abc.Iterator[Conflict]:
    """Classes that would have to lie in two classes that share no member."""
    told: set[tuple[str, ...]] = set()
    apart = graph.mask(
        side for term in terms if term.disjoint for side in (term.iri, *term.disjoint)
    )
    for term in list(graph.up) if apart else ():
        above = graph.among(term, apart)
        for one, other in itertools.combinations(sorted(above), 2):
            if other in terms.get(one).disjoint or one in terms.get(other).disjoint:
                ids = tuple(sorted({*graph.behind(term, one), *graph.behind(term, other)}))
                if ids and ids not in told:
                    told.add(ids)
                    yield Conflict(
                        "disjoint",
                        "error",
                        f"{shorten(term)} would be in {shorten(one)} and in {shorten(other)}, "
                        "which share no member.",
                        ids,
                        (term, one, other),
                    )


def _cycles(rows: abc.Iterable[Mapping], graph: Reach) -> abc.Iterator[Conflict]:
    """Inclusions that lead back to where they began, so that all on the way are equal."""
    told: set[frozenset[str]] = set()
    ordering = UPWARD | DOWNWARD
    for row in rows:
        if row.predicate not in ordering:
            continue
        low, high = row.subject, row.object
        if row.predicate in DOWNWARD:
            low, high = high, low
        if graph.is_above(low, high):
            ring = frozenset({row.id, *graph.behind(high, low)})
            if ring not in told:
                told.add(ring)
                yield Conflict(
                    "cycle",
                    "warning",
                    f"{shorten(low)} is under {shorten(high)} and also above it.",
                    tuple(sorted(ring)),
                    (low, high),
                )


def _domains_and_ranges(rows: abc.Iterable[Mapping], graph: Reach) -> abc.Iterator[Conflict]:
    """Mapped properties whose classes are mapped elsewhere than to each other."""
    terms = graph.terms
    for row in rows:
        lower, upper = row.subject, row.object
        if row.predicate in DOWNWARD:
            lower, upper = upper, lower
        elif row.predicate not in UPWARD and row.predicate not in BOTH_WAYS:
            continue
        for side in ("domains", "ranges"):
            has: tuple[str, ...] = getattr(terms.get(lower), side)
            needs: tuple[str, ...] = getattr(terms.get(upper), side)
            clash = _clash(has, needs, graph)
            if clash is not None:
                yield Conflict(
                    side[:-1],
                    "warning",
                    f"The {side[:-1]} of {shorten(lower)} is {shorten(clash[0])}, that of "
                    f"{shorten(upper)} is {shorten(clash[1])}, and no mapping leads there.",
                    (row.id,),
                    (lower, upper, *clash),
                )


def _clash(
    has: abc.Iterable[str], needs: abc.Sequence[str], graph: Reach
) -> tuple[str, str] | None:
    """Return a class whose image never meets what is needed, None where all may fit."""
    for one in has:
        if needs and all(need.startswith(XSD) != one.startswith(XSD) for need in needs):
            return one, needs[0]
        images = graph.images(one, {authority(need) for need in needs})
        if images and not any(
            graph.is_above(need, image) or image in graph.terms.above(need)
            for image in images
            for need in needs
        ):
            return one, needs[0]
    return None
