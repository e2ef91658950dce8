"""A query becomes the query that gives, over the data, what it would give over all that follows.

In: the syntax tree of SPARQL 1.1 text, the rules active on a view, and which patterns would find
something twice there. Out: ``Rewritten``: the text, or the word that a view has to hold what
follows (variable predicates, negated property sets, DESCRIBE, and what structural maps make). The
text is changed by spans of its syntax tree, never by searching in it; templates, filters, VALUES
and graph names stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node as Syntax

from kgnode.alignment.expand import Expansion, Repeats, Used, expand, written
from kgnode.alignment.rules import TYPE, Active
from kgnode.alignment.scope import show_only_written
from kgnode.alignment.statements import (
    IRIS,
    Spelled,
    Term,
    Terms,
    Undecided,
    changed,
    link,
    links,
    nullable,
)
from kgnode.alignment.usage import Group

Edit = tuple[int, int, str]


@dataclass(frozen=True)
class Rewritten:
    """What became of a query.

    Attributes:
        text: the query to run; None where the view has to hold what follows.
        used: the mappings at work.
        reason: why the view has to hold what follows.
    """

    text: str | None
    used: tuple[Used, ...]
    reason: str = ""


def rewrite(root: Syntax, source: bytes, active: Active, repeats: Repeats) -> Rewritten:
    """Return what a query becomes on a view.

    Args:
        root: the syntax tree, without faults.
        source: the query in UTF-8.
        active: the rules that do something on the view.
        repeats: whether patterns find something twice there.
    """
    walk = _Walk(Terms(source), active, repeats)
    try:
        text = walk.run(root)
    except Undecided as why:
        used = every_use(active, None if why.everything else mentioned(root, source))
        return Rewritten(None, used, str(why))
    return Rewritten(text, tuple(dict.fromkeys(walk.used)))


@dataclass
class _Walk:
    terms: Terms
    active: Active
    repeats: Repeats
    edits: list[Edit] = field(default_factory=list)
    used: list[Used] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def run(self, root: Syntax) -> str:
        source = self.terms.source
        for node in root.children:
            if node.type == "prologue":
                self.terms.declare(node)
            elif node.type == "describe_query":
                raise Undecided("DESCRIBE shows all that is said", everything=True)
        self.visit(root, apart=True)
        if any(self.terms.mark in new for _, _, new in self.edits):
            self.edits += show_only_written(root, source)
        return changed(source, root, self.edits) if self.edits else source.decode()

    def visit(self, node: Syntax, *, apart: bool) -> None:
        """Walk down; ``apart`` says whether finding something twice would be seen."""
        kind = node.type
        if kind in ("construct_template", "prologue", "dataset_clause"):
            return
        if kind in ("select_query", "sub_select", "ask_query", "construct_query"):
            apart = _counts(node)
            self._short_form(node)
            outer, self.anchors = self.anchors, set()
            for child in node.children:
                self.visit(child, apart=apart)
            self.anchors = outer
            return
        elif kind in ("exists_func", "not_exists_func", "minus_graph_pattern"):
            apart = False
        elif kind == "group_graph_pattern":
            return self._group(node, apart=apart)
        elif kind in ("triples_block", "triples_template"):
            for child in node.children:
                if child.type == "triples_same_subject":
                    self._statement(child, apart=apart)
            return None
        for child in node.children:
            self.visit(child, apart=apart)
        return None

    def _group(self, node: Syntax, *, apart: bool) -> None:
        """Walk through a group; what stands before a part, and around it, anchors its variables."""
        outer = set(self.anchors)
        before = set(outer)
        whole = outer | anchors(node, self.terms, self.active)
        for child in node.children:
            block = child.type == "triples_block"
            self.anchors = whole if block else set(before)
            self.visit(child, apart=apart)
            if block:
                before |= block_anchors(child, self.terms, self.active)
        self.anchors = outer

    def _short_form(self, node: Syntax) -> None:
        """Give CONSTRUCT WHERE a template of its own before its pattern changes."""
        template = next((c for c in node.children if c.type == "triples_template"), None)
        if template is not None:
            where = next(c for c in node.children if c.type == "WHERE").start_byte
            self.edits.append((where, where, f"{{ {self.terms.text(template)} }} "))

    def _statement(self, node: Syntax, *, apart: bool) -> None:
        triples = self.terms.statement(node)
        edits: dict[Edit, None] = {}
        texts: list[str] = []
        whole = False
        for triple in triples:
            text, simple = self._triple(triple, edits, apart=apart)
            texts.append(text)
            whole = whole or not simple
        if not whole:
            self.edits += [*edits, *_labels_as_variables(node, self.terms)]
            return
        self.edits.append((node.start_byte, node.end_byte, "\n".join(texts)))
        dot = node.next_sibling
        while dot is not None and dot.type == "comment":
            dot = dot.next_sibling
        if dot is not None and dot.type == ".":
            self.edits.append((dot.start_byte, dot.end_byte, ""))

    def _triple(self, triple: Spelled, edits: dict[Edit, None], *, apart: bool) -> tuple[str, bool]:
        """Return a triple's text on its own, and whether edits in place are enough."""
        if isinstance(triple.verb, str):
            predicate, verb = triple.verb, None
        else:
            verb = link(triple.verb)
            if verb is None:
                return self._path(triple, triple.verb, edits, apart=apart), True
            if verb.type == "var":
                raise Undecided("a variable stands for predicates", everything=True)
            predicate = self.terms.iri(verb)
        found = expand(self.active, predicate, triple.object)
        self.used += found.used
        again = apart and found.group is not None and self.repeats(found.group)
        text = written(
            triple.subject, triple.object, found, apart=again, fresh=self.terms.variable()
        )
        if found.single is None:
            return text, False
        return text, self._in_place(found, predicate, verb, triple.object, edits)

    def _in_place(
        self,
        found: Expansion,
        predicate: str,
        verb: Syntax | None,
        value: Term,
        edits: dict[Edit, None],
    ) -> bool:
        """Change verb and object where they stand; False where they do not stand there."""
        assert found.single is not None  # noqa: S101
        own, text = found.single
        if own != predicate:
            if verb is None:
                return False
            edits[verb.start_byte, verb.end_byte, f"<{own}>"] = None
        if text != value.text:
            if value.node is None:
                return False
            edits[value.node.start_byte, value.node.end_byte, text] = None
        return True

    def _path(self, triple: Spelled, path: Syntax, edits: dict[Edit, None], *, apart: bool) -> str:
        """Return a triple over a path, each of its links as a choice of what the view uses."""
        own: dict[Edit, None] = {}
        for node, once in links(path):
            predicate = self.terms.iri(node)
            found = expand(self.active, predicate, Term("?any"))
            if found.stands_for:
                raise Undecided("a path passes values that stand for others")
            self.used += found.used
            several = apart and not once and found.group is not None
            if several and found.group and self.repeats(found.group):
                raise Undecided("a path would pass the same triple twice")
            choices = [source for source, _ in found.patterns]
            if choices != [predicate]:
                text = "|".join(f"<{source}>" for source in choices)
                own[node.start_byte, node.end_byte, f"({text})" if len(choices) > 1 else text] = (
                    None
                )
        if nullable(path) and self._from_nowhere(triple):
            raise Undecided("a path of no length starts at any term")
        edits.update(own)
        middle = changed(self.terms.source, path, list(own))
        return f"{triple.subject.text} {middle} {triple.object.text} ."

    def _from_nowhere(self, triple: Spelled) -> bool:
        """Tell whether terms that only derived triples hold may start and end a path."""
        forward = self.active.forward
        if not forward["class"] and not forward["individual"]:
            return False
        ends = (triple.subject, triple.object)
        return all(end.variable and end.text not in self.anchors for end in ends)


def anchors(group: Syntax, terms: Terms, active: Active) -> set[str]:
    """Return the variables that the triples of a group bind to terms the data itself holds."""
    found: set[str] = set()
    for block in group.children:
        if block.type == "triples_block":
            found |= block_anchors(block, terms, active)
    return found


def block_anchors(block: Syntax, terms: Terms, active: Active) -> set[str]:
    """Return subjects of plain triples, and objects where no value stands for another."""
    found: set[str] = set()
    for node in block.children:
        if node.type != "triples_same_subject":
            continue
        for triple in Terms(terms.source, terms.prefixes).statement(node):
            verb = triple.verb if isinstance(triple.verb, str) else link(triple.verb)
            if verb is None:
                continue
            found.add(triple.subject.text)
            plain = isinstance(verb, str) or (verb.type != "var" and terms.iri(verb) != TYPE)
            if plain and not active.forward["individual"]:
                found.add(triple.object.text)
    return found


def every_use(active: Active, only: frozenset[str] | None) -> tuple[Used, ...]:
    """Return all mappings at work on a view, for the terms asked for or for all."""
    return tuple(
        Used(target, source, way)
        for sources in active.forward.values()
        for source, targets in sources.items()
        for target, way in targets.items()
        if only is None or target in only
    )


def mentioned(root: Syntax, source: bytes) -> frozenset[str] | None:
    """Return the IRIs that a query names; None where they cannot be told."""
    terms = Terms(source)
    found: set[str] = set()
    try:
        for node in root.children:
            if node.type == "prologue":
                terms.declare(node)
            else:
                found.update(terms.iri(leaf) for leaf in _leaves(node) if leaf.type in IRIS)
    except Undecided:
        return None
    return frozenset(found)


def _leaves(node: Syntax) -> Iterator[Syntax]:
    yield node
    for child in node.children:
        yield from _leaves(child)


def _labels_as_variables(node: Syntax, terms: Terms) -> Iterator[Edit]:
    for leaf in _leaves(node):
        if leaf.type == "blank_node_label":
            yield leaf.start_byte, leaf.end_byte, terms.label(terms.text(leaf))


def _counts(query: Syntax) -> bool:
    """Tell whether a query's answer changes when a solution is found twice."""
    if query.type == "ask_query":
        return False
    inside = [leaf.type for part in query.children if part.type != "where_clause"
              for leaf in _leaves(part)]  # fmt: skip
    if query.type == "construct_query":
        return "limit_offset_clauses" in inside
    if "aggregate" in inside or "group_clause" in inside:
        return True
    clause = next(part for part in query.children if part.type == "select_clause")
    return not any(part.type == "DISTINCT" for part in clause.children)


def groups_asked(root: Syntax, source: bytes, active: Active) -> tuple[Group, ...]:
    """Return what has to be known of a view to rewrite a query."""
    asked: dict[Group, None] = {}

    def note(group: Group) -> bool:
        asked[group] = None
        return False

    rewrite(root, source, active, note)
    return tuple(asked)
