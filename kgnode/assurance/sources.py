"""Where focus nodes come from, as SPARQL: targets of a shape (SHACL 2.1.3) and paths from them.

In: targets, the classes of the data and the subclass closure. Out: a ``Source``: a group pattern
that binds ``?this``. A class that the data does not use adds nothing; what SPARQL cannot name
(blank nodes, answers of a SPARQLTarget) is put into a marker graph beside the data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pyoxigraph as ox

from kgnode.assurance.columns import Name
from kgnode.assurance.data import CONTEXT, MARK, Data, protected
from kgnode.assurance.graph import Term
from kgnode.assurance.hierarchy import Closure
from kgnode.assurance.paths import Path
from kgnode.assurance.shapes import Shape, Target
from kgnode.assurance.sparql import focus_query

_SUBJECT = ox.NamedNode(MARK + "of")
_HOLDS = ox.NamedNode(MARK + "holds")
_THIS = re.compile(r"[?$]this\b")


class Unsupported(Exception):
    """A shape that is not compiled; the message says which feature of it."""


@dataclass(frozen=True)
class Source:
    """A pattern that binds ``?this`` to focus nodes.

    Attributes:
        pattern: the pattern.
        depth: how many paths lead here from the targets.
        empty: known to bind nothing.
        branches: the alternatives it is made of, as plain patterns.
        targets: what makes a node a focus node: ("class" | "subjectsOf" | "objectsOf", IRI).
        fixed: made of given nodes or a query, so that ``targets`` does not tell all.
        size: number of focus nodes, where the classes tell it.
    """

    pattern: str
    depth: int = 0
    empty: bool = False
    branches: tuple[str, ...] = ()
    targets: frozenset[tuple[str, str]] = frozenset()
    fixed: bool = False
    size: int | None = None

    def within(self, nodes: Source) -> Source:
        """Return those of these focus nodes that are among some marked nodes."""
        parts = [f"{{ {nodes.pattern} {branch} }}" for branch in self.branches or (self.pattern,)]
        return Source(" UNION ".join(parts) if len(parts) > 1 else parts[0][2:-2], self.depth)

    def values(self, path: Path) -> str:
        """Return the pattern that binds ``?value`` to each value of a path from these nodes."""
        reach = f"?this {path.sparql()} ?value ."
        if self.branches == (f"?this {path.sparql()} ?object .",):
            return reach
        return f"{self.pattern} {reach}"

    def step(self, path: Path) -> Source:
        """Return the values of a path from these nodes, each once."""
        up = f"?up{self.depth}"
        inner = _THIS.sub(up, self.pattern)
        pattern = f"{{ SELECT DISTINCT ?this WHERE {{ {inner} {up} {path.sparql()} ?this . }} }}"
        return Source(pattern, self.depth + 1, self.empty)


class Sources:
    """Makes sources for the shapes of one validation."""

    def __init__(self, data: Data, hierarchy: Closure, *, inherit: bool = True) -> None:
        self._data = data
        self._inherit = inherit
        self._below = hierarchy.below
        self.spelled: dict[Term, Term] = {}

    def classes(self, name: str) -> list[str]:
        """Return the class and those below it that the data uses, for targets."""
        wanted = {name} | (self._below(name) if self._inherit else frozenset())
        return sorted(wanted.intersection(self._data.classes))

    def with_subclasses(self, name: str) -> frozenset[str]:
        """Return the class and all below it, whether the data uses them or not."""
        return self._below(name) | {name}

    def instance_columns(self, name: str) -> list[Name]:
        """Return the columns that together hold the instances of a class, for sh:class."""
        wanted = self.with_subclasses(name)
        names: list[Name] = []
        names += [("class", found) for found in sorted(wanted.intersection(self._data.classes))]
        names += [("context", found) for found in sorted(wanted.intersection(self._data.context))]
        return names

    def is_instance(self, value: str, name: str) -> str:
        """Return the pattern that holds where a variable is an instance of a class."""
        wanted = self.with_subclasses(name)
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
        branches: dict[str, str] = {}
        targets: set[tuple[str, str]] = set()
        nodes: list[Term] = []
        for target in shape.targets:
            if target.kind == "node":
                nodes.append(target.term)
            elif target.kind == "sparql" and target.sparql is not None:
                query = focus_query(target.sparql)
                rows = self._data.store.query(query)
                nodes += [row["this"] for row in rows]  # type: ignore[union-attr]
            else:
                branches.update(self._branches(target))
                targets.update(self._triggers(target))
        if nodes:
            pattern = self.marked(nodes).pattern
            branches[pattern] = pattern
        kinds = {target.kind for target in shape.targets}
        size = sum(
            self._data.classes.get(name, 0)
            for name in {n for t in shape.targets for n in self.classes(str(t.term.value))}
        )
        fixed = any(target.kind in ("node", "sparql") for target in shape.targets)
        return replace(
            _union(list(branches)),
            branches=tuple(branches.values()),
            targets=frozenset(targets),
            fixed=fixed,
            size=size if kinds == {"class"} else None,
        )

    def _triggers(self, target: Target) -> Iterable[tuple[str, str]]:
        """Yield what in a triple can make a node a focus node of a target."""
        iri = str(getattr(target.term, "value", ""))
        if target.kind != "class":
            return [(target.kind, iri)]
        below = self._below(iri) if self._inherit else frozenset()
        return [("class", name) for name in (iri, *below)]

    def _branches(self, target: Target) -> dict[str, str]:
        """Return for each branch the pattern that gives a node once -> the plain one."""
        if not isinstance(target.term, ox.NamedNode):
            raise Unsupported("a target without an IRI")
        iri = target.term.value
        if target.kind == "class":
            patterns = [f"?this a <{name}> ." for name in self.classes(iri)]
            return dict(zip(patterns, patterns, strict=True))
        plain = {
            "subjectsOf": f"?this <{iri}> ?object .",
            "objectsOf": f"?subject <{iri}> ?this .",
        }.get(target.kind)
        if plain is None:
            raise Unsupported("a target type of SHACL-AF")
        return {f"{{ SELECT DISTINCT ?this WHERE {{ {plain} }} }}": plain}

    def marked(self, nodes: Iterable[Term]) -> Source:
        """Return a source of exactly these nodes, kept in a graph of their own."""
        graph = self._data.mark()
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
