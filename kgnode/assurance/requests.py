"""A query written by others: that it asks nobody but the data, and that every parser survives it.

In: the text of a query in a pack or a labels file. Out: nothing, or a refusal. ``SERVICE`` would
send a request to wherever the text says (SPARQL 1.1 Federated Query section 2), and deep nesting
overflows the stack of a parser, which ends the whole process. So a text in which either could hide
is refused before anything reads it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable

import tree_sitter
import tree_sitter_sparql

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the grammar still hands out a number
    _LANGUAGE = tree_sitter.Language(tree_sitter_sparql.language())

MOST_BRACKETS = 200
"""Opening brackets, in strings too; the official packs have 44 at most, a parser falls at 1,000."""
MOST_OPERATORS = 2_000
"""Operators and joining words; the official packs have 298, a parser falls at about 4,000."""

_SIGNS = "!+*|&=^<>-/"
_JOINING = re.compile(r"(?i)union|optional|minus|bind|filter|graph|values|select")
_APART = re.compile(r"(?i)(?<![\w\-.%])([\w\-.%]*?)service")
_BARE_RETURN = re.compile(r"\r(?!\n)")


def refuse_requests(text: str, refusal: Callable[[str], Exception]) -> None:
    """Refuse a query that could reach beyond the data, or end the process that reads it.

    Where the letters of the keyword stand inside a prefixed name or a variable, they are no
    keyword to any reader. Anywhere else the text must parse cleanly and hold no such clause.

    Args:
        text: the query.
        refusal: makes the error from a message.

    Raises:
        Exception: what ``refusal`` makes.
    """
    if sum(map(text.count, "{([")) > MOST_BRACKETS:
        raise refusal(f"It opens more than {MOST_BRACKETS} brackets.")
    if sum(map(text.count, _SIGNS)) + len(_JOINING.findall(text)) > MOST_OPERATORS:
        raise refusal(f"It has more than {MOST_OPERATORS} operators.")
    if "\\u" in text.lower():
        raise refusal("The query uses \\u escapes, which are not read here.")
    if _BARE_RETURN.search(text):
        raise refusal("The query has a carriage return of its own, which ends some lines only.")
    if not any(_stands_apart(text, match) for match in _APART.finditer(text)):
        return
    tree = tree_sitter.Parser(_LANGUAGE).parse(text.encode())
    if tree.root_node.has_error:
        raise refusal("The query holds the word SERVICE and cannot be read with certainty.")
    pending = [tree.root_node]
    while pending:
        node = pending.pop()
        if "service" in node.type:
            raise refusal("The query uses SERVICE; it may ask its own data only.")
        pending.extend(node.children)


def _stands_apart(text: str, match: re.Match[str]) -> bool:
    """Whether the letters are not inside what begins as a prefixed name or a variable."""
    start = match.start()
    return start == 0 or text[start - 1] not in ":?$"
