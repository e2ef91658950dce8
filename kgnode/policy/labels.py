"""Giving labels to triples: each triple of each model gets the set of all labels that match.

In: the staged models with what they depend on, and the rules of the labels file. Out: per model,
per label set, the triples. The set is empty where no rule matches: closed to all but the owner.
Where one set fits a whole model, the model's triples are handed on without being looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyoxigraph import NamedNode, QuerySolutions, Store, Triple

from kgnode.cim.spool import Spool
from kgnode.cim.staged import Model, Staged, Statements
from kgnode.errors import BadLabels
from kgnode.names import CIM100, PREFIXES, RDF, label_iri
from kgnode.policy.area import within
from kgnode.policy.classes import below
from kgnode.policy.labels_file import CLOSED, LabelRules, Rule, load_labels
from kgnode.policy.lines import NONE, Names, divide
from kgnode.store.canonical import Patched

__all__ = ["CLOSED", "LabelRules", "assign", "header_labels", "load_labels", "unused"]

Cells = Mapping[frozenset[str], Iterable[Triple]]


@dataclass(frozen=True)
class Marks:
    """Which labels the rules give, by what of a triple they look at; IRIs as plain strings."""

    everywhere: Names
    predicates: Mapping[str, Names]
    subjects: Mapping[str, Names]
    objects: Mapping[str, Names]


def assign(
    staged: Staged, rules: LabelRules, org: str, dataset_id: str
) -> Mapping[str, Mapping[frozenset[str], Iterable[Triple]]]:
    """Return model IRI -> label set (label IRIs) -> triples of the model.

    Rules read all graphs of ``staged.store``, so also models that are only depended on; only the
    triples of ``staged.models`` are handed out.

    Raises:
        BadLabels: a rule's query is not SPARQL or selects no ``?this``.
    """
    marks = mark(staged, rules)
    iris = {label.name: label_iri(org, dataset_id, label.name) for label in rules.labels}
    return {model.iri: _cells(staged, model, marks, iris) for model in staged.models}


def header_labels(assigned: Mapping[str, Cells]) -> dict[str, list[str]]:
    """Return model IRI -> all labels on the statements of its header, for the data set's record.

    A model whose header has a statement without labels is left out: its header is the owner's.
    """
    found: dict[str, list[str]] = {}
    for model, cells in assigned.items():
        head = b"<" + model.encode() + b"> "
        sets = [labels for labels, part in cells.items() if _begins(part, head)]
        if sets and all(sets):
            found[model] = sorted(frozenset[str]().union(*sets))
    return found


def _begins(part: Iterable[Triple], head: bytes) -> bool:
    """Tell whether any statement of a cell has that subject; true where it cannot be told."""
    if isinstance(part, Patched):
        return part.tells_of(head[:-1])
    if isinstance(part, Statements):
        with part.ntriples() as stream:
            return any(line.startswith(head) or line[:1] != b"<" for line in stream)
    return True


def mark(staged: Staged, rules: LabelRules) -> Marks:
    """Return the marks the rules make on the staged data."""
    everywhere: set[str] = set()
    predicates: dict[str, set[str]] = defaultdict(set)
    subjects: dict[str, set[str]] = defaultdict(set)
    objects: dict[str, set[str]] = defaultdict(set)
    cim = next((m.header.cim for m in staged.models if m.header.cim), CIM100)
    for rule in rules.rules:
        if rule.kind == "class" and rule.values == ("*",):
            everywhere.add(rule.label)
        elif rule.kind == "property":
            for predicate in rule.values:
                predicates[predicate].add(rule.label)
        else:
            for iri in matched(staged.store, rule, rules, cim):
                subjects[iri].add(rule.label)
                if rule.incoming:
                    objects[iri].add(rule.label)
    return Marks(frozenset(everywhere), *map(_frozen, (predicates, subjects, objects)))


def matched(store: Store, rule: Rule, rules: LabelRules, cim: str) -> set[str]:
    """Return the IRIs of the subjects that a class, within or select rule matches."""
    if rule.kind == "within":
        return within(store, rule.values)
    if rule.kind == "class":
        kind = NamedNode(f"{RDF}type")
        return {
            quad.subject.value
            for iri in frozenset[str]().union(*map(below, rule.values))
            for quad in store.quads_for_pattern(None, kind, NamedNode(iri), None)
            if isinstance(quad.subject, NamedNode)
        }
    return _selected(store, rule, rules, cim)


def unused(staged: Staged, rules: LabelRules) -> tuple[Rule, ...]:
    """Return the rules that match nothing in the staged data: most often a name misspelt."""
    cim = next((m.header.cim for m in staged.models if m.header.cim), CIM100)
    return tuple(rule for rule in rules.rules if not _matches(staged.store, rule, rules, cim))


def _matches(store: Store, rule: Rule, rules: LabelRules, cim: str) -> bool:
    if rule.values == ("*",):
        return True
    if rule.kind == "property":
        return any(_any(store, None, NamedNode(p), None) for p in rule.values)
    if rule.kind == "within":
        return any(
            _any(store, NamedNode(area), None, None) or _any(store, None, None, NamedNode(area))
            for area in rule.values
        )
    return bool(matched(store, rule, rules, cim))


def _selected(store: Store, rule: Rule, rules: LabelRules, cim: str) -> set[str]:
    prefixes = {**PREFIXES, "cim": cim, **rules.prefixes}
    prologue = " ".join(f"PREFIX {name}: <{iri}>" for name, iri in prefixes.items())

    def refusal(message: str) -> BadLabels:
        return BadLabels(
            f"The query of label {rule.label!r} cannot be used: {message}.",
            hint="It must be one SELECT with a variable ?this.",
            file=rules.file,
            line=rule.line,
        )

    try:
        solutions = store.query(f"{prologue} {rule.values[0]}", use_default_graph_as_union=True)
    except SyntaxError as error:
        raise refusal(str(error).rstrip(".")) from error
    if not isinstance(solutions, QuerySolutions):
        raise refusal("it is no SELECT")
    names = [variable.value for variable in solutions.variables]
    if "this" not in names:
        raise refusal("it selects no ?this")
    column = names.index("this")
    return {row[column].value for row in solutions if isinstance(row[column], NamedNode)}


def _frozen(marks: Mapping[str, set[str]]) -> dict[str, Names]:
    """Return the marks with equal label sets as one object, which keeps the look-ups small."""
    kept: dict[Names, Names] = {}
    frozen = {iri: frozenset(names) for iri, names in marks.items()}
    return {iri: kept.setdefault(names, names) for iri, names in frozen.items()}


def _any(
    store: Store, subject: NamedNode | None, predicate: NamedNode | None, value: NamedNode | None
) -> bool:
    return next(iter(store.quads_for_pattern(subject, predicate, value, None)), None) is not None


def _cells(staged: Staged, model: Model, marks: Marks, iris: Mapping[str, str]) -> Cells:
    """Return the cells of one model; marks that only repeat ``everywhere`` are left out."""
    kept = [
        {iri: names for iri, names in given.items() if not names <= marks.everywhere}
        for given in (marks.subjects, marks.predicates, marks.objects)
    ]

    def full(names: Names) -> frozenset[str]:
        return frozenset(iris[name] for name in names | marks.everywhere)

    statements = staged.graph(model.iri)
    if not any(kept):
        return {full(NONE): statements}
    with statements.ntriples() as stream:
        divided = divide(stream, *kept)
    cells: dict[frozenset[str], Spool] = {}
    for names, spool in divided.items():
        known = cells.setdefault(full(names), spool)
        if known is not spool:
            known.take(spool)
    return {labels: Statements(spool, spool.lines) for labels, spool in cells.items()}
