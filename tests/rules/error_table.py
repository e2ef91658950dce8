"""The table of docs/errors.md, made from the error tree: ``python -m tests.rules.error_table``."""

from __future__ import annotations

from pathlib import Path

from kgnode.errors import GridspineError

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
MARK = "<!-- table made by: python -m tests.rules.error_table -->"


def table() -> str:
    """Return the rows, one error class each, in the order of the tree."""
    rows = ["| Code | HTTP | Exit | Meaning |", "|---|---:|---:|---|"]
    waiting = list(reversed(GridspineError.__subclasses__()))
    while waiting:
        kind = waiting.pop()
        waiting += reversed(kind.__subclasses__())
        meaning = " ".join((kind.__doc__ or "").split())
        rows.append(f"| `{kind.code}` | {kind.status} | {kind.exit_code} | {meaning} |")
    return "\n".join(rows) + "\n"


def page() -> str:
    """Return the whole page with a fresh table."""
    head = PAGE.read_text().split(MARK)[0]
    return f"{head}{MARK}\n\n{table()}"


if __name__ == "__main__":
    PAGE.write_text(page())
