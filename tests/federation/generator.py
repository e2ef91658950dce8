"""Random data over three nodes and random queries, each decided by one seed.

Queries are trees of BGP, OPTIONAL, UNION, MINUS, EXISTS, FILTER, BIND, VALUES, GRAPH, paths,
aggregates and subqueries. Only queries with one right answer are made: a LIMIT comes with a total
order, and nothing depends on the order or the names of blank nodes.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass

import pyoxigraph as ox

EX = "http://example.org/v#"
BASES = ("http://a.example/", "http://b.example/", "http://c.example/")
PREDICATES = [ox.NamedNode(f"{EX}p{i}") for i in range(6)]
NUMBER = ox.NamedNode(f"{EX}n")
TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
CLASSES = [ox.NamedNode(f"{EX}C{i}") for i in range(3)]
GRAPHS = [ox.NamedNode(f"{EX}g{i}") for i in range(3)]
VARIABLES = ["?a", "?b", "?c", "?d", "?e"]
NODES = 3


@dataclass(frozen=True)
class Trial:
    """One trial: the quads of each node, and a query."""

    seed: int
    parts: tuple[tuple[ox.Quad, ...], ...]
    query: str


def trial(seed: int) -> Trial:
    """Return the trial of a seed."""
    chance = random.Random(seed)
    terms, parts = make_data(chance)
    return Trial(seed, parts, Query(chance, terms).text())


def with_blank_nodes(made: Trial) -> Trial | None:
    """Return a trial with every third subject a blank node; None where order would count."""
    if any(word in made.query for word in ("ORDER BY", "MIN(", "MAX(")):
        return None
    subjects = sorted({quad.subject.value for part in made.parts for quad in part})
    blank = {ox.NamedNode(iri): ox.BlankNode(f"b{at}") for at, iri in enumerate(subjects[::3])}
    parts = (
        tuple(
            ox.Quad(
                blank.get(quad.subject, quad.subject),
                quad.predicate,
                blank.get(quad.object, quad.object),
                quad.graph_name,
            )
            for quad in part
        )
        for part in made.parts
    )
    return Trial(made.seed, tuple(parts), made.query)


def make_data(
    chance: random.Random,
) -> tuple[list[str], tuple[tuple[ox.Quad, ...], ...]]:
    by_prefix = chance.random() < 0.4
    owners: dict[str, int] = {}
    for at in range(chance.randint(6, 14)):
        owner = chance.randrange(NODES)
        if by_prefix:
            iri = f"{BASES[owner]}{at}"
        else:
            iri = uuid.UUID(int=chance.getrandbits(128), version=4).urn
        owners[iri] = owner
    names = list(owners)
    bridges = chance.random() * 0.5
    replicated = chance.choice((0.0, 0.0, 0.15, 0.5))
    parts: list[dict[ox.Quad, None]] = [{} for _ in range(NODES)]
    for _ in range(chance.randint(20, 70)):
        subject = chance.choice(names)
        owner = owners[subject]
        kind = chance.random()
        if kind < 0.2:
            predicate, value = TYPE, chance.choice(CLASSES)
        elif kind < 0.4:
            predicate = NUMBER
            value = ox.Literal(chance.randint(0, 6))
        elif kind < 0.5:
            predicate = chance.choice(PREDICATES)
            value = ox.Literal(chance.choice("xyz"), language=chance.choice((None, "en")))
        else:
            predicate = chance.choice(PREDICATES)
            local = [n for n in names if owners[n] == owner]
            value = ox.NamedNode(chance.choice(names if chance.random() < bridges else local))
        quad = ox.Quad(ox.NamedNode(subject), predicate, value)
        where = {owner}
        if chance.random() < replicated:
            where.add(chance.randrange(NODES))
        if chance.random() < 0.03:
            where = {chance.randrange(NODES)}
        for node in where:
            parts[node][quad] = None
            if chance.random() < 0.5:
                graph = GRAPHS[node if chance.random() < 0.8 else chance.randrange(3)]
                parts[node][ox.Quad(quad.subject, predicate, value, graph)] = None
    return names, tuple(tuple(part) for part in parts)


class Query:
    """Makes one random query; a subclass may add forms."""

    def __init__(self, chance: random.Random, names: list[str]) -> None:
        self.chance = chance
        self.names = names

    def text(self) -> str:
        chance = self.chance
        body = self.group(chance.randint(1, 3))
        kind = chance.random()
        if kind < 0.08:
            return f"ASK {{ {body} }}"
        if kind < 0.16:
            return f"CONSTRUCT {{ ?a <{EX}made> ?b . ?b <{EX}of> ?c }} WHERE {{ {body} }}"
        if kind < 0.35:
            return self.aggregate(body)
        if kind < 0.45:
            order = " ".join(VARIABLES)
            limit = chance.randint(1, 5)
            offset = chance.choice(("", f" OFFSET {chance.randint(0, 3)}"))
            select = " ".join(VARIABLES)
            distinct = chance.choice(("", "DISTINCT "))
            return (
                f"SELECT {distinct}{select} WHERE {{ {body} }} ORDER BY {order} LIMIT {limit}"
                + offset
            )
        head = chance.choice(("*", "?a ?b", "DISTINCT ?a", "DISTINCT ?b ?c", "?c ?a", "*"))
        return f"SELECT {head} WHERE {{ {body} }}"

    def aggregate(self, body: str) -> str:
        chance = self.chance
        keys = chance.sample(VARIABLES, chance.randint(0, 2))
        value = chance.choice([v for v in VARIABLES if v not in keys])
        function = chance.choice(
            ("COUNT(*)", f"COUNT({value})", f"COUNT(DISTINCT {value})", f"SUM({value})",
             f"MIN({value})", f"MAX({value})", f"AVG({value})", f"SUM(DISTINCT {value})")
        )  # fmt: skip
        group = f"GROUP BY {' '.join(keys)}" if keys else ""
        having = " HAVING(COUNT(*) > 1)" if keys and chance.random() < 0.2 else ""
        return f"SELECT {' '.join(keys)} ({function} AS ?r) WHERE {{ {body} }} {group}{having}"

    def term(self) -> str:
        chance = self.chance
        if chance.random() < 0.8:
            return chance.choice(VARIABLES)
        return f"<{chance.choice(self.names)}>"

    def value(self) -> str:
        kind = self.chance.random()
        if kind < 0.75:
            return self.term()
        if kind < 0.9:
            return str(self.chance.randint(0, 6))
        return self.chance.choice(('"x"', '"y"@en', f"<{EX}C1>"))

    def triple(self) -> str:
        chance = self.chance
        kind = chance.random()
        if kind < 0.15:
            class_ = chance.choice((*(f"<{c.value}>" for c in CLASSES), "?d"))
            return f"{self.term()} a {class_} ."
        if kind < 0.3:
            return f"{self.term()} <{NUMBER.value}> {self.value()} ."
        if kind < 0.36:
            return f"{self.term()} {chance.choice(('?p', '?d'))} {self.value()} ."
        if kind < 0.48:
            return f"{self.term()} {self.path(2)} {self.value()} ."
        return f"{self.term()} {self.link()} {self.value()} ."

    def link(self) -> str:
        return f"<{self.chance.choice(PREDICATES).value}>"

    def path(self, depth: int) -> str:
        chance = self.chance
        kind = chance.random()
        if depth == 0 or kind < 0.2:
            return self.link()
        inner = self.path(depth - 1)
        if kind < 0.35:
            return f"({inner}/{self.path(depth - 1)})"
        if kind < 0.5:
            return f"({inner}|{self.path(depth - 1)})"
        if kind < 0.6:
            return f"^({inner})"
        if kind < 0.68:
            return f"!({self.link()}|^{self.link()})"
        return f"({inner}){chance.choice('*+?+')}"

    def bgp(self) -> str:
        return " ".join(self.triple() for _ in range(self.chance.randint(1, 3)))

    def group(self, depth: int) -> str:
        chance = self.chance
        parts = [self.bgp()] if chance.random() < 0.9 else []
        for _ in range(chance.randint(0, 2) if depth else 0):
            parts.append(self.element(depth - 1))
        if chance.random() < 0.3:
            parts.append(f"FILTER({self.condition(depth)})")
        return " ".join(parts)

    def element(self, depth: int) -> str:
        chance = self.chance
        kind = chance.choice(
            ("optional", "optional", "union", "minus", "filter", "bind", "values", "graph",
             "sub", "sub", "bgp", "group")
        )  # fmt: skip
        if kind == "optional":
            return f"OPTIONAL {{ {self.group(depth)} }}"
        if kind == "union":
            return f"{{ {self.group(depth)} }} UNION {{ {self.group(depth)} }}"
        if kind == "minus":
            return f"MINUS {{ {self.group(depth)} }}"
        if kind == "filter":
            return f"FILTER({self.condition(depth)})"
        if kind == "bind":
            fresh = f"?x{chance.randint(0, 999)}"
            exists = "EXISTS { " + self.bgp() + "}"
            return f"BIND({chance.choice(('STR(?a)', '?b', '?c + 1', exists))} AS {fresh})"
        if kind == "values":
            rows = [
                chance.choice((f"<{chance.choice(self.names)}>", "UNDEF", "3", '"x"'))
                for _ in range(chance.randint(1, 4))
            ]
            return f"VALUES {chance.choice(VARIABLES)} {{ {' '.join(rows)} }}"
        if kind == "graph":
            name = chance.choice(("?g", "?g", f"<{GRAPHS[0].value}>", "?a"))
            return f"GRAPH {name} {{ {self.group(depth)} }}"
        if kind == "sub":
            return f"{{ {self.sub(depth)} }}"
        if kind == "group":
            return f"{{ {self.group(depth)} }}"
        return self.bgp()

    def sub(self, depth: int) -> str:
        chance = self.chance
        body = self.group(depth)
        kind = chance.random()
        if kind < 0.3:
            key = chance.choice(VARIABLES)
            other = chance.choice([v for v in VARIABLES if v != key])
            return (
                f"SELECT {key} (COUNT({other}) AS ?k{chance.randint(0, 9)}) "
                f"WHERE {{ {body} }} GROUP BY {key}"
            )
        if kind < 0.5:
            shown = chance.sample(VARIABLES, 2)
            order = " ".join(chance.choice(("{}", "DESC({})")).format(v) for v in shown)
            if chance.random() < 0.6:
                body = f"{shown[0]} {self.link()} {shown[1]} . " + self.bgp() * chance.randint(0, 1)
            return (
                f"SELECT {' '.join(shown)} WHERE {{ {body} }} "
                f"ORDER BY {order} LIMIT {chance.randint(1, 3)}"
            )
        shown = chance.choice(("*", "?a", "DISTINCT ?b ?a", "?c ?d"))
        return f"SELECT {shown} WHERE {{ {body} }}"

    def condition(self, depth: int) -> str:
        chance = self.chance
        variable, other = chance.sample(VARIABLES, 2)
        kind = chance.choice(
            ("compare", "compare", "equal", "bound", "exists", "not exists", "iri", "in", "or")
        )
        if kind == "compare":
            return f"{variable} {chance.choice('<>')} {chance.randint(0, 6)}"
        if kind == "equal":
            return f"{variable} {chance.choice(('=', '!='))} {other}"
        if kind == "bound":
            return f"{chance.choice(('', '!'))}BOUND({variable})"
        if kind in ("exists", "not exists"):
            inner = self.group(depth - 1) if depth > 0 else self.bgp()
            return f"{kind.upper()} {{ {inner} }}"
        if kind == "iri":
            return f"isIRI({variable})"
        if kind == "in":
            return f"{variable} IN (1, 2, <{chance.choice(self.names)}>)"
        return f"{variable} > 2 || BOUND({other})"
