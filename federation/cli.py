"""The command ``kgfed``: the membership document, the gateway, federated questions.

In: arguments. Out: one JSON document with ``--json``, words without; exit codes as in
``kgnode.console``. Re-routing and the demo are commands of their own modules, loaded when called.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from federation import scheme as schemes
from federation.ask import Answer, select
from federation.home import GatewayHome
from federation.impact import Preview, preview
from federation.scheme import Scheme
from kgnode.console import Outcome, out, report, table
from kgnode.errors import BadRequest, MissingFile
from kgnode.trust import Member
from kgnode.web import serve as web

app = typer.Typer(no_args_is_help=True, add_completion=False, help="A federation of nodes.")
members = typer.Typer(no_args_is_help=True, help="Make and keep the membership document.")
app.add_typer(members, name="members")

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
MemberId = Annotated[str, typer.Argument(help="Member id.")]
Folder = Annotated[Path, typer.Argument(help="The scheme's folder.")]


@members.command("new")
def members_new(
    folder: Folder,
    scheme: Annotated[str, typer.Option(help="Name of the scheme.")] = "scheme",
    boundary_base: Annotated[str | None, typer.Option(help="Base of boundary identifiers.")] = None,
    as_json: Json = False,
) -> None:
    """Make a scheme: its key and an empty membership document."""

    def run() -> Outcome:
        extra = {} if boundary_base is None else {"boundary_base": boundary_base}
        made = Scheme.create(folder, scheme, **extra)
        return Outcome(
            {"folder": str(folder), "scheme": made.members.scheme},
            lambda: out.print(f"Scheme {made.members.scheme} made in {folder}."),
        )

    report("members new", run, as_json=as_json)


@members.command("add")
def members_add(
    folder: Folder,
    member_id: Annotated[str, typer.Option("--id", help="Member id.")],
    node: Annotated[str, typer.Option(help="URL of its node.")],
    name: Annotated[str | None, typer.Option(help="Name for people.")] = None,
    gateway: Annotated[str | None, typer.Option(help="URL of its gateway.")] = None,
    licence_role: Annotated[str, typer.Option(help="TNO, DNO, ESO ...")] = "other",
    jwks: Annotated[Path | None, typer.Option(help="Its public keys (JWK set).")] = None,
    dataset: Annotated[list[str] | None, typer.Option(help="Data set it holds.")] = None,
    kind: Annotated[str, typer.Option(help="node, or sparql: --node is an endpoint.")] = "node",
    max_rows: Annotated[int | None, typer.Option(help="Where the endpoint cuts results.")] = None,
    as_json: Json = False,
) -> None:
    """Add a member, or change one."""

    def run() -> Outcome:
        keys = {"keys": []} if jwks is None else _json_file(jwks)
        added = Member(
            id=member_id,
            name=name or member_id,
            licence_role=licence_role,
            node=node,
            gateway=gateway,
            jwks=keys,
            datasets=tuple(dataset or ()),
            kind=kind,
            max_rows=max_rows,
        )
        changed = Scheme(folder).add(added)
        return _listed(changed, f"{member_id} is in; sign to put it in force.")

    report("members add", run, as_json=as_json)


@members.command("suspend")
def members_suspend(folder: Folder, member_id: MemberId, as_json: Json = False) -> None:
    """Suspend a member: its tokens count for nothing once signed."""

    def run() -> Outcome:
        changed = Scheme(folder).change(lambda document: document.suspend(member_id))
        return _listed(changed, f"{member_id} is suspended; sign to put it in force.")

    report("members suspend", run, as_json=as_json)


@members.command("rotate")
def members_rotate(
    folder: Folder,
    member_id: MemberId,
    jwks: Annotated[Path, typer.Argument(help="The member's new public keys.")],
    drop_old: Annotated[bool, typer.Option("--drop-old", help="Old keys end at once.")] = False,
    as_json: Json = False,
) -> None:
    """Give a member a new key; old ones stay valid unless dropped."""

    def run() -> Outcome:
        found = _json_file(jwks).get("keys")
        if not found:
            raise BadRequest(f"{jwks} holds no key.", hint="Give a JWK set: HOME/keys/jwks.json.")
        changed = Scheme(folder).change(
            lambda document: document.rotate(member_id, found[0], keep_old=not drop_old)
        )
        return _listed(changed, f"{member_id} has a new key; sign to put it in force.")

    report("members rotate", run, as_json=as_json)


@members.command("sign")
def members_sign(
    folder: Folder,
    days: Annotated[float, typer.Option(help="Days until it expires.")] = 30,
    as_json: Json = False,
) -> None:
    """Sign the working copy as the next document in force."""

    def run() -> Outcome:
        scheme = Scheme(folder)
        path = scheme.sign(days)
        signed = scheme.members
        result = {
            "file": str(path),
            "sequence": signed.sequence,
            "expires": signed.expires.isoformat(),
            "scheme_key": str(folder / "scheme.json"),
        }
        return Outcome(
            result,
            lambda: out.print(f"{path}: sequence {signed.sequence}, until {signed.expires:%F}."),
        )

    report("members sign", run, as_json=as_json)


@members.command("verify")
def members_verify(
    file: Annotated[Path, typer.Argument(help="A signed membership document.")],
    scheme_key: Annotated[Path | None, typer.Option(help="The scheme's public key.")] = None,
    as_json: Json = False,
) -> None:
    """Check a signed document against the scheme's key."""

    def run() -> Outcome:
        key = _json_file(scheme_key or file.with_name("scheme.json"))
        if not file.is_file():
            raise MissingFile(f"{file} does not exist.", file=str(file))
        return _listed(schemes.verify(file, key), "The signature is the scheme's.")

    report("members verify", run, as_json=as_json)


@app.command("init")
def init(
    home: Annotated[Path, typer.Argument(help="Folder of the gateway to make.")],
    org: Annotated[str, typer.Option(help="Whose gateway it is.")],
    members_file: Annotated[Path, typer.Option("--members", help="Signed document.")],
    scheme_key: Annotated[Path | None, typer.Option(help="The scheme's public key.")] = None,
    node: Annotated[Path | None, typer.Option(help="The organisation's node home.")] = None,
    as_json: Json = False,
) -> None:
    """Make a gateway's home."""

    def run() -> Outcome:
        made = GatewayHome.create(home, org, members_file, scheme_key, node)
        result = {"home": str(home), "org": org, "url": made.identity.url}
        return Outcome(result, lambda: out.print(f"Gateway of {org} made; kgfed serve {home}"))

    report("init", run, as_json=as_json)


@app.command("serve")
def serve(
    home: Annotated[Path, typer.Argument(help="Folder of the gateway.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 7600,
    as_json: Json = False,
) -> None:
    """Serve a gateway until it is stopped."""

    def run() -> Outcome:
        from federation.web.app import build  # loads the whole gateway; other commands need not

        listener = web.listen(host, port)
        app = build(home)
        address = f"http://{host}:{listener.getsockname()[1]}"
        out.print(f"Gateway on {address}/ (SPARQL at /sparql). Stop with Ctrl+C.")
        web.run(web.serve_until_told({web.server(app, lifespan="on"): listener}))
        return Outcome({"served": str(home), "address": address})

    report("serve", run, as_json=as_json)


@app.command("query")
def query(
    where: Annotated[str, typer.Argument(help="Address of a gateway, or its home.")],
    text: Annotated[str, typer.Argument(help="A SPARQL query, or @FILE.")],
    token: Annotated[Path | None, typer.Option(help="File with an access token.")] = None,
    partial: Annotated[str, typer.Option(help="allow: take partial answers, labelled.")] = "",
    mappings: Annotated[str, typer.Option(help="Mapping sets to ask under, SET@VERSION,...")] = "",
    show_report: Annotated[bool, typer.Option("--report", help="Show what it rests on.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show the plan carried out.")] = False,
    as_json: Json = False,
) -> None:
    """Ask all members one question."""

    def run() -> Outcome:
        if partial not in ("", "allow"):
            raise BadRequest(f"--partial {partial} is not known.", hint="Use --partial allow.")
        if token is not None and not token.is_file():
            hint = "--token names a file; kgnode token HOME ... > FILE makes one."
            raise MissingFile(f"{token} does not exist.", hint=hint, file=str(token))
        secret = token.read_text().strip() if token is not None else None
        allowed = partial == "allow"
        got = select(_address(where), _text(text), secret, allowed, mappings=mappings)
        result = {
            "sparql": got.sparql,
            "milliseconds": round(got.milliseconds, 1),
            "status": got.status,
            "report": got.report,
        }
        return Outcome(
            result,
            lambda: _print(got, show_report or explain, explain),
            exit_code=0 if got.status == "complete" else 5,
        )

    report("query", run, as_json=as_json)


@app.command("impact")
def impact(
    where: Annotated[str, typer.Argument(help="Address of a gateway, or its home.")],
    queries: Annotated[Path, typer.Argument(help="A folder of queries, *.rq.")],
    after: Annotated[str, typer.Option(help="Mapping sets as they would be, SET@VERSION,...")],
    before: Annotated[str, typer.Option(help="Mapping sets as they are; none if not given.")] = "",
    token: Annotated[Path | None, typer.Option(help="File with an access token.")] = None,
    as_json: Json = False,
) -> None:
    """Tell which answers of the federation change between versions of mapping sets."""

    def run() -> Outcome:
        texts = {path.stem: path.read_text() for path in sorted(queries.glob("*.rq"))}
        if not texts:
            raise MissingFile(f"{queries} holds no *.rq files.", hint="Name a folder of queries.")
        secret = token.read_text().strip() if token is not None else None
        told = preview(_address(where), texts, before, after, secret)
        result = {
            "queries": [one.to_json() for one in told],
            "changed": sum(one.change.changes for one in told),
            "certain": all(one.certain for one in told),
        }
        return Outcome(result, lambda: _say_impact(told), exit_code=0 if result["certain"] else 5)

    report("impact", run, as_json=as_json)


def _say_impact(told: tuple[Preview, ...]) -> None:
    rows = [
        [c.query, "yes" if c.changes else "no", c.before, c.after, one.after, c.error]
        for one in told
        for c in (one.change,)
    ]
    table(("Query", "Changes", "Rows before", "Rows after", "Status", "Error"), rows)
    for one in told:
        for sign, some in (("+", one.change.added), ("-", one.change.removed)):
            for row in some:
                cells = row.items() if isinstance(row, dict) else (("", row),)
                said = ", ".join(f"{name} {value}".strip() for name, value in cells)
                out.print(f"{one.change.query} {sign} {said}", markup=False)
    out.print(f"{sum(one.change.changes for one in told)} of {len(told)} answers change.")


def _print(got: Answer, with_report: bool, explain: bool) -> None:
    if got.boolean is not None:
        out.print("yes" if got.boolean else "no")
    else:
        names = got.sparql["head"]["vars"]
        rows = [[getattr(row.get(n), "value", "") for n in names] for row in got.rows]
        table(names, rows)
    out.print(f"{len(got.rows)} rows, {got.status}, {got.milliseconds:.0f} ms")
    if not with_report:
        return
    out.print(str(got.report.get("reason", "")))
    for told in (*got.report.get("mappings", ()), *got.report.get("warnings", ())):
        out.print(f"  {told}", markup=False)
    if explain:
        for step in got.report.get("plan", ()):
            nodes = ", ".join(f"{n['id']} ({n['why']})" for n in step["nodes"]) or "no member"
            out.print(f"  {step['way']:9} {step['group']}: {nodes}", markup=False)
    columns = ("id", "outcome", "detail", "rows", "bytes", "requests", "milliseconds")
    sources = got.report.get("sources", ())
    table(columns, [[source.get(name) for name in columns] for source in sources])


def _address(where: str) -> str:
    if where.startswith(("http://", "https://")):
        return where
    return GatewayHome(Path(where)).identity.url


def _text(text: str) -> str:
    if not text.startswith("@"):
        return text
    path = Path(text[1:])
    if not path.is_file():
        raise MissingFile(f"{path} does not exist.", hint="@FILE reads a query.", file=str(path))
    return path.read_text()


def _json_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise MissingFile(f"{path} does not exist.", file=str(path))
    try:
        return dict(orjson.loads(path.read_bytes()))
    except (ValueError, TypeError) as error:
        raise BadRequest(f"{path} is not a JSON object.", file=str(path)) from error


def _listed(document: Any, words: str) -> Outcome:
    result = document.to_json()
    rows = [[m.id, m.name, m.status, m.node, m.gateway or ""] for m in document.members]

    def show() -> None:
        table(("id", "name", "status", "node", "gateway"), rows)
        out.print(words)

    return Outcome(result, show)


def _attach(module: str, name: str, help_text: str) -> None:
    """Add a command of another module, loaded only when it is called."""

    @app.command(
        name,
        help=help_text,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        add_help_option=False,
    )
    def run(context: typer.Context) -> None:
        try:
            loaded = importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise typer.BadParameter(f"{name} is not installed ({error.name}).") from error
        loaded.app(args=context.args, prog_name=f"kgfed {name}")


_attach("federation.rerouting.cli", "reroute", "Study moving demand between supply points.")
_attach("federation.demo.cli", "demo", "Run the demonstration: nodes, gateway, questions.")


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
