"""A ``SELECT ?this`` in a labels file: that it asks nobody but the data itself.

In: the query's text. Out: nothing, or a refusal. ``SERVICE`` would send a request to wherever the
text says (SPARQL 1.1 Federated Query section 2), so a text in which it could hide is refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import tree_sitter
import tree_sitter_sparql

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the grammar still hands out a number
    _LANGUAGE = tree_sitter.Language(tree_sitter_sparql.language())


def refuse_requests(text: str, refusal: Callable[[str], Exception]) -> None:
    """Refuse a query that could reach beyond the data.

    A text without the letters of the keyword, and without escapes that could spell it, cannot
    hold the clause. One with them must parse cleanly and hold no such clause.

    Args:
        text: the query.
        refusal: makes the error from a message.

    Raises:
        Exception: what ``refusal`` makes.
    """
    if "\\u" in text.lower():
        raise refusal("The query uses \\u escapes, which are not read here.")
    if "service" not in text.lower():
        return
    tree = tree_sitter.Parser(_LANGUAGE).parse(text.encode())
    if tree.root_node.has_error:
        raise refusal("The query holds the word SERVICE and cannot be read with certainty.")
    pending = [tree.root_node]
    while pending:
        node = pending.pop()
        if "service" in node.type:
            raise refusal("The query uses SERVICE; a label's query asks the data set only.")
        pending.extend(node.children)
