"""``kgfed demo``: the whole product in one command.

In: a folder, a port, a size. Out: the demo's answers in words while it runs, and with ``--check``
one JSON summary; every process ends with it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from federation.demo.run import Options, run
from kgnode.console import Outcome, report

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Folder for files and homes; made anew.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="First of the ports taken; any free ones if not given.")
    ] = None,
    size: Annotated[str, typer.Option(help="small (29-bus GB) or gb (the whole network).")] = "gb",
    seed: Annotated[int, typer.Option(help="Seed of the generated networks.")] = 1,
    check: Annotated[bool, typer.Option("--check", help="Do all once and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Run the demonstration: four organisations' nodes, a gateway, questions, a load flow."""
    quiet = as_json or check
    report("demo", lambda: _run(folder, port, size, seed, check, quiet), as_json=quiet)


def _run(
    folder: Path | None, port: int | None, size: str, seed: int, check: bool, quiet: bool
) -> Outcome:
    if folder is not None:
        return run(Options(folder, port, size, seed, check, quiet))
    with tempfile.TemporaryDirectory(prefix="gridspine-demo-") as made:
        return run(Options(Path(made) / "demo", port, size, seed, check, quiet))
