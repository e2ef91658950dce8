"""Errors as documents, and back as errors of their own class.

In: an error, or a document of one. Out: the RFC 9457 problem document of HTTP, the record of the
command line's ``problems`` list; and from either the error again. Every class is known by its code.
"""

from __future__ import annotations

from typing import Any

import orjson

from kgnode.errors import GridspineError, Unexpected

_PROBLEM = {"type", "title", "status", "detail", "code", "hint", "file", "line", "subject"}


def problem(error: GridspineError) -> dict[str, Any]:
    """Return the RFC 9457 problem document of an error.

    Members ``type``, ``title``, ``status``, ``detail``, ``code`` always; ``hint``, ``file``,
    ``line``, ``subject`` where known; then what the error carries in ``detail``.
    """
    document: dict[str, Any] = {
        "type": f"https://w3id.org/gridspine/problems#{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
    }
    known = {"hint": error.hint, "file": error.file, "line": error.line, "subject": error.subject}
    document.update({key: value for key, value in known.items() if value})
    document.update(error.detail)
    return document


def record(error: GridspineError, severity: str = "error") -> dict[str, Any]:
    """Return an error in the form of the command line's ``problems`` list."""
    return {
        "code": error.code,
        "severity": severity,
        "message": error.message,
        "hint": error.hint,
        "file": error.file,
        "line": error.line,
        "subject": error.subject,
        "count": error.count,
    }


def kinds() -> dict[str, type[GridspineError]]:
    """Return every class of error by its code."""
    found: dict[str, type[GridspineError]] = {}
    waiting = [GridspineError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        found[kind.code] = kind
    return found


def from_problem(content: bytes) -> GridspineError:
    """Return the error that a problem document tells of."""
    try:
        document = orjson.loads(content)
        return kinds().get(document["code"], Unexpected)(
            document["detail"],
            hint=document.get("hint", ""),
            file=document.get("file"),
            line=document.get("line"),
            subject=document.get("subject"),
            detail={key: value for key, value in document.items() if key not in _PROBLEM},
        )
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return Unexpected("The answer was no problem document.", hint="Is this a node?")


def from_record(document: dict[str, Any]) -> GridspineError:
    """Return the error that ``record`` wrote down."""
    kind = kinds().get(document["code"])
    if kind is None:
        return Unexpected(document["message"])
    known = {name: document[name] for name in ("hint", "file", "line", "subject", "count")}
    return kind(document["message"], **known)
