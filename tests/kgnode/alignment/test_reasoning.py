"""The reasoner names few culprits, is ended in time, and its absence is recorded."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

import pytest

from kgnode.alignment import reasoning
from kgnode.alignment.mapping import BROAD, CLOSE, EXACT, Mapping
from kgnode.alignment.reasoning import reason
from kgnode.alignment.terms import Term, Terms

A, B = "https://a.example#", "https://b.example#"
TERMS = Terms(
    [
        Term(f"{A}Line", "", kind="class", parents=(f"{A}Equipment",)),
        Term(f"{A}Equipment", "", kind="class"),
        Term(f"{B}Asset", "", kind="class"),
        Term(f"{B}Place", "", kind="class", disjoint=(f"{B}Asset",)),
        *(Term(f"{space}x{n}", "", kind="class") for space in (A, B) for n in range(12)),
    ]
)
HARMLESS = [Mapping(f"x{n}", f"{A}x{n}", EXACT, f"{B}x{n}") for n in range(12)]
CULPRITS = [
    Mapping("one", f"{A}Line", BROAD, f"{B}Asset"),
    Mapping("two", f"{A}Equipment", BROAD, f"{B}Place"),
]
needs_java = pytest.mark.skipif(
    shutil.which("java") is None and os.environ.get("CI") != "true", reason="needs Java"
)


@needs_java
def test_the_culprits_are_found_among_the_harmless_and_none_can_be_left_out() -> None:
    verdict = reason([*HARMLESS, *CULPRITS], TERMS, 120)
    assert (verdict.reasoned, verdict.coherent) == (True, False)
    assert verdict.unsatisfiable == (f"{A}Line",)
    assert set(verdict.culprits) == {"one", "two"}
    assert verdict.axioms == 14


@needs_java
def test_what_is_denied_or_only_close_says_nothing_to_the_reasoner() -> None:
    rows = [
        CULPRITS[0],
        Mapping("no", f"{A}Equipment", BROAD, f"{B}Place", negative=True),
        Mapping("near", f"{A}Line", CLOSE, f"{B}Place"),
    ]
    verdict = reason(rows, TERMS, 120)
    assert (verdict.reasoned, verdict.coherent, verdict.axioms) == (True, True, 1)


def test_the_reasoner_is_killed_with_all_it_started_when_its_time_is_over() -> None:
    started = time.monotonic()
    verdict = reason([*HARMLESS, *CULPRITS], TERMS, 0.3, java="java")
    assert time.monotonic() - started < 30
    assert not verdict.reasoned
    assert verdict.coherent is None
    assert "did not end" in verdict.reason
    for _ in range(50):
        if not running():
            break
        time.sleep(0.1)
    assert not running()


def running() -> list[str]:
    """Reasoning programs of this process that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = path.read_text().rpartition(")")
            state, parent = rest.split()[:2]
            command = path.with_name("cmdline").read_bytes()
            if int(parent) in (1, os.getpid()) and state != "Z" and b"coherence" in command:
                found.append(name)
    return found


def test_without_java_a_set_is_recorded_as_not_reasoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reasoning.shutil, "which", lambda _: None)
    verdict = reason(CULPRITS, TERMS, 10)
    assert (verdict.reasoned, verdict.coherent) == (False, None)
    assert verdict.reason == "There is no Java here."
