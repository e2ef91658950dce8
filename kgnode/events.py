"""The event log: what happened to data, policies and mappings, in order, for others to follow.

In: a kind and a JSON object. Out: numbered lines in ``HOME/events/events.jsonl``, each on disk
before ``append`` returns. A line cut by a crash is dropped when the log is opened. This is the port
behind which a message broker can stand later.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from kgnode.errors import StoreFull


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        number: 1 for the first.
        time: when (UTC).
        kind: for example ``published``, ``withdrawn``, ``policy-set``, ``misuse``.
        data: what the kind says about it.
    """

    number: int
    time: datetime
    kind: str
    data: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the line's document."""
        stamp = self.time.isoformat()
        return {"number": self.number, "time": stamp, "kind": self.kind, "data": dict(self.data)}


class Events:
    """The event log of one home.

    Args:
        folder: ``HOME/events``.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "events.jsonl"
        self._lock = threading.Lock()
        self._listeners: list[Callable[[Event], None]] = []
        folder.mkdir(parents=True, exist_ok=True)
        self._count, self._size = self._resume()

    def append(self, kind: str, data: Mapping[str, Any]) -> Event:
        """Write one event and return it.

        Raises:
            StoreFull: it cannot be written; nothing was.
        """
        with self._lock:
            event = Event(self._count + 1, datetime.now(UTC), kind, dict(data))
            line = orjson.dumps(event.to_json(), default=str) + b"\n"
            self._write(line)
            self._count += 1
            self._size += len(line)
        for listener in tuple(self._listeners):
            listener(event)
        return event

    def read(self, since: int = 0, limit: int = 1000) -> tuple[Event, ...]:
        """Return events after number ``since``, oldest first, at most ``limit``."""
        found: list[Event] = []
        for document in self._documents():
            if document["number"] > since:
                found.append(
                    Event(
                        document["number"],
                        datetime.fromisoformat(document["time"]),
                        document["kind"],
                        document["data"],
                    )
                )
                if len(found) >= limit:
                    break
        return tuple(found)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call ``listener`` with every event appended from now on, in this process."""
        self._listeners.append(listener)

    def _write(self, line: bytes) -> None:
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                os.ftruncate(handle, self._size)
                os.pwrite(handle, line, self._size)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise StoreFull(
                f"{self.path} could not be written: {error.strerror}.",
                hint="Free disk space, then try again.",
                file=str(self.path),
            ) from error

    def _documents(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        with self.path.open("rb") as stream:
            for line in stream:
                if line.endswith(b"\n"):
                    yield orjson.loads(line)

    def _resume(self) -> tuple[int, int]:
        if not self.path.exists():
            return 0, 0
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        return whole.count(b"\n"), len(whole)
