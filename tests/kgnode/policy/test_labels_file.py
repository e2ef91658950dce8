"""A labels file is understood whole or refused with its line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgnode.errors import BadLabels, MissingFile
from kgnode.policy.labels_file import CLOSED, Label, load_labels

GOOD = b"""\
labels:
  topology: {sensitivity: shared, reason: "network connectivity", review: 2027-06-01}
  site:     {sensitivity: closed, reason: "critical site"}
rules:
  - {label: topology, class: "*"}
  - {label: topology, property: ["cim:EnergyConsumer.p", "cim:EnergyConsumer.q"]}
  - {label: site, within: "urn:uuid:9D25A1F9-E5D1-4D47-B6DC-DE99C4380B40"}
  - {label: site, select: "SELECT ?this WHERE { ?this a cim:Substation }", incoming: false}
"""


def test_a_labels_file_is_read() -> None:
    rules = load_labels(GOOD, "labels.yaml")
    assert rules.labels == (
        Label("topology", "shared", "network connectivity", date(2027, 6, 1)),
        Label("site", "closed", "critical site", None),
    )
    everything, properties, area, query = rules.rules
    assert everything.values == ("*",)
    assert "http://iec.ch/TC57/CIM100#EnergyConsumer.p" in properties.values
    assert len(properties.values) == 6, "both properties in each CIM namespace"
    assert not properties.incoming
    assert area.values == ("urn:uuid:9d25a1f9-e5d1-4d47-b6dc-de99c4380b40",)
    assert area.incoming
    assert not query.incoming
    assert [rule.line for rule in rules.rules] == [5, 6, 7, 8]


def test_prefixes_of_the_file_win() -> None:
    rules = load_labels(
        b"prefixes: {cim: 'https://own.example/cim#', own: 'https://own.example/'}\n"
        b"labels: {a: {sensitivity: open}}\n"
        b"rules:\n - {label: a, class: ['cim:X', 'own:Y', 'https://z.example/Z']}\n"
    )
    assert rules.rules[0].values == (
        "https://own.example/cim#X",
        "https://own.example/Y",
        "https://z.example/Z",
    )


def test_areas_are_told_only_where_they_bound_all_of_a_label() -> None:
    described = load_labels(GOOD).to_json()
    assert described["site"]["areas"] == []
    only = GOOD[: GOOD.rindex(b"  - ")]
    assert load_labels(only).to_json()["site"]["areas"] == [
        "urn:uuid:9d25a1f9-e5d1-4d47-b6dc-de99c4380b40"
    ]
    assert load_labels(GOOD).to_json()["topology"]["sensitivity"] == "shared"


def test_no_file_means_no_rule() -> None:
    assert CLOSED.rules == ()
    with pytest.raises(MissingFile):
        load_labels(Path("/nowhere/labels.yaml"))


def rule(text: str) -> str:
    return f"labels: {{a: {{sensitivity: open}}}}\nrules:\n - {text}\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "empty"),
        ("- a", 1, "mapping"),
        ("labels: {a: {sensitivity: open}", 1, "not YAML"),
        ("labels:\n  a: {sensitivity: secret}\n", 2, "'secret' is not a sensitivity"),
        ("labels:\n  a: {reason: x}\n", 2, "states no sensitivity"),
        ("labels:\n  a: {sensitivity: open, ower: me}\n", 2, "'ower'"),
        ("labels:\n  a: {sensitivity: open, review: soon}\n", 2, "review must be a day"),
        ("labels:\n  a: {sensitivity: open}\n  a: {sensitivity: open}\n", 3, "twice"),
        ("labels:\n  'a b': {sensitivity: open}\n", 2, "cannot be the name"),
        ("rules: []", 1, "declares no labels"),
        ("labels: {a: {sensitivity: open}}\nrule: []\n", 2, "'rule'"),
        ("labels: {a: {sensitivity: open}}\nrules: {}\n", 2, "must be a list"),
        ("labels: {a: &x {sensitivity: open}, b: *x}\n", 1, "References"),
        (rule("{class: X}"), 3, "names no label"),
        (rule("{label: b, class: '*'}"), 3, "'b', which is not declared"),
        (rule("{label: a}"), 3, "exactly one of"),
        (rule("{label: a, class: '*', property: 'cim:X.y'}"), 3, "exactly one of"),
        (rule("{label: a, class: Substation}"), 3, "'Substation' is not an IRI"),
        (rule("{label: a, class: 'cmi:Substation'}"), 3, "prefix is not known"),
        (rule("{label: a, class: []}"), 3, "empty list"),
        (rule("{label: a, class: ''}"), 3, "must be a text"),
        (rule("{label: a, property: 'cim:X.y', incoming: true}"), 3, "incoming has no meaning"),
        (rule("{label: a, class: '*', incoming: perhaps}"), 3, "true or false"),
        (rule("{label: a, within: 'not an iri'}"), 3, "is not an IRI"),
        (rule("{label: a, select: ['SELECT', 'SELECT']}"), 3, "one query"),
        (rule("{label: a, select: 'SELECT ?this { SERVICE <http://x/> {} }'}"), 3, "SERVICE"),
        (rule("{label: a, select: 'SELECT ?this { sErViCe ?x {} }'}"), 3, "SERVICE"),
        (
            rule("{label: a, select: 'SELECT ?this {?this ?p 1SERVICE SILENT <http://x/>{}}'}"),
            3,
            "SERVICE",
        ),
        (rule("{label: a, select: 'SELECT ?this { \\u0053ERVICE <http://x/> {} }'}"), 3, "escapes"),
        (rule("{label: a, select: 'SELECT ?this { \"\" ( service'}"), 3, "certainty"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(
    text: str, line: int | None, message: str
) -> None:
    with pytest.raises(BadLabels) as caught:
        load_labels(text.encode(), "labels.yaml")
    assert message in caught.value.message
    assert caught.value.line == line
    assert caught.value.file == "labels.yaml"


def test_a_query_may_name_a_class_that_sounds_like_the_keyword() -> None:
    text = "{label: a, select: 'SELECT ?this WHERE { ?this a cim:ServiceLocation }'}"
    assert load_labels(rule(text).encode()).rules[0].kind == "select"


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        load_labels(text.encode())
    except BadLabels as error:
        assert error.hint


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        load_labels(content)
    except BadLabels as error:
        assert error.message
