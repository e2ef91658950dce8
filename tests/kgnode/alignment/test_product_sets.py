"""The mapping sets that come with the product are complete, honest and equal to their sources."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

from kgnode.alignment.conflicts import conflicts
from kgnode.alignment.mapping import BOTH_WAYS, RELATED, Status
from kgnode.alignment.reasoning import reason
from kgnode.alignment.terms import known_terms
from kgnode.cim.namespaces import exceptions
from kgnode.names import resource_folder
from tests.kgnode.alignment.product import FOLDER, NAMES, product_set, structural

DECIDED = ["cim-ies4", "dcat-ies4"]
"""Sets whose every row a person wrote; the others follow from vocabularies or from these."""


def test_the_sets_are_those_promised() -> None:
    assert set(NAMES) == {*DECIDED, "cim16-cim100", "cim100-ucaiug", "cim16-ies4"}
    assert len(product_set("cim-ies4").mappings) >= 120
    assert {path.name for path in (FOLDER / "structural").iterdir()} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_set_is_read_without_a_remark(name: str) -> None:
    found = product_set(name)
    assert found.notes == ()
    assert (found.name, found.version) == (name, "1.0.0")
    assert found.title and found.licence and found.id.endswith(f"/{name}")


@pytest.mark.parametrize("name", NAMES)
def test_every_row_says_why_and_on_what_evidence(name: str) -> None:
    for row in product_set(name).mappings:
        assert row.kind, row.id
        assert row.status is Status.PROPOSED, row.id
        assert "/semapv/vocab/" in row.justification, row.id
        assert row.confidence is not None and 0 < row.confidence < 1, row.id
        assert len(row.comment.split()) >= 5 and row.comment.endswith("."), row.id
        assert row.other["gs_evidence"], row.id
        assert row.subject_label and row.object_label, row.id


@pytest.mark.parametrize("name", NAMES)
def test_no_pair_is_both_claimed_and_denied_or_claimed_twice(name: str) -> None:
    rows = product_set(name).mappings
    assert not [pair for pair, n in Counter(r.claim for r in rows).items() if n > 1]
    pairs = Counter((r.subject, r.object) for r in rows if r.predicate != RELATED)
    assert not [pair for pair, n in pairs.items() if n > 1]


@pytest.mark.parametrize("name", DECIDED)
def test_justifications_are_written_row_by_row(name: str) -> None:
    counted = Counter(row.comment for row in product_set(name).mappings)
    assert max(counted.values()) == 1, counted.most_common(1)


@pytest.mark.parametrize("name", DECIDED)
def test_tempting_false_friends_are_denied(name: str) -> None:
    denied = [row for row in product_set(name).mappings if row.negative]
    assert len(denied) >= 8
    assert not any(row.works for row in denied)


def test_iec_and_ies_are_never_called_the_same() -> None:
    claimed = {r.predicate for r in product_set("cim-ies4").mappings if not r.negative}
    assert not claimed & BOTH_WAYS


def test_what_is_text_in_cim_never_becomes_a_name_or_a_period() -> None:
    things = {"hasName", "isIdentifiedBy", "inPeriod", "isStartOf", "isEndOf", "owns", "inScheme"}
    for row in product_set("cim-ies4").mappings:
        if row.object.rpartition("#")[2] in things and not row.negative:
            assert row.predicate.endswith("relatedMatch"), row.id


@pytest.mark.parametrize("names", [["cim-ies4"], ["dcat-ies4"], [*NAMES]], ids="+".join)
def test_the_sets_have_no_conflict_and_are_coherent(names: list[str]) -> None:
    rows = [row for name in names for row in product_set(name).mappings]
    assert conflicts(rows, known_terms()) == ()
    verdict = reason(rows, known_terms(), seconds=120)
    if shutil.which("java"):
        assert verdict.reasoned, verdict.reason
        assert verdict.coherent, verdict


def test_terms_whose_unit_changed_are_denied() -> None:
    denied = {
        row.object.rpartition("#")[2]
        for row in product_set("cim16-cim100").mappings
        if row.negative
    }
    assert denied == {f"SynchronousMachine.{name}" for name in ("r0", "r2", "x0", "x2")}
    assert {("cim", name) for name in denied} < exceptions()


def test_the_documented_counts_are_right() -> None:
    page = (resource_folder("ontologies").parent / "docs" / "alignment-patterns.md").read_text()
    for name in NAMES:
        (told,) = re.findall(rf"^\| `{name}` \|.*\| ([\d,]+) \|", page, re.MULTILINE)
        assert int(told.replace(",", "")) == len(product_set(name).mappings), name


def test_a_chained_row_says_through_which_rows() -> None:
    first = {row.id: row for row in product_set("cim16-cim100").mappings}
    second = {row.id: row for row in product_set("cim-ies4").mappings}
    for row in product_set("cim16-ies4").mappings:
        one, other = (
            name.replace("gsm:", "https://w3id.org/gridspine/mappings/")
            for name in str(row.other["gs_evidence"]).split(" and ")
        )
        assert (row.subject, row.object) == (first[one].subject, second[other].object)
        assert first[one].object == second[other].subject
        assert row.negative == second[other].negative
        product = float(first[one].confidence or 0) * float(second[other].confidence or 0)
        assert row.confidence == pytest.approx(product, abs=0.006)


def test_sets_and_terms_are_what_the_vocabularies_make_of_them(
    test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "ontologies"
    shutil.copytree(resource_folder("ontologies"), copy)
    monkeypatch.syspath_prepend(str(copy))
    for name in ("make_mappings", "derived_mappings"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    importlib.import_module("make_mappings").main(test_data)
    stale = [
        path.name
        for path in sorted(FOLDER.glob("*.*sv"))
        if (copy / "mappings" / path.name).read_bytes() != path.read_bytes()
    ]
    assert not stale, "make them anew: python ontologies/make_mappings.py FOLDER"


def test_every_term_of_a_set_is_in_its_vocabulary(test_data: Path) -> None:
    ies = (test_data / "vocab/ies4/ies4.ttl").read_text()
    for name in ("cim-ies4", "dcat-ies4", "cim16-ies4"):
        for row in product_set(name).mappings:
            local = row.object.rpartition("#")[2]
            assert row.object.startswith("http://ies.data.gov.uk/ontology/ies4#"), row.id
            assert f"\nies:{local} a " in ies, row.id


def test_every_word_of_a_structural_map_is_ies4_or_defined_by_us(test_data: Path) -> None:
    folder = resource_folder("ontologies")
    known = (test_data / "vocab/ies4/ies4.ttl").read_text() + "".join(
        path.read_text() for path in sorted(folder.glob("gridspine-*.ttl"))
    )
    for name, text in structural("cim-ies4").items():
        body = "\n".join(line for line in text.splitlines() if not line.startswith(("#", "PREFIX")))
        for term in set(re.findall(r"\b(?:ies|gs):[A-Za-z0-9-]+", body)):
            assert f"\n{term} a " in known, (name, term)
