"""Commands about data: making a home, publishing, exporting, asking, serving.

In: arguments. Out: through ``kgnode.console``, words or one JSON document, and the exit code. The
commands hold no logic: what they do stands in ``kgnode.operations`` (on a home) or in the part they
name; a home that is being served is spoken to over its socket.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from kgnode.cim.convert import Format
from kgnode.cim.convert import convert as convert_files
from kgnode.cli.ask import ask
from kgnode.cli.check import anywhere, warning
from kgnode.console import Outcome, out, progress, report, table
from kgnode.home import Home
from kgnode.node import Node
from kgnode.remote import on_home
from kgnode.settings import load_settings
from kgnode.trust.membership import initialise, join_scheme

app = typer.Typer()

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
HomePath = Annotated[Path, typer.Argument(metavar="HOME", help="Folder of the node.")]
Dataset = Annotated[str, typer.Option("--dataset", help="Id of the data set.")]
Files = Annotated[list[Path], typer.Argument(help="Files, folders or zips.")]


@app.command()
def init(
    home: HomePath,
    org: Annotated[str, typer.Option("--org", help="Member id of the organisation.")],
    name: Annotated[str, typer.Option("--name", help="Its name for people.")],
    base_iri: Annotated[
        str | None, typer.Option("--base-iri", help="Base of identifiers that are no UUIDs.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a home: folder, signing key, nothing published yet."""

    def run() -> Outcome:
        made = initialise(home, org, name, base_iri)
        return Outcome(made, lambda: out.print(f"Made {home} for {org}; its key is {made['kid']}."))

    report("init", run, as_json=as_json)


@app.command()
def join(
    home: HomePath,
    members_file: Annotated[Path, typer.Argument(help="The signed membership document.")],
    scheme_key: Annotated[
        Path | None, typer.Option(help="The scheme's public key, pinned at the first joining.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Accept a membership document; the first time, its scheme key is pinned."""

    def run() -> Outcome:
        joined = join_scheme(home, members_file, scheme_key)
        return Outcome(
            joined,
            lambda: out.print(
                f"{joined['org']} is a member of {joined['scheme']} at {joined['node_url']}; "
                f"scheme key {joined['scheme_key']}."
            ),
        )

    report("join", run, as_json=as_json)


@app.command()
def convert(
    files: Files,
    output: Annotated[Path, typer.Option("-o", "--out", help="File to write.")],
    form: Annotated[str, typer.Option("--as", help="nq, trig, ttl, nt or cim.")] = "nq",
    strict: Annotated[bool, typer.Option(help="Refuse what needs repair.")] = False,
    datatypes: Annotated[
        str, typer.Option(help="RDF only: held (xsd:double) or vocabulary (xsd:float).")
    ] = "held",
    as_json: Json = False,
) -> None:
    """Read CIM XML or RDF and write it typed and with proper identifiers; needs no home."""

    def run() -> Outcome:
        written = convert_files(
            files, output, cast(Format, form), anywhere(strict=strict), datatypes=datatypes
        )
        said = f"{written.triples:,} triples of {written.models:,} models written to {output}."
        warnings = [warning(repair) for repair in written.repairs]
        return Outcome(written.to_json(), lambda: out.print(said), warnings)

    report("convert", run, as_json=as_json)


@app.command()
def publish(
    home: HomePath,
    files: Files,
    dataset: Dataset,
    title: Annotated[str | None, typer.Option(help="Title in the catalogue.")] = None,
    pack: Annotated[list[str] | None, typer.Option(help="Shape pack it must pass.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Labels file (YAML).")] = None,
    policy: Annotated[list[Path] | None, typer.Option(help="ODRL policy to set.")] = None,
    licence: Annotated[str | None, typer.Option(help="Licence IRI.")] = None,
    contact: Annotated[str | None, typer.Option(help="mailto: address.")] = None,
    withheld: Annotated[
        str | None, typer.Option(help="disclosed or undisclosed: say whether parts are hidden.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Start anew.")] = False,
    aside: Annotated[bool, typer.Option("--aside", help="Keep out of the default graph.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Even if it redefines others.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse what needs repair.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do all but store.")] = False,
    keep: Annotated[int | None, typer.Option(help="Versions to keep.")] = None,
    as_json: Json = False,
) -> None:
    """Read, check, label and store files as a new version of a data set."""
    arguments = {
        "files": _absolute(files),
        "dataset": dataset,
        "title": title,
        "packs": [str(Path(p).resolve()) if Path(p).exists() else p for p in pack or []],
        "labels": str(labels.resolve()) if labels else None,
        "policy": _absolute(policy or []),
        "licence": licence,
        "contact": contact,
        "withheld": withheld,
        "replace": replace,
        "aside": aside,
        "force": force,
        "strict": strict,
        "dry_run": dry_run,
        "keep": keep,
    }
    report("publish", lambda: done(home, "publish", arguments, _say_published), as_json=as_json)


def _say_published(result: dict[str, Any]) -> None:
    version = f"version {result['version']}" if result["version"] else "dry run, nothing stored"
    out.print(f"{result['dataset']}: {version}, {result['triples']:,} triples.")
    table(("Label set", "Triples"), list(result["labels"].items()))
    for repair in result["repairs"]:
        out.print(f"repaired {repair['count']:,} x {repair['message']}")


@app.command()
def withdraw(home: HomePath, dataset: Dataset, as_json: Json = False) -> None:
    """Remove a data set with all its versions."""
    arguments = {"dataset": dataset}
    report("withdraw", lambda: done(home, "withdraw", arguments), as_json=as_json)


@app.command()
def versions(home: HomePath, dataset: Dataset, as_json: Json = False) -> None:
    """List the versions kept of a data set."""

    def words(result: dict[str, Any]) -> None:
        rows = [[v["version"], v["created"], v["triples"], v["models"]] for v in result["versions"]]
        table(("Version", "Created", "Triples", "Models"), rows, result["dataset"])

    arguments = {"dataset": dataset}
    report("versions", lambda: done(home, "versions", arguments, words), as_json=as_json)


@app.command()
def export(
    home: HomePath,
    dataset: Annotated[list[str], typer.Option("--dataset", help="Id; may be repeated.")],
    output: Annotated[Path, typer.Option("-o", "--out", help="File to write.")],
    form: Annotated[str, typer.Option("--as", help="cim (a zip), nq, trig, ttl or nt.")] = "cim",
    difference: Annotated[
        tuple[int, int] | None, typer.Option(help="Write the difference of two versions.")
    ] = None,
    datatypes: Annotated[
        str, typer.Option(help="RDF only: held (xsd:double) or vocabulary (xsd:float).")
    ] = "held",
    as_json: Json = False,
) -> None:
    """Write data sets as CIM XML that other tools open, or as RDF."""
    arguments = {
        "datasets": dataset,
        "out": str(output.resolve()),
        "as": form,
        "difference": list(difference) if difference else None,
        "datatypes": datatypes,
    }
    report("export", lambda: done(home, "export", arguments), as_json=as_json)


@app.command()
def query(
    where: Annotated[str, typer.Argument(metavar="HOME|URL", help="A home or a node's address.")],
    text: Annotated[str, typer.Argument(metavar="QUERY|@FILE", help="SPARQL, or @ and a file.")],
    token: Annotated[Path | None, typer.Option(help="File with an access token.")] = None,
    form: Annotated[
        str, typer.Option("--format", help="table, json, csv, tsv, xml, ttl, nt.")
    ] = "table",
    timeout: Annotated[float | None, typer.Option(help="Deadline, seconds.")] = None,
    at: Annotated[str | None, typer.Option(help="As it was at this time.")] = None,
    mappings: Annotated[str | None, typer.Option(help="Mapping set, SET@VERSION.")] = None,
    as_json: Json = False,
) -> None:
    """Ask a node a SPARQL query."""

    def run() -> Outcome:
        answer = ask(where, text, token, form, {"timeout": timeout, "at": at, "mappings": mappings})
        return Outcome(answer.result, answer.show)

    report("query", run, as_json=as_json)


@app.command()
def backup(
    home: HomePath, output: Annotated[Path, typer.Argument(metavar="OUT")], as_json: Json = False
) -> None:
    """Write a consistent copy of a home, also while it is being served; keys are not in it."""
    arguments = {"out": str(output.resolve())}
    report("backup", lambda: done(home, "backup", arguments), as_json=as_json)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(metavar="IN")], home: HomePath, as_json: Json = False
) -> None:
    """Put a backup back into a home that nobody serves."""
    arguments = {"source": str(source.resolve())}
    report("restore", lambda: done(home, "restore", arguments), as_json=as_json)


@app.command()
def doctor(home: HomePath, as_json: Json = False) -> None:
    """Say how a home is: data sets, policies, membership, settings."""

    def words(result: dict[str, Any]) -> None:
        rows = [[d["dataset"], d["version"], d["triples"]] for d in result["datasets"]]
        table(("Data set", "Version", "Triples"), rows, f"{result['org']} at {result['home']}")
        members = result["members"]
        scheme = f"{members['scheme']}, until {members['expires']}" if members else "joined none"
        out.print(f"scheme: {scheme}")
        out.print(f"policies: {', '.join(result['policies']) or 'none, closed to all others'}")
        table(("Setting", "Value"), list(result["settings"].items()))

    report("doctor", lambda: done(home, "doctor", {}, words), as_json=as_json)


@app.command()
def serve(
    home: HomePath,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8700,
    as_json: Json = False,
) -> None:
    """Serve a home until Ctrl-C."""

    def run() -> Outcome:
        from kgnode.web.serve import serve as serve_node  # only this command needs a web server

        node = Node(Home(home), load_settings())
        try:
            serve_node(node, host, port, lambda url: out.print(f"{node.org} is served at {url}"))
        finally:
            node.close()
        return Outcome({"served": str(home)})

    report("serve", run, as_json=as_json)


def _absolute(paths: list[Path]) -> list[str]:
    return [str(path.resolve()) for path in paths]


def done(home: Path, verb: str, arguments: dict[str, Any], words: Any = None) -> Outcome:
    """Do a verb on a home, served or not, and return what to say."""
    with progress() as step:
        result = on_home(home, verb, arguments, step)
    say = words or (
        lambda r: table(("", ""), [[k, v] for k, v in r.items() if not isinstance(v, list | dict)])
    )
    return Outcome(result, lambda: say(result))
