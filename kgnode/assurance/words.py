"""Results in plain words: what was found, what is expected, how to mend it.

In: a ``Result``. Out: short phrases for people. A pack's own ``sh:message`` and ``gs:hint`` win;
what is here serves packs that have none (SHACL section 4, one phrase for each component).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pyoxigraph as ox

from kgnode.assurance.graph import Term
from kgnode.assurance.results import Result
from kgnode.assurance.shapes import Constraint
from kgnode.assurance.terms import SH
from kgnode.names import XSD, shorten

_PLACE = re.compile(r"\{[?$]([A-Za-z_0-9]+)\}")
_EXPECTED = {
    "class": "an instance of {}",
    "datatype": "a literal of type {}",
    "nodeKind": "{}",
    "minCount": "at least {}",
    "maxCount": "at most {}",
    "minExclusive": "more than {}",
    "minInclusive": "{} or more",
    "maxExclusive": "less than {}",
    "maxInclusive": "{} or less",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "text that matches {}",
    "languageIn": "text in one of the languages {}",
    "uniqueLang": "each language once",
    "equals": "the same values as {}",
    "disjoint": "no value of {}",
    "lessThan": "less than {}",
    "lessThanOrEquals": "not more than {}",
    "not": "not to be as {}",
    "and": "to be as all of {}",
    "or": "to be as one of {} at least",
    "xone": "to be as exactly one of {}",
    "node": "to be as {}",
    "qualifiedMinCount": "at least {} that fit",
    "qualifiedMaxCount": "at most {} that fit",
    "closed": "no other properties than those of the shape",
    "hasValue": "the value {}",
    "in": "one of {}",
    "sparql": "",
    "custom": "",
}
_HINTS = {
    "class": "Add the model that defines the object, or correct the reference.",
    "datatype": "Correct the value so that it is of the type asked for.",
    "nodeKind": "Use rdf:resource for a reference and text for a value.",
    "minCount": "Add the missing value.",
    "maxCount": "Remove the surplus values; the same object may be described twice.",
    "in": "Use one of the values listed.",
    "closed": "Remove the property, or choose the profile it belongs to.",
    "pattern": "Correct the text.",
}
_ONE = ox.Literal(1)
_TYPES = {
    "double": "a number",
    "float": "a number",
    "decimal": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "string": "text",
    "dateTime": "a date and time, like 2026-12-01T17:30:00Z",
    "date": "a date, like 2026-12-01",
}
"""Datatypes in words."""
_KINDS = {
    "IRI": "a reference",
    "Literal": "a value, not a reference",
    "BlankNode": "a nameless node",
    "BlankNodeOrIRI": "a reference or nameless node",
    "BlankNodeOrLiteral": "a value or nameless node",
    "IRIOrLiteral": "a reference or a value",
}


def term_text(term: Term | None, *, limit: int = 80) -> str:
    """Return a term for people: short names for IRIs, the bare text of literals."""
    if term is None:
        return ""
    if isinstance(term, ox.NamedNode):
        text = _KINDS.get(term.value[len(SH) :], "") if term.value.startswith(SH) else ""
        return text or shorten(term.value)
    if isinstance(term, ox.BlankNode):
        return "a nameless node"
    text = term.value if len(term.value) <= limit else term.value[: limit - 3] + "..."
    kind = term.datatype.value
    if term.language:
        return f'"{text}"@{term.language}'
    if kind == XSD + "string":
        return f'"{text}"'
    return text


def expected(constraint: Constraint | None, message: str = "") -> str:
    """Return what a constraint asks for."""
    if constraint is None:
        return message
    listed = [term_text(value) for value in constraint.values[:6]]
    if len(constraint.values) > 6:
        listed.append(f"... ({len(constraint.values)} in all)")
    if constraint.kind == "datatype" and isinstance(constraint.values[0], ox.NamedNode):
        local = constraint.values[0].value.removeprefix(XSD)
        if local in _TYPES:
            return _TYPES[local]
    phrase = _EXPECTED.get(constraint.kind, "")
    text = phrase.format(", ".join(listed))
    if constraint.kind in ("minCount", "maxCount"):
        text += " value" if listed == ["1"] else " values"
    return text


def found(result: Result) -> str:
    """Return what stands in the data instead."""
    if result.value is not None and not (result.path is None and result.value == result.focus):
        return term_text(result.value)
    kind = result.constraint.kind if result.constraint else ""
    one = result.constraint is not None and result.constraint.values[:1] == (_ONE,)
    return {"minCount": "none" if one else "too few", "maxCount": "too many"}.get(kind, "")


def hint(result: Result) -> str:
    """Return how to mend it: the pack's own hint, or the component's."""
    if result.constraint is not None and result.constraint.hint:
        return result.constraint.hint
    if result.shape.hint:
        return result.shape.hint
    kind = result.constraint.kind if result.constraint else ""
    return _HINTS.get(kind, "Correct the data, or ask the keeper of the pack about this rule.")


def sentence(result: Result) -> str:
    """Return one sentence that says what is wrong."""
    if result.message:
        return result.message
    where = f"{result.path} " if result.path is not None else ""
    asked = expected(result.constraint) or f"as {term_text(result.shape.id)} says"
    return f"{where}should be {asked}."


def text_of(messages: Sequence[ox.Literal]) -> str:
    """Return the message to show: English or untagged first."""
    ranked = sorted(messages, key=lambda m: (m.language or "") not in ("", "en"))
    return ranked[0].value if ranked else ""


def fill(message: str, values: Mapping[str, Term | None]) -> str:
    """5.3.2: put the solution's terms for ``{?name}`` in a message."""

    def text(match: re.Match[str]) -> str:
        found = values.get(match.group(1))
        return match.group() if found is None else found.value

    return _PLACE.sub(text, message)
