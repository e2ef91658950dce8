"""Writing the audit log: beside the answers, in batches, and never forgetting.

In: one entry per request. Out: sealed lines on disk (form: ``kgnode.audit.chain``). When the disk
is full, what was accepted still goes into space kept in reserve, and nothing more is accepted until
the reserve is there again; a home whose log cannot be written answers nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from kgnode.audit.chain import HEAD_TYP, SEAL, SEAL_TYP, State, chained, segment_name, segments
from kgnode.audit.verify import AuditReport, Keys, last_state, tail, verify
from kgnode.errors import HomeInUse, StoreFull
from kgnode.trust.keys import SigningKey

SEGMENT_BYTES = 64 << 20
RESERVE_BYTES = 8 << 20
QUEUE_BYTES = RESERVE_BYTES // 4
RETRY_SECONDS = 1.0
GATHER_SECONDS = 0.05
"""An entry waits this long for others, so that one seal and one write serve them all."""


Line = tuple[bytes, Mapping[str, Any]]
"""An entry as it is written, and as it was given, for who watches."""


class Audit:
    """The log of one home; one process writes it.

    Args:
        folder: ``HOME/audit``.
        key: signs seals and the head.
        keys: key id -> public JWK of former keys, which signed what is there already.
        watch: told each entry after it is written, beside the answers.
        segment_bytes: size at which a new file begins.

    Raises:
        HomeInUse: another process writes it.
        StoreFull: the reserve cannot be set aside.
    """

    def __init__(
        self,
        folder: Path,
        key: SigningKey,
        *,
        keys: Keys | None = None,
        watch: Callable[[Mapping[str, Any]], None] | None = None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.folder = folder
        self._key = key
        self._segment_bytes = segment_bytes
        self._watch = watch
        self._queue: list[Line] = []
        self._pending_bytes = 0
        self._failed: str | None = None
        self._closing = False
        self._flushing = 0
        self._mutex = threading.RLock()
        self._wake = threading.Condition(self._mutex)
        self._writing = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder / "lock")
        try:
            self._state = self._resume({**(keys or {}), key.kid: key.public})
            self._set_reserve()
        except OSError as error:
            os.close(self._lock)
            raise _full(error.strerror or "it cannot be written") from error
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str | None:
        """Why nothing more is accepted; None while the log works."""
        return self._failed

    def require(self) -> None:
        """Make sure that an entry would be accepted; called before a request is answered.

        Raises:
            StoreFull: the log cannot be written, so nothing may be answered.
        """
        if self._failed is not None:
            raise _full(self._failed)
        if self._pending_bytes > QUEUE_BYTES:
            raise _full("entries come faster than the disk takes them")

    def record(self, entry: Mapping[str, Any]) -> None:
        """Take one entry, which nobody changes any more; it is on disk, sealed, a moment later.

        Raises:
            StoreFull: the log cannot be written.
        """
        line = _line(entry)
        with self._mutex:
            if self._failed is not None:
                raise _full(self._failed)
            self._queue.append((line, entry))
            self._pending_bytes += len(line)
            if len(self._queue) == 1:
                self._wake.notify_all()

    def flush(self) -> None:
        """Return when everything recorded so far is on disk.

        Raises:
            StoreFull: it cannot be written.
        """
        with self._wake:
            self._flushing += 1
            self._wake.notify_all()
            self._wake.wait_for(lambda: not self._pending_bytes or self._failed is not None)
            self._flushing -= 1
            if self._pending_bytes and self._failed is not None:
                raise _full(self._failed)

    def close(self) -> None:
        """Write what is left and let go of the log."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        self._thread.join()
        os.close(self._lock)

    def tail(self, count: int = 20) -> tuple[dict[str, Any], ...]:
        """Return the last entries, oldest first."""
        with contextlib.suppress(StoreFull):
            self.flush()
        with self._writing:  # on a full disk the last batch may be going to the reserve just now
            return tail(self.folder, count)

    def verify(self, keys: Keys, witness: str = "") -> AuditReport:
        """Verify the log as it stands now; writing waits meanwhile, answers do not."""
        with self._writing:
            return verify(self.folder, keys, witness)

    def head(self) -> str:
        """Return the signed head: kept elsewhere, it witnesses all entries up to now."""
        with self._writing:
            return (self.folder / "head").read_text("ascii")

    def _run(self) -> None:
        while True:
            with self._wake:
                wait = RETRY_SECONDS if self._failed is not None else None
                self._wake.wait_for(lambda: bool(self._queue) or self._closing, timeout=wait)
                self._wake.wait_for(self._hurried, timeout=GATHER_SECONDS)
                batch, closing = self._queue, self._closing
                self._queue = []
            written = self._write(batch) if batch else True
            if self._failed is not None and written:
                self._recover()
            with self._wake:
                if closing and (not self._queue or not written):
                    return
                if not written:
                    self._wake.wait(RETRY_SECONDS)

    def _hurried(self) -> bool:
        """Tell whether to write now rather than to gather a larger batch."""
        return self._closing or self._flushing > 0 or self._pending_bytes > QUEUE_BYTES // 4

    def _write(self, batch: list[Line]) -> bool:
        """Write one batch; on failure keep it and accept nothing more."""
        with self._writing:
            try:
                self._append(*self._sealed(line for line, _ in batch))
                written = True
            except OSError as error:
                self._failed = error.strerror or "it cannot be written"
                written = False
        if written and self._watch is not None:
            self._show(batch, self._watch)
        with self._wake:
            if written:
                self._pending_bytes -= sum(len(line) for line, _ in batch)
            else:
                self._queue = batch + self._queue
            self._wake.notify_all()
        return written

    def _show(self, batch: list[Line], watch: Callable[[Mapping[str, Any]], None]) -> None:
        """Tell who watches each entry; what goes wrong there must never stop the log."""
        left = iter(batch)
        whole = False
        while not whole:
            with contextlib.suppress(Exception):
                for _, entry in left:
                    watch(entry)
                whole = True

    def _sealed(self, entries: Iterable[bytes]) -> tuple[State, bytes]:
        """Return the state after some entries, and their lines with the seal."""
        number, previous = self._state.entries, self._state.hash
        lines = []
        for entry in entries:
            number += 1
            previous, line = chained(previous, b'{"n":%d,"entry":%s}' % (number, entry))
            lines.append(line)
        signed = self._sign({"n": number, "hash": previous}, SEAL_TYP)
        previous, line = chained(previous, SEAL + signed + b'"}')
        lines.append(line)
        return State(number, previous, self._state.segment), b"\n".join(lines) + b"\n"

    def _append(self, state: State, content: bytes) -> None:
        path = self.folder / segment_name(state.segment)
        size = path.stat().st_size if path.exists() else 0
        if size and size + len(content) > self._segment_bytes:
            state = State(state.entries, state.hash, state.segment + 1)
            path, size = self.folder / segment_name(state.segment), 0
        try:
            append(path, size, content)
        except OSError as error:
            (self.folder / "reserve").unlink(missing_ok=True)
            self._failed = error.strerror or "it cannot be written"
            append(path, size, content)
        self._state = state
        try:
            self._write_head(state)
        except OSError as error:  # the log is written; a head behind it is no lie
            self._failed = error.strerror or "it cannot be written"

    def _write_head(self, state: State) -> None:
        head = {"n": state.entries, "hash": state.hash, "segment": state.segment}
        append(self.folder / "head", 0, self._sign(head, HEAD_TYP), cut=True)

    def _sign(self, document: Mapping[str, Any], typ: str) -> bytes:
        stamped = {**document, "time": datetime.now(UTC).isoformat()}
        return self._key.sign(orjson.dumps(stamped), typ).encode()

    def _resume(self, keys: Keys) -> State:
        """Return where the log stands; what a crash left unsealed is cut and noted.

        A head that says more than the log holds is noted too, before it is written anew.
        """
        found = last_state(self.folder, keys)
        if found.unsealed_bytes:
            path = segments(self.folder)[-1]
            os.truncate(path, path.stat().st_size - found.unsealed_bytes)
            self._note({"event": "recovered", "unsealed_bytes": found.unsealed_bytes})
        if found.problem:
            self._note({"event": "mismatch", "problem": found.problem})
        if not (self.folder / "head").exists():
            self._write_head(found.state)
        return found.state

    def _note(self, entry: Mapping[str, Any]) -> None:
        line = _line(entry)
        self._queue.append((line, entry))
        self._pending_bytes += len(line)

    def _recover(self) -> None:
        with contextlib.suppress(OSError):
            self._set_reserve()
            self._failed = None

    def _set_reserve(self) -> None:
        path = self.folder / "reserve"
        if path.exists() and path.stat().st_size == RESERVE_BYTES:
            return
        try:
            set_aside(path, RESERVE_BYTES)
        except OSError:
            path.unlink(missing_ok=True)
            raise


def append(path: Path, offset: int, content: bytes, *, cut: bool = False) -> None:
    """Write content at an offset and bring it to the disk; a failure leaves what was before.

    Args:
        path: the file, made with mode 0600 if it is not there.
        offset: where to write.
        content: what to write.
        cut: drop what was beyond the content.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        try:
            done = 0
            while done < len(content):
                done += os.pwrite(handle, content[done:], offset + done)
            if cut:
                os.ftruncate(handle, offset + len(content))
            os.fsync(handle)
        except OSError:
            if not cut:
                os.ftruncate(handle, offset)
            raise
    finally:
        os.close(handle)


def set_aside(path: Path, size_bytes: int) -> None:
    """Make a file whose blocks are really taken from the disk, whatever it holds."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.posix_fallocate(handle, 0, size_bytes)
        os.fsync(handle)
    finally:
        os.close(handle)


def _line(entry: Mapping[str, Any]) -> bytes:
    """Return an entry as it stands in the log, with the present time."""
    return orjson.dumps({"time": datetime.now(UTC), **entry}, default=_plain)


def _plain(value: Any) -> Any:
    """Return the JSON form of what JSON does not have: sets are sorted lists."""
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)


def _locked(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise HomeInUse(
            "Another process writes the audit log of this home.",
            hint="Stop it, or send the command to it.",
        ) from error
    return handle


def _full(why: str) -> StoreFull:
    return StoreFull(
        f"The audit log cannot be written ({why}), so nothing is answered.",
        hint="Free disk space in HOME/audit; answering begins again by itself.",
    )
