"""Events are numbered, on disk before append returns, and survive a crash."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgnode.errors import StoreFull
from kgnode.events import Event, Events


def test_events_come_back_in_order_after_a_restart(tmp_path: Path) -> None:
    events = Events(tmp_path)
    for number in range(5):
        assert events.append("published", {"version": number}).number == number + 1
    again = Events(tmp_path)
    assert [e.data["version"] for e in again.read()] == [0, 1, 2, 3, 4]
    assert [e.number for e in again.read(since=3)] == [4, 5]
    assert [e.number for e in again.read(since=1, limit=2)] == [2, 3]
    assert again.append("withdrawn", {}).number == 6


def test_a_line_cut_by_a_crash_is_dropped(tmp_path: Path) -> None:
    events = Events(tmp_path)
    events.append("published", {})
    with events.path.open("ab") as stream:
        stream.write(b'{"number":2,"ki')
    again = Events(tmp_path)
    assert again.append("withdrawn", {}).number == 2
    assert [e.kind for e in Events(tmp_path).read()] == ["published", "withdrawn"]


def test_listeners_are_told(tmp_path: Path) -> None:
    events = Events(tmp_path)
    heard: list[Event] = []
    events.listen(heard.append)
    made = events.append("policy-set", {"uid": "urn:x"})
    assert heard == [made]
    assert list(events.read()) == heard


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    events = Events(tmp_path / "events")
    events.path.mkdir()
    with pytest.raises(StoreFull):
        events.append("published", {})
