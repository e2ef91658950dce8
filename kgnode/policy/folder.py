"""The policies of a home on disk: one ODRL document a file, read as one set.

In: ``HOME/policy``. Out: ``Policies``. A document that cannot be read closes everything to others,
since it might have held a prohibition; a change takes effect for the next decision.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import Counter
from pathlib import Path

from kgnode.errors import BadPolicy, GridspineError
from kgnode.home import write_atomically
from kgnode.policy.odrl import Policy, load_policy
from kgnode.policy.policies import Policies, dataset_of

RACY_NANOSECONDS = 100_000_000
"""A folder changed this recently is read again: a later change could bear the same time."""


def load_policies(folder: Path) -> Policies:
    """Read all documents of a folder; a bad one yields policies that permit nothing."""
    policies: list[Policy] = []
    try:
        for path in sorted(folder.glob("*.json")):
            policies.append(load_policy(path.read_bytes(), path.name))
    except (GridspineError, OSError) as error:
        said = error.message if isinstance(error, GridspineError) else str(error)
        return Policies((), closed=f"A policy document cannot be read, so nothing is open: {said}")
    twice = _duplicate(policies)
    if twice is not None:
        return Policies((), closed=f"Two policy documents have the uid {twice}.")
    return Policies(policies)


def add_policy(folder: Path, content: bytes, org: str, file: str | None = None) -> Policy:
    """Check a document and keep it; one with the same uid is replaced.

    Args:
        folder: ``HOME/policy``.
        content: the document.
        org: whose home it is.
        file: where the document comes from, for what is said of it.

    Raises:
        BadPolicy: it is refused, or is about another organisation's data; nothing was changed.
    """
    policy = load_policy(content, file)
    for clause in policy.clauses:
        for target in clause.targets:
            owner = dataset_of(target).split(":")[3]
            if owner != org:
                raise BadPolicy(
                    f"{clause.id}: {target} belongs to {owner}, not to {org}.",
                    hint="A home decides only about its own data.",
                    file=file,
                    subject=target,
                )
    write_atomically(folder / file_name(policy.uid), content)
    return policy


def remove_policy(folder: Path, uid: str) -> bool:
    """Drop a policy; tell whether it was there."""
    path = folder / file_name(uid)
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


def file_name(uid: str) -> str:
    """Return the file a policy is kept in: the same uid always the same file."""
    return f"{hashlib.sha256(uid.encode()).hexdigest()[:24]}.json"


class PolicyFolder:
    """The policies in force while a node runs: read again as soon as the folder has changed.

    A document that is replaced, added or removed (as the commands do) counts from the next
    decision on; one that is edited in place, without a new file, within a second.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = str(folder)
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] = ()
        self._files: tuple[tuple[str, int, int], ...] = ()
        self._files_at = 0.0
        self._policies: Policies | None = None

    def current(self) -> Policies:
        """Return the policies in force now; the same object while nothing has changed."""
        with self._lock:
            stamp = self._folder_stamp()
            changed = not stamp or stamp != self._stamp or self._edited()
            if self._policies is None or changed:
                self._stamp, self._files = stamp, self._file_stamps()
                read = load_policies(self.folder)
                if self._policies is None or read.digest != self._policies.digest:
                    self._policies = read
            return self._policies

    def _folder_stamp(self) -> tuple[int, ...]:
        """Return what identifies the folder's state; empty where that is not certain yet."""
        try:
            status = os.stat(self._path)  # noqa: PTH116 - for each query: a Path takes twice as long
        except OSError:
            return ()
        stamp = status.st_ino, status.st_mtime_ns, status.st_ctime_ns
        if stamp != self._stamp and time.time_ns() - max(stamp[1:]) < RACY_NANOSECONDS:
            return ()
        return stamp

    def _edited(self) -> bool:
        if time.monotonic() - self._files_at < 1.0:
            return False
        return self._file_stamps() != self._files

    def _file_stamps(self) -> tuple[tuple[str, int, int], ...]:
        self._files_at = time.monotonic()
        try:
            stats = [(path.name, path.stat()) for path in sorted(self.folder.glob("*.json"))]
        except OSError:
            return ()
        return tuple((name, status.st_mtime_ns, status.st_size) for name, status in stats)


def _duplicate(policies: list[Policy]) -> str | None:
    counted = Counter(policy.uid for policy in policies)
    return next((uid for uid, count in counted.items() if count > 1), None)
