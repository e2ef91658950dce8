"""Random data, mappings and queries, each decided by one seed, and what comes of them.

The query over the data as rewritten, or as written over the data with what follows added by the
product, is held against the query as written over data materialised the plain and slow way.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import orjson
import pyoxigraph as ox

from kgnode.alignment import mapping as model
from kgnode.alignment.apply import derivation
from kgnode.alignment.mapping import Mapping, MappingSet, Status
from kgnode.alignment.rewrite import rewrite
from kgnode.alignment.rules import Active, Rules
from kgnode.alignment.structural import construct
from kgnode.alignment.usage import Group, encoded, question, read_usage, repeated, used
from kgnode.query.parse import parse
from kgnode.store.derive import Following, derive
from tests.federation import generator
from tests.federation.generator import CLASSES, EX, NUMBER, PREDICATES
from tests.kgnode.alignment.plain import materialised

FRESH_PREDICATES = [f"{EX}q{i}" for i in range(3)]
FRESH_CLASSES = [f"{EX}D{i}" for i in range(3)]
RELATIONS = (
    *[model.EXACT] * 4, *[model.BROAD] * 4, model.NARROW, model.NARROW, model.CLOSE, model.RELATED,
    model.SUB_CLASS, model.EQUIVALENT_CLASS, model.SUB_PROPERTY, model.EQUIVALENT_PROPERTY,
)  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """One trial."""

    quads: tuple[ox.Quad, ...]
    sets: tuple[MappingSet, ...]
    close: bool
    query: str
    maps: tuple[str, ...] = ()


def trial(seed: int) -> Trial:
    """Return the trial of a seed."""
    chance = random.Random(f"mappings {seed}")
    made = generator.trial(chance.randrange(1 << 40))
    hidden = set(chance.sample([*PREDICATES, NUMBER, *CLASSES], chance.randint(0, 6)))
    quads = {quad for part in made.parts for quad in part}
    kept = [q for q in quads if q.predicate not in hidden and q.object not in hidden]
    objects = sorted({q.object.value for q in quads if isinstance(q.object, ox.NamedNode)})
    sets = tuple(_set(chance, n, objects) for n in range(chance.randint(1, 2)))
    query = made.query if chance.random() < 0.6 else _Lists(chance, objects).text()
    if chance.random() < 0.4:
        for old, new in zip(PREDICATES, FRESH_PREDICATES, strict=False):
            query = query.replace(old.value, new)
        for old, new in zip(CLASSES, FRESH_CLASSES, strict=False):
            query = query.replace(old.value, new)
    close = chance.random() < 0.3
    maps = tuple(_map(chance) for _ in range(chance.choice((0, 0, 0, 1, 2))))
    return Trial(tuple(kept), sets, close, query, maps)


def _map(chance: random.Random) -> str:
    """Return a structural map whose template can or cannot be told from its text."""
    terms = [*(predicate.value for predicate in PREDICATES), *FRESH_PREDICATES[:2]]
    made, found = (f"<{chance.choice(terms)}>" for _ in range(2))
    kind = f"<{chance.choice([CLASSES[0].value, *FRESH_CLASSES])}>"
    template = chance.choice(
        (f"?s {made} ?o", f"?s {made} ?o ; a {kind}", f"?o a {kind}", "?s a ?o", "?s ?o ?o")
    )
    return f"CONSTRUCT {{ {template} }} WHERE {{ ?s {found} ?o FILTER(isIRI(?o)) }}"


def _set(chance: random.Random, number: int, objects: list[str]) -> MappingSet:
    predicates = [p.value for p in PREDICATES] + FRESH_PREDICATES + [NUMBER.value]
    classes = [c.value for c in CLASSES] + FRESH_CLASSES
    rows = []
    denied = chance.choice((0.1, 0.1, 0.35))
    for at in range(chance.choice((1, 2, 3, 5, 8, 12))):
        kind: Any = chance.choices(
            ("property", "class", "individual", None), (6, 5, 1, 1)
        )[0]  # fmt: skip
        terms = {"property": predicates, "class": classes, "individual": objects or classes}.get(
            kind, chance.choice((predicates, classes))
        )
        rows.append(
            Mapping(
                f"m{number}-{at}",
                chance.choice(terms),
                chance.choice(RELATIONS),
                chance.choice(terms),
                negative=chance.random() < denied,
                kind=kind,
                status=chance.choice((*[Status.APPROVED] * 6, *Status)),
            )
        )
    return MappingSet(f"urn:set:{number}", f"set{number}", "1", mappings=tuple(rows))


class _Lists:
    """Queries with property lists, object lists, blank nodes and collections."""

    def __init__(self, chance: random.Random, names: list[str]) -> None:
        self.chance = chance
        self.query = generator.Query(chance, names or ["http://a.example/0"])

    def text(self) -> str:
        chance = self.chance
        body = " ".join(self.statement(1) for _ in range(chance.randint(1, 2)))
        if chance.random() < 0.5:
            body += " " + self.query.element(1)
        kind = chance.random()
        if kind < 0.1:
            link = f"?a {self.query.link()} ?b"
            return f"CONSTRUCT WHERE {{ {link} . ?a a {self.object(0)} }}"
        if kind < 0.2:
            return f"ASK {{ {body} }}"
        if kind < 0.35:
            return self.query.aggregate(body)
        return f"SELECT {chance.choice(('*', '?a ?b', 'DISTINCT *', 'DISTINCT ?a'))} {{ {body} }}"

    def statement(self, depth: int) -> str:
        chance = self.chance
        subject = chance.choice((self.query.term(), self.query.term(), "[]", "_:x"))
        return f"{subject} {self.properties(depth)} ."

    def properties(self, depth: int) -> str:
        pairs = []
        for _ in range(self.chance.randint(1, 3)):
            objects = ", ".join(self.object(depth) for _ in range(self.chance.randint(1, 2)))
            pairs.append(f"{self.verb()} {objects}")
        return " ; ".join(pairs)

    def verb(self) -> str:
        kind = self.chance.random()
        if kind < 0.25:
            return "a"
        return self.query.path(1) if kind < 0.35 else self.query.link()

    def object(self, depth: int) -> str:
        chance = self.chance
        kind = chance.random()
        if depth and kind < 0.12:
            return f"[ {self.properties(depth - 1)} ]"
        if depth and kind < 0.14:
            return f"( {self.query.value()} )"
        if kind < 0.35:
            return f"<{chance.choice(CLASSES).value}>"
        return self.query.value()


def ways(made: Trial) -> tuple[str, str | None]:
    """Carry out a trial; return the way it was answered, and what was wrong, if anything."""
    data = ox.Store()
    data.extend(made.quads)
    whole = materialised(made.quads, made.sets, made.close)
    oracle = ox.Store()
    oracle.extend(whole)
    drawn = {ox.Quad(*triple) for text in made.maps for triple in oracle.query(text)}
    whole |= materialised(drawn, made.sets, made.close)
    oracle.extend(whole)
    maps = [construct(f"map/{at}", text) for at, text in enumerate(made.maps)]
    rules = Rules.of(made.sets, made.close, constructs=maps)
    active = Active.over(rules, read_usage(used(data, question(rules))))
    held = ox.Store()
    held.extend(made.quads)
    derive(held, derivation(active).to_json())
    if set(held) != whole:
        return "materialised", f"the view holds {set(held) ^ whole}"
    read = Following(data, derivation(active).to_json())
    if not made.maps and set(read.quads_for_pattern(None, None, None, ox.DefaultGraph())) != set(
        oracle.quads_for_pattern(None, None, None, ox.DefaultGraph())
    ):
        return "materialised", "what is read as if it followed is not what follows"
    parsed = parse(made.query)

    def repeats(group: Group) -> bool:
        return bool(orjson.loads(repeated(data, encoded([group])))[0])

    wanted = _answer(oracle, made.query)
    source = made.query.encode()
    rewritten = None if parsed.doubtful else rewrite(parsed.tree.root_node, source, active, repeats)
    if rewritten is None or rewritten.text is None:
        got = _answer(held, made.query)
        return "materialised", None if got == wanted else f"{got} instead of {wanted}"
    got = _answer(data, rewritten.text)
    way = "as written" if rewritten.text == made.query else "rewritten"
    if got == wanted:
        return way, None
    return way, f"{made.query}\n{rewritten.text}\n{got} instead of {wanted}"


def _answer(store: ox.Store, query: str) -> Any:
    result: Any = store.query(query)
    if isinstance(result, ox.QueryBoolean):
        return bool(result)
    if isinstance(result, ox.QueryTriples):
        return frozenset(str(triple) for triple in result)
    names = sorted(variable.value for variable in result.variables)
    return names, Counter(tuple(str(row[name]) for name in names) for row in result)
