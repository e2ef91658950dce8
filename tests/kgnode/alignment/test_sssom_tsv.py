"""SSSOM/TSV is read whole or refused with line and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgnode.alignment import sssom_tsv
from kgnode.alignment.mapping import Status
from kgnode.errors import BadMapping, EmptyInput, GridspineError

SET = b"""#curie_map:
#  cim: http://iec.ch/TC57/CIM100#
#  ies: http://example.org/ies#
#mapping_set_id: https://example.org/sets/one
#license: https://creativecommons.org/publicdomain/zero/1.0/
#mapping_date: 2026-01-02
subject_id\tpredicate_id\tobject_id\tmapping_justification\tpredicate_modifier\tconfidence\tcomment
cim:Line\tskos:exactMatch\ties:Asset\tsemapv:ManualMappingCuration\t\t0.5\tseen
cim:Line\tskos:exactMatch\ties:Place\tsemapv:ManualMappingCuration\tNot\t\t
"""


def changed(old: bytes, new: bytes) -> bytes:
    assert old in SET
    return SET.replace(old, new, 1)


def test_a_set_is_read_with_full_iris_and_what_its_head_says_of_all_rows() -> None:
    found = sssom_tsv.read(SET)
    assert (found.id, found.name) == ("https://example.org/sets/one", "one")
    first, second = found.mappings
    assert first.subject == "http://iec.ch/TC57/CIM100#Line"
    assert first.predicate == "http://www.w3.org/2004/02/skos/core#exactMatch"
    assert (first.confidence, first.date, first.status) == (0.5, "2026-01-02", Status.PROPOSED)
    assert not first.negative
    assert second.negative
    assert first.id != second.id


BAD = [
    (b"0.5", b"1.5", 8, "confidence"),
    (b"0.5", b"nan", 8, "confidence"),
    (b"cim:Line\tskos", b"cmi:Line\tskos", 8, "subject_id"),
    (b"cim:Line\tskos", b"\tskos", 8, "no subject_id"),
    (b"cim:Line\tskos", b"cim:Li<ne\tskos", 8, "subject_id"),
    (b"Not", b"Never", 9, "predicate_modifier"),
    (b"semapv:ManualMappingCuration", b"by hand", 8, "mapping_justification"),
    (b"semapv:ManualMappingCuration", b"", 8, "no mapping_justification"),
    (b"seen", b"seen\tmore", 8, "cells"),
    (b"2026-01-02", b"yesterday", 6, "mapping_date"),
    (b"https://example.org/sets/one", b"one", 4, "mapping_set_id"),
    (b"#license: https://creativecommons.org/publicdomain/zero/1.0/\n", b"", 1, "license"),
    (b"#  cim: http://iec.ch", b"#  owl: http://iec.ch", 2, "owl"),
    (b"mapping_justification", b"justified", 7, "mapping_justification"),
    (b"comment\n", b"confidence\n", 7, "confidence"),
    (b"#curie_map:\n", b"#curie_map: &a\n", 1, "anchors"),
    (b"#curie_map:\n", b"#x: [1\n#curie_map:\n", 2, "YAML"),
]


@pytest.mark.parametrize(("old", "new", "line", "reason"), BAD, ids=[b[3] for b in BAD])
def test_a_faulty_set_is_refused_with_line_and_reason(
    old: bytes, new: bytes, line: int, reason: str
) -> None:
    with pytest.raises(BadMapping) as caught:
        sssom_tsv.read(changed(old, new), file="set.sssom.tsv")
    assert reason in caught.value.message
    assert (caught.value.file, caught.value.line) == ("set.sssom.tsv", line)
    assert caught.value.hint


def test_a_head_alone_is_no_set() -> None:
    with pytest.raises(EmptyInput):
        sssom_tsv.read(SET.partition(b"subject_id")[0])


GOOD_FILES = [
    ("asymmetric.tsv", 5),
    ("basic-meta-external.tsv", 141),
    ("basic-small.tsv", 4),
    ("basic.tsv", 141),
    ("basic2.tsv", 126),
    ("basic3.tsv", 11),
    ("basic4.tsv", 53),
    ("basic5.tsv", 53),
    ("basic7.tsv", 33),
    ("basic_subset.tsv", 2),
    ("cardinality-scope.sssom.tsv", 6),
    ("cardinality-with-NoTermFound.sssom.tsv", 4),
    ("cardinality-with-literal-mappings.sssom.tsv", 2),
    ("cardinality.sssom.tsv", 9),
    ("cob-to-external.tsv", 89),
    ("enm_example.tsv", 13),
    ("literals-condensed.sssom.tsv", 9),
    ("literals.sssom.tsv", 9),
    ("propagatable.tsv", 5),
    ("reconcile_1.tsv", 3),
    ("reconcile_2.tsv", 4),
    ("sssom11-extensions.sssom.tsv", 11),
    ("test_annotate_sssom.tsv", 141),
    ("test_filter_sssom.tsv", 68),
    ("trailing-tabs.sssom.tsv", 8),
]
BAD_FILES = [
    ("bad_basic.tsv", 15, "mapping_justification is 'Lexical'"),
    ("basic.ptable.tsv", 1, "mapping_set_id"),
    ("basic6.tsv", 14, "mapping_justification is 'Lexical'"),
    ("basic_strict_fail.tsv", 6, "rdfs always stands for"),
    ("bosch-wd-matches.tsv", 1, "mapping_set_id"),
    ("mondo-nando.sssom.tsv", 1, "mapping_set_id"),
    ("sssom_metadata.tsv", 1, "mapping_set_id"),
    ("test_clean_prefix.tsv", 28, "subject_id is 'y1:lung'"),
    ("test_inject_metadata_msdf.tsv", 16, "mapping_set_id is 'cpath_obo_omop'"),
    ("test_validation1.sssom.tsv", 3, "not YAML"),
]


@pytest.mark.parametrize(("name", "rows"), GOOD_FILES)
def test_every_good_file_is_read(test_data: Path, name: str, rows: int) -> None:
    assert len(sssom_tsv.read(test_data / "suites/sssom/data" / name).mappings) == rows


@pytest.mark.parametrize(("name", "line", "reason"), BAD_FILES)
def test_every_bad_file_is_refused(test_data: Path, name: str, line: int, reason: str) -> None:
    with pytest.raises(GridspineError) as caught:
        sssom_tsv.read(test_data / "suites/sssom/data" / name)
    assert reason in caught.value.message
    assert caught.value.line == line


def test_no_file_of_the_suite_is_left_out(test_data: Path) -> None:
    there = {path.name for path in (test_data / "suites/sssom/data").glob("*.tsv")}
    assert there == {name for name, *_ in [*GOOD_FILES, *BAD_FILES]}
