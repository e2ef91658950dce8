"""How the web process, view hosts and evaluators speak over Unix sockets.

A message is its length (4 bytes, big endian) and a JSON object; an answer is one fixed head (kind,
cut, stays, length) and then its body, inline or, once the reader has said ``READY``, as the
descriptor of a file beside one byte.
Everything here is also loaded by the small processes, so it imports nothing but the library.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable
from typing import Any

LENGTH = struct.Struct("!I")
HEAD = struct.Struct("!cccQ")
"""Of an answer: kind, cut, whether its evaluator stays, length of the body in bytes."""

INLINE, FILE, ERROR = b"i", b"f", b"e"
WHOLE, ROWS, BYTES = b" ", b"r", b"b"
STAYS, LEAVES = b"s", b"l"
READY = b"?"
CUTS: dict[bytes, str | None] = {WHOLE: None, ROWS: "rows", BYTES: "bytes"}

INLINE_MAX_BYTES = 128 << 10
"""Below the size of a socket's buffer, so that an evaluator never waits for its reader."""


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send one message."""
    body = json.dumps(message).encode()
    connection.sendall(LENGTH.pack(len(body)) + body)


def receive(
    connection: socket.socket, read: Callable[[bytes], dict[str, Any]] = json.loads
) -> dict[str, Any] | None:
    """Return the next message; None when the other side has gone.

    Each side waits for the answer before it sends again, so nothing of a next message is there yet.
    """
    parts = connection.recv(1 << 16)
    while len(parts) < LENGTH.size or len(parts) < LENGTH.size + LENGTH.unpack_from(parts)[0]:
        part = connection.recv(1 << 20)
        if not part:
            return None
        parts += part
    return read(parts[LENGTH.size :])
