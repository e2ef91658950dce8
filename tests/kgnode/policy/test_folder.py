"""Policies on disk: a change counts for the next decision, a bad document closes everything."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kgnode.errors import BadPolicy
from kgnode.policy.caller import Caller
from kgnode.policy.decide import visible
from kgnode.policy.folder import PolicyFolder, add_policy, file_name, load_policies, remove_policy
from tests.kgnode.policy.homes import ORG, clause, label, manifest, policy

OPEN_A = policy("1", [clause(label("a"))])
OPEN_B = policy("1", [clause(label("b"))])
HOME = manifest(["a", "b"])


def seen(policies: PolicyFolder) -> set[str]:
    found = visible(
        Caller.public(), [HOME], policies.current(), org=ORG, now=datetime.now(UTC)
    ).cells
    return {cell.iri[-1] for cell in found}


def test_adding_replacing_and_removing_count_at_once(tmp_path: Path) -> None:
    policies = PolicyFolder(tmp_path)
    assert seen(policies) == set()
    add_policy(tmp_path, OPEN_A, ORG)
    assert seen(policies) == {"0"}
    add_policy(tmp_path, OPEN_B, ORG)
    assert seen(policies) == {"1"}
    assert len(list(tmp_path.iterdir())) == 1
    assert remove_policy(tmp_path, "urn:gridspine:policy:DNOA:1")
    assert seen(policies) == set()
    assert not remove_policy(tmp_path, "urn:gridspine:policy:DNOA:1")


def test_while_nothing_changes_the_same_policies_are_handed_out(tmp_path: Path) -> None:
    add_policy(tmp_path, OPEN_A, ORG)
    policies = PolicyFolder(tmp_path)
    assert policies.current() is policies.current()
    os.utime(tmp_path, (1, 1))
    assert policies.current() is policies.current()


def test_changes_within_one_tick_of_the_clock_are_not_missed(tmp_path: Path) -> None:
    policies = PolicyFolder(tmp_path)
    for round_ in range(100):
        add_policy(tmp_path, OPEN_A if round_ % 2 else OPEN_B, ORG)
        assert seen(policies) == ({"0"} if round_ % 2 else {"1"})


def test_a_document_edited_in_place_counts_within_a_second(tmp_path: Path) -> None:
    add_policy(tmp_path, OPEN_A, ORG)
    os.utime(tmp_path, (1, 1))
    policies = PolicyFolder(tmp_path)
    assert seen(policies) == {"0"}
    (tmp_path / file_name("urn:gridspine:policy:DNOA:1")).write_bytes(OPEN_B)
    os.utime(tmp_path, (1, 1))
    policies._files_at -= 1.0
    assert seen(policies) == {"1"}


@pytest.mark.parametrize("content", [b"{", OPEN_A.replace(b"public", b"publik"), OPEN_A])
def test_a_document_that_cannot_be_read_closes_everything(tmp_path: Path, content: bytes) -> None:
    add_policy(tmp_path, OPEN_A, ORG)
    policies = PolicyFolder(tmp_path)
    assert seen(policies) == {"0"}
    (tmp_path / "other.json").write_bytes(content)
    assert seen(policies) == set()
    assert policies.current().closed is not None
    (tmp_path / "other.json").unlink()
    assert seen(policies) == {"0"}


def test_a_refused_document_changes_nothing_and_is_named(tmp_path: Path) -> None:
    add_policy(tmp_path, OPEN_A, ORG)
    for content in (b"{}", policy("1", [clause("urn:gridspine:label:NESO:network:a")])):
        with pytest.raises(BadPolicy) as refused:
            add_policy(tmp_path, content, ORG, "mine.json")
        assert refused.value.file == "mine.json"
    assert load_policies(tmp_path).policies[0].clauses[0].targets == (label("a"),)


def test_a_decision_begun_after_a_change_never_uses_what_was_before(tmp_path: Path) -> None:
    """Readers race a writer: what they see must be at least as new as the last finished change."""
    policies = PolicyFolder(tmp_path)
    add_policy(tmp_path, policy("1", [clause(label("v0"))]), ORG)
    home = manifest([[f"v{n}"] for n in range(100)])
    newest = 0
    stale: list[tuple[int, int]] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            before = newest
            found = visible(
                Caller.public(), [home], policies.current(), org=ORG, now=datetime.now(UTC)
            ).cells
            (cell,) = found
            shown = int(cell.iri.rsplit(":", 1)[1])
            if shown < before:
                stale.append((before, shown))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for version in range(1, 100):
        add_policy(tmp_path, policy("1", [clause(label(f"v{version}"))]), ORG)
        newest = version
    stop.set()
    for reader in readers:
        reader.join()
    assert stale == []
