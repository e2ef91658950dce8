"""Commands by which an owner governs a home: labels, policies, packs, tokens, the audit.

In: arguments. Out: through ``kgnode.console``, words or one JSON document, and the exit code. What
they do stands in ``kgnode.governance``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from kgnode.cli.data import Dataset, HomePath, Json, done
from kgnode.console import Outcome, out, report, table
from kgnode.errors import BadRequest

app = typer.Typer()

Words = Callable[[dict[str, Any]], None]


def _choose(action: str, known: tuple[str, ...]) -> str:
    if action not in known:
        raise BadRequest(f"{action!r} is no action here.", hint=f"Use {' or '.join(known)}.")
    return action


@app.command()
def labels(
    home: HomePath,
    action: Annotated[str, typer.Argument(help="preview or apply.")],
    file: Annotated[Path, typer.Argument(help="Labels file (YAML).")],
    dataset: Dataset,
    as_json: Json = False,
) -> None:
    """Show what a labels file would do, or relabel a data set with it."""

    def words(result: dict[str, Any]) -> None:
        if "sets" in result:
            rows = [[" + ".join(s["labels"]) or "closed", s["triples"]] for s in result["sets"]]
            table(("Label set", "Triples"), rows)
            for rule in result["unused"]:
                out.print(f"line {rule['line']}: the rule for {rule['label']} matches nothing")
        else:
            out.print(f"{result['dataset']}: version {result['version']}")
            table(("Label set", "Triples"), list(result["labels"].items()))

    def run() -> Outcome:
        verb = f"labels-{_choose(action, ('preview', 'apply'))}"
        return done(home, verb, {"file": str(file.resolve()), "dataset": dataset}, words)

    report("labels", run, as_json=as_json)


@app.command()
def policy(
    home: HomePath,
    action: Annotated[str, typer.Argument(help="set, remove, show, templates or explain.")],
    what: Annotated[
        str | None, typer.Argument(help="set: file; remove: uid; explain: data set id.")
    ] = None,
    org: Annotated[str | None, typer.Option(help="explain: the caller's organisation.")] = None,
    roles: Annotated[str, typer.Option(help="explain: the caller's roles.")] = "",
    purpose: Annotated[str | None, typer.Option(help="explain: the caller's purpose.")] = None,
    label: Annotated[str | None, typer.Option(help="explain: only this label.")] = None,
    property_: Annotated[
        str | None, typer.Option("--property", help="explain: only labels of this property.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Put policies in force, take them out, tell them in words, or explain a decision."""

    def run() -> Outcome:
        chosen = _choose(action, ("set", "remove", "show", "templates", "explain"))
        arguments: dict[str, Any] = {
            "file": str(Path(what).resolve()) if what and chosen == "set" else None,
            "uid": what,
            "dataset": what,
            "org": org,
            "roles": [role for role in roles.split(",") if role],
            "purpose": purpose,
            "label": label,
            "property": property_,
        }
        return done(home, f"policy-{chosen}", arguments, _POLICY_WORDS.get(chosen))

    report("policy", run, as_json=as_json)


def _say_policies(result: dict[str, Any]) -> None:
    if result["closed"]:
        out.print(result["closed"])
    if not result["policies"]:
        out.print("No policy is in force: everything is closed to all but the owner.")
    for one in result["policies"]:
        out.print(one["uid"])
        for sentence in one["words"]:
            out.print(f"  {sentence}")


def _say_templates(result: dict[str, Any]) -> None:
    for one in result["templates"]:
        out.print(one["name"])
        for sentence in one["words"]:
            out.print(f"  {sentence}")
    out.print("The documents: kgnode policy HOME templates --json.")


def _say_explained(result: dict[str, Any]) -> None:
    for one in result["labels"]:
        out.print(f"{'may   ' if one['allowed'] else 'may not'} {one['label']}: {one['reason']}")
        for clause in one["considered"]:
            out.print(f"    {clause['effect']} {clause['clause']}: {clause['because']}")


_POLICY_WORDS: dict[str, Words] = {
    "show": _say_policies,
    "templates": _say_templates,
    "explain": _say_explained,
}


@app.command()
def packs(
    home: HomePath,
    action: Annotated[str, typer.Argument(help="list, add or remove.")],
    what: Annotated[str | None, typer.Argument(help="add: path; remove: id.")] = None,
    ident: Annotated[str | None, typer.Option("--id", help="add: id of the pack.")] = None,
    version: Annotated[str | None, typer.Option(help="add: version of the pack.")] = None,
    as_json: Json = False,
) -> None:
    """List shape packs, register a file or folder of shapes, or forget one."""

    def words(result: dict[str, Any]) -> None:
        if "packs" in result:
            rows = [[p["id"], p["version"], p["title"]] for p in result["packs"]]
            table(("Pack", "Version", "Title"), rows)
        else:
            out.print(f"{result['id']} {'removed' if result.get('removed') else 'registered'}")
            for fault in result.get("faults", ()):
                out.print(f"  fault: {fault}")

    def run() -> Outcome:
        chosen = _choose(action, ("list", "add", "remove"))
        path = str(Path(what).resolve()) if what else None
        name = ident if chosen == "add" else what
        arguments = {"path": path, "id": name, "version": version}
        return done(home, f"packs-{chosen}", arguments, words)

    report("packs", run, as_json=as_json)


@app.command()
def audit(
    home: HomePath,
    action: Annotated[str, typer.Argument(help="verify or tail.")],
    witness: Annotated[
        Path | None, typer.Option(help="verify: a signed head kept elsewhere.")
    ] = None,
    count: Annotated[int, typer.Option(help="tail: how many entries.")] = 20,
    as_json: Json = False,
) -> None:
    """Verify the audit log, or show its last entries."""

    def words(result: dict[str, Any]) -> None:
        if "entries" in result and isinstance(result["entries"], list):
            for entry in result["entries"]:
                out.print(" ".join(f"{key}={value}" for key, value in entry.items()))
            return
        out.print("The log is sound." if result["sound"] else "The log was tampered with:")
        for problem in result.get("problems", ()):
            out.print(f"  {problem}")

    def run() -> Outcome:
        chosen = _choose(action, ("verify", "tail"))
        arguments = {"witness": str(witness.resolve()) if witness else None, "count": count}
        outcome = done(home, f"audit-{chosen}", arguments, words)
        if chosen == "verify" and not outcome.result["sound"]:
            outcome.exit_code = 4
        return outcome

    report("audit", run, as_json=as_json)


@app.command()
def token(
    home: HomePath,
    sub: Annotated[str, typer.Option(help="Who it is, as your organisation names them.")],
    audience: Annotated[str, typer.Option(help="URL of the node or gateway it is for.")],
    roles: Annotated[str, typer.Option(help="Roles, separated by commas.")] = "",
    purpose: Annotated[str | None, typer.Option(help="For example network-planning.")] = None,
    ttl: Annotated[int | None, typer.Option(help="Life, seconds; at most 300.")] = None,
    as_json: Json = False,
) -> None:
    """Issue a short-lived access token of this organisation."""
    arguments = {
        "sub": sub,
        "audience": audience,
        "roles": [role for role in roles.split(",") if role],
        "purpose": purpose,
        "ttl": ttl,
    }

    def words(result: dict[str, Any]) -> None:
        sys.stdout.write(f"{result['token']}\n")

    report("token", lambda: done(home, "token", arguments, words), as_json=as_json)
