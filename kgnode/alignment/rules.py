"""What each term may be answered from: mappings as rules on single triples.

In: mapping sets. Out: ``Rules``, and over the terms that a view uses, ``Active``: for every term
the used ones whose facts are its facts too, with the mappings behind it and whether something is
lost on the way (SSSOM 1.1 predicates; SKOS section 10, RDFS 1.1 section 3).

A class mapping turns the object of ``rdf:type``, a property mapping the predicate, a mapping of
individuals the object of any other predicate. Chains are followed to their end; cycles are safe.
``rdf:type`` itself is never mapped.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kgnode.alignment import mapping as model
from kgnode.alignment.denials import Denials
from kgnode.alignment.mapping import MappingSet
from kgnode.errors import BadMapping
from kgnode.names import RDF

TYPE = f"{RDF}type"
KINDS: tuple[model.Kind, ...] = ("class", "property", "individual")
_UNSAID: tuple[model.Kind, ...] = ("class", "property")
"""What a mapping without a kind is taken for; no term of data plays both parts."""

_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^<>\"{}|^`\\\x00-\x20]*")

Spellings = Callable[[str], tuple[str, ...]]
"""IRI -> all IRIs that spell the same term, itself among them."""


@dataclass(frozen=True)
class Step:
    """One mapping as a rule: what is said with a source holds with ``target``."""

    target: str
    mapping: str
    lossy: bool


@dataclass(frozen=True)
class Way:
    """How a term is reached from another: the mappings passed, in order."""

    mappings: tuple[str, ...] = ()
    lossy: bool = False


@dataclass(frozen=True)
class Construct:
    """A structural map.

    Attributes:
        predicates: what its template can make; None where that cannot be told.
        classes: the same for objects of ``rdf:type``.
    """

    name: str
    text: str
    predicates: frozenset[str] | None = None
    classes: frozenset[str] | None = None


@dataclass(frozen=True)
class Rules:
    """All rules of the sets asked for.

    Attributes:
        steps: kind -> source -> rules.
        constructs: the structural maps, in order.
        spellings: further terms that mean the same, by table; None without such a set.
        namespaces: where such terms lie.
        digest: of all this; equal digests mean equal rules.
        denials: what no chain of rules may lead to.
    """

    steps: Mapping[str, Mapping[str, tuple[Step, ...]]]
    constructs: tuple[Construct, ...] = ()
    spellings: Spellings | None = None
    spelled_by: str = ""
    namespaces: tuple[str, ...] = ()
    digest: str = ""
    denials: Denials = field(default_factory=Denials)
    _ways: dict[tuple[str, str], dict[str, Way]] = field(default_factory=dict, compare=False)

    @classmethod
    def of(
        cls,
        sets: Iterable[tuple[MappingSet, bool]] | Sequence[MappingSet],
        close: bool = False,
        *,
        constructs: Sequence[Construct] = (),
        spellings: Spellings | None = None,
        spelled_by: str = "",
        namespaces: Sequence[str] = (),
    ) -> Rules:
        """Return the rules of mapping sets.

        Args:
            sets: sets, or pairs of a set and whether its close matches count.
            close: whether close matches count, for sets given without their own word.
            constructs: the structural maps of the sets.
            spellings: a table of equal terms.
            spelled_by: the name that the table goes by where mappings are named.
            namespaces: where the terms of the table lie.
        """
        pairs = [entry if isinstance(entry, tuple) else (entry, close) for entry in sets]
        rows = [(row, near) for found, near in pairs for row in found.mappings]
        denials = Denials(row for row, _ in rows)
        steps: dict[str, dict[str, dict[Step, None]]] = {kind: {} for kind in KINDS}
        for row, near in rows:
            if not row.works or TYPE in (row.subject, row.object) or denials.switches_off(row):
                continue
            _refuse_what_is_no_iri(row)
            for source, step in _steps(row, near):
                for kind in (row.kind,) if row.kind else _UNSAID:
                    steps[kind].setdefault(source, {})[step] = None
        frozen = {
            kind: {source: tuple(found) for source, found in by_source.items()}
            for kind, by_source in steps.items()
        }
        texts = tuple((construct.name, construct.text) for construct in constructs)
        digest = hashlib.sha256(
            repr((sorted((k, sorted(v.items(), key=str)) for k, v in frozen.items()), texts,
                  spelled_by, sorted(denials.meant))).encode()
        ).hexdigest()[:32]  # fmt: skip
        return cls(
            frozen, tuple(constructs), spellings, spelled_by, tuple(namespaces), digest, denials
        )

    def reached(self, kind: str, source: str) -> dict[str, Way]:
        """Return all terms that a source's facts are facts of, with the best way to each.

        A way without loss is better than a lossy one; then fewer mappings are. No way leads to
        what an approved denial forbids the source, or any term on the way.
        """
        found: dict[str, Way] = {source: Way()}
        for lossy in (False, True):
            queue = deque(sorted(found, key=lambda term: len(found[term].mappings)))
            while queue:
                term = queue.popleft()
                for step in self._steps(kind, term):
                    if step.target not in found and (lossy or not step.lossy):
                        way = found[term]
                        named = (step.mapping,) if step.mapping not in way.mappings[-1:] else ()
                        found[step.target] = Way(way.mappings + named, way.lossy or step.lossy)
                        queue.append(step.target)
        del found[source]
        for target in [one for one in found if self.denials.concern(one)]:
            permitted = self._ways_to(kind, target).get(source)
            if permitted is None:
                del found[target]
            else:
                found[target] = permitted
        return found

    def _ways_to(self, kind: str, target: str) -> dict[str, Way]:
        """Return the best way to a target from each term whose facts may be its facts."""
        known = self._ways.get((kind, target))
        if known is not None:
            return known
        before: dict[str, list[tuple[str, Step]]] = {}
        for source, steps in self.steps[kind].items():
            for step in steps:
                before.setdefault(step.target, []).append((source, step))
        found: dict[tuple[str, bool], Way] = {(target, False): Way()}
        for lossy in (False, True):
            queue = deque(found)
            while queue:
                here = queue.popleft()
                way = found[here]
                for source, step in (*before.get(here[0], ()), *self._spelled_before(here[0])):
                    there = source, way.lossy or step.lossy
                    if there in found or (step.lossy and not lossy) or source == target:
                        continue
                    if self.denials.forbid(source, target, lossy=there[1]):
                        continue
                    named = (step.mapping,) if step.mapping not in way.mappings[:1] else ()
                    found[there] = Way(named + way.mappings, there[1])
                    queue.append(there)
        best = {term: way for (term, _), way in reversed(found.items())}
        self._ways[kind, target] = best
        return best

    def _spelled_before(self, term: str) -> Iterator[tuple[str, Step]]:
        if self.spellings is not None:
            for other in self.spellings(term):
                if other != term:
                    yield other, Step(term, self.spelled_by, lossy=False)

    def _steps(self, kind: str, term: str) -> Iterator[Step]:
        yield from self.steps[kind].get(term, ())
        if self.spellings is not None:
            for other in self.spellings(term):
                if other != term:
                    yield Step(other, self.spelled_by, lossy=False)

    def made(self, kind: str) -> frozenset[str]:
        """Return the terms that structural maps can make, or that rules start from if any can."""
        told = [one.predicates if kind == "property" else one.classes for one in self.constructs]
        known = [terms for terms in told if terms is not None]
        any_term = self.steps[kind].keys() if len(known) < len(told) else ()
        return frozenset().union(*known, any_term)

    @property
    def individuals(self) -> frozenset[str]:
        """The individuals that some rule starts from."""
        return frozenset(self.steps["individual"])


def _with(
    made: frozenset[str] | None, beyond: Mapping[str, Mapping[str, Way]]
) -> frozenset[str] | None:
    """Return terms with all that follows from them; None stays any term."""
    if made is None:
        return None
    return made.union(*(beyond[term] for term in made if term in beyond))


def _refuse_what_is_no_iri(row: model.Mapping) -> None:
    """See that a term can be written into a query as it is, and nothing else with it."""
    for term in (row.subject, row.object):
        if _IRI.fullmatch(term) is None:
            raise BadMapping(
                f"The mapping {row.id} maps {term!r}, which is no IRI.",
                hint="Withdraw it and propose it with full IRIs.",
            )


def _steps(row: model.Mapping, close: bool) -> Iterator[tuple[str, Step]]:
    """Yield (source, rule) of one approved mapping: in its direction, or both ways."""
    upward, downward = (row.subject, row.object), (row.object, row.subject)
    ways: tuple[tuple[str, str], ...]
    if row.predicate in model.BOTH_WAYS:
        ways, lossy = (upward, downward), False
    elif row.predicate == model.CLOSE and close:
        ways, lossy = (upward, downward), True
    elif row.predicate in model.UPWARD:
        ways, lossy = (upward,), True
    elif row.predicate in model.DOWNWARD:
        ways, lossy = (downward,), True
    else:
        return
    for source, target in ways:
        if source != target:
            yield source, Step(target, row.id, lossy)


@dataclass(frozen=True)
class Usage:
    """What a view uses.

    Attributes:
        predicates: all of them.
        values: predicate -> objects that a rule may start from; under ``rdf:type`` all classes.
    """

    predicates: frozenset[str]
    values: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Active:
    """The rules that do something on one view.

    Attributes:
        forward: kind -> used source -> what it is a fact of as well.
        made: the same for what structural maps can make.
        constructs: the structural maps; what follows from what they make counts as made.
        usage: what the view uses.
    """

    forward: Mapping[str, Mapping[str, Mapping[str, Way]]]
    constructs: tuple[Construct, ...]
    usage: Usage
    digest: str
    made: Mapping[str, Mapping[str, Mapping[str, Way]]] = field(default_factory=dict)
    backward: Mapping[str, Mapping[str, Mapping[str, Way]]] = field(init=False)

    def __post_init__(self) -> None:
        backward: dict[str, dict[str, dict[str, Way]]] = {}
        for kind, sources in self.forward.items():
            turned = backward.setdefault(kind, {})
            for source, targets in sources.items():
                for target, way in targets.items():
                    turned.setdefault(target, {})[source] = way
        object.__setattr__(self, "backward", backward)

    @classmethod
    def over(cls, rules: Rules, usage: Usage) -> Active:
        """Return the rules that start from what a view uses."""
        used = {
            "property": usage.predicates - {TYPE},
            "class": usage.values.get(TYPE, frozenset()),
            "individual": frozenset().union(
                *(found for predicate, found in usage.values.items() if predicate != TYPE)
            ),
        }
        made = {
            "property": rules.made("property") - {TYPE},
            "class": rules.made("class"),
            "individual": rules.individuals if rules.constructs else frozenset(),
        }
        forward, beyond = (
            {
                kind: {
                    source: reached
                    for source in sorted(terms)
                    if (reached := rules.reached(kind, source))
                }
                for kind, terms in sources.items()
            }
            for sources in (used, made)
        )
        constructs = tuple(
            replace(
                one,
                predicates=_with(one.predicates, beyond["property"]),
                classes=_with(one.classes, beyond["class"]),
            )
            for one in rules.constructs
        )
        return cls(forward, constructs, usage, rules.digest, beyond)

    @property
    def idle(self) -> bool:
        """True where the view is its own materialisation."""
        return not self.constructs and not any(self.forward.values())

    def predicates(self, predicate: str) -> dict[str, Way]:
        """Return the used predicates that a predicate is answered from."""
        found = dict(self.backward["property"].get(predicate, {})) if predicate != TYPE else {}
        if predicate in self.usage.predicates:
            found[predicate] = Way()
        return dict(sorted(found.items()))

    def values_of(self, predicate: str) -> dict[str, Mapping[str, Way]]:
        """Return the values used with a used predicate that stand for other values too."""
        kind = "class" if predicate == TYPE else "individual"
        return {
            value: self.forward[kind][value]
            for value in sorted(self.usage.values.get(predicate, frozenset()))
            if value in self.forward[kind]
        }

    def sources_of(self, predicate: str, value: str) -> dict[str, Way]:
        """Return the values that a value is answered from, with one used predicate."""
        kind = "class" if predicate == TYPE else "individual"
        used = self.usage.values.get(predicate, frozenset())
        found = {
            source: way
            for source, way in sorted(self.backward[kind].get(value, {}).items())
            if source in used
        }
        if predicate != TYPE or value in used:
            found[value] = Way()
        return found
