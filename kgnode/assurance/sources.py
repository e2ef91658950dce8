"""Where focus nodes come from, as SPARQL: targets of a shape (SHACL 2.1.3) and paths from them.

In: targets, the classes of the data and the subclass closure. Out: a ``Source``: a group pattern
that binds ``?this``. A class that the data does not use adds nothing; what SPARQL cannot name
(blank nodes, answers of a SPARQLTarget) is put into a marker graph beside the data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyoxigraph as ox

from kgnode.assurance.data import CONTEXT, Data, protected
from kgnode.assurance.graph import Term
from kgnode.assurance.paths import Path
from kgnode.assurance.shapes import Shape, Target
from kgnode.assurance.sparql import focus_query

MARK = "urn:gridspine:focus:"
_SUBJECT = ox.NamedNode(MARK + "of")
_HOLDS = ox.NamedNode(MARK + "holds")
_THIS = re.compile(r"[?$]this\b")


class Unsupported(Exception):
    """A shape that is not compiled; the message says which feature of it."""


@dataclass(frozen=True)
class Source:
    """A pattern that binds ``?this`` to focus nodes; ``empty`` when it is known to bind none."""

    pattern: str
    depth: int = 0
    empty: bool = False

    def step(self, path: Path) -> Source:
        """Return the values of a path from these nodes, each once."""
        up = f"?up{self.depth}"
        inner = _THIS.sub(up, self.pattern)
        pattern = f"{{ SELECT DISTINCT ?this WHERE {{ {inner} {up} {path.sparql()} ?this . }} }}"
        return Source(pattern, self.depth + 1, self.empty)


class Sources:
    """Makes sources for the shapes of one validation."""

    def __init__(
        self, data: Data, below: Mapping[str, frozenset[str]], *, inherit: bool = True
    ) -> None:
        self._data = data
        self._inherit = inherit
        self._below = below
        self._marks = 0
        self.spelled: dict[Term, Term] = {}

    def classes(self, name: str) -> list[str]:
        """Return the class and those below it that the data uses, for targets."""
        wanted = {name} | (self._below if self._inherit else {}).get(name, frozenset())
        return sorted(wanted.intersection(self._data.classes))

    def is_instance(self, value: str, name: str) -> str:
        """Return the pattern that holds where a variable is an instance of a class."""
        wanted = {name} | self._below.get(name, frozenset())
        used = sorted(wanted.intersection(self._data.context.union(self._data.classes)))
        if not used:
            return "FILTER(false)"
        listed = ", ".join(f"<{found}>" for found in used)
        kind = f"<{used[0]}>" if len(used) == 1 else "?type"
        test = "" if len(used) == 1 else f"FILTER(?type IN ({listed}))"
        if not self._data.context:
            return f"{value} a {kind} . {test}"
        beside = f"GRAPH <{CONTEXT.value}> {{ {value} a {kind} . {test} }}"
        return f"{{ {value} a {kind} . {test} }} UNION {{ {beside} }}"

    def of(self, shape: Shape) -> Source:
        """Return the focus nodes of a shape's targets.

        Raises:
            Unsupported: a target type that is neither SHACL's own nor a SPARQLTarget.
        """
        branches: dict[str, None] = {}
        nodes: list[Term] = []
        for target in shape.targets:
            if target.kind == "node":
                nodes.append(target.term)
            elif target.kind == "sparql" and target.sparql is not None:
                query = focus_query(target.sparql)
                rows = self._data.store.query(query)
                nodes += [row["this"] for row in rows]  # type: ignore[union-attr]
            else:
                branches.update(dict.fromkeys(self._branches(target)))
        if nodes:
            branches[self.marked(nodes).pattern] = None
        return _union(list(branches))

    def _branches(self, target: Target) -> Iterable[str]:
        if not isinstance(target.term, ox.NamedNode):
            raise Unsupported("a target without an IRI")
        iri = target.term.value
        if target.kind == "class":
            return [f"?this a <{name}> ." for name in self.classes(iri)]
        if target.kind == "subjectsOf":
            return [f"{{ SELECT DISTINCT ?this WHERE {{ ?this <{iri}> ?object }} }}"]
        if target.kind == "objectsOf":
            return [f"{{ SELECT DISTINCT ?this WHERE {{ ?subject <{iri}> ?this }} }}"]
        raise Unsupported("a target type of SHACL-AF")

    def marked(self, nodes: Iterable[Term]) -> Source:
        """Return a source of exactly these nodes, kept in a graph of their own."""
        self._marks += 1
        graph = ox.NamedNode(f"{MARK}{self._marks}")
        for node in nodes:
            if isinstance(node, ox.Literal):
                self._note_spelling(node)
            self._data.store.add(ox.Quad(_SUBJECT, _HOLDS, protected(node), graph))
        return Source(f"GRAPH <{graph.value}> {{ <{_SUBJECT.value}> <{_HOLDS.value}> ?this }}")

    def _note_spelling(self, literal: ox.Literal) -> None:
        """Remember how a target was spelled: Oxigraph answers 4.0 as 4."""
        rows = self._data.store.query(f"SELECT ({literal} AS ?x) WHERE {{}}")
        for row in rows:  # type: ignore[union-attr]
            self.spelled[row["x"]] = literal


def _union(branches: list[str]) -> Source:
    if not branches:
        return Source("FILTER(false)", empty=True)
    if len(branches) == 1:
        return Source(branches[0])
    return Source(" UNION ".join(f"{{ {branch} }}" for branch in branches))
