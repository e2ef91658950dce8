"""Imports point downward only; read from the source by ``ast``, function-level imports counted."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ORDER = (
    ("__init__", "errors", "problems", "settings", "names", "home"),
    ("cim", "store", "assurance", "policy"),
    ("trust", "catalogue", "summary", "asset", "audit", "events", "leases"),
    ("alignment",),
    (
        *("query", "staging", "labelling", "publish", "export"),
        *("node", "governance", "stewardship", "operations"),
    ),
    ("console", "remote", "client", "web", "cli", "__main__"),
)
"""The floors of ``kgnode``, bottom first; within a floor, left may be used by right."""

FEDERATION = (
    ("__init__", "parsing", "members", "evaluation", "report"),
    ("planning", "fetching"),
    ("run", "answer", "home", "scheme", "gateway", "ask", "impact"),
    ("rerouting", "web", "demo", "cli", "__main__"),
)
"""The floors of ``federation``, which stands on all of ``kgnode``."""


def ranks(floors: tuple[tuple[str, ...], ...]) -> dict[str, int]:
    """The place of each part in the order of its floors."""
    return {name: rank for rank, name in enumerate(name for floor in floors for name in floor)}


RANKS = {"kgnode": ranks(ORDER), "federation": ranks(FEDERATION)}

CONFINED = {
    "rdflib": ("kgnode/assurance/", "kgnode/cim/", "kgnode/query/"),
    "pyshacl": ("kgnode/assurance/",),
    "owlready2": ("kgnode/alignment/coherence.py",),
    "pypowsybl": ("federation/rerouting/", "federation/demo/"),
    "pandapower": ("federation/demo/", "federation/rerouting/panda.py"),
    "SPARQLWrapper": ("kgnode/client.py", "federation/"),
    "cedarpy": ("kgnode/policy/",),
    "fastapi": ("kgnode/web/", "federation/web/"),
    "typer": (
        "kgnode/cli",
        "kgnode/console.py",
        "federation/cli.py",
        "federation/demo/cli.py",
        "federation/rerouting/cli.py",
    ),
}
"""Packages that only some places may import."""


def sources() -> list[Path]:
    """All Python files of the product."""
    return sorted([*(ROOT / "kgnode").rglob("*.py"), *(ROOT / "federation").rglob("*.py")])


def imports(path: Path) -> Iterator[str]:
    """The absolute dotted names a file imports, wherever in the file."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def part_of(dotted: str) -> str:
    """The part of its package a dotted name belongs to."""
    package, *parts = dotted.split(".")
    return parts[0] if parts and parts[0] in RANKS[package] else "__init__"


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_what_stands_before_it(path: Path) -> None:
    relative = path.relative_to(ROOT)
    package, me = relative.parts[0], relative.parts[1].removesuffix(".py")
    rank = RANKS[package]
    assert me in rank, f"{relative}: {me} has no place in the order of parts"
    for name in imports(path):
        top = name.split(".")[0]
        assert (package, top) != ("kgnode", "federation"), f"{relative} imports {name}"
        if top == package:
            assert rank[part_of(name)] <= rank[me], f"{relative} imports {name}"
        if top in CONFINED:
            allowed = CONFINED[top]
            assert str(relative).startswith(allowed), f"{relative} may not import {name}"


def test_no_module_is_in_an_import_cycle() -> None:
    modules = {
        ".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p
        for p in sources()
    }
    graph = {
        name: {found for found in imports(path) if found in modules and found != name}
        for name, path in modules.items()
    }
    for start in graph:
        seen: set[str] = set()
        waiting = list(graph[start])
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting.extend(graph[name])
        assert start not in seen, f"{start} imports itself through others"


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_outgrows_its_room(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("package", RANKS)
def test_the_page_of_the_house_names_every_part(package: str) -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    for part in RANKS[package]:
        if not part.startswith("__") and (ROOT / package / f"{part}.py").exists():
            assert f"`{part}`" in page, f"docs/architecture.md does not name {package}/{part}.py"
        elif (ROOT / package / part).is_dir():
            assert f"`{part}/`" in page, f"docs/architecture.md does not name {package}/{part}/"
