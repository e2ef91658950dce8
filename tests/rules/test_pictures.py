"""Pictures that a script draws are those that are committed."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"


def test_the_pictures_of_the_alignment_patterns_are_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    patterns = importlib.import_module("patterns")
    drawn = {f"alignment-{name}.svg": patterns.draw(p) for name, p in patterns.PICTURES.items()}
    assert drawn == {path.name: path.read_text() for path in FOLDER.glob("alignment-*.svg")}
    page = (FOLDER.parent / "alignment-patterns.md").read_text()
    assert all(f"(pictures/{name})" in page for name in drawn)
