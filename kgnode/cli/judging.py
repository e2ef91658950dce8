"""Commands that judge data by shape packs; they need no home.

In: files, or the address of a node whose answer to the caller is judged. Out: through
``kgnode.console``, words or one JSON document, and the exit code: 3 where a shape is violated.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgnode.cli.check import ask_view, check, receipt_of
from kgnode.cli.check import gaps as gaps_of
from kgnode.cli.data import Json
from kgnode.console import Outcome, report
from kgnode.errors import BadRequest

app = typer.Typer()

Files = Annotated[list[Path] | None, typer.Argument(help="Files, folders or zips.")]
Packs = Annotated[list[str] | None, typer.Option("--pack", help="Pack name, file or folder.")]
HomePacks = Annotated[
    Path | None, typer.Option("--home", help="Also choose from the packs of this home.")
]
Address = Annotated[
    str | None, typer.Option("--node", help="Judge what you may see at this address instead.")
]
Token = Annotated[Path | None, typer.Option("--token", help="File with an access token.")]


@app.command()
def validate(
    files: Files = None,
    pack: Packs = None,
    home: HomePacks = None,
    form: Annotated[
        str, typer.Option("--format", help="text, json, ttl, jsonld, sarif or html.")
    ] = "text",
    engine: Annotated[str, typer.Option(help="auto, compiled or pyshacl.")] = "auto",
    node: Address = None,
    token: Token = None,
    receipt: Annotated[
        Path | None, typer.Option(help="Check this receipt about the files instead.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="The signer's public key: a JWK or a set of them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check files, or what a node shows you, against shape packs; say in words what to mend."""

    def run() -> Outcome:
        if node is not None:
            _alone(files)
            return ask_view("validate", node, token, pack or [])
        if receipt is not None:
            return receipt_of(files or [], receipt, key)
        return check(files or [], pack or [], form, engine, home)

    report("validate", run, as_json=as_json)


@app.command()
def gaps(
    files: Files = None,
    pack: Packs = None,
    home: HomePacks = None,
    node: Address = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Tell which data no pack covers, and which shapes find nothing to judge."""

    def run() -> Outcome:
        if node is not None:
            _alone(files)
            return ask_view("gaps", node, token, pack or [])
        return gaps_of(files or [], pack or [], home)

    report("gaps", run, as_json=as_json)


def _alone(files: list[Path] | None) -> None:
    if files:
        raise BadRequest("Files and --node exclude one another.", hint="Leave one of the two out.")
