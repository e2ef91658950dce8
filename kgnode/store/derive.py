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
from typing import Any

from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Store, parse

from kgnode.names import RDF

_TYPE = NamedNode(f"{RDF}type")
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
    classes = _terms(order["classes"])
    for found, targets in _stated(classes, lambda one: (_TYPE, one), store):
        _add(add, (Quad(q.subject, _TYPE, t, q.graph_name) for q in found for t in targets))
    properties = _terms(order["properties"])
    for found, targets in _stated(properties, lambda one: (one, None), store):
        _add(add, (Quad(q.subject, t, q.object, q.graph_name) for q in found for t in targets))
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


def _stated(
    rules: Mapping[NamedNode, list[NamedNode]],
    pattern: Callable[[NamedNode], tuple[NamedNode, NamedNode | None]],
    store: Store,
) -> Iterator[tuple[Iterable[Quad], list[NamedNode]]]:
    """Yield for each rule the quads that it starts from, and its targets.

    What another rule yielded may be read with them only where that adds nothing. It does where a
    denial ends a chain: A leads to B, B to C, and A not to C. Such quads are taken beforehand.
    """
    apart = {
        target
        for source, targets in rules.items()
        for target in targets
        if target in rules and not {source, *targets}.issuperset(rules[target])
    }
    before = {one: list(store.quads_for_pattern(None, *pattern(one), None)) for one in apart}
    for source, targets in rules.items():
        found = before.get(source)
        yield (
            store.quads_for_pattern(None, *pattern(source), None) if found is None else found,
            targets,
        )


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
