"""What follows from the triples of a view, added to it while it is built.

In: a store filled with permitted cells, and a ``Derivation``: rules on single triples and CONSTRUCT
queries. Out: the same store with what they yield. Runs in the view host, which holds nothing but
the permitted cells, so nothing can follow from what is hidden.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import resource
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pyoxigraph import (
    BlankNode,
    DefaultGraph,
    NamedNode,
    Quad,
    RdfFormat,
    Store,
    Variable,
    parse,
)

from kgnode.names import RDF

_TYPE = NamedNode(f"{RDF}type")
_SOURCE, _TARGET = Variable("source"), Variable("target")
Graph = NamedNode | BlankNode | DefaultGraph
_BATCH = 100_000

Rule = tuple[str, tuple[str, ...]]
"""A source, and all that is true with it as well; already followed to the end of every chain."""


@dataclass(frozen=True)
class Derivation:
    """What is to be added to a view.

    Attributes:
        classes: for objects of ``rdf:type``.
        properties: for predicates other than ``rdf:type``.
        individuals: for objects of other predicates.
        constructs: CONSTRUCT queries over the default graph, what the rules yield included. None
            reads what another makes.
        made: rules for what the queries make: for classes, properties and individuals.
    """

    classes: tuple[Rule, ...] = ()
    properties: tuple[Rule, ...] = ()
    individuals: tuple[Rule, ...] = ()
    constructs: tuple[str, ...] = ()
    made: tuple[tuple[Rule, ...], tuple[Rule, ...], tuple[Rule, ...]] = ((), (), ())

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def digest(self) -> str:
        """Digest of all of it."""
        parts = (self.classes, self.properties, self.individuals, self.constructs, self.made)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]

    def to_json(self, most: int | None = None, seconds: float | None = None) -> dict[str, Any]:
        """Return the order to a view host: what to add, at most how many triples, how long."""
        return {
            "most": most,
            "seconds": seconds,
            "classes": self.classes,
            "properties": self.properties,
            "individuals": self.individuals,
            "constructs": self.constructs,
            "made": self.made,
        }


class TooMuch(Exception):
    """More follows than a view may hold."""


def derive(store: Store, order: Mapping[str, Any], *, disk: bool = False) -> int:
    """Add what follows, graph by graph, and return how many triples that were.

    A process that takes longer than ``order["seconds"]`` ends: a query cannot be stopped.

    Raises:
        TooMuch: more than ``order["most"]`` triples.
    """
    with _ending_after(order["seconds"]):
        return _derive(store, order, disk)


def _derive(store: Store, order: Mapping[str, Any], disk: bool) -> int:
    before = len(store)
    add = store.bulk_extend if disk else store.extend
    individuals = _terms(order["individuals"])
    follow = _by_quads if disk else _by_engine
    for rules, kind in (
        (_terms(order["classes"]), _CLASS),
        (_terms(order["properties"]), _PROPERTY),
    ):
        for source, stated, targets in _stated(rules, kind, store):
            if stated is None:
                follow(store, kind, source, targets)
            else:
                _add(add, kind.follows(stated, targets))
    # what a rule on predicates yielded is read here, and nothing that a rule on objects did
    matching = [
        (quad, targets)
        for source, targets in individuals.items()
        for quad in store.quads_for_pattern(None, None, source, None)
        if quad.predicate != _TYPE
    ]
    _add(add, (Quad(q.subject, q.predicate, t, q.graph_name) for q, ts in matching for t in ts))
    made = _Sheet(order["most"])
    with contextlib.nullcontext() if disk else _opening_nothing():
        for text in order["constructs"]:
            triples: Any = store.query(text)
            triples.serialize(made, format=RdfFormat.N_TRIPLES)
    load = store.bulk_load if disk else store.load
    content = b"".join(made.parts)
    load(content, format=RdfFormat.N_TRIPLES, lenient=True)
    if any(order["made"]):
        _add(add, _beyond(content, _Facts(*map(_terms, order["made"]))))
    return len(store) - before


@dataclass(frozen=True)
class _Kind:
    """How rules of one kind read and write: of classes, or of properties.

    Attributes:
        query: constructs what follows in one graph.
        of_class: whether the rule's terms are objects of ``rdf:type``.
    """

    query: str
    of_class: bool

    def quads(self, store: Store, source: NamedNode, graph: Graph | None = None) -> Iterator[Quad]:
        """Return the quads that a rule starts from."""
        if self.of_class:
            return store.quads_for_pattern(None, _TYPE, source, graph)
        return store.quads_for_pattern(None, source, None, graph)

    def follows(self, quads: Iterable[Quad], targets: Iterable[NamedNode]) -> Iterator[Quad]:
        """Yield what follows from quads that a rule starts from."""
        for q in quads:
            for target in targets:
                predicate, value = (_TYPE, target) if self.of_class else (target, q.object)
                yield Quad(q.subject, predicate, value, q.graph_name)


_CLASS, _PROPERTY = (
    _Kind((Path(__file__).parent / name).read_text("utf-8"), of_class)
    for name, of_class in (("class_follows.rq", True), ("property_follows.rq", False))
)


def _by_engine(store: Store, kind: _Kind, source: NamedNode, targets: list[NamedNode]) -> None:
    """Let the engine add what follows by one rule: half the time of adding quads one by one.

    Written out and read again, blank nodes would become others; where there may be some, and for
    triples within triples, the quads are added as they are.
    """
    for graph in (DefaultGraph(), *store.named_graphs()):
        sheet = _Sheet(None)
        for target in targets:
            terms: Any = {_SOURCE: source, _TARGET: target}
            made: Any = store.query(kind.query, default_graph=graph, substitutions=terms)
            made.serialize(sheet, format=RdfFormat.N_TRIPLES)
        content = b"".join(sheet.parts)
        if b"_:" in content or b"<<" in content:
            _add(store.extend, kind.follows(list(kind.quads(store, source, graph)), targets))
        elif content:
            store.load(content, format=RdfFormat.N_TRIPLES, to_graph=graph, lenient=True)


def _by_quads(store: Store, kind: _Kind, source: NamedNode, targets: list[NamedNode]) -> None:
    """Add what follows by one rule to a store on disk."""
    _add(store.bulk_extend, kind.follows(kind.quads(store, source), targets))


def _stated(
    rules: Mapping[NamedNode, list[NamedNode]], kind: _Kind, store: Store
) -> Iterator[tuple[NamedNode, list[Quad] | None, list[NamedNode]]]:
    """Yield each rule's source and targets, and the quads it must start from where not all may.

    What another rule yielded may be read with them only where that adds nothing. It does where a
    denial ends a chain: A leads to B, B to C, and A not to C. Such quads are taken beforehand.
    """
    apart = {
        target
        for source, targets in rules.items()
        for target in targets
        if target in rules and not {source, *targets}.issuperset(rules[target])
    }
    before = {one: list(kind.quads(store, one)) for one in apart}
    for source, targets in rules.items():
        yield source, before.get(source), targets


class _Sheet:
    """Keeps what the engine writes, up to so many lines."""

    def __init__(self, most: int | None) -> None:
        self.parts: list[bytes] = []
        self._most = most
        self._lines = 0

    def write(self, part: bytes) -> int:
        """Keep a part; raising ends the query that makes it."""
        self._lines += part.count(b"\n")
        if self._most is not None and self._lines > self._most:
            raise TooMuch(f"more than {self._most} triples follow")
        self.parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Do nothing: all is kept at once."""


@contextlib.contextmanager
def _ending_after(seconds: float | None) -> Iterator[None]:
    """End this process unless what is done meanwhile is done in time."""
    if seconds is None:
        yield
        return
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextlib.contextmanager
def _opening_nothing() -> Iterator[None]:
    """Let nothing be opened meanwhile, no socket to whatever a query may name."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@dataclass(frozen=True)
class _Facts:
    """Rules on single triples, applied to one at a time."""

    classes: Mapping[NamedNode, list[NamedNode]]
    properties: Mapping[NamedNode, list[NamedNode]]
    individuals: Mapping[NamedNode, list[NamedNode]]

    def of(self, quad: Quad) -> Iterator[Quad]:
        """Yield a quad and all that follows from it."""
        predicates, values = [quad.predicate], [quad.object]
        if isinstance(quad.object, NamedNode):
            rules = self.classes if quad.predicate == _TYPE else self.individuals
            values += rules.get(quad.object, ())
        if quad.predicate != _TYPE:
            predicates += self.properties.get(quad.predicate, ())
        for predicate in predicates:
            for value in values:
                yield Quad(quad.subject, predicate, value, quad.graph_name)


def _beyond(content: bytes, facts: _Facts) -> Iterator[Quad]:
    """Yield what follows from triples that constructs made."""
    for quad in parse(content, format=RdfFormat.N_TRIPLES, lenient=True):
        yield from itertools.islice(facts.of(quad), 1, None)


class Following:
    """A store read as if it held what rules on single triples yield; constructs are left out.

    A triple that is there in two spellings may come twice.
    """

    def __init__(self, store: Store, order: Mapping[str, Any]) -> None:
        self._store = store
        self._facts = _Facts(
            *(_terms(order[kind]) for kind in ("classes", "properties", "individuals"))
        )

    def quads_for_pattern(
        self, subject: None, predicate: NamedNode | None, value: None, graph: DefaultGraph
    ) -> Iterator[Quad]:
        """Yield the quads of a graph, all or those with one predicate."""
        sources: list[NamedNode | None] = [predicate]
        if predicate is not None:
            sources += [own for own, made in self._facts.properties.items() if predicate in made]
        for source in sources:
            for quad in self._store.quads_for_pattern(None, source, None, graph):
                for made in self._facts.of(quad):
                    if predicate in (None, made.predicate):
                        yield made


def _terms(rules: Iterable[Rule]) -> dict[NamedNode, list[NamedNode]]:
    return {NamedNode(source): [NamedNode(t) for t in targets] for source, targets in rules}


def _add(add: Callable[[Iterable[Quad]], None], quads: Iterable[Quad]) -> None:
    """Add quads in batches: each batch is one transaction, and held in memory."""
    batch: list[Quad] = []
    for quad in quads:
        batch.append(quad)
        if len(batch) >= _BATCH:
            add(batch)
            batch = []
    add(batch)
