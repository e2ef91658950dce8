"""Random homes and queries: data, labels files, policies, callers, and SPARQL of every form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Triple

from tests.kgnode.leak.reading import CIM, CONTAINER, TYPE, Asker, Ruled

ORG = "DNOA"
SUBJECTS = tuple(f"urn:zq:thing{letter}" for letter in "abcdefgh")
PREDICATES = (CIM + "Thing.p", CIM + "Thing.q", CONTAINER)
CLASSES = (CIM + "ZqAlpha", CIM + "ZqBeta")
TEXTS = tuple(f"zqtext{letter}" for letter in "abcdef")
LABELS = ("one", "two", "three")
DATASETS = ("first", "second")
ASKERS = (
    Asker(None),
    Asker("NESO", ("planner",), "network-planning", "ESO"),
    Asker("NESO", ("planner",), None, "ESO"),
    Asker("DNOB", ("planner", "steward"), "research", "DNO"),
    Asker("DNOA", ("planner",), "any", "DNO"),
    Asker("DNOA", ("operator",), None, "DNO"),
)

subjects = st.sampled_from(SUBJECTS).map(NamedNode)
values = st.one_of(
    subjects,
    st.sampled_from(TEXTS).map(Literal),
    st.integers(1, 9).map(Literal),
)
triples = st.one_of(
    st.builds(Triple, subjects, st.sampled_from(PREDICATES).map(NamedNode), values),
    st.builds(Triple, subjects, st.just(NamedNode(CONTAINER)), subjects),
    st.builds(Triple, subjects, st.just(NamedNode(TYPE)), st.sampled_from(CLASSES).map(NamedNode)),
)
models = st.lists(triples, min_size=6, max_size=24, unique=True)
rules = st.lists(
    st.one_of(
        st.builds(Ruled, st.sampled_from(LABELS), st.just("all"), st.just("")),
        st.builds(Ruled, st.sampled_from(LABELS), st.just("property"), st.sampled_from(PREDICATES)),
        st.builds(
            Ruled,
            st.sampled_from(LABELS),
            st.just("class"),
            st.sampled_from(CLASSES),
            st.booleans(),
        ),
        st.builds(
            Ruled,
            st.sampled_from(LABELS),
            st.just("within"),
            st.sampled_from(SUBJECTS[:2]),
            st.booleans(),
        ),
        st.builds(
            Ruled,
            st.sampled_from(LABELS),
            st.just("select"),
            st.sampled_from(PREDICATES),
            st.booleans(),
        ),
    ),
    min_size=2,
    max_size=5,
)
targets = st.one_of(
    st.builds(
        lambda dataset, label: f"urn:gridspine:label:{ORG}:{dataset}:{label}",
        st.sampled_from(DATASETS),
        st.sampled_from(LABELS),
    ),
    st.sampled_from(LABELS).map(lambda label: f"urn:gridspine:label:{ORG}:first:{label}"),
    st.sampled_from(DATASETS).map(lambda dataset: f"urn:gridspine:dataset:{ORG}:{dataset}"),
)
constraints = st.sampled_from(
    [
        ("purpose", "isAnyOf", ["network-planning"]),
        ("purpose", "isNoneOf", ["research"]),
        ("purpose", "eq", "any"),
        ("dateTime", "lt", "2999-01-01T00:00:00+00:00"),
        ("dateTime", "lt", "2001-01-01T00:00:00+00:00"),
        ("spatial", "isAnyOf", [SUBJECTS[0]]),
        ("spatial", "isNoneOf", [SUBJECTS[1]]),
    ]
)
assignees: st.SearchStrategy[Any] = st.one_of(
    st.just("public"),
    st.just("public"),
    st.fixed_dictionaries({"organisation": st.sampled_from([["NESO"], ["DNOB", "DNOA"]])}),
    st.fixed_dictionaries(
        {"role": st.just(["planner"]), "group": st.sampled_from([["DNO"], ["ESO"]])}
    ),
)


def _clause(target: str, assignee: Any, parts: list[tuple[str, str, Any]]) -> dict[str, Any]:
    keys = ("leftOperand", "operator", "rightOperand")
    constraint = [dict(zip(keys, part, strict=True)) for part in parts]
    return {"target": target, "action": "read", "assignee": assignee, "constraint": constraint}


clauses = st.one_of(
    st.builds(_clause, targets, assignees, st.just([])),
    st.builds(_clause, targets, assignees, st.lists(constraints, max_size=2)),
)
policies = st.builds(
    lambda permissions, prohibitions: {
        "@context": "gridspine-odrl",
        "@type": "Set",
        "uid": f"urn:gridspine:policy:{ORG}:random",
        "profile": "https://w3id.org/gridspine/odrl",
        "permission": permissions,
        "prohibition": prohibitions,
    },
    st.lists(clauses, min_size=2, max_size=5),
    st.lists(clauses, max_size=1),
)


@dataclass(frozen=True)
class World:
    """A home before it is made: data set -> models, rules, aside; and one policy document."""

    models: tuple[tuple[list[Triple], ...], ...]
    rules: tuple[tuple[Ruled, ...], ...]
    aside: bool
    policy: dict[str, Any]


worlds = st.builds(
    World,
    st.tuples(
        st.lists(
            models, min_size=1, max_size=2, unique_by=lambda found: frozenset(map(str, found))
        ).map(tuple),
        st.lists(models, max_size=1).map(tuple),
    ),
    st.tuples(rules.map(tuple), rules.map(tuple)),
    st.booleans(),
    policies,
)


@dataclass(frozen=True)
class Question:
    """A query in parts; graphs are numbers, chosen among what exists, is hidden or is not there.

    Attributes:
        head: up to the dataset clause.
        default: FROM.
        named: FROM NAMED.
        body: from WHERE on, with ``{graph}`` where a graph's IRI goes.
        protocol: whether the graphs go with the request rather than in the text.
    """

    head: str
    default: tuple[int, ...]
    named: tuple[int, ...]
    body: str
    graph: int
    protocol: bool


variables = st.sampled_from(["?a", "?b", "?c"])
constants = st.sampled_from([f"<{iri}>" for iri in SUBJECTS])
nodes = st.one_of(variables, variables, constants)
verbs = st.one_of(
    st.sampled_from([f"<{iri}>" for iri in (*PREDICATES, TYPE)]),
    st.sampled_from(["?p", "?p", "a"]),
)
ends = st.one_of(
    nodes,
    st.sampled_from([f"<{iri}>" for iri in CLASSES]),
    st.sampled_from([f'"{text}"' for text in TEXTS]),
)
paths = st.sampled_from(
    [
        f"<{CONTAINER}>+",
        f"<{CONTAINER}>*",
        f"^<{CONTAINER}>",
        f"<{PREDICATES[0]}>|<{PREDICATES[1]}>",
        f"<{PREDICATES[0]}>/<{CONTAINER}>?",
        f"!(a|<{CONTAINER}>)",
    ]
)
pattern = st.one_of(
    st.builds("{} {} {} .".format, nodes, verbs, ends),
    st.builds("{} {} {} .".format, nodes, paths, nodes),
)
basic = st.lists(pattern, min_size=1, max_size=2).map(" ".join)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} OPTIONAL {{ {} }}".format, basic, inner),
        st.builds("{{ {} }} UNION {{ {} }}".format, inner, inner),
        st.builds("{} MINUS {{ {} }}".format, basic, inner),
        st.builds("{} FILTER EXISTS {{ {} }}".format, basic, inner),
        st.builds("{} FILTER NOT EXISTS {{ {} }}".format, basic, inner),
        st.builds("GRAPH ?g {{ {} }}".format, inner),
        st.builds("GRAPH <GRAPHIRI> {{ {} }}".format, inner),
        st.builds("{{ SELECT DISTINCT ?a WHERE {{ {} }} }}".format, inner),
        st.builds("{} FILTER(isIRI(?a) || ?b > 3)".format, inner),
        st.builds("{{ SELECT ?a ?b WHERE {{ {} }} }} BIND(str(?a) AS ?t)".format, inner),
        st.builds("VALUES ?a {{ {} }} {}".format, constants, inner),
    )


groups = st.recursive(basic, _grown, max_leaves=3)
forms = st.sampled_from(
    [
        ("SELECT *", ""),
        ("SELECT *", ""),
        ("SELECT DISTINCT ?a ?p", ""),
        ("SELECT (COUNT(*) AS ?n)", ""),
        ("SELECT ?a (COUNT(DISTINCT ?b) AS ?n)", " GROUP BY ?a"),
        ("SELECT (SUM(?b) AS ?n) (MIN(?b) AS ?m)", ""),
        ("ASK", ""),
        ("CONSTRUCT { ?a <urn:zq:made> ?b }", ""),
        ("DESCRIBE ?a", ""),
    ]
)
graphs = st.lists(st.integers(0, 5), max_size=2).map(tuple)
questions = st.builds(
    lambda form, default, named, group, graph, protocol: Question(
        form[0], default, named, f"WHERE {{ {group} }}{form[1]}", graph, protocol
    ),
    forms,
    st.one_of(st.just(()), graphs),
    st.one_of(st.just(()), graphs),
    groups,
    st.integers(0, 5),
    st.booleans(),
)
askers = st.sampled_from(ASKERS)

SWEEPS = (
    Question("SELECT *", (), (), "WHERE { ?a ?p ?b }", 0, False),
    Question("SELECT *", (), (), "WHERE { GRAPH ?g { ?a ?p ?b } }", 0, False),
    Question("SELECT *", tuple(range(6)), (), "WHERE { ?a ?p ?b }", 0, False),
)
"""What everybody would ask first: everything, everything by graph, everything of every graph."""
