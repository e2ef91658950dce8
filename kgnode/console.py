"""The form every command shares: one JSON document or words, problems, and the exit code.

In: the function of a command, returning its result. Out: with ``--json`` one document on stdout
``{"command", "ok", "result", "problems"}``; without, text from the command's own printer; progress
on stderr when it is a terminal. Exit codes: 0 done, 1 unexpected, 2 bad input or usage, 3 refused
by shapes, 4 refused by policy or identity, 5 answer not complete.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from kgnode.errors import GridspineError, Unexpected
from kgnode.problems import record

_WIDE = None if sys.stdout.isatty() else 180

out = Console(soft_wrap=True, highlight=False, emoji=False, width=_WIDE)
err = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)


@dataclass
class Outcome:
    """What a command brings back.

    Attributes:
        result: the document's ``result``; JSON values only.
        words: prints the result for people; called when ``--json`` is not given.
        problems: warnings in the form of :func:`kgnode.errors.record`.
        exit_code: 0, or the code of a refusal that still has a result.
    """

    result: Any
    words: Callable[[], None] | None = None
    problems: list[dict[str, Any]] = field(default_factory=list)
    exit_code: int = 0


def report(command: str, run: Callable[[], Outcome], *, as_json: bool) -> NoReturn:
    """Run a command and end the process with its exit code, having said what happened once."""
    try:
        outcome = run()
    except GridspineError as error:
        _say(
            command, Outcome(error.detail or None, None, [record(error)], error.exit_code), as_json
        )
        raise typer.Exit(error.exit_code) from None
    except (typer.Exit, typer.Abort, typer.BadParameter, KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as error:
        unexpected = Unexpected(
            f"{type(error).__name__}: {error}",
            hint="This is a defect; set GRIDSPINE_TRACE=1 to see where, and report it.",
        )
        if os.environ.get("GRIDSPINE_TRACE"):
            traceback.print_exc()
        _say(command, Outcome(None, None, [record(unexpected)], 1), as_json)
        raise typer.Exit(1) from None
    _say(command, outcome, as_json)
    raise typer.Exit(outcome.exit_code)


def _say(command: str, outcome: Outcome, as_json: bool) -> None:
    if as_json:
        document = {
            "command": command,
            "ok": outcome.exit_code == 0,
            "result": outcome.result,
            "problems": outcome.problems,
        }
        sys.stdout.buffer.write(orjson.dumps(document, default=str, option=orjson.OPT_INDENT_2))
        sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()
        return
    if outcome.words is not None:
        outcome.words()
    for problem in outcome.problems:
        say_problem(problem)


def say_problem(problem: dict[str, Any]) -> None:
    """Print one problem for people on stderr: what, where, how to mend."""
    colour = {"error": "red", "warning": "yellow"}.get(problem["severity"], "cyan")
    place = ":".join(str(problem[key]) for key in ("file", "line") if problem.get(key))
    times = f" ({problem['count']} times)" if (problem.get("count") or 1) > 1 else ""
    err.print(f"[{colour}]{problem['severity']}:[/] {escape(problem['message'])}{times}")
    if place and problem.get("file"):
        err.print(f"  at {escape(place)}")
    if problem.get("subject") and problem["subject"] not in problem["message"]:
        err.print(f"  asset {escape(str(problem['subject']))}")
    if problem.get("hint"):
        err.print(f"  [dim]{escape(problem['hint'])}[/]")


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
    """Print a table on stdout; numbers to the right."""
    drawn = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        drawn.add_column(name, justify="right" if numeric else "left", header_style="bold")
    for row in rows:
        drawn.add_row(*(escape(_cell(value)) for value in row))
    out.print(drawn)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(value)


Step = Callable[[str], None]
"""Tells that a named step of a flow begins."""


def silent(_: str) -> None:
    """A step that nobody watches."""


@contextmanager
def progress(*, shown: bool = True) -> Iterator[Step]:
    """Yield a function that shows the step under way on stderr when it is a terminal."""
    if not shown or not err.is_terminal:
        yield silent
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20))
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda name: bar.update(task, description=name)
