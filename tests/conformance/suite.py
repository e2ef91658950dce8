"""The W3C SPARQL suites as cases, and their expected results in one comparable form.

In: manifests (mf:, qt: vocabularies) and result files. Out: ``Case`` and ``Outcome``; two outcomes
are equal if their solutions are, up to the names of blank nodes and the spelling of numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

from kgnode.query.parse import parse

MF = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
QT = "http://www.w3.org/2001/sw/DataAccess/tests/test-query#"
RS = "http://www.w3.org/2001/sw/DataAccess/tests/result-set#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
BASE = "http://w3c.example/"
SKOLEM = "urn:gridspine:bnode:"

EVALUATION = ("QueryEvaluationTest", "CSVResultFormatTest")
POSITIVE = ("PositiveSyntaxTest", "PositiveSyntaxTest11")
NEGATIVE = ("NegativeSyntaxTest", "NegativeSyntaxTest11")

FORMATS = {
    ".srx": ox.QueryResultsFormat.XML,
    ".srj": ox.QueryResultsFormat.JSON,
    ".tsv": ox.QueryResultsFormat.TSV,
}


@dataclass(frozen=True)
class Case:
    """One test: ``kind`` is evaluation, positive or negative (syntax)."""

    id: str
    kind: str
    query: Path
    data: tuple[Path, ...] = ()
    graphs: tuple[tuple[str, Path], ...] = ()
    result: Path | None = None
    folder: Path = Path()

    @property
    def base(self) -> str:
        return iri_of(self.query, self.folder)

    @property
    def text(self) -> str:
        """The query, told where it stands."""
        return f"BASE <{self.base}>\n{self.query.read_bytes().decode()}"


@dataclass(frozen=True)
class Outcome:
    """A boolean, a graph or solutions, canonical; csv is compared as the text it is."""

    kind: str
    value: object


def iri_of(path: Path, folder: Path) -> str:
    """The address of a file of the suite."""
    return BASE + path.relative_to(folder.parents[1]).as_posix()


def read_manifest(folder: Path) -> Iterator[Case]:
    """Yield the query cases of one folder, in its order."""
    file = folder / "manifest.ttl"
    base = iri_of(file, folder)
    store = ox.Store()
    store.load(path=file, format=ox.RdfFormat.TURTLE, base_iri=base)

    def values(subject: ox.NamedNode | ox.BlankNode, name: str) -> list[ox.NamedNode]:
        found = store.quads_for_pattern(subject, ox.NamedNode(name), None)
        return [quad.object for quad in found]  # type: ignore[misc]

    def path(node: ox.NamedNode) -> Path:
        return folder / node.value.removeprefix(base.rsplit("/", 1)[0] + "/")

    def graph(node: ox.NamedNode | ox.BlankNode) -> tuple[str, Path]:
        labels, files = values(node, RDFS + "label"), values(node, QT + "graph")
        if not files:
            return node.value, path(node)  # type: ignore[arg-type]
        return (labels[0].value if labels else files[0].value), path(files[0])

    (listed,) = (quad.object for quad in store.quads_for_pattern(None, _MF_ENTRIES, None))
    while listed != ox.NamedNode(RDF + "nil"):
        (test,) = values(listed, RDF + "first")  # type: ignore[arg-type]
        (listed,) = values(listed, RDF + "rest")  # type: ignore[arg-type]
        kind = _kind({node.value.removeprefix(MF) for node in values(test, RDF + "type")})
        if kind is None:
            continue
        (action,) = values(test, MF + "action")
        queries = values(action, QT + "query")
        results = values(test, MF + "result")
        yield Case(
            id=f"{folder.parent.name}/{folder.name}/{test.value.rsplit('#', 1)[-1]}",
            kind=kind,
            query=path(queries[0] if queries else action),
            data=tuple(path(node) for node in values(action, QT + "data")),
            graphs=tuple(sorted(graph(node) for node in values(action, QT + "graphData"))),
            result=path(results[0]) if results else None,
            folder=folder,
        )


_MF_ENTRIES = ox.NamedNode(MF + "entries")


def _kind(types: set[str]) -> str | None:
    for name, members in (("evaluation", EVALUATION), ("positive", POSITIVE)):
        if types & set(members):
            return name
    return "negative" if types & set(NEGATIVE) else None


def load(path: Path, base: str) -> list[ox.Triple]:
    """Parse a data file of the suite."""
    written = {".ttl": ox.RdfFormat.TURTLE, ".nt": ox.RdfFormat.N_TRIPLES}.get(
        path.suffix, ox.RdfFormat.RDF_XML
    )
    found = ox.parse(path.read_bytes(), format=written, base_iri=base, rename_blank_nodes=True)
    return [quad.triple for quad in found]


def expected(case: Case) -> Outcome:
    """The result that the W3C wants."""
    assert case.result is not None
    file = case.result
    if file.suffix == ".csv":
        return from_csv(file.read_bytes(), ordered(case))
    if file.suffix in FORMATS:
        content = file.read_bytes()
        return from_answer(ox.parse_query_results(content, format=FORMATS[file.suffix]), case)
    triples = load(file, iri_of(file, case.folder))
    sets = [t.subject for t in triples if t.object == ox.NamedNode(RS + "ResultSet")]
    if not sets:
        return from_graph(triples)
    return _from_result_set(triples, sets[0], case)


def from_answer(
    answer: ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples, case: Case
) -> Outcome:
    """An answer of the engine, or a parsed result document."""
    if isinstance(answer, ox.QueryBoolean):
        return Outcome("boolean", bool(answer))
    if isinstance(answer, ox.QueryTriples):
        return from_graph(answer)
    names = [variable.value for variable in answer.variables]
    rows = [{n: s[n] for n in names if s[n] is not None} for s in answer]
    return _from_rows(names, _reduced(rows, case), ordered(case))


def _reduced(rows: list[dict[str, object]], case: Case) -> list[dict[str, object]]:
    """REDUCED leaves open how many equal rows there are (SPARQL 1.1 Query, section 15.3.2)."""
    if "REDUCED" not in parse(case.text).keywords:
        return rows
    return [row for place, row in enumerate(rows) if row not in rows[:place]]


def from_graph(triples: Iterable[ox.Triple]) -> Outcome:
    """A graph."""
    return Outcome("graph", _canonical(triples))


def from_csv(content: bytes, in_order: bool) -> Outcome:
    """Comma-separated values carry no types: compared cell by cell, blank nodes alike."""
    rows = [
        tuple(sorted((name, _plain_cell(cell)) for name, cell in row.items()))
        for row in csv.DictReader(io.StringIO(content.decode()))
    ]
    return Outcome("csv", tuple(rows if in_order else sorted(rows)))


def _plain_cell(cell: str) -> str:
    if cell.startswith(("_:", SKOLEM)):
        return "_:b"
    try:
        return str(float(cell))
    except ValueError:
        return cell


def ordered(case: Case) -> bool:
    """Whether the order of the rows is part of the answer."""
    return "ORDER" in parse(case.text).keywords


def _from_result_set(triples: list[ox.Triple], node: object, case: Case) -> Outcome:
    def values(subject: object, name: str) -> list[object]:
        wanted = ox.NamedNode(RS + name)
        return [t.object for t in triples if t.subject == subject and t.predicate == wanted]

    booleans = values(node, "boolean")
    if booleans:
        return Outcome("boolean", booleans[0].value == "true")  # type: ignore[attr-defined]
    names = [name.value for name in values(node, "resultVariable")]  # type: ignore[attr-defined]
    found = []
    for solution in values(node, "solution"):
        row = {
            values(binding, "variable")[0].value: values(binding, "value")[0]  # type: ignore[attr-defined]
            for binding in values(solution, "binding")
        }
        index = values(solution, "index")
        found.append((int(index[0].value) if index else 0, row))  # type: ignore[attr-defined]
    found.sort(key=lambda pair: pair[0])
    in_order = ordered(case) and any(index for index, _ in found)
    return _from_rows(names, _reduced([row for _, row in found], case), in_order)


def _from_rows(names: list[str], rows: list[dict[str, object]], in_order: bool) -> Outcome:
    """Write solutions as a graph, one blank node a row, so that one comparison serves all."""
    triples = []
    for place, row in enumerate(rows):
        node = ox.BlankNode()
        triples.append(ox.Triple(node, ox.NamedNode(RS + "row"), ox.Literal("")))
        if in_order:
            index = ox.Literal(str(place), datatype=ox.NamedNode("x:place"))
            triples.append(ox.Triple(node, ox.NamedNode(RS + "index"), index))
        for name, value in row.items():
            triples.append(ox.Triple(node, ox.NamedNode(f"x:var:{name}"), value))  # type: ignore[arg-type]
    return Outcome("solutions", (tuple(sorted(names)), len(rows), _canonical(triples)))


def _canonical(triples: Iterable[ox.Triple]) -> tuple[str, ...]:
    store = ox.Store()  # the store spells numbers in one way
    store.extend(ox.Quad(_bare(t.subject), t.predicate, _bare(t.object)) for t in triples)  # type: ignore[arg-type]
    dataset = ox.Dataset(store)
    dataset.canonicalize(ox.CanonicalizationAlgorithm.UNSTABLE)
    return tuple(sorted(str(quad) for quad in dataset))


def _bare(term: object) -> object:
    """Turn a node's stand-in for a blank node back into one."""
    if isinstance(term, ox.NamedNode) and term.value.startswith(SKOLEM):
        return ox.BlankNode("k" + term.value.encode().hex())
    return term
