"""The W3C SPARQL suites through a node over HTTP, beside pyoxigraph alone.

In: a folder of the suite. Out: one ``Verdict`` per case: does the node give what the W3C wants,
does it give what pyoxigraph alone gives. Each folder is one data set of a home, published aside;
the graphs of a case are named by protocol parameters, or by the query itself.
"""

from __future__ import annotations

import http.client
import io
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pyoxigraph as ox

from kgnode.query.parse import parse
from tests.conformance.suite import (
    BASE,
    FORMATS,
    Case,
    Outcome,
    expected,
    from_answer,
    from_csv,
    from_graph,
    iri_of,
    load,
    ordered,
    read_manifest,
)
from tests.kgnode.node import NodeUnderTest, served

MISSES = Path(__file__).parent / "sparql_misses.toml"
PAGE = Path(__file__).parents[2] / "docs" / "w3c-sparql.md"
LEFT_OUT = {
    "entailment": "entailment regimes beyond simple entailment are no part of a node",
    "graph-store-protocol": "a node has no graph store protocol: data comes by publishing",
    "http-rdf-update": "a node has no graph store protocol: data comes by publishing",
}
MEDIA = {
    ".srx": "application/sparql-results+xml",
    ".srj": "application/sparql-results+json",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
}


@dataclass(frozen=True)
class Verdict:
    """What came of one case."""

    case: str
    as_wanted: bool
    as_alone: bool


def folders(suites: Path) -> list[Path]:
    """The folders with query tests."""
    every = [
        folder
        for suite in ("sparql10", "sparql11")
        for folder in sorted((suites / suite).iterdir())
        if folder.name not in LEFT_OUT and (folder / "manifest.ttl").exists()
    ]
    return [folder for folder in every if next(read_manifest(folder), None) is not None]


def verdicts(folder: Path, home: Path) -> Iterator[Verdict]:
    """Run one folder."""
    cases = list(read_manifest(folder))
    node = NodeUnderTest(home, evaluators_per_view=1)
    models = {graph: load(file, iri_of(file, folder)) for graph, file in _graphs(cases)}
    node.publish("suite", {iri: {None: found} for iri, found in models.items()}, aside=True)
    with served(node.endpoint(), node.close) as url:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        for case in cases:
            wanted = expected(case) if case.kind == "evaluation" else None
            through, alone = _through(case, connection), _alone(case, models)
            if case.kind == "evaluation":
                as_wanted = through == wanted
            else:
                as_wanted = (through is not None) == (case.kind == "positive")
                through, alone = (found and Outcome("any", "") for found in (through, alone))
            yield Verdict(case.id, as_wanted, through == alone)
        connection.close()


def _graphs(cases: Iterable[Case]) -> Iterator[tuple[str, Path]]:
    """The graphs that cases use: data files under their own address, named ones under theirs."""
    for case in cases:
        for file in case.data:
            yield iri_of(file, case.folder), file
        yield from case.graphs
        if case.kind == "evaluation":
            for clause in parse(case.text).clauses:
                file = case.folder.parents[1] / clause.iri.removeprefix(BASE)
                if file.is_file():
                    yield clause.iri, file


def _through(case: Case, connection: http.client.HTTPConnection) -> Outcome | None:
    """Ask the node; None if it refuses."""
    fields = [("query", case.text)]
    fields += [("default-graph-uri", iri_of(file, case.folder)) for file in case.data]
    if case.kind != "evaluation" or not parse(case.text).clauses:
        fields += [("named-graph-uri", graph) for graph, _ in case.graphs]
    suffix = case.result.suffix if case.result is not None else ""
    headers = {"Authorization": "Bearer owner", "Content-Type": "application/x-www-form-urlencoded"}
    graph = parse_form(case) in ("CONSTRUCT", "DESCRIBE")
    headers["Accept"] = "application/n-triples" if graph else MEDIA.get(suffix, MEDIA[".srx"])
    connection.request("POST", "/sparql", urlencode(fields), headers)
    reply = connection.getresponse()
    body = reply.read()
    if reply.status != 200:
        assert reply.status == 400, body
        return None
    if graph:
        return from_graph(q.triple for q in ox.parse(body, format=ox.RdfFormat.N_TRIPLES))
    if headers["Accept"] == MEDIA[".csv"]:
        return from_csv(body, ordered(case))
    written = {MEDIA[name]: form for name, form in FORMATS.items()}[headers["Accept"]]
    return from_answer(ox.parse_query_results(body, format=written), case)


def _alone(case: Case, models: dict[str, list[ox.Triple]]) -> Outcome | None:
    """Ask pyoxigraph without anything around it; None if it refuses."""
    store = ox.Store()
    for file in case.data:
        found = models[iri_of(file, case.folder)]
        store.extend(ox.Quad(t.subject, t.predicate, t.object) for t in found)
    named = {graph for graph, _ in case.graphs}
    if case.kind == "evaluation":
        named |= {clause.iri for clause in parse(case.text).clauses if clause.iri in models}
    for graph in named:
        name = ox.NamedNode(graph)
        store.extend(ox.Quad(t.subject, t.predicate, t.object, name) for t in models[graph])
    try:
        answer = store.query(case.text)
        if case.result is not None and case.result.suffix == ".csv":
            out = io.BytesIO()
            answer.serialize(out, ox.QueryResultsFormat.CSV)  # type: ignore[union-attr, call-arg, arg-type]
            return from_csv(out.getvalue(), ordered(case))
        return from_answer(answer, case)
    except (SyntaxError, RuntimeError, OSError):
        return None


def parse_form(case: Case) -> str:
    """The form of a case's query, SELECT where it has none."""
    try:
        return parse(case.text).form
    except Exception:
        return "SELECT"


def known_misses() -> dict[str, dict[str, str]]:
    """The misses that are known, with their reasons, by kind."""
    return tomllib.loads(MISSES.read_text())


def page(found: list[Verdict]) -> str:
    """docs/w3c-sparql.md."""
    known = known_misses()
    missed = {verdict.case for verdict in found if not verdict.as_wanted}
    apart = {verdict.case for verdict in found if not verdict.as_alone}
    lines = [
        "# The W3C SPARQL suites through a node",
        "",
        "Made by `python -m tests.conformance.through_node`; do not edit. Every query test of the",
        "SPARQL 1.0 and 1.1 suites goes over HTTP through a node with views, evaluators and the",
        "guard, and to pyoxigraph alone.",
        "",
        "| Suite | Tests | As the W3C wants | As pyoxigraph alone |",
        "|---|---:|---:|---:|",
    ]
    for name in dict.fromkeys(verdict.case.rsplit("/", 1)[0] for verdict in found):
        group = [verdict for verdict in found if verdict.case.rsplit("/", 1)[0] == name]
        wanted, alone = sum(v.as_wanted for v in group), sum(v.as_alone for v in group)
        lines.append(f"| {name} | {len(group)} | {wanted} | {alone} |")
    lines += [
        f"| all | {len(found)} | {len(found) - len(missed)} | {len(found) - len(apart)} |",
        "",
    ]
    lines += ["Left out:", "", *(f"- {name}: {why}." for name, why in LEFT_OUT.items()), ""]
    for title, kind, cases in (
        ("Not as the W3C wants", "w3c", missed),
        ("Not as pyoxigraph alone", "pyoxigraph", apart),
    ):
        lines += [f"## {title}", "", "| Test | Reason |", "|---|---|"]
        lines += [f"| {case} | {known[kind].get(case, 'not known')} |" for case in sorted(cases)]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    import sys
    import tempfile

    gathered: list[Verdict] = []
    for suite_folder in folders(Path(sys.argv[1])):
        with tempfile.TemporaryDirectory() as scratch:
            gathered += verdicts(suite_folder, Path(scratch))
    PAGE.write_text(page(gathered))
