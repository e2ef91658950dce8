"""Misuse is noticed once per caller, rule and hour, in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kgnode.audit import Audit, misuse
from kgnode.audit.misuse import Misuse
from kgnode.events import Events
from kgnode.settings import Settings
from kgnode.trust import generate_key

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
BOUNDS = Settings(misuse_bytes_per_hour=1000, misuse_refusals_per_hour=3, misuse_queries_per_hour=5)


def watched() -> tuple[Misuse, list[tuple[str, Any, Any]]]:
    raised: list[tuple[str, Any, Any]] = []

    def take(kind: str, data: Mapping[str, Any]) -> None:
        assert kind == "misuse"
        raised.append((data["rule"], data["org"], data["sub"]))

    return Misuse(BOUNDS, take), raised


def entry(sub: str = "eve", **more: Any) -> dict[str, Any]:
    return {"org": "DNOB", "sub": sub, **more}


def test_volume_is_raised_once_and_again_in_the_next_hour() -> None:
    rules, raised = watched()
    for _ in range(5):
        rules.watch(entry(bytes=400), NOW)
    assert raised == [("volume", "DNOB", "eve")]
    for _ in range(3):
        rules.watch(entry(bytes=400), NOW + timedelta(hours=1))
    assert raised == [("volume", "DNOB", "eve")] * 2


def test_refusals_count_and_answers_do_not() -> None:
    rules, raised = watched()
    for _ in range(20):
        rules.watch(entry("good", status=200), NOW)
    for status in (400, 401, 404):
        rules.watch(entry(status=status), NOW)
    assert raised == []
    rules.watch(entry(status=422), NOW)
    assert raised == [("refusals", "DNOB", "eve")]


def test_the_same_question_about_many_things_is_enumeration() -> None:
    rules, raised = watched()
    for number in range(6):
        rules.watch(entry(query=f"SELECT * {{ <urn:uuid:{number}> ?p 'x{number}' }}"), NOW)
    assert raised == [("enumeration", "DNOB", "eve")]
    for _ in range(20):
        rules.watch(entry("good", query="SELECT * { ?s ?p 'x' }"), NOW)
    for number in range(20):
        rules.watch(entry("good", query=f"SELECT * {{ ?s{'x' * number} ?p ?o }}"), NOW)
    assert raised == [("enumeration", "DNOB", "eve")]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(misuse, "CALLERS_KEPT", 10)
    monkeypatch.setattr(misuse, "SHAPES_KEPT", 3)
    rules, _ = watched()
    for number in range(100):
        rules.watch(entry(f"u{number}", query=f"SELECT ?x{'y' * number} {{}}"), NOW)
        rules.watch(entry("one", query=f"SELECT ?x{'y' * number} {{}}"), NOW)
    assert len(rules._hours) <= 10
    assert len(rules._hours[("DNOB", "one")].shapes) <= 3


def test_entries_reach_the_rules_through_the_log(tmp_path: Path) -> None:
    events = Events(tmp_path / "events")
    audit = Audit(tmp_path / "audit", generate_key(), watch=Misuse(BOUNDS, events.append).watch)
    for _ in range(4):
        audit.record(entry(status=403))
    audit.close()
    assert [(e.kind, e.data["rule"]) for e in events.read()] == [("misuse", "refusals")]


def test_a_rule_that_fails_does_not_stop_the_log(tmp_path: Path) -> None:
    def broken(_entry: Mapping[str, Any]) -> None:
        raise RuntimeError("a defect")

    audit = Audit(tmp_path, generate_key(), watch=broken)
    for number in range(3):
        audit.record(entry(number=number))
        audit.flush()
    assert len(audit.tail()) == 3
    audit.close()
