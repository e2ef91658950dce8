"""The quickstart of the documentation, run as a newcomer would: one shell, real servers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from federation.demo.processes import free_ports

PAGE = Path(__file__).parents[2] / "docs" / "quickstart.md"
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
PORTS = ("8710", "8711", "8712")


def script() -> str:
    """The page's blocks as one script, with free ports and a mark before each block."""
    text = "\n".join(
        f"echo '== {number}'\n{block}"
        for number, block in enumerate(BLOCK.findall(PAGE.read_text()), 1)
    )
    for old, new in zip(PORTS, free_ports(3, None), strict=True):
        text = text.replace(old, str(new))
    tools = Path(sys.executable).parent
    end = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"
    return f'set -eu\nexport PATH="{tools}:$PATH"\n{end}\n{text}'


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("quickstart")
    done = subprocess.run(
        ["bash", "-c", script()],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def block(said: str, number: int) -> str:
    """What one block printed."""
    return said.split(f"== {number}\n")[1].split("\n== ")[0]


def test_the_planner_gets_the_row_that_needs_both_nodes(said: str) -> None:
    answer = block(said, 7)
    assert re.search(r"Northside - Border\s+12\.5\S*\s+Southdown - Border\s+9\b", answer), answer
    assert "1 rows, complete" in answer
    assert "NORTH" in answer and "SOUTH" in answer, "the report names who took part"


def test_policy_holds_for_the_public_and_for_the_other_organisation(said: str) -> None:
    answers = block(said, 8)
    assert "Northside" not in answers and "0 rows, complete" in answers
    assert re.search(r"^no$", answers, re.MULTILINE), "SOUTH sees no demand of NORTH"
    assert "7.5" in answers, "NORTH itself does"
