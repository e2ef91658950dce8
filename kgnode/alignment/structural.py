"""Structural maps: patterns of one vocabulary made from patterns of another.

In: the CONSTRUCT files of a mapping set (ontologies/mappings/structural/SET/NAME.rq). Out:
``Construct`` values: their text, and what their templates can make, so that a query which needs
none of it runs without them. They run in the view host, over what the caller may see
(``kgnode.store.derive``); each reads the data and what rules on single triples yield, none another.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from functools import lru_cache

import tree_sitter
import tree_sitter_sparql

from kgnode.alignment.rules import TYPE, Construct
from kgnode.alignment.statements import Terms, Undecided, link
from kgnode.errors import BadMapping

FORBIDDEN = frozenset({"service_graph_pattern", "graph_graph_pattern", "dataset_clause"})
_WORD = re.compile(
    r"(?P<before>[^A-Za-z0-9_]?)(?<![A-Za-z0-9_])(?P<word>[A-Za-z0-9_]*service[A-Za-z0-9_]*)", re.I
)
FRESH = frozenset({"NOW", "RAND", "UUID", "STRUUID", "BNODE"})


def read_tree(text: str) -> tree_sitter.Node:
    """Return the syntax tree of a query."""
    return _parser().parse(text.encode()).root_node


@lru_cache(maxsize=1)
def _parser() -> tree_sitter.Parser:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return tree_sitter.Parser(tree_sitter.Language(tree_sitter_sparql.language()))


def structural_maps(set_name: str, texts: Mapping[str, str]) -> tuple[Construct, ...]:
    """Return the structural maps of a set from their texts by name.

    Raises:
        BadMapping: one is no query that may run in a view.
    """
    return tuple(construct(f"{set_name}/{name}", text) for name, text in sorted(texts.items()))


@lru_cache(maxsize=512)
def construct(name: str, text: str) -> Construct:
    """Return a structural map, its template read.

    Raises:
        BadMapping: it is no CONSTRUCT query that gives the same triples wherever it runs.
    """
    root = read_tree(text)
    if "\\u" in text.lower() or "\r" in text or root.has_error:
        raise _bad(name, "it cannot be read with certainty")
    if any(_may_request(match) for match in _WORD.finditer(text)):
        raise _bad(name, "it holds the word service where it may be taken for a request")
    query = next((child for child in root.children if child.type == "construct_query"), None)
    if query is None:
        raise _bad(name, "it is no CONSTRUCT query")
    template = next((c for c in query.children if c.type == "construct_template"), None)
    if template is None:
        raise _bad(name, "it has no template")
    for node in _leaves(root):
        kind = node.type
        if "service" in kind.lower() or kind in FORBIDDEN or kind.upper() in FRESH:
            raise _bad(name, "it asks for graphs, services, chance, time or fresh names")
    for node in _leaves(template):
        if node.type in ("anon", "blank_node_label", "blank_node_property_list", "collection"):
            raise _bad(name, "its template makes blank nodes, which differ from node to node")
    predicates, classes = _made(root, template, text.encode())
    return Construct(name, text, predicates, classes)


def _made(
    root: tree_sitter.Node, template: tree_sitter.Node, source: bytes
) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    terms = Terms(source)
    for child in root.children:
        if child.type == "prologue":
            terms.declare(child)
    predicates: set[str] = set()
    classes: set[str] = set()
    any_class = False
    for node in _leaves(template):
        if node.type != "triples_same_subject":
            continue
        try:
            for triple in terms.statement(node):
                verb = link(triple.verb) if not isinstance(triple.verb, str) else None
                if verb is None or verb.type == "var":
                    return None, None
                predicate = terms.iri(verb)
                predicates.add(predicate)
                if predicate == TYPE:
                    any_class = any_class or triple.object.iri is None
                    classes.update([triple.object.iri] if triple.object.iri else [])
        except Undecided:
            return None, None
    return frozenset(predicates), None if any_class else frozenset(classes)


def _leaves(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    found, pending = [], [node]
    while pending:
        found.append(node := pending.pop())
        pending.extend(node.children)
    return found


def _may_request(match: re.Match[str]) -> bool:
    """Tell whether a word could be the keyword to any reader: not the end of a name.

    Names are ``?in_service``, ``gs:InServiceState`` and, of CIM, ``Equipment.inService``.
    """
    before, word = match["before"], match["word"]
    named = before in ("?", "$", ":") and not word.lower().startswith("service")
    return not named and (before, word) != (".", "inService")


def _bad(name: str, reason: str) -> BadMapping:
    return BadMapping(
        f"The structural map {name} cannot be used: {reason}.",
        hint="A structural map is one CONSTRUCT over the default graph that makes IRIs only.",
    )
