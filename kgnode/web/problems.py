"""Errors as HTTP answers.

In: an exception. Out: status, headers and body of an RFC 9457 problem document. What is no error
of ours is reported as unexpected, without a word of what went wrong inside: that goes to the log.
"""

from __future__ import annotations

import secrets

import orjson
import structlog

from kgnode.errors import GridspineError, IdentityError, Overloaded, Unexpected
from kgnode.problems import problem

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger("kgnode.web")


def problem_answer(error: BaseException) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return status, headers and body for an error."""
    if not isinstance(error, GridspineError):
        reference = secrets.token_hex(4)
        _log.error("unexpected", reference=reference, exc_info=error)
        error = Unexpected(
            "Something went wrong inside the node.",
            hint=f"Tell the operator the reference {reference}; the log has the details.",
        )
    headers = [("Content-Type", MEDIA_TYPE), ("Cache-Control", "no-store")]
    if isinstance(error, IdentityError):
        headers.append(("WWW-Authenticate", 'Bearer realm="gridspine", error="invalid_token"'))
    if isinstance(error, Overloaded):
        headers.append(("Retry-After", "1"))
    return error.status, headers, orjson.dumps(problem(error))
