"""The page on reading says of every code what it means."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgnode.cim.repairs import CODES

PAGE = Path(__file__).parents[3] / "docs" / "reading-cim.md"


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_stands_on_the_page_as_it_is_told(code: str) -> None:
    severity, message = CODES[code]
    assert f"| `{code}` | {severity} | {message} |" in PAGE.read_text()
