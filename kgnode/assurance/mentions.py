"""What a query of a pack looks at: the properties and classes that can change its answer.

In: the text of a SELECT or ASK. Out: ``Mentions``, or ``None`` where any triple may matter. Where
the text leaves a doubt, more is said to be looked at than is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kgnode.assurance.graph import TYPE
from kgnode.assurance.sparql import Sparql, Token, split_prefixes, tokens

_ENDS = frozenset(("}", ".", ";", ",", ")", "]"))
_CLAUSES = frozenset(("FILTER", "OPTIONAL", "BIND", "UNION", "GRAPH", "SELECT"))
_CLOSES_TYPING = frozenset(("}", ".", ";", "]"))
_PREFIX = re.compile(r"(?i)PREFIX\s+([^\s:]*):\s*<([^>]*)>")


@dataclass(frozen=True)
class Mentions:
    """What a query looks at.

    Attributes:
        iris: all IRIs in it, which include its predicates other than ``a``.
        classes: classes whose instances it asks for; None where a typing of any class may matter.
    """

    iris: frozenset[str]
    classes: frozenset[str] | None


def mentions(source: Sparql) -> Mentions | None:
    """Return what a query looks at; None if a predicate is a variable."""
    prefixes, text = split_prefixes(source.text)
    declared = {match.group(1): match.group(2) for match in _PREFIX.finditer(prefixes)}
    found = [token for token in tokens(text[text.find("{") :]) if token.kind != "space"]
    used: set[str] = set()
    for index, token in enumerate(found):
        if token.kind in ("iri", "name"):
            used.add(_iri(token, declared))
        elif token.kind == "var" and 0 < index < len(found) - 1:
            before, after = found[index - 1], found[index + 1]
            starts = before.kind in ("var", "iri", "name") or before.text == ";"
            if token.variable == "PATH":
                continue
            if starts and after.text not in _ENDS and after.word not in _CLAUSES:
                return None
    return Mentions(frozenset(used), _classes(found, declared))


def _classes(found: Sequence[Token], declared: Mapping[str, str]) -> frozenset[str] | None:
    """Return the classes that typings in a query name; None where one names none.

    ``?x a cim:Switch .`` matches typings of that class alone. Anything else near ``a`` or
    ``rdf:type`` (a variable, a path, a list, a comparison) may match others.
    """
    classes: set[str] = set()
    for index, token in enumerate(found):
        typing = token.text == "a" or _iri(token, declared) == TYPE.value
        if not typing:
            continue
        before, after = found[max(index - 1, 0)], found[index + 1 : index + 3]
        if (
            before.text in ("^", "!")
            or len(after) < 2
            or after[0].kind not in ("iri", "name")
            or not (after[1].text in _CLOSES_TYPING or after[1].word in _CLAUSES)
        ):
            return None
        classes.add(_iri(after[0], declared))
    return frozenset(classes)


def _iri(token: Token, declared: Mapping[str, str]) -> str:
    """Return the IRI that a token stands for, or nothing."""
    if token.kind == "iri":
        return token.text[1:-1]
    if token.kind == "name":
        prefix, _, local = token.text.rstrip(".").partition(":")
        return declared.get(prefix, "") + local
    return ""
