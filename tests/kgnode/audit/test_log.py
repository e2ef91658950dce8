"""The log takes entries from many threads, and refuses rather than forgets."""

from __future__ import annotations

import errno
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kgnode.audit import Audit, log, verify
from kgnode.audit.chain import segments
from kgnode.errors import HomeInUse, StoreFull
from kgnode.trust import generate_key

KEY = generate_key()
KEYS = {KEY.kid: KEY.public}


def test_entries_come_back_in_order(tmp_path: Path) -> None:
    audit = Audit(tmp_path, KEY)
    for number in range(30):
        audit.record({"sub": f"u{number}"})
    tail = audit.tail(5)
    assert [e["sub"] for e in tail] == ["u25", "u26", "u27", "u28", "u29"]
    assert [e["n"] for e in tail] == [26, 27, 28, 29, 30]
    audit.close()


def test_sets_are_kept_as_sorted_lists(tmp_path: Path) -> None:
    audit = Audit(tmp_path, KEY)
    audit.record({"roles": frozenset({"planner", "auditor"})})
    assert audit.tail()[0]["roles"] == ["auditor", "planner"]
    audit.close()
    assert verify(tmp_path, KEYS).sound


def test_who_watches_is_told_each_entry_and_its_failures_stop_nothing(tmp_path: Path) -> None:
    seen = []

    def watch(entry: Mapping[str, Any]) -> None:
        seen.append(entry["number"])
        if entry["number"] % 3 == 0:
            raise ValueError

    audit = Audit(tmp_path, KEY, watch=watch)
    for number in range(10):
        audit.record({"number": number})
    audit.close()
    assert seen == list(range(10))
    report = verify(tmp_path, KEYS)
    assert (report.sound, report.entries) == (True, 10)


def test_many_threads_lose_nothing(tmp_path: Path) -> None:
    audit = Audit(tmp_path, KEY, segment_bytes=20_000)

    def write(thread: int) -> None:
        for number in range(200):
            audit.record({"thread": thread, "number": number})
            if number % 50 == 0:
                audit.flush()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    audit.close()
    report = verify(tmp_path, KEYS)
    assert report.sound, report.problems
    assert report.entries == 1600
    assert len(segments(tmp_path)) > 1


def test_verifying_while_entries_are_written_finds_nothing_wrong(tmp_path: Path) -> None:
    audit = Audit(tmp_path, KEY)
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.0005):
            audit.record({"x": "y" * 200})

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(30):
            report = audit.verify(KEYS)
            assert report.sound, report.problems
    finally:
        stop.set()
        thread.join()
        audit.close()


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    audit = Audit(tmp_path, KEY)
    with pytest.raises(HomeInUse):
        Audit(tmp_path, KEY)
    audit.close()
    Audit(tmp_path, KEY).close()


class Disk:
    """Stands for a disk with so many bytes left; files written over count once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self.really, self.really_aside = log.append, log.set_aside
        monkeypatch.setattr(log, "append", self.append)
        monkeypatch.setattr(log, "set_aside", self.set_aside)

    def append(self, path: Path, offset: int, content: bytes, *, cut: bool = False) -> None:
        if self.full and (path.parent / "reserve").exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        self.really(path, offset, content, cut=cut)

    def set_aside(self, path: Path, size_bytes: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.really_aside(path, size_bytes)


def test_on_a_full_disk_what_was_accepted_is_kept_and_nothing_more_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    monkeypatch.setattr(log, "RETRY_SECONDS", 0.01)
    audit = Audit(tmp_path, KEY)
    audit.record({"sub": "before"})
    audit.flush()
    disk.full = True
    audit.record({"sub": "accepted"})
    while audit.problem is None:
        pass
    for refused in (audit.require, lambda: audit.record({"sub": "refused"})):
        with pytest.raises(StoreFull, match="No space left"):
            refused()
    assert [e["sub"] for e in audit.tail()] == ["before", "accepted"]
    disk.full = False
    while audit.problem is not None:
        pass
    audit.require()
    audit.record({"sub": "after"})
    audit.close()
    assert [e["sub"] for e in audit.tail()] == ["before", "accepted", "after"]
    assert verify(tmp_path, KEYS).sound


def test_a_disk_that_takes_nothing_at_all_loses_nothing_that_was_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "RETRY_SECONDS", 0.01)
    audit = Audit(tmp_path, KEY)
    really = log.append
    broken = True

    def append(path: Path, offset: int, content: bytes, **options: Any) -> None:
        if broken:
            raise OSError(errno.EIO, "Input/output error")
        really(path, offset, content, **options)

    monkeypatch.setattr(log, "append", append)
    audit.record({"sub": "one"})
    while audit.problem is None:
        pass
    with pytest.raises(StoreFull, match="Input/output error"):
        audit.flush()
    broken = False
    while audit.problem is not None:
        pass
    audit.flush()
    audit.close()
    assert [e["sub"] for e in audit.tail()] == ["one"]
    assert verify(tmp_path, KEYS).sound


def test_a_log_without_room_for_its_reserve_does_not_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Disk(monkeypatch).full = True
    with pytest.raises(StoreFull):
        Audit(tmp_path, KEY)


def test_more_than_the_reserve_can_hold_is_not_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "QUEUE_BYTES", 1000)
    audit = Audit(tmp_path, KEY)
    with audit._writing:
        for _ in range(3):
            audit.record({"x": "y" * 500})
        with pytest.raises(StoreFull, match="faster"):
            audit.require()
    audit.flush()
    audit.require()
    audit.close()
