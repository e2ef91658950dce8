"""The form of the audit log on disk: lines, their chain, seals and the head.

``audit-NNNNNN.jsonl`` holds one JSON object a line: ``{"n", "entry", "hash"}`` or ``{"seal",
"hash"}``. A hash is the SHA-256 of the forerunner's hash and the line's own bytes before it. A
seal is a JWS over the number and hash reached; the file ``head`` is a JWS that says the same for
the end of the log, so that a log cut short is seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import orjson

from kgnode.trust.keys import verify_compact

SEAL_TYP = "gridspine-audit-seal+jws"
HEAD_TYP = "gridspine-audit-head+jws"
START = "0" * 64
MARK = b',"hash":"'
TAIL_BYTES = len(MARK) + 64 + 2
SEAL = b'{"seal":"'


@dataclass(frozen=True)
class State:
    """Where a log stands: entries written, hash of the last line, number of its segment."""

    entries: int = 0
    hash: str = START
    segment: int = 1


def segment_name(number: int) -> str:
    """Return the file name of a segment."""
    return f"audit-{number:06d}.jsonl"


def segments(folder: Path) -> list[Path]:
    """Return the segment files in order."""
    return sorted(folder.glob("audit-*.jsonl"))


def chained(previous: str, body: bytes) -> tuple[str, bytes]:
    """Return the hash of a line with this JSON object as its body, and the line."""
    open_body = body[:-1]
    digest = link(previous, open_body)
    return digest, open_body + MARK + digest.encode() + b'"}'


def link(previous: str, open_body: bytes) -> str:
    """Return the hash of a line: its forerunner's hash, then its bytes before ``,"hash":``."""
    return hashlib.sha256(previous.encode() + open_body).hexdigest()


def split(line: bytes) -> tuple[bytes, str] | None:
    """Return body and hash of a line, None if it has not the form."""
    if len(line) <= TAIL_BYTES or line[-2:] != b'"}':
        return None
    body, tail = line[:-TAIL_BYTES], line[-TAIL_BYTES:]
    if not tail.startswith(MARK):
        return None
    return body, tail[len(MARK) : -2].decode("ascii", "replace")


def read_signed(
    compact: str, keys: Mapping[str, Mapping[str, Any]], typ: str
) -> dict[str, Any] | None:
    """Return what a seal or head says, None if none of the keys signed it."""
    try:
        _, payload = verify_compact(compact, keys, typ)
        return cast("dict[str, Any]", orjson.loads(payload))
    except ValueError:
        return None
