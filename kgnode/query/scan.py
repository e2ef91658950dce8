"""A query text as a sequence of tokens, the first of two readings that each query gets.

In: the text as it came. Out: tokens with spans, and what their count alone can tell: the form, the
deepest nesting. Follows the terminals of the SPARQL 1.1 grammar (productions 139 to 173); whatever
fits none of them is malformed. ``Token.doubtful`` marks the one place where terminals alone are
ambiguous: ``<`` inside brackets can open an IRI or compare two values.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from kgnode.errors import MalformedQuery

MAX_DEPTH = 128
"""Deepest nesting of brackets; parsers that recurse overflow their stack at about 1,000."""
MAX_TOKENS = 300_000
"""Most terminals in one query: 1,000 rows of VALUES have a few thousand."""
MAX_CHAIN = 2_000
"""Most operators in one query; Oxigraph overflows its stack at about 4,000 in one chain."""
MAX_PATTERNS = 4_000
"""Most parts of patterns (``.``, ``;``, ``,`` outside of lists); at 10,000 its stack overflows."""

_BASE = (  # PN_CHARS_BASE
    "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d"
    "\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NAME = _BASE + "0-9_"
_MORE = _NAME + "\u00b7\u0300-\u036f\u203f\u2040"  # PN_CHARS but for the dash
_LOCAL = rf"(?:[{_MORE}:.\-%]|\\[_~.\-!$&'()*+,;=/?#@%])*+"
_PREFIX = rf"[{_BASE}][{_MORE}\-]{{0,200}}+(?:\.++[{_MORE}\-]++){{0,8}}+"
# every quantifier is possessive: no text makes the scan go over the same characters again and again
_TOKEN = re.compile(
    r"(?:[ \t\r\n]++|\#[^\r\n]*+)*+(?:"
    r"(?P<iri><(?:[^<>\"{}|^`\\\x00-\x20]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*+>)"
    r"|(?P<string>\"\"\"(?:\"{0,2}(?:[^\"\\]|\\.))*+\"\"\"|'{3}(?:'{0,2}(?:[^'\\]|\\.))*+'{3}"
    r"|\"(?:[^\"\\\r\n]|\\.)*+\"|'(?:[^'\\\r\n]|\\.)*+')"
    rf"|(?P<variable>[?$][{_NAME}][{_MORE}]*+)"
    rf"|(?P<name>(?:{_PREFIX})?:{_LOCAL}|_:[{_NAME}][{_MORE}.\-]*+)"
    r"|(?P<word>[A-Za-z][A-Za-z0-9_]*+)"
    r"|(?P<open>[{(\[])"
    r"|(?P<close>[})\]])"
    r"|(?P<language>@[A-Za-z]++(?:-[A-Za-z0-9]++)*+)"
    r"|(?P<number>[0-9]++(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?)"
    r"|(?P<operator>\|\||&&|!=|<=|>=|\^\^|[=<>!|/^?*+\-])"
    r"|(?P<mark>[.,;])|(?P<end>\Z))",
    re.DOTALL,
)
_CHAINING = frozenset({"UNION", "OPTIONAL", "MINUS", "BIND", "FILTER", "GRAPH", "VALUES", "AS"})
_PAIRS = {"{": "}", "(": ")", "[": "]"}
_SCHEME = re.compile(r"<[A-Za-z][A-Za-z0-9+.\-]*://")


class Token(NamedTuple):
    """One terminal: its kind, text, place in characters, and how many brackets are open there."""

    kind: str
    text: str
    start: int
    depth: int

    @property
    def end(self) -> int:
        """The place after the last character."""
        return self.start + len(self.text)

    @property
    def doubtful(self) -> bool:
        """Whether it may be no IRI but a comparison with a string or a comment after it."""
        return (
            self.kind == "iri"
            and self.depth > 0
            and ("'" in self.text or "#" in self.text)
            and not _SCHEME.match(self.text)
        )


def scan(text: str) -> tuple[Token, ...]:
    """Return the tokens of a query without white space and comments.

    Raises:
        MalformedQuery: a character fits no terminal, a string or bracket is not closed, or the
            nesting, the operators or the patterns are beyond what any parser survives.
    """
    tokens: list[Token] = []
    closing: list[str] = []
    place = operators = marks = 0
    match_at = _TOKEN.match
    while True:
        match = match_at(text, place)
        if match is None:
            place = _skip(text, place)
            raise malformed(text, place, f"{text[place]!r} does not belong here")
        kind: str = match.lastgroup  # type: ignore[assignment]
        if kind == "end":
            break
        start, place = match.span(kind)
        word = match[kind]
        tokens.append(Token(kind, word, start, len(closing)))
        if len(tokens) > MAX_TOKENS:
            raise malformed(text, start, f"there are more than {MAX_TOKENS} terminals")
        if kind == "open":
            closing.append(_PAIRS[word])
            if len(closing) > MAX_DEPTH:
                raise malformed(text, start, f"brackets are nested more than {MAX_DEPTH} deep")
        elif kind == "close":
            if not closing or closing.pop() != word:
                raise malformed(text, start, f"{word!r} closes nothing")
        elif kind == "operator" or (kind == "word" and word.upper() in _CHAINING):
            operators += 1
            if operators > MAX_CHAIN:
                raise malformed(text, start, f"there are more than {MAX_CHAIN} operators")
        elif kind == "mark" and not (closing and closing[-1] == ")"):
            marks += 1
            if marks > MAX_PATTERNS:
                raise malformed(text, start, f"there are more than {MAX_PATTERNS} patterns")
    if closing:
        raise malformed(text, len(text), f"{closing[-1]!r} is missing at the end")
    return tuple(tokens)


def _skip(text: str, place: int) -> int:
    match = re.compile(r"(?:[ \t\r\n]++|#[^\r\n]*+)*+").match(text, place)
    return match.end() if match else place


def malformed(text: str, place: int, what: str) -> MalformedQuery:
    """Return the error for a place in a query, with 1-based line and column."""
    before = text[:place]
    line = before.count("\n") + 1
    column = place - (before.rfind("\n") + 1) + 1
    return MalformedQuery(
        f"Not SPARQL 1.1 at line {line}, column {column}: {what}.",
        hint="Correct the query there; docs/sparql.md says what is supported.",
        line=line,
        detail={"column": column},
    )
