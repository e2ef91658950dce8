"""kill -9 at any moment leaves the old or the new version, and loses nothing acknowledged."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kgnode.store.record import FolderRecord, open_record

from . import crash_worker
from .crash_worker import DATASETS

BACKED_UP = "backed up"


@dataclass
class Expected:
    """What the acknowledged calls leave: the stamp that is current, per data set."""

    stamps: dict[str, str | None] = field(default_factory=dict)

    def take(self, line: str) -> None:
        words = line.split()
        if words[0] == "publish":
            self.stamps[words[1]] = words[3]
        elif words[0] == "withdraw":
            self.stamps[words[1]] = None
        else:
            self.stamps = dict.fromkeys(DATASETS, BACKED_UP)


def stamps(record: FolderRecord) -> dict[str, str | None]:
    """The current stamps, each checked against every triple and spelling of its version."""
    found: dict[str, str | None] = dict.fromkeys(DATASETS)
    for dataset in DATASETS:
        for manifest in record.history(dataset):
            stamp = manifest.attributes["stamp"]
            assert len(manifest.models) == crash_worker.MODELS
            for model in manifest.models:
                assert record.spelling(model.content_hash) == stamp.encode()
                triples = [t for cell in model.cells for t in record.triples(cell.iri)]
                assert len(triples) == 200
                assert {t.object.value for t in triples} == {stamp}
        current = record.current(dataset)
        found[dataset] = current.attributes["stamp"] if current else None
    return found


def files(record: FolderRecord) -> set[str]:
    return {path.name for folder in ("cells", "spelling", "incoming")
            for path in (record.path / folder).iterdir()}  # fmt: skip


def wanted(record: FolderRecord) -> set[str]:
    models = [m for d in DATASETS for v in record.history(d) for m in v.models]
    cells = {f"{cell.digest}.nt" for model in models for cell in model.cells}
    return cells | {model.content_hash for model in models}


def one_of(
    found: dict[str, str | None], expected: Expected, acknowledged: list[str], attempt: int
) -> None:
    """Each data set is as acknowledged, or as the one call that was under way would leave it."""
    restored = dict.fromkeys(DATASETS, BACKED_UP)
    if found == restored:
        return  # the restore under way had flipped
    changed = [d for d in DATASETS if found[d] != expected.stamps.get(d)]
    assert len(changed) <= 1, (found, expected, acknowledged[-3:])
    for dataset in changed:
        now = found[dataset]
        if now is not None:
            turn = now.removeprefix(f"{attempt}-")
            last = [line.rsplit("-", 1)[1] for line in acknowledged if line.startswith("publish")]
            assert int(turn) > int(last[-1] if last else 0), (now, acknowledged[-3:])


def kill_many(tmp_path: Path, times: int, seed: int) -> int:
    """Kill the worker so many times; return how often a call was under way and had effect."""
    chance = random.Random(seed)
    path, backup = tmp_path / "home" / "record", tmp_path / "backup"
    record = open_record(path)
    for dataset in DATASETS:
        crash_worker.publish(record, dataset, BACKED_UP)
    record.backup(backup)
    record.close()
    expected, under_way = Expected(dict.fromkeys(DATASETS, BACKED_UP)), 0
    for attempt in range(times):
        command = [sys.executable, crash_worker.__file__, str(path), str(backup), str(attempt)]
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert worker.stdout is not None
        with worker:
            first = worker.stdout.readline()
            time.sleep(chance.random() * 0.15)
            worker.kill()
            acknowledged = [first, *worker.stdout.readlines()]
        for line in acknowledged:
            expected.take(line)
        record = open_record(path)
        found = stamps(record)
        one_of(found, expected, acknowledged, attempt)
        under_way += found != expected.stamps
        assert files(record) == wanted(record)
        record.close()
        expected.stamps = found
    return under_way


def test_kill_at_random_moments(tmp_path: Path) -> None:
    kill_many(tmp_path, 10, seed=1)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_kill_at_random_moments_many_times(tmp_path: Path) -> None:
    under_way = kill_many(tmp_path, 200, seed=2)
    assert under_way > 0
