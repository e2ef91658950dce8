"""The shelf keeps every act, survives being cut off, and never changes what is released."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from kgnode.alignment import release as releases
from kgnode.alignment.mapping import EXACT, Mapping, MappingSet, Status
from kgnode.alignment.shelf import JOURNAL, Shelf
from kgnode.alignment.standing import Actor, Standing, approve, propose, review
from kgnode.alignment.working import head_json
from kgnode.errors import BadMapping, BadRequest, Forbidden, GridspineError, NotFound
from kgnode.trust.keys import generate_key

KEY = generate_key()
OTHER = generate_key()
ANNA = Actor("NESO", "anna")
DORA = Actor("DNOA", "dora")
AT = "2026-01-02T03:04:05+00:00"
HEAD = MappingSet(
    "https://example.org/sets/one", "one", licence="https://example.org/l", version="1"
)
ROW = Mapping(
    "",
    "https://a.example#A",
    EXACT,
    "https://b.example#B",
    justification="https://w3id.org/semapv/vocab/MappingReview",
)


def keys() -> dict[str, dict[str, object]]:
    return {
        KEY.kid: {**KEY.public, "org": "NESO"},
        OTHER.kid: {**OTHER.public, "org": "DNOA"},
    }


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    made = Shelf(tmp_path / "mappings", keys, tmp_path / "nothing")
    act(made, "import", ANNA, detail={"head": head_json(HEAD)})
    return made


def act(shelf: Shelf, verb: str, who: Actor, *changes: Standing, detail: object = None) -> None:
    shelf.record("one", verb, who.org, who.sub, AT, changes, detail)  # type: ignore[arg-type]


def reopened(shelf: Shelf) -> Shelf:
    return Shelf(shelf.folder, keys, shelf.shipped)


def proposed(shelf: Shelf) -> Standing:
    made = propose(HEAD.id, ROW, ANNA, AT)
    act(shelf, "propose", ANNA, made)
    return made


def test_what_was_done_is_there_when_the_home_is_opened_again(shelf: Shelf) -> None:
    made = proposed(shelf)
    act(shelf, "approve", DORA, approve(made, DORA, AT, "good"))
    again = reopened(shelf).working("one")
    assert again.standings == shelf.working("one").standings
    assert again.head == replace(HEAD, mappings=())
    assert again.find(made.key).approvals[0].org == "DNOA"
    assert [step["verb"] for step in again.history()] == ["approve", "propose", "import"]


def test_a_line_that_was_cut_off_counts_for_nothing_and_is_written_over(shelf: Shelf) -> None:
    made = proposed(shelf)
    path = shelf.folder / "one" / JOURNAL
    whole = path.read_bytes()
    act(shelf, "approve", DORA, approve(made, DORA, AT))
    done = path.read_bytes()
    for cut in (len(whole), len(whole) + 1, len(done) - 1):
        path.write_bytes(done[:cut])
        assert reopened(shelf).working("one").find(made.key).status is Status.PROPOSED
    again = reopened(shelf)
    act(again, "review", ANNA, review(made, ANNA, AT))
    assert reopened(shelf).working("one").find(made.key).status is Status.IN_REVIEW
    for line in path.read_bytes().splitlines():
        orjson.loads(line)


def test_undo_takes_back_only_ones_own_last_step(shelf: Shelf) -> None:
    made = proposed(shelf)
    act(shelf, "approve", DORA, approve(made, DORA, AT))
    working = shelf.working("one")
    with pytest.raises(BadMapping, match="Later steps"):
        working.undoable(ANNA)
    with pytest.raises(Forbidden):
        working.undoable(ANNA, 3)
    mine = working.undoable(DORA)
    act(shelf, "undo", DORA, detail={"of": mine.number})
    assert working.find(made.key).status is Status.PROPOSED
    assert reopened(shelf).working("one").standings == working.standings
    act(shelf, "undo", ANNA, detail={"of": working.undoable(ANNA).number})
    with pytest.raises(NotFound):
        shelf.working("one").find(made.key)
    with pytest.raises(NotFound):
        shelf.working("one").undoable(ANNA)


@pytest.mark.parametrize(
    "name", ["..", "../x", "a/b", ".", "", "a\x00b", "-x", "one/../two", "x\n"]
)
def test_a_name_never_leaves_the_shelf(shelf: Shelf, name: str) -> None:
    for attempt in (shelf.working, shelf.released, shelf.versions, shelf.shipped_set):
        with pytest.raises(GridspineError):
            attempt(name)
    with pytest.raises(GridspineError):
        shelf.record(name, "import", "NESO", "anna", AT, (), {"head": head_json(HEAD)})
    with pytest.raises(GridspineError):
        shelf.release("one", name)
    assert sorted(path.name for path in shelf.folder.iterdir()) == ["one"]


def made_release(version: str = "1", signed_by: object = None) -> releases.Release:
    row = replace(ROW, id="https://example.org/record/1", status=Status.APPROVED)
    of = replace(HEAD, version=version, mappings=(row,))
    rule = "CONSTRUCT { ?s a <urn:x> } WHERE { ?s a <urn:y> }"
    attested = {"issuer": "NESO", "issued": f"2026-01-0{version}"}
    key = signed_by or KEY
    return releases.make(of, {"a.rq": rule}, attested, key.sign)  # type: ignore[attr-defined]


def test_a_release_is_found_by_version_and_the_latest_without(shelf: Shelf) -> None:
    for version in ("1", "2"):
        shelf.keep(made_release(version))
    again = reopened(shelf)
    assert again.versions("one") == ("1", "2")
    assert again.released("one").version == "2"
    assert again.released("one", "1").mappings[0].works
    assert again.released("one").structural == ("a.rq",)
    with pytest.raises(NotFound):
        again.released("one", "3")
    with pytest.raises(NotFound):
        again.released("two")


def test_a_released_version_is_never_written_again(shelf: Shelf) -> None:
    shelf.keep(made_release())
    before = sorted((p, p.read_bytes()) for p in shelf.folder.rglob("*") if p.is_file())
    with pytest.raises(BadRequest, match="released already"):
        shelf.keep(made_release())
    assert sorted((p, p.read_bytes()) for p in shelf.folder.rglob("*") if p.is_file()) == before


def test_a_release_that_was_changed_on_disk_is_not_used(shelf: Shelf) -> None:
    shelf.keep(made_release())
    place = shelf.folder / "one" / "released" / "1"
    for path in ("set.sssom.tsv", "structural/a.rq", "release.jws"):
        kept = (place / path).read_bytes()
        (place / path).write_bytes(kept[:40] + b"B" + kept[41:])
        with pytest.raises(BadMapping):
            reopened(shelf).released("one", "1")
        (place / path).write_bytes(kept)
    (place / "structural" / "b.rq").write_text("CONSTRUCT WHERE { ?s ?p ?o }")
    with pytest.raises(BadMapping):
        reopened(shelf).released("one", "1")


def test_another_organisation_adopts_a_release_and_nothing_forged(tmp_path: Path) -> None:
    carried = releases.bundle(made_release())
    there = Shelf(tmp_path / "there", keys, tmp_path / "nothing")
    assert there.adopt(carried).mappings.label == "one@1"
    assert there.released("one").mappings[0].works
    stranger = releases.bundle(made_release("2", generate_key()))
    pretender = releases.bundle(made_release("2", OTHER))
    changed = carried.replace(b"https://b.example#B", b"https://b.example#C")
    for bad in (stranger, pretender, changed, b"{}", b"[]", b"no"):
        with pytest.raises(BadMapping):
            there.adopt(bad)
    assert there.versions("one") == ("1",)


def test_a_set_that_comes_with_the_product_begins_as_it_is_shipped(tmp_path: Path) -> None:
    from kgnode.alignment import sssom_tsv

    from .test_sssom_tsv import SET

    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "one.sssom.tsv").write_bytes(SET)
    shelf = Shelf(tmp_path / "mappings", keys, shipped)
    assert shelf.names() == ("one",)
    row = sssom_tsv.read(SET).mappings[0]
    assert shelf.working("one").find(row.id).status is Status.PROPOSED
    with pytest.raises(NotFound):
        shelf.released("one")
    act(shelf, "review", ANNA, review(shelf.working("one").find(row.id), ANNA, AT))
    (shipped / "one.sssom.tsv").unlink()
    assert reopened(shelf).working("one").find(row.id).status is Status.IN_REVIEW
