"""What users meet is documented: every setting, error code, command and route."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kgnode import errors
from kgnode.settings import Settings
from tests.rules import tables

ROOT = Path(__file__).parents[2]
PRIVATE = re.compile(r"/wo" + r"rk/|/tm" + r"p/gs")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "settings.md").read_text()


@pytest.mark.parametrize("name", sorted(tables.PAGES))
def test_the_reference_pages_are_fresh(name: str) -> None:
    fresh = tables.page(name)
    assert (tables.DOCS / name).read_text() == fresh, "run: python -m tests.rules.tables"


def test_every_error_class_stands_in_the_tree_at_the_top() -> None:
    tree = errors.__doc__ or ""
    waiting = [errors.GridspineError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        assert kind.__name__ in tree


def test_no_file_speaks_of_the_machine_it_was_written_on() -> None:
    for path in ROOT.rglob("*"):
        hidden = any(
            part.startswith(".") and part != ".ci" for part in path.parts[len(ROOT.parts) :]
        )
        if hidden or path.suffix not in {".py", ".md", ".toml", ".yaml", ".yml", ".ts", ".ttl"}:
            continue
        assert not PRIVATE.search(path.read_text(errors="replace")), path
