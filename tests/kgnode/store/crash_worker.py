"""A process that works on a record until it is killed, and says what was acknowledged.

Run: ``python crash_worker.py RECORD BACKUP SEED``. Each line of output is written after the call
returned: ``publish DATASET NUMBER STAMP``, ``withdraw DATASET``, ``restore``. The stamp is also the
content of the version, so that a reader can tell which version it sees.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Triple

from kgnode.cim.headers import Header
from kgnode.store.cells import NewModel
from kgnode.store.record import FolderRecord, open_record

DATASETS = ("urn:d:0", "urn:d:1")
MODELS = 3


def header(iri: str) -> Header:
    return Header(iri=iri, kind="full", profiles=(), authority=None, version=None,
                  scenario_time=None, created=None, description=None, supersedes=(),
                  dependent_on=(), cim=None)  # fmt: skip


def publish(record: FolderRecord, dataset: str, stamp: str) -> int:
    """Publish a version in which every triple of every model says the stamp."""
    models = []
    for number in range(MODELS):
        iri = f"urn:m:{number}"
        triples = [
            Triple(NamedNode(f"urn:s{n}"), NamedNode("urn:p"), Literal(stamp)) for n in range(200)
        ]
        cells = {frozenset({"urn:l:a"}): triples[:120], frozenset({"urn:l:b"}): triples[120:]}
        content_hash = f"{number}-{stamp}"
        models.append(NewModel(iri, header(iri), content_hash, "urn:b:", stamp.encode(), cells))
    given = {"stamp": stamp}
    return record.publish(dataset, models, aside=False, attributes=given, keep=2).number


def main(path: Path, backup: Path, seed: int) -> None:
    """Do random things, and say each one that was done."""
    chance = random.Random(seed)
    record = open_record(path)
    turn = 0
    while True:
        turn += 1
        dataset, stamp, act = chance.choice(DATASETS), f"{seed}-{turn}", chance.random()
        if act < 0.75:
            number = publish(record, dataset, stamp)
            said = f"publish {dataset} {number} {stamp}"
        elif act < 0.85 and record.current(dataset) is not None:
            record.withdraw(dataset)
            said = f"withdraw {dataset}"
        else:
            record.restore(backup)
            said = "restore"
        os.write(1, f"{said}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
