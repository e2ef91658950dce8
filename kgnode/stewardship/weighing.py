"""What stewards decide by: evidence, suggestions, the queue by use, coverage, and the impact.

In: an open ``Node``, its ``Desk``, who asks and the arguments. Out: JSON values. All that is said
of data is asked of the caller's own view through the ordinary door, so that nothing hidden shows;
queries that were asked are told to the owner's stewards and auditors only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from kgnode.alignment import coverage as coverages
from kgnode.alignment.apply import Rewriter
from kgnode.alignment.evidence import Weigher, suggestions
from kgnode.alignment.gap_report import html_of, text_of
from kgnode.alignment.mapping import MappingSet, Status
from kgnode.alignment.preview import Rows, changed, rows_of
from kgnode.alignment.standing import Standing
from kgnode.alignment.use import Use, asked_in, counted, shared
from kgnode.cim.namespaces import split
from kgnode.errors import BadRequest, GridspineError
from kgnode.governance import text
from kgnode.names import expand
from kgnode.node import Node
from kgnode.policy.caller import Caller
from kgnode.query.answer import answer
from kgnode.query.desk import Desk
from kgnode.query.protocol import SparqlRequest

Arguments = Mapping[str, Any]
_QUERIES = {
    name: (Path(coverages.__file__).parent / f"{name}.rq").read_text("utf-8")
    for name in ("classes_counted", "properties_counted", "classes_shared", "properties_shared")
}
LOG_ENTRIES = 5_000
SAVED_MOST = 200
LOG_ROLES = frozenset({"steward", "auditor", "operator"})


async def _rows(desk: Desk, caller: Caller, query: str, *mappings: str) -> dict[str, Any]:
    """Return the answer of a query as W3C JSON, as the caller gets it."""
    request = SparqlRequest(query, accept="application/sparql-results+json", mappings=mappings)
    got = await answer(request, caller, desk)
    found: dict[str, Any] = orjson.loads(await got.read())
    return found


async def use_of(node: Node, desk: Desk, caller: Caller, *, together: bool = False) -> Use:
    """Return what the caller's own view uses, and what queries asked for where that may be told."""
    pairs: dict[frozenset[str], int] = {}
    if together:
        for name in ("classes_shared", "properties_shared"):
            pairs |= shared(await _rows(desk, caller, _QUERIES[name]))
    return Use(
        counted(await _rows(desk, caller, _QUERIES["classes_counted"])),
        counted(await _rows(desk, caller, _QUERIES["properties_counted"])),
        pairs,
        await asyncio.to_thread(_asked, node) if _may_read_log(node, caller) else {},
    )


def _asked(node: Node) -> dict[str, int]:
    """Return how many queries, asked or saved, name each term."""
    return asked_in((*_log(node), *saved_queries(node).values()))


def _may_read_log(node: Node, caller: Caller) -> bool:
    return caller.org == node.org and bool(caller.roles & LOG_ROLES)


def _log(node: Node) -> list[str]:
    """Return the texts of answered queries in the audit log, our own counting left out."""
    node.audit.flush()
    return [
        entry["query"]
        for entry in node.audit.tail(LOG_ENTRIES)
        if entry.get("action") == "query"
        and isinstance(entry.get("query"), str)
        and entry["query"] not in _QUERIES.values()
    ]


def saved_queries(node: Node) -> dict[str, str]:
    """Return the owner's saved queries, ``HOME/queries/*.rq``, name to text."""
    paths = sorted((node.home.path / "queries").glob("*.rq"))[:SAVED_MOST]
    return {path.stem: path.read_text("utf-8", errors="replace") for path in paths}


def _claims(node: Node, arguments: Arguments) -> tuple[list[Standing], list[str]]:
    """Return the claims of the sets named, or of all, and how the sets are called."""
    wanted = arguments.get("set")
    names = str(wanted).split(",") if wanted else list(node.mappings.names())
    claims = [
        standing for name in names for standing in node.mappings.working(name).standings.values()
    ]
    return claims, names


def _target(arguments: Arguments) -> str | None:
    given = arguments.get("target")
    if not given:
        return None
    found = expand(f"{given}x")[:-1] if ":" in str(given) else expand(f"{given}:x")[:-1]
    return found or None


async def queue(node: Node, desk: Desk, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """Tell what to work on: terms in use or asked for that nothing approved covers, by use."""
    claims, names = _claims(node, arguments)
    use = await use_of(node, desk, caller)
    stood = await asyncio.to_thread(
        coverages.stand,
        use.terms,
        claims,
        use,
        node.mappings.terms,
        _target(arguments),
        _structural(node, names, _target(arguments)),
    )
    waiting = [one for one in stood if one.state in ("none", "open")]
    most = min(int(arguments.get("limit") or 100), 1000)
    return {
        "sets": names,
        "total": len(waiting),
        "log": _may_read_log(node, caller),
        "queue": [{**one.to_json(), "weight": one.weight} for one in waiting[:most]],
    }


async def suggest(node: Node, desk: Desk, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """Suggest counterparts, each kind of evidence apart; nothing is proposed by this.

    ``target`` is the vocabulary to look in (prefix or namespace), ``term`` one term; without it,
    the most used terms that no living claim covers.
    """
    claims, names = _claims(node, arguments)
    target = _target(arguments)
    if target is None:
        raise BadRequest("No target vocabulary is named.", hint="For example target=ies.")
    use = await use_of(node, desk, caller, together=True)
    terms = node.mappings.terms
    if arguments.get("term"):
        wanted = [expand(str(arguments["term"]))]
    else:
        maps = _structural(node, names, target)
        stood = coverages.stand(use.terms, claims, use, terms, target, maps)
        wanted = [
            one.term for one in stood if one.state == "none" and split(one.term)[0] != target
        ][: min(int(arguments.get("limit") or 20), 200)]
    rows = [standing.first for standing in claims if standing.live]
    known = {(row.subject, row.object) for row in rows} | {(r.object, r.subject) for r in rows}
    weigher = Weigher(terms, rows, use)
    found = await asyncio.to_thread(suggestions, wanted, target, weigher, known)
    return {
        "sets": names,
        "target": target,
        "formula": "1 - product of (1 - weight * score) over the kinds that could be judged",
        "suggestions": [
            {
                "term": term,
                "label": terms.get(term).label,
                "used": use.of(term),
                "candidates": [
                    {**one.to_json(), "label": terms.get(one.object).label} for one in candidates
                ],
            }
            for term, candidates in found.items()
        ],
    }


async def evidence(node: Node, desk: Desk, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """Tell the four kinds of evidence for one claim, side by side."""
    claims, _ = _claims(node, arguments)
    working = node.mappings.working(text(arguments, "set"))
    standing = working.find(text(arguments, "id"))
    use = await use_of(node, desk, caller, together=True)
    others = [one.first for one in claims if one.live and one.key != standing.key]
    first = standing.first
    found = Weigher(node.mappings.terms, others, use).weigh(first.subject, first.object)
    return {
        "id": standing.key,
        "used": {"subject": use.of(first.subject), "object": use.of(first.object)},
        "evidence": [{"kind": e.kind, "score": e.score, "detail": e.detail} for e in found],
    }


async def coverage(node: Node, desk: Desk, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """Make the coverage and gap report; ``as`` text or html gives it as a document too."""
    claims, names = _claims(node, arguments)
    use = await use_of(node, desk, caller)
    terms = node.mappings.terms
    target = _target(arguments)
    maps = _structural(node, names, target)
    cases: dict[str, list[str]] = {}
    if _may_read_log(node, caller):
        cases = {name: [query] for name, query in saved_queries(node).items()}
        if log := _log(node):
            cases["the query log"] = log
    for name, query in dict(arguments.get("queries") or {}).items():
        cases[str(name)] = [str(query)]
    report = coverages.Report(
        f"Coverage and gaps of {node.home.identity.name}",
        datetime.now(UTC).isoformat(timespec="seconds"),
        "the public" if caller.org is None else f"a caller of {caller.org}",
        tuple(_called(node, name) for name in names),
        coverages.models_of(use),
        coverages.stand(use.terms, claims, use, terms, target, maps),
        coverages.use_cases(cases, claims, use, terms, target, maps),
    )
    written = {"text": text_of, "html": html_of}.get(str(arguments.get("as") or ""))
    return report.to_json() | ({"content": written(report)} if written else {})


def _structural(node: Node, names: Sequence[str], target: str | None) -> coverages.Maps:
    """Return the structural maps of the latest releases by the terms they read or make."""
    texts = {
        f"{name}/{one}": written
        for name in names
        if node.mappings.versions(name)
        for one, written in node.mappings.rules(name).items()
    }
    return coverages.by_term(texts, target)


def _called(node: Node, name: str) -> str:
    versions = node.mappings.versions(name)
    return f"{name}@{versions[-1]}" if versions else f"{name} (not released)"


class _Offered:
    """Sets as they are, but one of them as it would be."""

    def __init__(self, node: Node, name: str, found: MappingSet) -> None:
        self._node, self._name, self._found = node, name, found

    def released(self, name: str, version: str | None) -> MappingSet:
        if name == self._name and version == self._found.version:
            return self._found
        return self._node.mappings.released(name, version)

    def rules(self, name: str, version: str | None) -> Mapping[str, str]:
        if name != self._name or version != self._found.version:
            return self._node.mappings.rules(name, version)
        return self._node.mappings.shipped_rules(name)


async def impact(node: Node, desk: Desk, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """Tell which saved queries would answer otherwise, before anything is decided.

    Compared are the latest release (nothing, where there is none) and the set with the claims named
    by ``ids`` approved, or, with ``without`` , withdrawn; each query is asked under both.
    """
    name = text(arguments, "set")
    if not _may_read_log(node, caller):
        queries: dict[str, str] = {}
    else:
        queries = saved_queries(node)
    queries |= {str(k): str(v) for k, v in dict(arguments.get("queries") or {}).items()}
    before = await _answers(node, desk, caller, name, _as_is(node, name), queries)
    after = await _answers(node, desk, caller, name, _as_would_be(node, name, arguments), queries)
    told = [
        changed(query, before[query][0], after[query][0], (before[query][1], after[query][1]))
        for query in queries
    ]
    return {
        "set": name,
        "queries": [one.to_json() for one in told],
        "changed": sum(one.changes for one in told),
    }


def _as_is(node: Node, name: str) -> MappingSet:
    if node.mappings.versions(name):
        return replace(node.mappings.released(name), version="before")
    return replace(node.mappings.working(name).head, version="before", mappings=())


def _as_would_be(node: Node, name: str, arguments: Arguments) -> MappingSet:
    working = node.mappings.working(name)
    chosen = {working.find(str(one)).key for one in arguments.get("ids") or ()}
    dropped = {working.find(str(one)).key for one in arguments.get("without") or ()}
    rows = [
        row
        for standing in working.standings.values()
        if standing.key not in dropped
        and (standing.status is Status.APPROVED or standing.key in chosen)
        for row in standing.moved(Status.APPROVED).rows
    ]
    return replace(working.head, version="after", mappings=tuple(rows))


async def _answers(
    node: Node, desk: Desk, caller: Caller, name: str, found: MappingSet, queries: Mapping[str, str]
) -> dict[str, tuple[Rows, str]]:
    """Return the rows of each query under a set, or why it is not answered."""
    there = replace(desk, mappings=Rewriter(_Offered(node, name, found)))
    answers: dict[str, tuple[Rows, str]] = {}
    for query, written in queries.items():
        try:
            got = await _rows(there, caller, written, f"{name}@{found.version}")
            answers[query] = rows_of(got), ""
        except GridspineError as error:
            answers[query] = Rows(), error.message
    return answers


WEIGHING: Mapping[str, Callable[[Node, Desk, Caller, Arguments], Awaitable[dict[str, Any]]]] = {
    "queue": queue,
    "suggest": suggest,
    "evidence": evidence,
    "coverage": coverage,
    "impact": impact,
}
