"""The folder adapter keeps the contract of the record, and its own promises."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kgnode.errors import BadRequest, HomeInUse, StoreFull
from kgnode.store import canonical, shelf
from kgnode.store.record import FolderRecord, open_record

from . import crash_worker
from .conftest import DATASET, model, publish
from .contract import ONE, TWO, RecordContract


class TestFolderRecord(RecordContract):
    @pytest.fixture
    def reopen(self, record: FolderRecord) -> Iterator[Callable[[], FolderRecord]]:
        current = [record]

        def again() -> FolderRecord:
            current[0].close()
            current[0] = open_record(record.path)
            return current[0]

        yield again
        current[0].close()


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_record_is_opened_by_one_at_a_time(record: FolderRecord) -> None:
    with pytest.raises(HomeInUse) as caught:
        open_record(record.path)
    assert str(record.path.parent) in caught.value.message
    record.close()
    open_record(record.path).close()


def test_leftovers_of_a_crash_are_swept_at_start(record: FolderRecord) -> None:
    publish(record, model("urn:m:1", {"a": ONE}))
    before = names(record.path)
    record.close()
    (record.path / "incoming" / "tmp123").write_bytes(b"half")
    (record.path / "cells" / ("0" * 64 + ".nt")).write_bytes(b"orphan")
    (record.path / "spelling" / "orphan").write_bytes(b"orphan")
    (record.path / "versions-2").mkdir()
    (record.path / "versions-2" / "x").write_bytes(b"half restored")
    folder = next((record.path / "versions-1").iterdir())
    (folder / ".2.json.abc").write_bytes(b"{")
    reopened = open_record(record.path)
    assert names(record.path) == before
    reopened.close()


def test_a_full_disk_keeps_the_old_version(
    record: FolderRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(record, model("urn:m:1", {"a": ONE}))
    before = record.current(DATASET)

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shelf.os, "fsync", full)
    with pytest.raises(StoreFull):
        publish(record, model("urn:m:1", {"a": TWO}, "new"))
    monkeypatch.undo()
    assert record.current(DATASET) == before
    record.close()
    reopened = open_record(record.path)
    assert reopened.current(DATASET) == before
    assert list((record.path / "incoming").iterdir()) == []
    reopened.close()


def test_a_backup_is_made_into_a_new_folder_only(record: FolderRecord, tmp_path: Path) -> None:
    publish(record, model("urn:m:1", {"a": ONE}))
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("mine")
    with pytest.raises(BadRequest):
        record.backup(tmp_path / "kept")
    with pytest.raises(BadRequest):
        record.restore(tmp_path / "kept")


def test_a_backup_shares_nothing_that_a_later_publish_changes(
    record: FolderRecord, tmp_path: Path
) -> None:
    publish(record, model("urn:m:1", {"a": ONE}))
    record.backup(tmp_path / "backup")
    record.withdraw(DATASET)
    other = open_record(tmp_path / "backup")
    found = other.current(DATASET)
    assert found is not None
    assert len(list(other.triples(found.cells[0].iri))) == 1
    other.close()


def test_backups_taken_while_versions_are_published_are_each_one_moment(
    record: FolderRecord, tmp_path: Path
) -> None:
    stop = threading.Event()

    def work() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            for dataset in crash_worker.DATASETS:
                crash_worker.publish(record, dataset, f"0-{turn}")

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for number in range(6):
            record.backup(tmp_path / f"backup-{number}")
    finally:
        stop.set()
        worker.join()
    for number in range(6):
        kept = open_record(tmp_path / f"backup-{number}")
        turns = []
        for manifest in kept.datasets():
            stamp = manifest.attributes["stamp"]
            turns.append(int(stamp.split("-")[1]))
            for cell in manifest.cells:
                assert {t.object.value for t in kept.triples(cell.iri)} == {stamp}
        assert max(turns, default=0) - min(turns, default=0) <= 1
        kept.close()


def test_a_large_cell_goes_through_files_and_comes_out_the_same(
    record: FolderRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(f'<urn:s{n % 999}> <urn:p{n % 7}> "{n % 5000}" .\n' for n in range(20_000))
    small = publish(record, model("urn:m:1", {"a": text}))
    monkeypatch.setattr(canonical, "IN_MEMORY_BYTES", 1000)
    monkeypatch.setattr(canonical, "CHUNK_TRIPLES", 300)
    large = publish(record, model("urn:m:1", {"a": text}))
    assert large == small
    assert list((record.path / "incoming").iterdir()) == []
