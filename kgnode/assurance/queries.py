"""The text of compiled checks: one query for each constraint that is no plain test of a value.

In: a source of focus nodes and a member of a plan. Out: ``Check``s: a query and how its rows are
read. Source of each rule: the clause of SHACL section 4 named beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

from kgnode.assurance.compile import Member, bound, path_text
from kgnode.assurance.conditions import term
from kgnode.assurance.paths import Path
from kgnode.assurance.sources import Source


@dataclass(frozen=True)
class Check:
    """A query whose rows are violations.

    Attributes:
        query: binds ``?this`` and what else is named.
        value: the variable of the value node, or nothing.
        predicate: the variable of the result path, or nothing.
        apart: a further variable that tells results apart, or nothing.
    """

    query: str
    value: str = ""
    predicate: str = ""
    apart: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The variables of a row, ``this`` first."""
        return tuple(name for name in ("this", self.value, self.predicate, self.apart) if name)


def with_values(source: Source, path: Path | None) -> str:
    """Return the pattern that binds ``?value`` to the value nodes of ``?this``."""
    if path is None:
        return f"{source.pattern} BIND(?this AS ?value)"
    return source.values(path)


def reaches(path: Path | None, value: str = "?value") -> str:
    """Return the pattern for "a path leads from ?this to a value", fit for EXISTS.

    A sequence is nested step by step: Oxigraph orders the patterns of an EXISTS without knowing
    that ?this is bound, and would begin a flat sequence at its far end.
    """
    if path is None:
        return f"FILTER(sameTerm(?this, {value}))"
    steps = path.parts if path.operator == "sequence" else (path,)
    names = ["?this", *(f"?step{number}" for number in range(1, len(steps))), value]
    text = f"{names[-2]} {steps[-1].sparql()} {names[-1]}"
    for number in range(len(steps) - 2, -1, -1):
        text = (
            f"{names[number]} {steps[number].sparql()} {names[number + 1]} . "
            f"FILTER EXISTS {{ {text} }}"
        )
    return text


def count_check(source: Source, member: Member) -> Check | None:
    """4.2: too few or too many value nodes; None where nothing can be wrong."""
    number, path = bound(member.constraint), path_text(member.shape)
    pattern = source.pattern
    if member.constraint.kind == "minCount":
        if number <= 0:
            return None
        if number == 1:
            absent = f"FILTER NOT EXISTS {{ {reaches(member.shape.path)} }}"
            return Check(f"SELECT ?this WHERE {{ {pattern} {absent} }}")
        return Check(
            f"SELECT ?this WHERE {{ {pattern} OPTIONAL {{ ?this {path} ?value }} }} "
            f"GROUP BY ?this HAVING(COUNT(DISTINCT ?value) < {number})"
        )
    if number == 1:
        values = with_values(source, member.shape.path)
        return Check(
            f"SELECT ?this WHERE {{ {values} ?this {path} ?other . "
            f"FILTER(!sameTerm(?value, ?other)) }}"
        )
    return Check(
        f"SELECT ?this WHERE {{ {pattern} ?this {path} ?value }} "
        f"GROUP BY ?this HAVING(COUNT(DISTINCT ?value) > {number})"
    )


def range_check(source: Source, path: Path, low: int, high: int) -> Check:
    """4.2: too few and too many value nodes in one scan; the number is the row's second column."""
    return Check(
        f"SELECT ?this (COUNT(DISTINCT ?value) AS ?number) WHERE {{ {source.pattern} "
        f"OPTIONAL {{ ?this {path.sparql()} ?value }} }} GROUP BY ?this "
        f"HAVING(COUNT(DISTINCT ?value) < {low} || COUNT(DISTINCT ?value) > {high})",
        apart="number",
    )


def single_checks(source: Source, member: Member) -> list[Check]:
    """Return the checks of a constraint that looks at more than one value node at a time."""
    kind = member.constraint.kind
    if kind == "closed":
        return [_closed(source, member)]
    if kind == "hasValue":
        return [_has_value(source, member)]
    if kind == "uniqueLang":
        return [_unique_lang(source, member)]
    return _pairs(source, member)


def _pairs(source: Source, member: Member) -> list[Check]:
    """4.5: values of the path against values of another property."""
    other, path = term(member.constraint.values[0]), member.shape.path
    values = with_values(source, path)
    kind = member.constraint.kind
    if kind == "equals":
        lost = f"FILTER NOT EXISTS {{ ?this {other} ?value }}"
        back = f"?this {other} ?value . FILTER NOT EXISTS {{ {reaches(path)} }}"
        if path is None:
            back = f"?this {other} ?value . FILTER(!sameTerm(?this, ?value))"
        return [
            Check(f"SELECT ?this ?value WHERE {{ {values} {lost} }}", "value"),
            Check(f"SELECT ?this ?value WHERE {{ {source.pattern} {back} }}", "value"),
        ]
    if kind == "disjoint":
        query = f"SELECT ?this ?value WHERE {{ {values} ?this {other} ?value . }}"
        return [Check(query, "value")]
    sign = "<" if kind == "lessThan" else "<="
    wrong = f"?this {other} ?other . FILTER(!COALESCE(?value {sign} ?other, false))"
    query = f"SELECT ?this ?value ?other WHERE {{ {values} {wrong} }}"
    return [Check(query, "value", apart="other")]


def _closed(source: Source, member: Member) -> Check:
    """4.8.1: no properties but those of the shape; the property is the result's path."""
    allowed = ", ".join(term(value) for value in member.constraint.values)
    test = f"FILTER(?property NOT IN ({allowed}))" if allowed else ""
    path = member.shape.path
    node = "?this" if path is None else "?node"
    reach = "" if path is None else f"?this {path.sparql()} ?node ."
    query = (
        f"SELECT ?this ?property ?value WHERE {{ {source.pattern} {reach} "
        f"{node} ?property ?value . {test} }}"
    )
    return Check(query, "value", "property")


def _has_value(source: Source, member: Member) -> Check:
    """4.8.2: one of the value nodes is this term."""
    wanted = term(member.constraint.values[0])
    test = f"FILTER NOT EXISTS {{ {reaches(member.shape.path, wanted)} }}"
    return Check(f"SELECT ?this WHERE {{ {source.pattern} {test} }}")


def _unique_lang(source: Source, member: Member) -> Check:
    """4.4.5: one result for each language that occurs twice."""
    path = path_text(member.shape)
    query = (
        f"SELECT ?this ?language WHERE {{ {source.pattern} ?this {path} ?value , ?other . "
        "BIND(LCASE(LANG(?value)) AS ?language) FILTER(?language != '' "
        "&& ?language = LCASE(LANG(?other)) && !sameTerm(?value, ?other)) }"
    )
    return Check(query, apart="language")
