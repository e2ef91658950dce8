"""Answers kept for whoever asks the same of the same view.

In: complete answers under (view version, query text, format, limits). Out: the same bytes again.
The version is a digest of exactly the permitted cells, so callers with the same cells may share an
answer and others cannot meet it. Queries with a clock or chance in them are never kept.
"""

from __future__ import annotations

from collections import OrderedDict

Key = tuple[str | int | float | bool, ...]

SHARE = 8
"""No answer may take more than this part (one over it) of the whole room."""


class AnswerCache:
    """Least recently used answers out, by bytes.

    Args:
        room_bytes: what all kept answers together may take; 0 keeps none.
    """

    def __init__(self, room_bytes: int) -> None:
        self.room_bytes = room_bytes
        self.used_bytes = 0
        self.hits = 0
        self.misses = 0
        self._kept: OrderedDict[Key, bytes] = OrderedDict()

    def get(self, key: Key) -> bytes | None:
        """Return the answer kept under a key."""
        answer = self._kept.get(key)
        if answer is None:
            self.misses += 1
            return None
        self._kept.move_to_end(key)
        self.hits += 1
        return answer

    def put(self, key: Key, answer: bytes) -> None:
        """Keep an answer if it is small enough; its key's text counts too."""
        if not self.room_bytes:
            return
        size = _size(key, answer)
        if size * SHARE > self.room_bytes or key in self._kept:
            return
        self._kept[key] = answer
        self.used_bytes += size
        while self.used_bytes > self.room_bytes:
            self.used_bytes -= _size(*self._kept.popitem(last=False))


def _size(key: Key, answer: bytes) -> int:
    return len(answer) + sum([len(part) for part in key if isinstance(part, str)])
