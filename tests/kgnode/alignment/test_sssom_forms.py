"""A mapping set keeps everything through TSV, JSON and RDF, and denies nothing by asserting it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgnode.alignment import sssom_json, sssom_rdf, sssom_tsv
from kgnode.alignment.curies import fault
from kgnode.alignment.mapping import EXACT, Mapping, MappingSet, Status, Value
from kgnode.alignment.slots import BUILT_IN
from kgnode.errors import BadMapping, GridspineError

from .test_sssom_tsv import GOOD_FILES, SET

GOOD_OTHERS = [
    ("data/basic.sssom.rdf", 141),
    ("data/basic_subset.json", 3),
    ("data/pre-standard-rdf.ttl", 1),
    ("data/record-id-as-node.ttl", 1),
    ("data/standard-rdf.ttl", 1),
    ("validate_data/basic.tsv.json", 141),
    ("validate_data/basic.tsv.rdf", 141),
    ("validate_data/basic.tsv.tsv", 141),
    ("validate_data/cob-to-external.tsv.json", 89),
    ("validate_data/cob-to-external.tsv.rdf", 89),
    ("validate_data/cob-to-external.tsv.tsv", 89),
    ("validate_data/oaei-ordo-hp.rdf.tsv", 646),
]
BAD_OTHERS = [
    ("data/basic.json", 215, "confidence"),
    ("data/basic.owl", 1, "mapping_set_id"),
    ("data/basic.owl.ttl", 1, "0 mapping sets"),
    ("data/basic.ttl", 1, "mapping_set_id"),
    ("data/cob.owl", 1, "0 mapping sets"),
    ("data/hp-subset.json", 1, "no list of mappings"),
    ("data/oaei-ordo-hp.rdf", 1, "0 mapping sets"),
    ("data/omim.json", 1, "no list of mappings"),
    ("validate_data/basic.tsv.owl", 1, "0 mapping sets"),
    ("validate_data/cob-to-external.tsv.owl", 1, "0 mapping sets"),
]


def read(path: Path) -> MappingSet:
    forms = {".tsv": sssom_tsv.read, ".json": sssom_json.read}
    return forms.get(path.suffix, sssom_rdf.read)(path)  # type: ignore[operator]


def without_order(mappings: MappingSet) -> MappingSet:
    """The set as RDF can keep it: no order among rows and values."""

    def plain(value: Value) -> Value:
        return value if isinstance(value, str) else tuple(sorted(value))

    rows = (
        replace(
            row,
            authors=tuple(sorted(row.authors)),
            reviewers=tuple(sorted(row.reviewers)),
            other={slot: plain(value) for slot, value in row.other.items()},
        )
        for row in mappings.mappings
    )
    return replace(
        mappings,
        mappings=tuple(sorted(rows, key=lambda row: row.id)),
        extensions=tuple(sorted(mappings.extensions, key=lambda one: one.slot)),
        other={slot: plain(value) for slot, value in mappings.other.items()},
        curies={p: n for p, n in mappings.curies.items() if p not in BUILT_IN},
    )


def check_all_forms(mappings: MappingSet) -> None:
    name = mappings.name
    assert sssom_tsv.read(sssom_tsv.write(mappings), name=name) == mappings
    assert sssom_json.read(sssom_json.write(mappings), name=name) == mappings
    again = sssom_rdf.read(sssom_rdf.write(mappings), name=name)
    assert without_order(again) == without_order(mappings)


@pytest.mark.parametrize("name", [f"data/{name}" for name, _ in GOOD_FILES])
def test_a_good_table_loses_nothing_in_any_form(test_data: Path, name: str) -> None:
    check_all_forms(read(test_data / "suites/sssom" / name))


@pytest.mark.parametrize(("name", "rows"), GOOD_OTHERS)
def test_a_good_document_is_read_and_loses_nothing(test_data: Path, name: str, rows: int) -> None:
    found = read(test_data / "suites/sssom" / name)
    assert len(found.mappings) == rows
    check_all_forms(found)


@pytest.mark.parametrize(("name", "line", "reason"), BAD_OTHERS)
def test_a_bad_document_is_refused_with_line_and_reason(
    test_data: Path, name: str, line: int, reason: str
) -> None:
    with pytest.raises(BadMapping) as caught:
        read(test_data / "suites/sssom" / name)
    assert reason in caught.value.message
    assert caught.value.line == line


def test_a_set_says_the_same_in_each_form_of_the_suite(test_data: Path) -> None:
    folder = test_data / "suites/sssom/validate_data"
    of_table, of_json = read(folder / "basic.tsv.tsv"), read(folder / "basic.tsv.json")
    assert {row.claim for row in of_table.mappings} == {row.claim for row in of_json.mappings}
    of_rdf = read(folder / "basic.tsv.rdf")
    assert {row.claim for row in of_table.mappings} == {row.claim for row in of_rdf.mappings}
    assert sum(row.negative for row in of_rdf.mappings) == sum(
        row.negative for row in of_table.mappings
    )


def test_no_mapping_becomes_the_triple_it_claims_or_denies() -> None:
    mappings = sssom_tsv.read(SET)
    for triple in ox.parse(sssom_rdf.write(mappings), format=ox.RdfFormat.TURTLE):
        assert triple.predicate.value != EXACT


def test_text_cannot_forge_a_row() -> None:
    """A comment with line breaks and tabs stays one cell of one row."""
    evil = 'x\ncim:A\tskos:exactMatch\ties:B\tsemapv:ManualMappingCuration\t"'
    mappings = sssom_tsv.read(SET)
    first = replace(mappings.mappings[0], comment=evil, subject_label="#no head", object_label='"')
    changed = replace(mappings, mappings=(first, *mappings.mappings[1:]))
    again = sssom_tsv.read(sssom_tsv.write(changed), name="one")
    assert again == changed


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12
).filter(lambda text: text.strip() == text)


@given(
    rows=st.lists(
        st.builds(
            Mapping,
            id=st.uuids().map(lambda one: f"https://example.org/record/{one}"),
            subject=st.sampled_from(["https://a.example/x", "urn:uuid:1", "https://b.example#y"]),
            predicate=st.just(EXACT),
            object=st.sampled_from(["https://a.example/z", "https://b.example#w"]),
            negative=st.booleans(),
            status=st.sampled_from(list(Status)),
            justification=st.just("https://w3id.org/semapv/vocab/MappingReview"),
            confidence=st.none() | st.floats(0, 1),
            comment=st.just("") | TEXT,
            subject_label=st.just("") | TEXT,
            authors=st.lists(st.just("https://orcid.org/1"), max_size=1).map(tuple),
            other=st.fixed_dictionaries(
                {}, optional={"match_string": st.lists(TEXT, min_size=1, unique=True).map(tuple)}
            ),
        ),
        min_size=2,
        max_size=4,
    )
)
def test_any_set_keeps_everything_in_every_form(rows: list[Mapping]) -> None:
    mappings = MappingSet(
        "https://example.org/sets/any",
        "any",
        licence="https://example.org/licence",
        curies={"a": "https://a.example/"},
        mappings=tuple(rows),
        other={"sssom_version": "1.1"},
    )
    read_once = sssom_tsv.read(sssom_tsv.write(mappings), name="any")
    assert [row.claim for row in read_once.mappings] == [row.claim for row in rows]
    assert [row.comment for row in read_once.mappings] == [row.comment for row in rows]
    check_all_forms(read_once)


@pytest.mark.parametrize(
    ("prefix", "namespace"),
    [("owl", "http://elsewhere.example/"), ("a b", "http://x.example/"), ("a", "no iri")],
)
def test_a_prefix_map_cannot_change_what_is_fixed(prefix: str, namespace: str) -> None:
    assert fault(prefix, namespace)


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE rdf [<!ENTITY a0 "lol">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + ']><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'rdf:about="urn:x"><rdf:value>&a9;</rdf:value></rdf:Description></rdf:RDF>'
)
FILE = (
    BOMB.split("[", 1)[0] + '[<!ENTITY a9 SYSTEM "file:///etc/passwd">' + BOMB[BOMB.index("]>") :]
)


@pytest.mark.parametrize("document", [BOMB, FILE], ids=["entities", "file"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_that_unfolds_or_reaches_out_is_not_even_parsed(document: str, encoding: str) -> None:
    with pytest.raises(BadMapping, match=r"entities, or is in another|not RDF"):
        sssom_rdf.read(document.encode(encoding))


HOSTILE = [
    (sssom_json.read, b"[" * 100_000),
    (sssom_json.read, b'{"mappings":' + b"[" * 100_000),
    (sssom_json.read, b'{"mappings": [1]}'),
    (sssom_json.read, b'{"mapping_set_id": {}, "mappings": []}'),
    (sssom_json.read, b'{"curie_map": [1], "mappings": []}'),
    (sssom_tsv.read, b"#a: " + b"[" * 5_000 + b"\nsubject_id\tpredicate_id\n"),
    (sssom_tsv.read, b"#" + b"a: x\n#" * 300_000 + b"\nsubject_id\tpredicate_id\n"),
    (sssom_rdf.read, b"<a> <b> <c> ."),
]


@pytest.mark.parametrize(("reader", "document"), HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_document_is_refused(reader: Callable[[bytes], object], document: bytes) -> None:
    with pytest.raises(GridspineError):
        reader(document)


GOOD_BYTES = {
    sssom_tsv.read: SET,
    sssom_json.read: sssom_json.write(sssom_tsv.read(SET)),
    sssom_rdf.read: sssom_rdf.write(sssom_tsv.read(SET)),
}


@pytest.mark.parametrize("reader", list(GOOD_BYTES), ids=["tsv", "json", "rdf"])
@given(data=st.data())
def test_a_damaged_document_is_read_or_refused_never_worse(
    reader: Callable[[bytes], MappingSet], data: st.DataObject
) -> None:
    content = bytearray(GOOD_BYTES[reader])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 12))
        content[at : at + length] = data.draw(st.binary(max_size=8))
    try:
        found = reader(bytes(content))
    except GridspineError as error:
        assert error.message
    else:
        check_all_forms(found)
