"""Documentation that points somewhere points at what is there, and code in it runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from federation.demo.processes import Processes, free_ports
from kgnode.remote import on_home
from kgnode.trust.membership import initialise

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NAMED = re.compile(r"`((?:kgnode|federation|tests|benchmarks|ontologies|shapes)/[\w/-]+\.[a-z]+)`")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
OPEN = 'labels:\n  all: {sensitivity: open, reason: "test data"}\n'
OPEN += 'rules:\n  - {label: all, class: "*"}\n'


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{name(page)} points to {target}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    for path in NAMED.findall(page.read_text()):
        assert (ROOT / path).exists(), f"{name(page)} names {path}"


def test_every_page_is_found_from_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        if page.name != "README.md":
            assert f"({page.name})" in index, f"docs/README.md does not lead to {page.name}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_python_block_is_python_and_imports_what_exists(page: Path) -> None:
    for block in BLOCK.findall(page.read_text()):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                ("kgnode", "federation")
            ):
                module = __import__(str(node.module), fromlist=["*"])
                for alias in node.names:
                    assert hasattr(module, alias.name), f"{name(page)}: {alias.name}"


@pytest.fixture
def url(test_data: Path, tmp_path: Path) -> Iterator[str]:
    """A served node with MicroGrid BE, open to the public."""
    home = tmp_path / "home"
    initialise(home, "TNO", "Transmission", None)
    labels = tmp_path / "labels.yaml"
    labels.write_text(OPEN)
    policy = tmp_path / "policy.json"
    policy.write_text(
        '{"@context": "gridspine-odrl", "@type": "Set", "uid": "urn:gridspine:policy:TNO:1",'
        ' "profile": "https://w3id.org/gridspine/odrl", "permission": [{"target":'
        ' "urn:gridspine:label:TNO:network:all", "action": "read", "assignee": "public"}]}'
    )
    wish: dict[str, Any] = {
        "files": [str(test_data / "cim/microgrid_cgmes3/MicroGrid/BaseCase/MicroGrid-BE-MAS")],
        "dataset": "network",
        "labels": str(labels),
        "policy": [str(policy)],
    }
    on_home(home, "publish", wish, lambda _name: None)
    (port,) = free_ports(1, None)
    address = f"http://127.0.0.1:{port}"
    with Processes() as processes:
        processes.start(
            "TNO", ("kgnode", "serve", str(home), "--port", str(port)), tmp_path / "log"
        )
        processes.wait_until_ready("TNO", address)
        yield address


def test_the_readmes_query_answers(url: str) -> None:
    (block,) = BLOCK.findall((ROOT / "README.md").read_text())
    scope: dict[str, Any] = {}
    code = block.replace("http://127.0.0.1:8700", url)
    exec(compile(code, "README.md", "exec"), scope)
    assert len(scope["rows"]) == 3
    assert all(row["length_km"] > 10 and row["name"] for row in scope["rows"])
