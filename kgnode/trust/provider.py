"""The membership document of a home, kept current while a node runs.

In: the file that joining writes. Out: the newest accepted ``Members``. The file is read again
after a set time; a newer document takes effect then, an older one never, and a file that cannot
be used leaves the last good one in force until that expires.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

from kgnode.errors import GridspineError, MembersExpired, MembersInvalid
from kgnode.settings import Settings
from kgnode.trust.members import Members, load_members


class MembersFile:
    """Reads ``members.jws`` again every ``members_refresh_seconds``.

    Attributes:
        problem: what was wrong with the file when last read, None if nothing.
    """

    def __init__(
        self, path: Path, scheme_key: Mapping[str, Any] | None, settings: Settings
    ) -> None:
        self.path = path
        self.scheme_key = scheme_key
        self.refresh_seconds = settings.members_refresh_seconds
        self.problem: GridspineError | None = None
        self._known: Members | None = None
        self._read_at: float | None = None
        self._lock = threading.Lock()

    def current(self, now: datetime) -> Members:
        """Return the membership document in force.

        Raises:
            MembersInvalid: there is none.
            MembersExpired: the newest one is past its expiry.
        """
        with self._lock:
            if self._read_at is None or monotonic() - self._read_at >= self.refresh_seconds:
                self._read(now)
            if self._known is None:
                raise self.problem or _none()
            if now >= self._known.expires:
                raise MembersExpired(
                    "The membership document has expired.",
                    hint="Join again with the current one from the scheme.",
                )
            return self._known

    def refresh(self) -> None:
        """Read the file again at the next request, whatever its age."""
        with self._lock:
            self._read_at = None

    def _read(self, now: datetime) -> None:
        self._read_at = monotonic()
        if self.scheme_key is None:
            self.problem = _none()
            return
        known = self._known.sequence if self._known is not None else 0
        try:
            content = self.path.read_bytes()
            self._known = load_members(content, self.scheme_key, now, known)
            self.problem = None
        except GridspineError as error:
            self.problem = error
        except OSError:
            self.problem = _none()


def _none() -> MembersInvalid:
    return MembersInvalid(
        "This home has joined no scheme.", hint="Join one: kgnode join HOME MEMBERS_FILE."
    )
