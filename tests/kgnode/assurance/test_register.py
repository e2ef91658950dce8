"""Any folder of shapes registers; what official names say decides which data they judge."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgnode.assurance.choose import packs_for
from kgnode.assurance.packs import list_packs, load_packs
from kgnode.assurance.register import add_pack, purpose, remove_pack
from kgnode.assurance.validate import validate
from kgnode.cim.reader import ReadContext, read
from kgnode.errors import BadRequest, BadShapes, NotFound

CONTEXT = ReadContext("https://a.example/id#", "https://b.example/id#")


@pytest.mark.parametrize(
    ("name", "profiles", "scope", "when"),
    [
        ("61970-600-2_Topology-AP-Con-Simple-SHACL.ttl", ("Topology",), "profile", ""),
        (
            "61970-456_Topology-AP-Con-Complex-Explicit-CrossProfile-SHACL.ttl",
            ("Topology",),
            "all",
            "",
        ),
        (
            "61970-301_StateVariables-AP-Con-Complex-SolvedMAS-SHACL.ttl",
            ("StateVariables",),
            "all",
            "solved",
        ),
        (
            "61970-301_Topology-AP-Con-Complex-NotSolvedMAS-SHACL.ttl",
            ("Topology",),
            "profile",
            "unsolved",
        ),
        ("61970-600-1_AllProfiles-AP-Con-Complex-SHACL.ttl", (), "all", ""),
        ("TopologyProfile.ttl", ("Topology",), "profile", ""),
        ("FileHeaderProfile.ttl", (), "all", ""),
        ("RemedialAction-AP-Con-Simple-SHACL.ttl", ("RemedialAction",), "profile", ""),
        ("mine.ttl", (), "all", ""),
    ],
)
def test_the_name_of_an_official_document_says_what_it_is_for(
    name: str, profiles: tuple[str, ...], scope: str, when: str
) -> None:
    found = purpose(name)
    assert (found.profiles, found.scope, found.when) == (profiles, scope, when)


def test_a_pack_is_added_listed_replaced_and_removed(tmp_path: Path) -> None:
    source, home = tmp_path / "mine.ttl", tmp_path / "packs"
    shape = (
        "@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix ex: <http://example.org/> . "
        "ex:S a sh:NodeShape ; sh:targetClass ex:C ; sh:property [ sh:path ex:p ; sh:minCount 1 ] ."
    )
    source.write_text(shape)
    first = add_pack(source, home)
    assert "mine" in {pack.id for pack in list_packs(home)}
    assert load_packs(["mine"], home)[0].version == first.version
    source.write_text(shape.replace("minCount 1", "minCount 2"))
    assert add_pack(source, home).version != first.version
    source.write_text("no turtle")
    with pytest.raises(BadShapes):
        add_pack(source, home)
    assert load_packs(["mine"], home)
    remove_pack("mine", home)
    with pytest.raises(NotFound):
        load_packs(["mine"], home)
    with pytest.raises(NotFound):
        remove_pack("gb-core", home)
    with pytest.raises(BadRequest):
        add_pack(source.with_name("mine.ttl"), home, id="../evil")


def test_official_documents_are_judged_on_the_profile_they_are_for(
    test_data: Path, tmp_path: Path
) -> None:
    official = tmp_path / "official"
    official.mkdir()
    for file in (test_data / "shapes" / "entsoe_cgmes3").glob("*_Topology-AP-Con-*.ttl"):
        (official / file.name).write_bytes(file.read_bytes())
    pack = add_pack(official, tmp_path / "packs", id="topology")
    assert pack.profiles == ("Topology",)
    folder = test_data / "cim/microgrid_cgmes3/MicroGrid/BaseCase"
    merged = read([folder / "MicroGrid-BaseCase-Merged"], CONTEXT)
    assert "topology" in {p.id for p in packs_for(merged, tmp_path / "packs")}
    report = validate(merged, [pack])
    assert report.engines == {"compiled": report.engines["compiled"], "pyshacl": 0}
    assert report.engines["compiled"] > 30
    assert report.passes, report.text()
    boundary = read([folder / "MicroGrid-BD-MAS"], CONTEXT)
    assert "topology" not in {p.id for p in packs_for(boundary, tmp_path / "packs")}


@pytest.mark.nightly
def test_official_packs_are_chosen_by_the_header_and_judged(
    test_data: Path, tmp_path: Path
) -> None:
    for version in ("3", "2415"):
        add_pack(test_data / "shapes" / f"entsoe_cgmes{version}", tmp_path, id=f"cgmes{version}")
    three = test_data / "cim/microgrid_cgmes3/MicroGrid/BaseCase/MicroGrid-BaseCase-Merged"
    staged = read([three], CONTEXT)
    chosen = packs_for(staged, tmp_path)
    assert [pack.id for pack in chosen] == ["gb-core", "cgmes3"]
    report = validate(staged, chosen)
    assert report.engines["compiled"] > 1000
    assert report.engines["pyshacl"] < 20
    older = test_data / "cim/minigrid_2415/NodeBreaker"
    assert [p.id for p in packs_for(read([older], CONTEXT), tmp_path)] == ["gb-core", "cgmes2415"]


@pytest.mark.nightly
def test_a_misspelt_word_of_an_official_pack_is_reported(test_data: Path, tmp_path: Path) -> None:
    pack = add_pack(test_data / "shapes" / "entsoe_nc", tmp_path)
    assert any("sh:MinCount" in fault for fault in pack.check())
