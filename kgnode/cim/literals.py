"""From the text of a property to an N-Triples literal of the right datatype.

In: text as it stands in the file and the XSD type the vocabulary gives. Out: the term, and whether
the text had to be mended or does not fit (XSD 1.1 part 2, lexical spaces). Numbers keep the digits
of the file; the store holds CIM Float as ``xsd:double``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kgnode.names import XSD

_DATE = r"-?\d{4,}-\d\d-\d\d"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?|24:00:00(?:\.0+)?"
_ZONE = r"(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)"

FORMS: Mapping[str, re.Pattern[str]] = {
    f"{XSD}double": re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\Z|[+-]?INF\Z|NaN\Z"),
    f"{XSD}decimal": re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)\Z"),
    f"{XSD}integer": re.compile(r"[+-]?\d+\Z"),
    f"{XSD}boolean": re.compile(r"(?:true|false|1|0)\Z"),
    f"{XSD}dateTime": re.compile(rf"{_DATE}T(?:{_TIME}){_ZONE}?\Z"),
    f"{XSD}dateTimeStamp": re.compile(rf"{_DATE}T(?:{_TIME}){_ZONE}\Z"),
    f"{XSD}date": re.compile(rf"{_DATE}{_ZONE}?\Z"),
    f"{XSD}time": re.compile(rf"(?:{_TIME}){_ZONE}?\Z"),
    f"{XSD}gMonthDay": re.compile(rf"--\d\d-\d\d{_ZONE}?\Z"),
    f"{XSD}duration": re.compile(
        r"-?P(?=\d|T\d)(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?\Z"
    ),
    f"{XSD}anyURI": re.compile(r"[^\s<>\"{}|\\^`]*\Z"),
}
"""XSD type -> its lexical space, so far as CIM uses it."""

_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
}
_NEEDS_ESCAPE = re.compile(r'["\\\n\r\t\b\f]')
_INFINITE = {"inf": "INF", "infinity": "INF", "-inf": "-INF", "-infinity": "-INF", "nan": "NaN"}


def quoted(text: str) -> str:
    """Return text as an N-Triples string."""
    if _NEEDS_ESCAPE.search(text):
        text = _NEEDS_ESCAPE.sub(lambda match: _ESCAPES[match[0]], text)
    return f'"{text}"'


def mended(text: str, datatype: str) -> str | None:
    """Return the text in a form that its datatype has, or None where there is none.

    Only the writing is changed, never the value: ``True`` to ``true``, ``12.0`` to ``12`` for an
    integer, ``12,5`` to ``12.5``, ``Infinity`` to ``INF``, a blank between date and time to ``T``.

    >>> mended("True", XSD + "boolean"), mended("12,5", XSD + "double")
    ('true', '12.5')
    >>> mended("abc", XSD + "double") is None
    True
    """
    kind = datatype.removeprefix(XSD)
    changed = text
    if kind == "boolean":
        changed = {"yes": "true", "no": "false"}.get(text.lower(), text.lower())
    elif kind == "integer" and re.fullmatch(r"[+-]?\d+\.0*", text):
        changed = text.partition(".")[0]
    elif kind in ("double", "decimal"):
        changed = _INFINITE.get(text.lower(), text)
        if text.count(",") == 1 and "." not in text:
            changed = text.replace(",", ".")
    elif kind in ("dateTime", "dateTimeStamp"):
        changed = text.replace(" ", "T", 1)
    return changed if changed != text and FORMS[datatype].match(changed) else None


def typed(text: str, datatype: str | None) -> tuple[str, str | None]:
    """Return the N-Triples literal of a text and the code of what was found, if anything.

    >>> typed("2.200000", XSD + "double")
    ('"2.200000"^^<http://www.w3.org/2001/XMLSchema#double>', None)
    >>> typed("n/a", XSD + "double")
    ('"n/a"', 'bad_literal')
    """
    form = FORMS.get(datatype or "")
    if form is None:
        return quoted(text), None
    trimmed = text.strip(" \t\r\n")
    if form.match(trimmed):
        return f"{quoted(trimmed)}^^<{datatype}>", None
    better = mended(trimmed, datatype or "")
    if better is not None:
        return f"{quoted(better)}^^<{datatype}>", "literal_form"
    return quoted(text), "bad_literal"
