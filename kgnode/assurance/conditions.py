"""When a value node violates a constraint, as one SPARQL expression (SHACL section 4).

In: a constraint that looks at one value node at a time. Out: an expression that is true exactly
for the value nodes that violate it and that never raises an error, so that it can be negated,
combined and fused with others. Source of each rule: the clause named beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pyoxigraph as ox

from kgnode.assurance.data import EXACT, protected
from kgnode.assurance.graph import Term
from kgnode.assurance.shapes import Constraint
from kgnode.assurance.sources import Unsupported
from kgnode.assurance.terms import SH
from kgnode.names import RDF, XSD

IsInstance = Callable[[str, str], str]
"""(variable, class IRI) -> the pattern that holds for instances."""

VALUE_KINDS = frozenset(
    (
        "class",
        "datatype",
        "nodeKind",
        "minExclusive",
        "minInclusive",
        "maxExclusive",
        "maxInclusive",
        "minLength",
        "maxLength",
        "pattern",
        "languageIn",
        "in",
    )
)
"""Constraints whose violation is decided by one value node alone."""

ALIKE_FOR_IRIS = frozenset(
    ("datatype", "nodeKind", "minExclusive", "minInclusive", "maxExclusive", "maxInclusive")
) | {"languageIn"}
"""Those that all IRIs violate, or none."""

_COMPARE = {
    "minExclusive": ">",
    "minInclusive": ">=",
    "maxExclusive": "<",
    "maxInclusive": "<=",
}
_NODE_KINDS = {
    "IRI": "isIRI({0})",
    "Literal": "isLiteral({0})",
    "BlankNode": "isBlank({0})",
    "BlankNodeOrIRI": "(isBlank({0}) || isIRI({0}))",
    "BlankNodeOrLiteral": "(isBlank({0}) || isLiteral({0}))",
    "IRIOrLiteral": "(isIRI({0}) || isLiteral({0}))",
}
_NUMERIC = frozenset(("integer", "decimal", "double", "float"))
_CAST = frozenset(
    {
        "dateTime",
        "date",
        "time",
        "gYear",
        "gYearMonth",
        "gMonth",
        "gMonthDay",
        "gDay",
        "duration",
        "dayTimeDuration",
        "yearMonthDuration",
    }
)
_BOUNDED: dict[str, tuple[int | None, int | None]] = {
    "byte": (-128, 127),
    "short": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
    "unsignedByte": (0, 255),
    "unsignedShort": (0, 2**16 - 1),
    "unsignedInt": (0, 2**32 - 1),
    "unsignedLong": (0, 2**64 - 1),
    "nonNegativeInteger": (0, None),
    "positiveInteger": (1, None),
    "nonPositiveInteger": (None, 0),
    "negativeInteger": (None, -1),
}
_MOST_COMPARED = 500
"""Values compared one after the other; parsers fall at some thousands of operators."""
_ANY_TEXT = frozenset(("string", "anyURI"))


def violates(constraint: Constraint, value: str, is_instance: IsInstance) -> str:
    """Return the expression that is true where ``value`` (a variable) violates the constraint.

    Raises:
        Unsupported: the constraint has a parameter that SPARQL here cannot judge.
    """
    kind = constraint.kind
    if kind == "class":
        return _class(constraint.values[0], value, is_instance)
    if kind == "datatype":
        return _not(_datatype(constraint.values[0], value))
    if kind == "nodeKind":
        return _node_kind(constraint.values[0], value)
    if kind in _COMPARE:
        return _not(f"{value} {_COMPARE[kind]} {_literal(constraint.values[0])}")
    if kind in ("minLength", "maxLength"):
        sign = "<" if kind == "minLength" else ">"  # a blank node has no text and so violates
        length = _integer(constraint.values[0])
        return f"COALESCE(STRLEN(STR({value})) {sign} {length}, true)"
    if kind == "pattern":
        return _pattern(constraint, value)
    if kind == "languageIn":
        return _language_in(constraint.values, value)
    if kind == "in":
        return _in(constraint.values, value)
    raise Unsupported(f"sh:{kind}")


def _not(holds: str) -> str:
    return f"(!COALESCE({holds}, false))"


def term(node: Term) -> str:
    """Return a term in SPARQL.

    Raises:
        Unsupported: a blank node, which has no name there.
    """
    if isinstance(node, ox.BlankNode):
        raise Unsupported("a blank node as a parameter")
    return str(protected(node))


def _literal(node: Term) -> str:
    if not isinstance(node, ox.Literal):
        raise Unsupported("a bound that is no literal")
    return str(node)


def _integer(node: Term) -> int:
    try:
        if isinstance(node, ox.Literal):
            return int(node.value)
    except ValueError:
        pass
    raise Unsupported("a number that is no integer")


def _class(node: Term, value: str, is_instance: IsInstance) -> str:
    if not isinstance(node, ox.NamedNode):
        raise Unsupported("a class without an IRI")
    return f"NOT EXISTS {{ {is_instance(value, node.value)} }}"


def _datatype(node: Term, value: str) -> str:
    """4.1.2: the datatype is this one and the lexical form belongs to it."""
    if not isinstance(node, ox.NamedNode):
        raise Unsupported("a datatype without an IRI")
    same = f"DATATYPE({value}) = <{node.value}>"
    local = node.value.removeprefix(XSD)
    if node.value == RDF + "langString" or local in _ANY_TEXT:
        return same
    if local in _NUMERIC:
        return f"{same} && isNumeric({value})"
    if local == "boolean":
        return f"{same} && ({value} = true || {value} = false)"
    if local in _CAST:
        return f"{same} && DATATYPE(<{node.value}>(STR({value}))) = <{node.value}>"
    exact = f"DATATYPE({value}) = <{EXACT}{local}>"
    if local == "dateTimeStamp":
        stamp = f"<{XSD}dateTime>(STR({value}))"
        return f"({exact} || DATATYPE({value}) = <{XSD}dateTime>) && TZ({stamp}) != ''"
    if local in _BOUNDED:
        low, high = _BOUNDED[local]
        integer = f"<{XSD}integer>(STR({value}))"
        parts = [f"{exact} && DATATYPE({integer}) = <{XSD}integer>"]
        parts += [] if low is None else [f"{integer} >= {low}"]
        parts += [] if high is None else [f"{integer} <= {high}"]
        return " && ".join(parts)
    if node.value.startswith(XSD):
        raise Unsupported(f"the datatype xsd:{local}")
    return same


def _node_kind(node: Term, value: str) -> str:
    kind = node.value.removeprefix(SH) if isinstance(node, ox.NamedNode) else ""
    if kind not in _NODE_KINDS:
        raise Unsupported(f"the node kind {node}")
    return f"(!{_NODE_KINDS[kind].format(value)})"


def _pattern(constraint: Constraint, value: str) -> str:
    """4.4.3: a blank node never matches."""
    pattern, flags = _literal(constraint.values[0]), str(ox.Literal(constraint.flags))
    if not _reads_pattern(pattern, flags):
        raise Unsupported("a regular expression of another dialect")
    return f"COALESCE(!REGEX(STR({value}), {pattern}, {flags}), true)"


@lru_cache(maxsize=1024)
def _reads_pattern(pattern: str, flags: str) -> bool:
    """Whether Oxigraph reads a regular expression."""
    probe = f"ASK {{ BIND(REGEX('', {pattern}, {flags}) AS ?x) FILTER(BOUND(?x)) }}"
    return bool(ox.Store().query(probe))


def _language_in(ranges: tuple[Term, ...], value: str) -> str:
    tests = [f"LANGMATCHES(LANG({value}), {_literal(item)})" for item in ranges]
    return _not(f"isLiteral({value}) && ({' || '.join(tests) or 'false'})")


def _in(members: tuple[Term, ...], value: str) -> str:
    """4.8.3: terms, not values, are compared."""
    if members and all(isinstance(member, ox.NamedNode) for member in members):
        return f"({value} NOT IN ({', '.join(term(member) for member in members)}))"
    if len(members) > _MOST_COMPARED:
        raise Unsupported(f"a list of more than {_MOST_COMPARED} values")
    tests = " || ".join(f"sameTerm({value}, {term(member)})" for member in members)
    return f"(!({tests or 'false'}))"
