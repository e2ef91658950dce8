"""Tables of the reference pages, made from the code: ``python -m tests.rules.tables``.

In: the error tree, the commands, the route tables, our vocabulary. Out: docs/errors.md,
docs/commands.md, docs/http.md and docs/vocabulary.md, each with its table after a mark; a test
fails when one is not fresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer.main
from typer.core import TyperArgument, TyperOption

import federation.cli
import federation.demo.cli
import kgnode.cli
from kgnode.errors import GridspineError
from kgnode.web.app import ROUTES
from tests.rules.vocabulary import vocabulary

DOCS = Path(__file__).parents[2] / "docs"
MARK = "<!-- below: made by python -m tests.rules.tables -->"


def errors() -> Iterator[str]:
    """Yield one row an error class, in the order of the tree."""
    yield "| Code | HTTP | Exit | Meaning |"
    yield "|---|---:|---:|---|"
    waiting = list(reversed(GridspineError.__subclasses__()))
    while waiting:
        kind = waiting.pop()
        waiting += reversed(kind.__subclasses__())
        if kind.__module__ == "kgnode.errors" or "code" in kind.__dict__:
            meaning = " ".join((kind.__doc__ or "").split())
            yield f"| `{kind.code}` | {kind.status} | {kind.exit_code} | {meaning} |"


def commands() -> Iterator[str]:
    """Yield a section a command: what it does, its arguments and options."""
    for program, app in (("kgnode", kgnode.cli.app), ("kgfed", federation.cli.app)):
        yield f"## {program}"
        yield ""
        yield from _group(program, typer.main.get_command(app))


def _group(path: str, command: Any) -> Iterator[str]:
    if path == "kgfed demo":
        command = typer.main.get_command(federation.demo.cli.app)
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from _group(f"{path} {name}", inner)
        return
    given = [p for p in command.params if isinstance(p, TyperArgument)]
    options = [p for p in command.params if isinstance(p, TyperOption) and "--help" not in p.opts]
    names = [(p.name or "").upper() for p in given]
    yield f"### `{' '.join([path, *names])}`"
    yield ""
    yield (command.help or "").strip().splitlines()[0]
    yield ""
    for option in options:
        yield f"- `{', '.join(option.opts)}` {option.help or ''}".rstrip()
    yield ""


def routes() -> Iterator[str]:
    """Yield one row a route of a node."""
    yield "| Method | Path | What |"
    yield "|---|---|---|"
    yield "| GET, POST | `/sparql` | SPARQL 1.1 Protocol, queries only. |"
    for route in ROUTES:
        what = (route.handler.__doc__ or "").strip().splitlines()[0]
        yield f"| {route.method} | `{route.path}` | {what} |"


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "errors.md": errors,
    "commands.md": commands,
    "http.md": routes,
    "vocabulary.md": vocabulary,
}


def page(name: str) -> str:
    """Return a page with a fresh table."""
    head = (DOCS / name).read_text().split(MARK)[0]
    return f"{head}{MARK}\n\n" + "\n".join(PAGES[name]()).rstrip() + "\n"


if __name__ == "__main__":
    for name in PAGES:
        (DOCS / name).write_text(page(name))
