"""W3C SPARQL 1.0 and 1.1 evaluation tests as cases for the federation, and ways to scatter data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyoxigraph as ox

MF = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
QT = "http://www.w3.org/2001/sw/DataAccess/tests/test-query#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
KINDS = {f"{MF}QueryEvaluationTest", f"{MF}CSVResultFormatTest"}
SKIPPED = ("entailment", "service")
BASE = "http://w3c.example/"


@dataclass(frozen=True)
class Case:
    """One evaluation test."""

    name: str
    query: Path
    data: tuple[Path, ...]
    graphs: tuple[tuple[str, Path], ...]
    result: Path | None
    root: Path

    def iri(self, path: Path) -> str:
        """The IRI by which a file of the suite is known."""
        return BASE + quote(path.relative_to(self.root).as_posix())

    def text(self) -> str:
        """The query, relative IRIs against its own file."""
        return f"BASE <{self.iri(self.query)}>\n{self.query.read_text()}"

    def quads(self) -> list[ox.Quad]:
        """All data of the test, each file's blank nodes its own."""
        found: list[ox.Quad] = []
        for path in self.data:
            found += _load(path, self.iri(path), ox.DefaultGraph())
        for name, path in self.graphs:
            found += _load(path, self.iri(path), ox.NamedNode(name))
        return found


def _load(path: Path, base: str, graph: Any) -> list[ox.Quad]:
    kind = {
        ".ttl": ox.RdfFormat.TURTLE,
        ".rdf": ox.RdfFormat.RDF_XML,
        ".nt": ox.RdfFormat.N_TRIPLES,
    }[path.suffix]
    parsed = ox.parse(path.read_bytes(), format=kind, base_iri=base, rename_blank_nodes=True)
    return [ox.Quad(q.subject, q.predicate, q.object, graph) for q in parsed]


def cases(suites: Path) -> Iterator[Case]:
    """Yield all evaluation tests without entailment and SERVICE."""
    for suite in ("sparql10", "sparql11"):
        for manifest in sorted((suites / suite).glob("*/manifest.ttl")):
            if manifest.parent.name not in SKIPPED:
                yield from _manifest(manifest, suites)


def _manifest(manifest: Path, root: Path) -> Iterator[Case]:
    store = ox.Store()
    base = manifest.as_uri()
    store.load(manifest.read_bytes(), format=ox.RdfFormat.TURTLE, base_iri=base)

    def values(subject: Any, predicate: str) -> list[Any]:
        quads = store.quads_for_pattern(subject, ox.NamedNode(predicate), None, None)
        return [quad.object for quad in quads]

    def path(term: Any) -> Path:
        from urllib.parse import unquote, urlsplit

        return Path(unquote(urlsplit(term.value).path))

    tests = {
        q.subject
        for kind in KINDS
        for q in store.quads_for_pattern(None, ox.NamedNode(f"{RDF}type"), ox.NamedNode(kind), None)
    }
    for test in sorted(tests, key=str):
        (action,) = values(test, f"{MF}action")
        query = values(action, f"{QT}query")
        if not query:
            continue
        graphs: list[tuple[str, Path]] = []
        for graph in values(action, f"{QT}graphData"):
            inner = values(graph, f"{QT}graph")
            if inner:
                label = values(graph, f"{RDFS}label")[0].value
                graphs.append((label, path(inner[0])))
            else:
                file = path(graph)
                graphs.append((BASE + quote(file.relative_to(root).as_posix()), file))
        result = [path(r) for r in values(test, f"{MF}result") if isinstance(r, ox.NamedNode)]
        folder = manifest.parent.relative_to(root)
        name = f"{folder.as_posix()}/{test.value.rpartition('#')[2] or path(query[0]).stem}"
        data = tuple(path(d) for d in values(action, f"{QT}data"))
        yield Case(name, path(query[0]), data, tuple(graphs), result[0] if result else None, root)


def by_turns(quads: list[ox.Quad], nodes: int) -> list[list[ox.Quad]]:
    """Triple by triple to the next node."""
    return [quads[at::nodes] for at in range(nodes)]


def by_predicate(quads: list[ox.Quad], nodes: int) -> list[list[ox.Quad]]:
    """Each predicate at one node."""
    order: dict[str, int] = {}
    for quad in quads:
        order.setdefault(quad.predicate.value, len(order))
    parts: list[list[ox.Quad]] = [[] for _ in range(nodes)]
    for quad in quads:
        parts[order[quad.predicate.value] % nodes].append(quad)
    return parts


def at_two(quads: list[ox.Quad], nodes: int) -> list[list[ox.Quad]]:
    """Every triple at two nodes."""
    parts: list[list[ox.Quad]] = [[] for _ in range(nodes)]
    for at, quad in enumerate(quads):
        parts[at % nodes].append(quad)
        parts[(at + 1) % nodes].append(quad)
    return parts


MANNERS: dict[str, Callable[[list[ox.Quad], int], list[list[ox.Quad]]]] = {
    "by turns": by_turns,
    "by predicate": by_predicate,
    "at two": at_two,
}
