"""An answer while it is made: counted, bounded, cut at exact rows, and sent when it is whole.

In: the bytes that the engine writes. Out: the answer over a connection, inline or as the descriptor
of a file without a name. Passing a limit raises ``Full``, which stops the engine.
"""

from __future__ import annotations

import os
import socket
import tempfile
from itertools import islice
from typing import IO, Any

from kgnode.store import descriptors, wire
from kgnode.store.rows import RowForm


class Full(Exception):
    """The answer passed a limit; ``cut`` says which."""

    def __init__(self, cut: bytes) -> None:
        super().__init__()
        self.cut = cut


class Spool:
    """The answer while it is made: in memory while small, then in a file without a name."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.max_rows: int = request.get("rows", 0)
        self.max_bytes: int = request["bytes"]
        self.rows: RowForm | None = None
        self.size = 0
        self._marks = 0
        self._check_above = self.max_rows
        self._edge = b""
        self._parts: list[bytes] = []
        self._file: IO[bytes] | None = None

    def write(self, content: bytes) -> int:
        """Take the next bytes. Raises ``Full`` when a limit is passed."""
        content = bytes(content)
        self.size += len(content)
        if self._file is not None:
            self._file.write(content)
        else:
            self._parts.append(content)
            if self.size > wire.INLINE_MAX_BYTES:
                self._to_file()
        if self.rows is not None:
            self._count(self.rows, content)
        if self.size > self.max_bytes:
            raise Full(wire.BYTES)
        return len(content)

    def flush(self) -> None:
        """Do nothing: nothing leaves before the answer is whole."""

    def empty(self) -> None:
        """Forget what was written."""
        self.size = 0
        self._parts = []
        if self._file is not None:
            self._file.close()
            self._file = None

    def too_many_rows(self) -> bool:
        """Return whether there are more rows than allowed, exactly."""
        if self.rows is None or self.rows.at_most(self._marks) <= self.max_rows:
            return False
        ends = self.rows.ends(self._content())
        return next(islice(ends, self.max_rows, None), None) is not None

    def shorten(self, cut: bytes) -> bytes:
        """Cut the answer after the last row within both limits; return which cut it."""
        rows = self.rows
        if rows is None:
            raise Full(cut)
        content = self._content()
        room = self.max_bytes - len(rows.tail)
        end = 0
        for count, offset in enumerate(rows.ends(content)):
            if count == self.max_rows or offset > room:
                cut = wire.ROWS if count == self.max_rows else wire.BYTES
                break
            end = offset
        if not end:
            raise Full(wire.BYTES)
        self.empty()
        self.rows = None
        self.write(content[:end] + rows.tail)
        return cut

    def send(self, connection: socket.socket, cut: bytes, stays: bytes) -> None:
        """Send the answer: small ones inline, others as the descriptor of their file.

        A descriptor is lost on a reader that does not expect it, so that waits for its word.
        """
        if self._file is None:
            head = wire.HEAD.pack(wire.INLINE, cut, stays, self.size)
            connection.sendall(b"".join([head, *self._parts]))
            return
        self._file.flush()
        connection.sendall(wire.HEAD.pack(wire.FILE, cut, stays, self.size))
        if connection.recv(1) == wire.READY:
            socket.send_fds(connection, [wire.FILE], [self._file.fileno()])

    def _count(self, rows: RowForm, content: bytes) -> None:
        """Keep the count of marks; scan exactly only once they could be too many."""
        self._marks += content.count(rows.mark)
        beyond = len(rows.mark) - 1
        if beyond:  # a mark may begin in one part and end in the next
            if self._edge:
                self._marks += (self._edge + content[:beyond]).count(rows.mark)
            self._edge = (self._edge + content)[-beyond:]
        possible = rows.at_most(self._marks)
        if possible <= self._check_above:
            return
        if rows.exact:
            raise Full(wire.ROWS)
        exact = sum(1 for _ in islice(rows.ends(self._content()), self.max_rows + 1))
        if exact > self.max_rows:
            raise Full(wire.ROWS)
        self._check_above = possible + max(self.max_rows - exact, self.max_rows // 8)

    def _content(self) -> bytes:
        if self._file is None:
            return b"".join(self._parts)
        self._file.flush()
        return os.pread(self._file.fileno(), self.size, 0)

    def _to_file(self) -> None:
        with descriptors.allowed():
            self._file = tempfile.TemporaryFile(dir=".")  # noqa: SIM115
        self._file.write(b"".join(self._parts))
        self._parts = []
