"""Our own patterns take no longer on texts made for it than on others of their length."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

import pytest

from federation.fetching.values import _LINE
from federation.members.subquery import TERM
from kgnode.alignment.structural import _WORD
from kgnode.audit.misuse import CONSTANT
from kgnode.cim.hazards import _ENCODING, _TOKEN
from kgnode.cim.literals import FORMS
from kgnode.names import XSD
from kgnode.query.parse import _BASE_SET, _RELATIVE
from kgnode.query.scan import _TOKEN as SCANNED

LONG = 150_000
ONCE = frozenset(
    {"double", "decimal", "dateTime", "duration", "encoding", "encoding, many", "term"}
)
"""Those that are only asked about a whole text."""
TEXTS: Mapping[str, tuple[re.Pattern[Any], Any]] = {
    "double": (FORMS[f"{XSD}double"], "1" * LONG + "x"),
    "decimal": (FORMS[f"{XSD}decimal"], "1" * LONG + "x"),
    "dateTime": (FORMS[f"{XSD}dateTime"], "1" * LONG + "x"),
    "duration": (FORMS[f"{XSD}duration"], "P" + "1" * LONG + "x"),
    "constant, never closed": (CONSTANT, '"\\' * LONG),
    "constant, brackets": (CONSTANT, "<a" * LONG),
    "constant, mixed quotes": (CONSTANT, "\"'\\" * LONG),
    "encoding": (_ENCODING, b" " * LONG + b"x"),
    "encoding, many": (_ENCODING, b"<?xml " + b"encoding  =" * LONG),
    "word": (_WORD, "a" * LONG),
    "word, nearly": (_WORD, "servic" * LONG),
    "relative": (_RELATIVE, "<a" * LONG),
    "base": (_BASE_SET, "BASE " * LONG),
    "term": (TERM, "1" * LONG + "x"),
    "line": (_LINE, b"<a> <b> " + b". " * LONG),
    "token of text": (_TOKEN, b'"\\' * LONG),
    "token of query": (SCANNED, "'" * LONG + "\\"),
    "token of query, names": (SCANNED, "a." * LONG),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_made_for_it_takes_no_time(name: str) -> None:
    pattern, text = TEXTS[name]
    started = time.process_time()
    if name in ONCE:
        pattern.match(text)
    else:
        list(pattern.finditer(text))
    assert time.process_time() - started < 2
