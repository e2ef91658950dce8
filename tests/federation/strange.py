"""Trials of forms that ``generator`` makes too seldom: where a federation and one store may differ.

Numbers that are equal and not the same term, times with zones, languages, errors in BIND, UNDEF,
negated and nested EXISTS, filters of an OPTIONAL on outer variables, modifiers of every form.
"""

from __future__ import annotations

import random

import pyoxigraph as ox

from tests.federation.generator import EX, PREDICATES, Query, Trial, make_data

XSD = "http://www.w3.org/2001/XMLSchema#"
LITERALS = (
    '"01"^^xsd:integer', '"1"^^xsd:int', "1", "1.0", "1.50", "1.0e0", '"-0.0"^^xsd:double', "0",
    '"NaN"^^xsd:double', '"INF"^^xsd:double', '"1"^^xsd:float', "true", '"1"^^xsd:boolean', '"x"',
    '"x"@en', '"x"@EN-gb', '"X"', '"x"^^ex:unknown', '"a\\tb\\n\\"c\\\\"', '"é\\u00E9"',
    '"2020-01-01T00:00:00+02:00"^^xsd:dateTime', '"2019-12-31T22:00:00Z"^^xsd:dateTime',
    '"2019-12-31T22:00:00"^^xsd:dateTime', '"2020-01-01"^^xsd:date', '"2020-01-01Z"^^xsd:date',
    '"PT1H"^^xsd:duration', '"PT60M"^^xsd:dayTimeDuration', '"abc"^^xsd:integer', '""',
)  # fmt: skip
PREFIXES = f"PREFIX ex: <{EX}> PREFIX xsd: <{XSD}>\n"
_AGGREGATES = (
    "COUNT(*)", "COUNT({0})", "COUNT(DISTINCT {0})", "MIN(STR({0}))", "SUM({0})", "SUM({0} + {1})",
    "AVG({0})", "COUNT(DISTINCT *)", "SUM(IF(EXISTS {{ {0} ex:p1 {1} }}, 1, 0))",
)  # fmt: skip
_HEADS = (
    "{0} ({1} + 1 AS ?e)", "({0} AS ?e)", "{0} (EXISTS {{ {0} ex:p1 {1} }} AS ?e)",
    "(EXISTS {{ FILTER({1} > 1) }} AS ?e) {0}", "(IF(BOUND({1}), {0}, 1/0) AS ?e)",
    "DISTINCT (STR({0}) AS ?e)", "DISTINCT (LANG({0}) AS ?e) {1}", "(COALESCE({0}, {1}) AS ?e)",
    "{0} (EXISTS {{ VALUES {0} {{ 1 ex:C1 }} }} AS ?e)",
)  # fmt: skip
_CONDITIONS = (
    "langMatches(lang({0}), 'en')", "{0} = 1", "{0} = 1.0e0", "{0} != 1", "sameTerm({0}, 1)",
    "{0} IN (1/0, 1, {1})", "{0} NOT IN ({1}, 1)", "{0} = {0}", "!({0} < {1})", "{0} <= {1}",
    "NOT EXISTS {{ {0} ex:n {1} FILTER({1} > 0) }}", "!EXISTS {{ {0} ?p {1} }} && BOUND({0})",
    "EXISTS {{ {0} ex:p1 {1} MINUS {{ {1} ex:n ?a }} }}", "isNumeric({0}) || isIRI({1})",
    "EXISTS {{ {{ SELECT {0} (COUNT(*) AS ?z) {{ {0} ex:n {1} }} GROUP BY {0} }} FILTER(?z > 1) }}",
    "datatype({0}) = xsd:integer", "REGEX({0}, 'X', 'i')",
    "{0} > '2019-12-31T22:00:00Z'^^xsd:dateTime",
    "EXISTS {{ FILTER({0} > 1) }}", "COALESCE({0} > 1, EXISTS {{ {1} ex:p2 {0} }})",
    "EXISTS {{ {0} ex:p0 ?z FILTER NOT EXISTS {{ ?z ex:p1 {1} }} }}", "STRLEN(STR({0})) > 2",
)  # fmt: skip
_BINDS = ("{0} / 0", "{0} + {1}", "COALESCE({0}, 7)", "IF({0} > 1, {1}, {0})", "LANG({0})",
          "xsd:integer({0})", "EXISTS {{ {0} ex:n ?z }}", "1", "CONCAT(STR({0}), 'x')")  # fmt: skip
_NEW = ("?e", "?f")


def strange(seed: int) -> Trial:
    """Return the strange trial of a seed."""
    chance = random.Random(f"strange {seed}")
    names, parts = make_data(chance)
    literals = [_literal(text) for text in LITERALS]
    full = []
    for part in parts:
        quads = [
            ox.Quad(q.subject, q.predicate, chance.choice(literals), q.graph_name)
            if isinstance(q.object, ox.Literal) and chance.random() < 0.6
            else q
            for q in part
        ]
        for quad in list(quads):
            if chance.random() < 0.1:
                predicate = chance.choice((*PREDICATES[:2], ox.NamedNode(f"{EX}n")))
                quads.append(
                    ox.Quad(quad.subject, predicate, chance.choice(literals), quad.graph_name)
                )
        named = [q for q in quads if q.graph_name != ox.DefaultGraph()]
        merged = {ox.Quad(q.subject, q.predicate, q.object): None for q in named}
        full.append(tuple(dict.fromkeys([*quads, *merged])))
    return Trial(seed, tuple(full), PREFIXES + StrangeQuery(chance, names).text())


def _literal(text: str) -> ox.Literal:
    turtle = f"@prefix xsd: <{XSD}> . @prefix ex: <{EX}> . ex:s ex:p {text} ."
    (quad,) = ox.parse(turtle.encode(), format=ox.RdfFormat.TURTLE)
    assert isinstance(quad.object, ox.Literal)
    return quad.object


class StrangeQuery(Query):
    """Makes queries with the forms of this module between those of the plain generator."""

    def text(self) -> str:
        chance = self.chance
        body = self.star() if chance.random() < 0.6 else self.group(chance.randint(1, 3))
        pair = chance.sample(("?a", "?b", "?c", "?d"), 2)
        kind = chance.random()
        if kind < 0.08:
            cut = chance.choice(("", " OFFSET 1", " OFFSET 3", " LIMIT 2", " LIMIT 1 OFFSET 2"))
            return f"ASK {{ {body} }}{cut}"
        if kind < 0.16:
            made = chance.choice(("?a ex:made [ ex:of ?b ]", "_:x ex:made ?c", "?a ?b ?c"))
            return f"CONSTRUCT {{ {made} }} WHERE {{ {body} }}"
        if kind < 0.4:
            keys = chance.sample(("?a", "?b", "?c"), chance.randint(0, 2))
            shown = " ".join(keys)
            counted = chance.choice(_AGGREGATES).format(*pair)
            expression = chance.choice(("", "", " (STR(?a) AS ?k)", " (?b + 1 AS ?k)"))
            group = f"GROUP BY {shown}{expression}" if keys or expression else ""
            having = chance.choice(
                ("", "", " HAVING(COUNT(*) > 1)", " HAVING(EXISTS { ?a ex:p1 ?b })",
                 " HAVING(COUNT(DISTINCT ?b) < 3 || COUNT(?c) = 1)")
            )  # fmt: skip
            return f"SELECT {shown} ({counted} AS ?r) WHERE {{ {body} }} {group}{having}"
        if kind < 0.55:
            order = chance.choice(
                ("(STR(?b)) ", "DESC(BOUND(?a)) ", "(EXISTS { ?a ex:p1 ?b }) ", "")
            )
            shown = chance.choice(("DISTINCT ?a ?b ?c ?d", "?a ?b ?c ?d", "(?c AS ?z) ?a ?b ?d ?c"))
            cut = f" LIMIT {chance.randint(1, 5)}" + chance.choice(("", " OFFSET 1"))
            total = "(STR(?a)) (STR(?b)) (STR(?c)) (STR(?d)) "
            kinds = " ".join(f"(STR(DATATYPE({v}))) (LANG({v}))" for v in ("?a", "?b", "?c", "?d"))
            return f"SELECT {shown} WHERE {{ {body} }} ORDER BY {order}{total}{kinds}{cut}"
        if kind < 0.75:
            return f"SELECT {chance.choice(_HEADS).format(*pair)} WHERE {{ {body} }}"
        tail = self.table() if chance.random() < 0.3 else ""
        head = chance.choice(("*", "DISTINCT *", "?a ?b", "DISTINCT ?b", "?d"))
        return f"SELECT {head} WHERE {{ {body} }} {tail}"

    def star(self) -> str:
        """Patterns about one subject, and a little with it: what goes whole to members."""
        chance = self.chance
        links = [f"<{EX}n>", *(f"<{p.value}>" for p in PREDICATES[:3])]
        parts = [f"?a {chance.choice(links)} {v} ." for v in ("?b", "?c")[: chance.randint(1, 2)]]
        if chance.random() < 0.3:
            parts.append(f"?b {chance.choice(links)} ?d .")
        if chance.random() < 0.3:
            parts.append(f"OPTIONAL {{ ?a {chance.choice(links)} ?d }}")
        if chance.random() < 0.3:
            parts.append(self.element(1))
        if chance.random() < 0.5:
            parts.append(f"FILTER({self.condition(1)})")
        return " ".join(parts)

    def value(self) -> str:
        if self.chance.random() < 0.15:
            return self.chance.choice([text for text in LITERALS if "abc" not in text])
        return super().value()

    def table(self) -> str:
        chance = self.chance
        names = chance.sample(("?a", "?b", "?c"), 2)
        cells = ("UNDEF", "UNDEF", "1", '"x"', "ex:C1", *(f"<{n}>" for n in self.names[:4]))
        rows = [f"({chance.choice(cells)} {chance.choice(cells)})" for _ in range(3)]
        return f"VALUES ({' '.join(names)}) {{ {' '.join(rows)} }}"

    def element(self, depth: int) -> str:
        chance = self.chance
        kind = chance.random()
        if kind < 0.5:
            return super().element(depth)
        if kind < 0.58:
            return self.table()
        if kind < 0.68:
            inner = f"OPTIONAL {{ {self.bgp()} FILTER({self.condition(0)}) }}"
            return f"OPTIONAL {{ {self.bgp()} {inner} FILTER({self.condition(0)}) }}"
        if kind < 0.76:
            return f"MINUS {{ OPTIONAL {{ {self.bgp()} }} {chance.choice(('', self.bgp()))} }}"
        if kind < 0.84:
            pair = chance.sample(("?a", "?b", "?c", "?d"), 2)
            name = chance.choice((*_NEW, f"?y{chance.randint(0, 99)}"))
            return f"BIND({chance.choice(_BINDS).format(*pair)} AS {name})"
        if kind < 0.92:
            return f"GRAPH ?g {{ {self.bgp()} }} GRAPH ?g {{ {self.bgp()} }}"
        key, other = chance.sample(("?a", "?b", "?c"), 2)
        cut = chance.choice(("", " HAVING(COUNT(*) > 1)", f" VALUES {key} {{ 1 ex:C1 UNDEF }}"))
        body = self.group(depth)
        return (
            f"{{ SELECT {key} (COUNT(DISTINCT {other}) AS ?k) {{ {body} }} GROUP BY {key}{cut} }}"
        )

    def condition(self, depth: int) -> str:
        chance = self.chance
        if chance.random() < 0.4:
            return super().condition(depth)
        pair = chance.sample(("?a", "?b", "?c", "?d", "?e"), 2)
        return chance.choice(_CONDITIONS).format(*pair)
