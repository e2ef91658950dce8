"""Each triple gets the set of all labels that match, as a plain reading of the rules says."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Store, Triple, serialize

from kgnode.cim import ReadContext, read
from kgnode.cim.headers import Header
from kgnode.errors import BadLabels
from kgnode.policy.labels import CLOSED, assign, load_labels, unused
from kgnode.policy.lines import divide

CIM = "http://iec.ch/TC57/CIM100#"
RDF_TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")


@dataclass(frozen=True)
class FakeModel:
    iri: str
    header: Header = field(
        default_factory=lambda: Header.from_json({"iri": "urn:m", "kind": "rdf"})
    )


@dataclass(frozen=True)
class FakeStatements:
    triples: tuple[Triple, ...]

    def __iter__(self) -> Any:
        return iter(self.triples)

    def ntriples(self) -> BinaryIO:
        return io.BytesIO(serialize(self.triples, format=RdfFormat.N_TRIPLES) or b"")


class FakeStaged:
    """Models given as triples, with further ones only depended on."""

    def __init__(
        self, models: dict[str, Iterable[Triple]], depended: Iterable[Triple] = ()
    ) -> None:
        self.models = tuple(FakeModel(iri) for iri in models)
        self.content = {iri: tuple(triples) for iri, triples in models.items()}
        self.store = Store()
        for iri, triples in self.content.items():
            self.store.extend(
                Quad(t.subject, t.predicate, t.object, NamedNode(iri)) for t in triples
            )
        other = NamedNode("urn:depended")
        self.store.extend(Quad(t.subject, t.predicate, t.object, other) for t in depended)

    def graph(self, iri: str) -> FakeStatements:
        return FakeStatements(self.content[iri])


def triple(subject: str, predicate: str, value: str | Literal) -> Triple:
    term = value if isinstance(value, Literal) else NamedNode(value)
    return Triple(NamedNode(subject), NamedNode(predicate), term)


def a(subject: str, kind: str) -> Triple:
    return Triple(NamedNode(subject), RDF_TYPE, NamedNode(CIM + kind))


def labelled(staged: Any, text: str) -> dict[str, dict[Triple, frozenset[str]]]:
    """Model -> triple -> short label names; fails when a triple is missing or stands twice."""
    rules = load_labels(text.encode())
    found: dict[str, dict[Triple, frozenset[str]]] = {}
    for model, cells in assign(staged, rules, "DNOA", "network").items():
        found[model] = {}
        for labels, triples in cells.items():
            assert all(label.startswith("urn:gridspine:label:DNOA:network:") for label in labels)
            for item in triples:
                assert item not in found[model]
                found[model][item] = frozenset(label.rsplit(":", 1)[1] for label in labels)
    for model in staged.models:
        assert set(found[model.iri]) == set(staged.graph(model.iri))
    return found


HEAD = "labels: {x: {sensitivity: open}, y: {sensitivity: shared}, z: {sensitivity: closed}}\n"


def test_without_rules_everything_is_closed() -> None:
    staged = FakeStaged({"urn:m": [a("urn:s", "Substation")]})
    cells = assign(staged, CLOSED, "DNOA", "network")  # type: ignore[arg-type]
    assert list(cells["urn:m"]) == [frozenset()]


def test_one_label_for_all_hands_the_statements_on_untouched() -> None:
    staged = FakeStaged({"urn:m": [a("urn:s", "Substation")]})
    rules = load_labels((HEAD + "rules: [{label: x, class: '*'}]").encode())
    cells = assign(staged, rules, "DNOA", "network")  # type: ignore[arg-type]
    ((labels, statements),) = cells["urn:m"].items()
    assert labels == {"urn:gridspine:label:DNOA:network:x"}
    assert isinstance(statements, FakeStatements)


def test_property_rules_give_sets() -> None:
    p, name = triple("urn:s", CIM + "EnergyConsumer.p", Literal(1)), a("urn:s", "EnergyConsumer")
    found = labelled(
        FakeStaged({"urn:m": [p, name]}),
        HEAD + "rules: [{label: x, class: '*'}, {label: y, property: 'cim:EnergyConsumer.p'}]",
    )
    assert found == {"urn:m": {p: frozenset("xy"), name: frozenset("x")}}


def test_a_class_rule_covers_subjects_described_elsewhere_and_objects() -> None:
    kind = a("urn:load", "EnergyConsumer")
    own = triple("urn:load", CIM + "EnergyConsumer.p", Literal(1))
    pointing = triple("urn:t", CIM + "Terminal.ConductingEquipment", "urn:load")
    other = triple("urn:t", CIM + "IdentifiedObject.name", Literal("urn:load"))
    staged = FakeStaged({"urn:ssh": [own, pointing, other]}, [kind])
    rule = "rules: [{label: x, class: 'cim:EnergyConsumer'%s}]"
    assert labelled(staged, HEAD + rule % "")["urn:ssh"] == {
        own: frozenset("x"),
        pointing: frozenset("x"),
        other: frozenset(),
    }
    assert labelled(staged, HEAD + rule % ", incoming: false")["urn:ssh"] == {
        own: frozenset("x"),
        pointing: frozenset(),
        other: frozenset(),
    }


def test_a_class_stands_for_all_below_it() -> None:
    breaker, line = a("urn:b", "Breaker"), a("urn:l", "Line")
    found = labelled(
        FakeStaged({"urn:m": [breaker, line]}), HEAD + "rules: [{label: x, class: 'cim:Equipment'}]"
    )
    assert found["urn:m"] == {breaker: frozenset("x"), line: frozenset()}


def test_a_select_rule_reads_all_graphs_and_covers_what_it_selects() -> None:
    own = triple("urn:load", CIM + "EnergyConsumer.p", Literal(50.0))
    staged = FakeStaged({"urn:ssh": [own]}, [a("urn:load", "EnergyConsumer")])
    text = (
        "rules: [{label: z, select: 'SELECT ?this WHERE { ?this a cim:EnergyConsumer ; "
        "cim:EnergyConsumer.p ?p FILTER(?p > 10) }'}]"
    )
    assert labelled(staged, HEAD + text)["urn:ssh"] == {own: frozenset("z")}


@pytest.mark.parametrize(
    "query", ["SELECT ?that { ?that ?p ?o }", "ASK {}", "SELECT ?this {", "DESCRIBE <urn:x>"]
)
def test_a_query_that_selects_no_this_is_refused_with_its_line(query: str) -> None:
    staged = FakeStaged({"urn:m": [a("urn:s", "X")]})
    with pytest.raises(BadLabels) as caught:
        labelled(staged, HEAD + f"rules:\n - {{label: x, select: '{query}'}}")
    assert caught.value.line == 3


def chain() -> list[Triple]:
    """A region down to the points of a limit set, and a neighbour outside."""
    return [
        a("urn:region", "SubGeographicalRegion"),
        a("urn:sub", "Substation"),
        triple("urn:sub", CIM + "Substation.Region", "urn:region"),
        triple("urn:vl", CIM + "VoltageLevel.Substation", "urn:sub"),
        triple("urn:bay", CIM + "Bay.VoltageLevel", "urn:vl"),
        triple("urn:brk", CIM + "Equipment.EquipmentContainer", "urn:bay"),
        triple("urn:term", CIM + "Terminal.ConductingEquipment", "urn:brk"),
        triple("urn:set", CIM + "OperationalLimitSet.Terminal", "urn:term"),
        triple("urn:lim", CIM + "OperationalLimit.OperationalLimitSet", "urn:set"),
        triple("urn:lim", CIM + "CurrentLimit.value", Literal(100)),
        triple("urn:term2", CIM + "Terminal.ConnectivityNode", "urn:cn"),
        triple("urn:cn", CIM + "ConnectivityNode.ConnectivityNodeContainer", "urn:bay"),
        triple("urn:machine", CIM + "Equipment.EquipmentContainer", "urn:vl"),
        triple("urn:machine", CIM + "RotatingMachine.GeneratingUnit", "urn:unit"),
        triple("urn:unit", CIM + "GeneratingUnit.maxOperatingP", Literal(10)),
        triple("urn:other", CIM + "Substation.Region", "urn:elsewhere"),
        triple("urn:term2", CIM + "IdentifiedObject.name", Literal("outside")),
    ]


@pytest.mark.parametrize("area", ["urn:region", "urn:sub", "urn:vl"])
def test_an_area_reaches_down_to_the_last_limit(area: str) -> None:
    found = labelled(
        FakeStaged({"urn:m": chain()}), HEAD + f"rules: [{{label: z, within: '{area}'}}]"
    )
    inside = {item for item, labels in found["urn:m"].items() if labels}
    assert {t.subject.value for t in inside} >= {"urn:brk", "urn:lim", "urn:cn", "urn:unit"}
    subjects = {t.subject.value for t in found["urn:m"] if t not in inside}
    assert "urn:other" in subjects
    pointing = triple("urn:term2", CIM + "Terminal.ConnectivityNode", "urn:cn")
    assert pointing in inside, "a reference into the area tells of it"
    assert triple("urn:term2", CIM + "IdentifiedObject.name", Literal("outside")) not in inside


def test_rules_that_match_nothing_are_told() -> None:
    rules = load_labels(
        (
            HEAD + "rules:\n - {label: x, class: '*'}\n - {label: x, class: 'cim:Subtsation'}\n"
            " - {label: y, property: 'cim:Substation.Region'}\n"
            " - {label: y, property: 'cim:No.no'}\n"
            " - {label: z, within: 'urn:nowhere'}\n - {label: z, within: 'urn:sub'}\n"
            " - {label: z, select: 'SELECT ?this { ?this a cim:Nothing }'}\n"
        ).encode()
    )
    staged = FakeStaged({"urn:m": chain()})
    assert [rule.line for rule in unused(staged, rules)] == [4, 6, 7, 9]  # type: ignore[arg-type]


def test_a_mark_is_found_however_the_term_is_written() -> None:
    site = "urn:site:\u00fc"
    forms = [
        "<urn:site:\u00fc> <urn:p> <urn:o> .\n",
        "<urn:site:\\u00FC> <urn:p> <urn:o> .\n",
        "<urn:site:\\U000000FC> <urn:p> <urn:o> .\n",
        "<urn:site:\u00fc>\t<urn:p>\t<urn:o>.\n",
        "  <urn:site:\u00fc>   <urn:p> <urn:o>  .  # comment\n",
        "<urn:s> <urn:p> <urn:site:\\u00fc> .\n",
        "<urn:s> <urn:p> <urn:site:\u00fc>.\n",
        "<urn:s> <urn:p> <urn:site:\u00fc> . \n",
    ]
    mark = {site: frozenset("z")}
    for form in forms:
        found = divide(io.BytesIO(form.encode()), mark, {}, mark)
        assert list(found) == [frozenset("z")], form
    literal = '<urn:s> <urn:p> "<urn:site:\u00fc>" .\n'
    assert list(divide(io.BytesIO(literal.encode()), mark, {}, mark)) == [frozenset()]


SUBJECTS = [f"urn:s{n}" for n in range(5)]
PREDICATES = [CIM + name for name in ("A.p", "A.q", "Equipment.EquipmentContainer")]
CLASSES = ["X", "Y"]
triples = st.one_of(
    st.builds(
        triple, st.sampled_from(SUBJECTS), st.sampled_from(PREDICATES), st.sampled_from(SUBJECTS)
    ),
    st.builds(
        triple,
        st.sampled_from(SUBJECTS),
        st.sampled_from(PREDICATES),
        st.sampled_from(
            [Literal(1), Literal("urn:s1"), Literal('a "b" <urn:s1> .'), Literal("é\n")]
        ),
    ),
    st.builds(a, st.sampled_from(SUBJECTS), st.sampled_from(CLASSES)),
)
rules_ = st.lists(
    st.tuples(
        st.sampled_from("xyz"),
        st.sampled_from(
            [
                "class: '*'",
                "class: 'cim:X'",
                "class: ['cim:X', 'cim:Y']",
                "property: 'cim:A.p'",
                "within: 'urn:s1'",
                "select: 'SELECT ?this { ?this cim:A.q ?o }'",
            ]
        ),
        st.booleans(),
    ),
    max_size=4,
)


def plain(
    item: Triple, everything: set[Triple], rules: list[tuple[str, str, bool]]
) -> frozenset[str]:
    """The labels of a triple, read off the rules one by one without any index."""
    container = NamedNode(PREDICATES[2])
    inside = {NamedNode("urn:s1")}
    for _ in everything:
        inside |= {t.subject for t in everything if t.predicate == container and t.object in inside}
    found = set()
    for label, what, incoming in rules:
        if what == "class: '*'":
            found.add(label)
        elif what.startswith("property"):
            if item.predicate == NamedNode(CIM + "A.p"):
                found.add(label)
        else:
            if what.startswith("class"):
                kinds = {NamedNode(CIM + "X")} | ({NamedNode(CIM + "Y")} if "Y" in what else set())
                matched = {
                    t.subject for t in everything if t.predicate == RDF_TYPE and t.object in kinds
                }
            elif what.startswith("within"):
                matched = inside
            else:
                matched = {t.subject for t in everything if t.predicate == NamedNode(CIM + "A.q")}
            if item.subject in matched or (incoming and item.object in matched):
                found.add(label)
    return frozenset(found)


@given(st.lists(triples, max_size=12), st.lists(triples, max_size=6), rules_)
def test_labels_are_those_of_a_plain_reading(
    own: list[Triple], depended: list[Triple], rules: list[tuple[str, str, bool]]
) -> None:
    staged = FakeStaged({"urn:m": dict.fromkeys(own)}, depended)
    text = (
        HEAD
        + "rules:\n"
        + "".join(
            f" - {{label: {label}, {what}"
            + ("" if what.startswith("property") else f", incoming: {str(incoming).lower()}")
            + "}\n"
            for label, what, incoming in rules
        )
    )
    everything = {*own, *depended}
    assert labelled(staged, text if rules else HEAD)["urn:m"] == {
        item: plain(item, everything, rules) for item in own
    }


def test_a_substation_of_a_real_model_is_closed_with_all_it_contains(test_data: Path) -> None:
    archive = test_data / "cim" / "gsp_four_authorities.zip"
    staged = read([archive], ReadContext("https://dno.example/id#", "https://gb.example/boundary#"))
    substation = next(
        iter(
            staged.store.query(
                f"SELECT ?s {{ GRAPH ?g {{ ?s a <{CIM}Substation> }} "
                f"GRAPH ?g {{ ?v <{CIM}VoltageLevel.Substation> ?s }} "
                f"GRAPH ?g {{ ?b <{CIM}Equipment.EquipmentContainer> ?v }} }} LIMIT 1"
            )
        )
    )[0].value
    rules = load_labels(
        (
            HEAD
            + "rules:\n - {label: x, class: '*'}\n"
            + f" - {{label: z, within: '{substation}'}}\n"
        ).encode()
    )
    open_graph = Store()
    hidden: set[str] = {substation}
    total = 0
    for cells in assign(staged, rules, "DNOA", "network").values():
        for labels, items in cells.items():
            for item in items:
                total += 1
                if len(labels) == 1:
                    open_graph.add(Quad(item.subject, item.predicate, item.object))
                else:
                    hidden.add(item.subject.value)
    assert total == sum(model.triples for model in staged.models)
    terms = (term for q in open_graph for term in (q.subject, q.object))
    shown = {term.value for term in terms if isinstance(term, NamedNode)}
    assert substation not in shown
    inside = {
        row[0].value
        for row in staged.store.query(
            f"SELECT ?x {{ ?x (<{CIM}Terminal.ConductingEquipment>|"
            f"<{CIM}Equipment.EquipmentContainer>|"
            f"<{CIM}VoltageLevel.Substation>)+ <{substation}> }}",
            use_default_graph_as_union=True,
        )
    }
    assert len(inside) > 20
    assert not inside & shown
