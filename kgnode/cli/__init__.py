"""The command ``kgnode``: everything one organisation does with its node."""

from __future__ import annotations

from typing import Annotated

import typer

from kgnode import __version__
from kgnode.cli import data, judging, mappings, owner
from kgnode.console import out

app = typer.Typer(
    name="kgnode",
    help="One organisation's node: publish CIM and RDF models, check them, and answer SPARQL.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _top(
    version: Annotated[bool, typer.Option("--version", help="Show it and end.")] = False,
) -> None:
    if version:
        out.print(f"kgnode {__version__}")
        raise typer.Exit(0)


for part in (data, judging, owner, mappings):
    app.registered_commands += part.app.registered_commands


def main() -> None:
    """Run the command line."""
    app()
