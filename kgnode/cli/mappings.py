"""The command of stewards: everything that is done with mapping sets, on a home served or not.

In: arguments. Out: through ``kgnode.console``, words or one JSON document, and the exit code. What
it does stands in ``kgnode.stewardship``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from kgnode.alignment.working import last_part
from kgnode.cli.data import HomePath, Json, done
from kgnode.console import Outcome, out, report, table
from kgnode.errors import BadRequest, MissingFile
from kgnode.home import write_atomically
from kgnode.names import shorten
from kgnode.remote import weigh_on_home
from kgnode.stewardship.weighing import WEIGHING

app = typer.Typer()

ACTIONS = (
    *("list", "show", "import", "export", "propose", "review", "approve", "reject", "revise"),
    *("deprecate", "withdraw", "comment", "undo", "history", "check", "release", "released"),
    *("adopt", "vocabulary", *WEIGHING),
)
Words = Callable[[dict[str, Any]], None]


@app.command()
def mappings(
    home: HomePath,
    action: Annotated[str, typer.Argument(help=f"{', '.join(ACTIONS)}.")],
    name: Annotated[
        str | None,
        typer.Argument(metavar="SET", help="Name of a set; import, adopt, vocabulary: the file."),
    ] = None,
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of mappings.")] = None,
    subject: Annotated[str | None, typer.Option(help="propose: the term here.")] = None,
    object_: Annotated[
        str | None, typer.Option("--object", help="propose: the term there.")
    ] = None,
    relation: Annotated[
        str | None,
        typer.Option(help="propose, revise: exact, close, broader, narrower or related."),
    ] = None,
    negative: Annotated[bool, typer.Option("--not", help="propose: deny it.")] = False,
    confidence: Annotated[float | None, typer.Option(help="propose: 0 to 1.")] = None,
    justification: Annotated[
        str | None, typer.Option(help="propose: a semapv term, for example LexicalMatching.")
    ] = None,
    text: Annotated[str | None, typer.Option("--text", "-m", help="What is said to it.")] = None,
    replaced_by: Annotated[str | None, typer.Option(help="withdraw: the id that replaces.")] = None,
    every: Annotated[bool, typer.Option("--all", help="approve: every open mapping.")] = False,
    pile: Annotated[
        str | None,
        typer.Option(help="show: yours, open, proposed, review, approved, ended or all."),
    ] = None,
    search: Annotated[str | None, typer.Option(help="show: part of a label or IRI.")] = None,
    into: Annotated[str | None, typer.Option("--as", help="Form of a document.")] = None,
    shipped: Annotated[
        str | None, typer.Option(help="import: a set that comes with the product, anew.")
    ] = None,
    set_name: Annotated[
        str | None, typer.Option("--set", help="import, vocabulary: its name.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="release, export: the version.")] = None,
    reasoner: Annotated[bool, typer.Option(help="release: ask the reasoner.")] = True,
    number: Annotated[int | None, typer.Option(help="undo: the step's number.")] = None,
    target: Annotated[str | None, typer.Option(help="The vocabulary looked for: ies.")] = None,
    term: Annotated[str | None, typer.Option(help="suggest: one term.")] = None,
    queries: Annotated[
        Path | None, typer.Option(help="coverage, impact: a folder of use cases, *.rq.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="impact: ids of mappings that would be withdrawn.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="How many at most.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--out", help="File to write.")] = None,
    token: Annotated[
        Path | None, typer.Option(help="File with a steward's token; the owner acts without.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Govern mapping sets: propose, review, approve by two, release, and see what they cover."""

    def run() -> Outcome:
        if action not in ACTIONS:
            raise BadRequest(f"{action!r} is no action here.", hint=f"Use {', '.join(ACTIONS)}.")
        of_file = action in ("import", "adopt", "vocabulary")
        arguments: dict[str, Any] = {
            "set": set_name if of_file else name,
            "shipped": shipped,
            "file": str(Path(name).resolve()) if of_file and name else None,
            "id": ids[0] if ids and len(ids) == 1 else None,  # show, history, evidence
            "ids": list(ids or ()),
            "subject": subject,
            "object": object_,
            "relation": relation,
            "negative": negative,
            "confidence": confidence,
            "justification": justification,
            "text": text,
            "comment": text,
            "replaced_by": replaced_by,
            "all": every,
            "pile": pile,
            "search": search,
            "as": into,
            "form": into if of_file else None,
            "version": version,
            "reasoner": reasoner,
            "number": number,
            "target": target,
            "term": term,
            "queries": _queries(queries),
            "without": list(without or ()),
            "limit": limit,
            "token": _token(token),
        }
        given = {key: value for key, value in arguments.items() if value not in (None, [], {})}
        return _kept(action, given, home, output)

    report("mappings", run, as_json=as_json)


def _kept(action: str, arguments: dict[str, Any], home: Path, output: Path | None) -> Outcome:
    words = _WORDS.get(action, _say_changed)
    if action in WEIGHING:
        if action == "coverage" and output is not None:
            arguments.setdefault("as", "html" if output.suffix == ".html" else "text")
        result = weigh_on_home(home, action, arguments)
        outcome = Outcome(result, lambda: words(result))
    else:
        outcome = done(home, f"mappings-{action}", arguments, words)
    if output is not None and isinstance(outcome.result.get("content"), str):
        write_atomically(output, outcome.result.pop("content").encode())
        outcome.result["file"] = str(output)
        outcome.words = lambda: out.print(f"Wrote {output}.")
    return outcome


def _queries(folder: Path | None) -> dict[str, str]:
    if folder is None:
        return {}
    found = {path.stem: path.read_text() for path in sorted(folder.glob("*.rq"))}
    if not found:
        raise MissingFile(f"{folder} holds no *.rq files.", hint="Name a folder of queries.")
    return found


def _token(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text().strip()
    except OSError as error:
        raise MissingFile(
            f"{path} cannot be read: {error.strerror}.", hint="Check the name.", file=str(path)
        ) from error


def _say_sets(result: dict[str, Any]) -> None:
    columns = ("Set", "Title", "Open", "Approved", "Denied", "Released")
    rows = [
        [
            one["name"],
            one["title"],
            one["claims"]["proposed"] + one["claims"]["in review"],
            one["claims"]["approved"],
            one["denied"],
            ", ".join(one["released"]),
        ]
        for one in result["sets"]
    ]
    table(columns, rows)


def _say_claims(result: dict[str, Any]) -> None:
    rows = [_claim(one) for one in result["mappings"]]
    table(("Id", "Status", "Subject", "Relation", "Object", "Approved by", "Conflicts"), rows)
    out.print(f"{len(rows)} of {result['total']} in {result['set']}.")


def _claim(one: Mapping[str, Any]) -> list[Any]:
    return [
        last_part(one["id"]),
        one["status"],
        one["subject"]["short"],
        ("not " if one["negative"] else "") + one["relation"],
        one["object"]["short"],
        ", ".join(said["org"] for said in one["approvals"]),
        len(one["conflicts"]) or "",
    ]


def _say_changed(result: dict[str, Any]) -> None:
    for one in result.get("changed", ()):
        out.print(" ".join(str(cell) for cell in _claim(one)))
        for conflict in one["conflicts"]:
            out.print(f"  {conflict['severity']}: {conflict['message']}")
    if "count" in result:
        out.print(f"{result['count']} changed in {result['set']}.")
    for blocked in result.get("blocked", ()):
        out.print(f"Refused, because it is denied here: {blocked}")
    if "undone" in result:
        out.print(f"Took back step {result['undone']['number']}: {result['undone']['verb']}.")


def _say_content(result: dict[str, Any]) -> None:
    sys.stdout.write(result["content"])


def _say_conflicts(result: dict[str, Any]) -> None:
    for one in result["conflicts"]:
        out.print(f"{one['severity']}: {one['message']}")
        for identifier in one["mappings"]:
            out.print(f"    {identifier}")
    out.print(f"{result['errors']} errors, {result['warnings']} warnings.")


def _say_history(result: dict[str, Any]) -> None:
    rows = [
        [one["number"], one["at"], one["by"], one["verb"], one["count"], _undone(one)]
        for one in result["steps"]
    ]
    table(("Step", "When", "Who", "What", "Mappings", ""), rows)


def _undone(step: Mapping[str, Any]) -> str:
    return "undone" if step["undone"] else str(step["detail"].get("text", ""))


def _say_release(result: dict[str, Any]) -> None:
    told = result["release"]
    out.print(f"{told['name']}@{told['version']}: {told['approved']} approved mappings, signed.")
    reasoning = told["reasoning"]
    said = "coherent" if reasoning["reasoned"] else f"not reasoned: {reasoning['reason']}"
    out.print(f"{reasoning['reasoner']}: {said}")


def _say_releases(result: dict[str, Any]) -> None:
    rows = [
        [r["version"], r["issued"], r["issuer"], r["approved"], _reasoned(r), r["notice"]]
        for r in result["releases"]
    ]
    table(("Version", "Released", "By", "Approved", "Reasoner", "Notice"), rows)
    for name in result["structural"]:
        out.print(f"structural map {name}")


def _reasoned(release: Mapping[str, Any]) -> str:
    return "coherent" if release["reasoning"]["reasoned"] else "not reasoned"


def _say_queue(result: dict[str, Any]) -> None:
    rows = [[o["short"], o["kind"], o["state"], o["used"], o["asked"]] for o in result["queue"]]
    table(("Term", "Kind", "State", "Used", "Asked"), rows)


def _say_suggestions(result: dict[str, Any]) -> None:
    for one in result["suggestions"]:
        out.print(f"{shorten(one['term'])} (used {one['used']} times)")
        if not one["candidates"]:
            out.print("    No term there comes near.")
        for candidate in one["candidates"]:
            scores = ", ".join(
                f"{e['kind']} {e['score']:.2f}" for e in candidate["evidence"] if e["score"]
            )
            alone = "; one kind of evidence alone" if candidate["alone"] else ""
            out.print(
                f"    {candidate['total']:.2f} {shorten(candidate['object'])}: {scores}{alone}"
            )


def _say_evidence(result: dict[str, Any]) -> None:
    rows = [
        [o["kind"], "" if o["score"] is None else o["score"], o["detail"]]
        for o in result["evidence"]
    ]
    table(("Evidence", "Score", "What was compared"), rows)


def _say_coverage(result: dict[str, Any]) -> None:
    if "content" in result:
        sys.stdout.write(result["content"])
        return
    rows = [[state, told["terms"], told["uses"]] for state, told in result["counts"].items()]
    table(("State", "Terms", "Uses"), rows)
    out.print("The whole report: --as text, or -o report.html.")


def _say_impact(result: dict[str, Any]) -> None:
    told = [one for one in result["queries"] if one["changes"] or one["error"]]
    if told:
        rows = [[o["query"], o["before"], o["after"], o["error"]] for o in told]
        table(("Query", "Rows before", "Rows after", "Error"), rows)
    for one in told:
        for sign, key in (("+", "added"), ("-", "removed")):
            for row in one[key]:
                out.print(f"{one['query']} {sign} {_row(row)}")
    out.print(f"{result['changed']} of {len(result['queries'])} queries would answer otherwise.")


def _row(row: Any) -> str:
    if not isinstance(row, dict):
        return str(row)
    return ", ".join(f"{name} {value}" for name, value in row.items())


def _say_vocabulary(result: dict[str, Any]) -> None:
    out.print(f"{result['vocabulary']}: {result['terms']:,} terms are known to stewards here.")


_WORDS: dict[str, Words] = {
    "list": _say_sets,
    "show": _say_claims,
    "export": _say_content,
    "check": _say_conflicts,
    "history": _say_history,
    "release": _say_release,
    "adopt": _say_release,
    "vocabulary": _say_vocabulary,
    "released": _say_releases,
    "queue": _say_queue,
    "suggest": _say_suggestions,
    "evidence": _say_evidence,
    "coverage": _say_coverage,
    "impact": _say_impact,
}
