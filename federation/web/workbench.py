"""The workbench: a query over all members, its answer with status, and what it rests on.

In: a query from the form. Out: a page with the rows, what each member did and the plan; the rows
alone as CSV or JSON where a download is asked for. No script is needed; one adds an editor.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from federation.answer import Ask, FederatedAnswer, answer
from federation.members.pool import Identity
from federation.web.frame import (
    FORM_BYTES,
    HEADERS,
    form_of,
    gateway_of,
    identity_of,
    page,
    wants_json,
    who,
)
from federation.web.naming import names_of
from kgnode.errors import GridspineError, NotComplete
from kgnode.names import shorten
from kgnode.problems import problem
from kgnode.query.parse import parse

SAMPLES = Path(__file__).parent / "samples"
_SHOWN_ROWS = 500
_RESULTS = "application/sparql-results+json"
_DOWNLOADS = {
    "csv": ("text/csv", "text/turtle", "answer.csv"),
    "json": (_RESULTS, "text/turtle", "answer.json"),
}
_NUMBERS = frozenset({"double", "float", "integer", "decimal", "int", "long"})


@dataclass(frozen=True)
class Shown:
    """One answer as the page shows it."""

    status: str
    reason: str
    report: Mapping[str, Any]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[dict[str, str], ...], ...] = ()
    total: int = 0
    text: str = ""
    boolean: bool | None = None
    milliseconds: float = 0.0

    def numeric(self, column: int) -> bool:
        """Tell whether a column holds numbers, so that its head stands over them."""
        return any(row[column]["kind"] == "number" for row in self.rows)

    def why(self, member: str) -> str:
        """Return for what a member was asked, in a few words."""
        ways = [
            f"{node['why']} ({step['way']})"
            for step in self.report["plan"]
            for node in step["nodes"]
            if node["id"] == member
        ]
        return ", ".join(dict.fromkeys(ways))

    def left_out(self) -> dict[str, str]:
        """Return the members that were not asked for anything, with the reason."""
        asked = {source["id"] for source in self.report["sources"]}
        reasons: dict[str, list[str]] = {}
        for step in self.report["plan"]:
            for node in step.get("left") or ():
                if node["id"] not in asked:
                    reasons.setdefault(node["id"], []).append(node["why"])
        return {member: ", ".join(dict.fromkeys(why)) for member, why in sorted(reasons.items())}


@dataclass(frozen=True)
class Sample:
    """A query to begin with; its title is the first line of its comment."""

    id: str
    title: str
    text: str

    @classmethod
    def read(cls, path: Path) -> Sample:
        """Read a query file that opens with a comment."""
        text = path.read_text(encoding="utf-8")
        return cls(
            path.stem, text.partition("\n")[0].lstrip("# ").rstrip("."), text.rstrip() + "\n"
        )


def samples(request: Request) -> list[Sample]:
    """Return the queries offered: those of a demonstration first, then those for any CIM data."""
    folders = (*getattr(request.app.state, "samples", ()), SAMPLES)
    return [Sample.read(path) for folder in folders for path in sorted(folder.glob("*.rq"))]


async def workbench(request: Request) -> Response:
    """Show the editor; run a query that was sent."""
    sent = request.method == "POST"
    most = 3 * gateway_of(request).settings.query_max_text_bytes + FORM_BYTES
    form = await form_of(request, most) if sent else dict(request.query_params)
    offered = samples(request)
    wanted = next((one for one in offered if one.id == form.get("sample")), offered[-1])
    text = str(form.get("query") or wanted.text).replace("\r\n", "\n")
    partial = form.get("partial") == "allow"
    caller, _ = who(request)
    identity = identity_of(request, caller)
    if sent and form.get("download") in _DOWNLOADS:
        return await _download(request, text, identity, partial, str(form["download"]))
    shown: Shown | None = None
    error = None
    if sent:
        try:
            shown = await _run(request, text, identity, partial)
        except NotComplete as lost:
            shown = Shown(lost.detail["answer_status"], lost.message, lost.detail["report"])
        except GridspineError as failed:
            error = problem(failed)
    if wants_json(request) and error:
        return Response(orjson.dumps(error), error["status"], HEADERS, "application/problem+json")
    if wants_json(request):
        listed = [{"id": one.id, "title": one.title, "query": one.text} for one in offered]
        return JSONResponse({"samples": listed, "report": shown.report if shown else None})
    return page(
        request,
        "workbench.html",
        status=error["status"] if error else 200,
        title="Workbench",
        query=text,
        partial=partial,
        shown=shown,
        error=error,
        samples=offered,
        members=list(gateway_of(request).refresh().members.values()),
    )


async def terms(request: Request) -> Response:
    """Return what an editor proposes: predicates and classes shown to the caller, with counts."""
    caller, _ = who(request)
    federation = gateway_of(request).refresh()
    known = await federation.summaries.of(
        federation.members.values(), identity_of(request, caller), time.monotonic() + 5
    )
    counts: dict[str, dict[str, int]] = {"predicates": {}, "classes": {}}
    for one in known.values():
        if one.summary is None:
            continue
        for kind, cards in (
            ("predicates", one.summary.predicates),
            ("classes", one.summary.classes),
        ):
            for iri, card in cards.items():
                plain = iri.strip("<>")
                counts[kind][plain] = counts[kind].get(plain, 0) + card.count
    found = {kind: {iri: {"count": n} for iri, n in of.items()} for kind, of in counts.items()}
    return JSONResponse(found, headers={**HEADERS, "Cache-Control": "private, no-store"})


async def _download(
    request: Request, text: str, identity: Identity, partial: bool, form: str
) -> Response:
    """Answer with the rows alone, as a file.

    Raises:
        GridspineError: as the query itself would; the page of the problem says what to mend.
    """
    table, graph, name = _DOWNLOADS[form]
    media = graph if parse(text).form in ("CONSTRUCT", "DESCRIBE") else table
    got = await _answer(request, Ask(text, identity, media, partial))
    name = "answer.ttl" if media == graph else name
    headers = {
        **HEADERS,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Gridspine-Status": got.status,
    }
    return Response(got.body, 200, headers, got.media_type)


async def _answer(request: Request, ask: Ask) -> FederatedAnswer:
    return await answer(ask, gateway_of(request).refresh())


async def _run(request: Request, text: str, identity: Identity, partial: bool) -> Shown:
    start = time.monotonic()
    graph = parse(text).form in ("CONSTRUCT", "DESCRIBE")
    got = await _answer(request, Ask(text, identity, "text/turtle" if graph else _RESULTS, partial))
    base: dict[str, Any] = {
        "status": got.status,
        "reason": got.report.reason,
        "report": got.report.to_json(),
        "milliseconds": (time.monotonic() - start) * 1000,
    }
    if graph:
        return Shown(**base, text=got.body.decode()[:400_000])
    document = orjson.loads(got.body)
    if "boolean" in document:
        return Shown(**base, boolean=document["boolean"])
    columns = tuple(document["head"]["vars"])
    bindings = document["results"]["bindings"]
    shown = bindings[:_SHOWN_ROWS]
    iris = {t["value"] for row in shown for t in row.values() if t["type"] == "uri"}
    names = await names_of(iris, identity, gateway_of(request).refresh())
    rows = tuple(tuple(_cell(row.get(name), names) for name in columns) for row in shown)
    return Shown(**base, columns=columns, rows=rows, total=len(bindings))


def _cell(term: Mapping[str, Any] | None, names: Mapping[str, str]) -> dict[str, str]:
    if term is None:
        return {"text": "", "title": "", "kind": "unbound"}
    value = str(term["value"])
    if term["type"] == "uri":
        short = shorten(value)
        uuid = value.removeprefix("urn:uuid:")
        if uuid != value:
            short = f"{uuid[:8]}…"
        return {"text": names.get(value, short), "title": value, "kind": "iri"}
    datatype = shorten(term.get("datatype", ""))
    kind = "number" if datatype.removeprefix("xsd:") in _NUMBERS else "literal"
    title = term.get("xml:lang") or datatype
    if datatype in ("xsd:double", "xsd:float"):
        title, value = f"{value} {datatype}", _rounded(value)
    return {"text": value, "title": title, "kind": kind}


def _rounded(number: str) -> str:
    """Return a floating point number in 12 significant digits, as people read one.

    >>> _rounded("110.00000000000001"), _rounded("1.5E-3"), _rounded("INF")
    ('110', '0.0015', 'INF')
    """
    try:
        value = float(number)
    except ValueError:
        return number
    return f"{value:.12g}" if math.isfinite(value) else number
