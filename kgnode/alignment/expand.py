"""One triple pattern over what the data uses, exactly as over data that holds all that follows.

In: a triple pattern with a constant predicate, the active rules. Out: ``Expansion``: the patterns
that together find it, each pair of terms once. A triple that is there in two spellings is one
triple (RDF 1.1 merge), so patterns that may find the same are told apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kgnode.alignment.rules import TYPE, Active, Way
from kgnode.alignment.statements import Term, Undecided
from kgnode.alignment.usage import Group

BRANCHES_MAX = 8
"""More patterns that may find the same are told apart by DISTINCT instead of by NOT EXISTS."""
PAIRS_MAX = 400
"""More pairs of values than this in one pattern are better held by the view."""

Repeats = Callable[[Group], bool]


@dataclass(frozen=True)
class Used:
    """A mapping at work: ``target`` was asked for and is answered from ``source``."""

    target: str
    source: str
    way: Way


@dataclass(frozen=True)
class Expansion:
    """The patterns that one pattern becomes.

    Attributes:
        patterns: (predicate, object's text) each.
        stands_for: predicate -> pairs of a value and what it stands for, where the object is a
            variable.
        group: what has to be known to tell whether something is found twice; None if nothing can.
    """

    patterns: tuple[tuple[str, str], ...]
    stands_for: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    used: tuple[Used, ...]
    group: Group | None

    @property
    def single(self) -> tuple[str, str] | None:
        """The one pattern that is enough, if one is."""
        return self.patterns[0] if len(self.patterns) == 1 and not self.stands_for else None


def expand(active: Active, predicate: str, value: Term) -> Expansion:
    """Return what a pattern becomes.

    Raises:
        Undecided: a structural map can make such triples, or it would become too large.
    """
    _no_construct(active, predicate, value)
    predicates = active.predicates(predicate)
    used = [Used(predicate, source, way) for source, way in predicates.items() if way.mappings]
    if value.variable:
        return _open(active, predicate, predicates, value, used)
    patterns: dict[tuple[str, str | None], str] = {}
    for source in predicates:
        if value.iri is None:
            patterns[source, value.text] = value.text
            continue
        for term, way in active.sources_of(source, value.iri).items():
            patterns[source, term] = value.text if term == value.iri else f"<{term}>"
            if way.mappings:
                used.append(Used(value.iri, term, way))
    if not patterns:  # nothing in the view can match; the pattern as it was says so
        return Expansion(((predicate, value.text),), (), (), None)
    group = Group(tuple(patterns)) if len(patterns) > 1 else None
    texts = tuple((source, text) for (source, _), text in patterns.items())
    if value.iri is None and group is not None:
        group = Group(tuple((source, None) for source, _ in patterns))
    return Expansion(texts, (), tuple(dict.fromkeys(used)), group)


def _open(
    active: Active, predicate: str, predicates: dict[str, Way], value: Term, used: list[Used]
) -> Expansion:
    """Return what a pattern with a variable object becomes."""
    if not predicates:
        return Expansion(((predicate, value.text),), (), (), None)
    stands_for = []
    values: dict[str, tuple[str, ...]] = {}
    for source in predicates:
        found = active.values_of(source)
        pairs = tuple((term, target) for term, targets in found.items() for target in targets)
        if pairs:
            stands_for.append((source, pairs))
        for term, targets in found.items():
            values[term] = tuple(targets)
            used += [Used(target, term, way) for target, way in targets.items()]
    if sum(len(pairs) for _, pairs in stands_for) > PAIRS_MAX:
        raise Undecided("a variable stands for too many mapped values")
    several = len(predicates) > 1 or bool(stands_for)
    group = Group(tuple((source, None) for source in predicates), tuple(sorted(values.items())))
    patterns = tuple((source, value.text) for source in predicates)
    return Expansion(
        patterns, tuple(stands_for), tuple(dict.fromkeys(used)), group if several else None
    )


def _no_construct(active: Active, predicate: str, value: Term) -> None:
    for construct in active.constructs:
        if predicate == TYPE and value.iri is not None:
            made = construct.classes is None or value.iri in construct.classes
        else:
            made = construct.predicates is None or predicate in construct.predicates
        if made:
            raise Undecided(f"the structural map {construct.name} makes such triples")


def written(subject: Term, value: Term, expansion: Expansion, *, apart: bool, fresh: str) -> str:
    """Return the text of an expansion as part of a group.

    Args:
        subject: of the pattern.
        value: its object as it was written.
        expansion: what it becomes.
        apart: whether what is found twice has to be told apart.
        fresh: a variable that no query uses.
    """
    if expansion.single is not None:
        predicate, text = expansion.single
        return f"{subject.text} <{predicate}> {text} ."
    parts = [f"{subject.text} <{predicate}> {text}" for predicate, text in expansion.patterns]
    for predicate, pairs in expansion.stands_for:
        rows = " ".join(f"(<{term}> <{target}>)" for term, target in pairs)
        parts.append(
            f"{subject.text} <{predicate}> {fresh} VALUES ({fresh} {value.text}) {{ {rows} }}"
        )
    if not apart:
        return _union(parts)
    if not expansion.stands_for and len(parts) <= BRANCHES_MAX:
        return _union(
            part if at == 0 else f"{part} FILTER NOT EXISTS {{ {_union(parts[:at])} }}"
            for at, part in enumerate(parts)
        )
    shown = dict.fromkeys(term.text for term in (subject, value) if term.variable)
    if not shown:
        return f"FILTER EXISTS {{ {_union(parts)} }}"
    return f"{{ SELECT DISTINCT {' '.join(shown)} WHERE {{ {_union(parts)} }} }}"


def _union(parts: object) -> str:
    return " UNION ".join(f"{{ {part} }}" for part in parts)  # type: ignore[attr-defined]
