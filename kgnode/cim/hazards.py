"""What in an RDF document would end the process that parses it, found before it is parsed.

In: a document as bytes. Out: a ``Hazard``, or None. Parsers unfold XML entities without bound and
follow triples within triples (RDF 1.2 Concepts section 3.1) by recursion; neither can be caught.
"""

from __future__ import annotations

import re
from typing import NamedTuple

DEEPEST = 32
"""How many triples may stand within each other."""

DEEPEST_JSON = 200
"""How many JSON values may stand within each other."""

_JSON = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', re.DOTALL)
_ENCODING = re.compile(rb"\s*+(?:\xef\xbb\xbf)?\s*+<\?xml[^>]*encoding\s*=\s*[\"']([^\"']*)")
_DECLARED = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_PARSE_TYPE = re.compile(rb"parseType\s*=\s*[\"'](?!(?:Resource|Literal|Collection)[\"'])")
_TOKEN = re.compile(
    rb'"""(?:"{0,2}(?:[^"\\]|\\.))*+"""|\'\'\'(?:\'{0,2}(?:[^\'\\]|\\.))*+\'\'\''
    rb'|"(?:[^"\\\r\n]|\\.)*+"?|\'(?:[^\'\\\r\n]|\\.)*+\'?'
    rb"|<<|>>|<[^<>\x00-\x20]*+>|\#[^\r\n]*+|\\.",
    re.DOTALL,
)
"""Strings, IRIs, comments and escapes in names, in all of which ``<<`` says nothing."""


class Hazard(NamedTuple):
    """What is wrong (after the file's name), how to mend it, and the line."""

    what: str
    hint: str
    line: int


def hazard(content: bytes, *, xml: bool) -> Hazard | None:
    """Return why a document must not be parsed; for JSON-LD ask ``in_json``."""
    return _in_xml(content) if xml else _in_text(content)


def in_json(content: bytes) -> Hazard | None:
    """Return why a JSON-LD document must not be parsed: its values nest without end."""
    depth = 0
    for match in _JSON.finditer(content):
        if match[0] in b"[{":
            depth += 1
        elif match[0] in b"]}":
            depth -= 1
        if depth > DEEPEST_JSON:
            what = f"nests values more than {DEEPEST_JSON} deep"
            return Hazard(what, "Flatten it.", _line(content, match.start()))
    return None


def _in_xml(content: bytes) -> Hazard | None:
    encoding = _ENCODING.match(content)
    plain = encoding is None or encoding[1].lower() in (b"utf-8", b"us-ascii", b"ascii")
    found = _DECLARED.search(content)
    if found or not plain or b"\x00" in content:
        return Hazard(
            "declares entities, or is in another encoding than UTF-8",
            "Write it in UTF-8 without a DOCTYPE, or as Turtle.",
            _line(content, found.start() if found else 0),
        )
    within = list(_PARSE_TYPE.finditer(content))
    return _deep(content, within[DEEPEST].start()) if len(within) > DEEPEST else None


def _in_text(content: bytes) -> Hazard | None:
    if content.count(b"<<") <= DEEPEST:
        return None
    depth = 0
    for match in _TOKEN.finditer(content):
        if match[0] == b"<<":
            depth += 1
        elif match[0] == b">>":
            depth = max(depth - 1, 0)
        if depth > DEEPEST:
            return _deep(content, match.start())
    return None


def _deep(content: bytes, place: int) -> Hazard:
    what = f"nests triples within triples more than {DEEPEST} deep"
    hint = "Name what you speak of instead of quoting it."
    return Hazard(what, hint, _line(content, place))


def _line(content: bytes, place: int) -> int:
    return content.count(b"\n", 0, place) + 1
