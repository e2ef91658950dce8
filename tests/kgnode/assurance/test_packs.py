"""Packs are found, read, checked and refused as documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgnode.assurance.packs import load_packs, read_pack
from kgnode.errors import BadShapes, NotFound
from kgnode.names import CIM16, CIM100

SHAPE = """
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix ex: <http://example.org/> .
ex:S a sh:NodeShape ; sh:targetClass ex:C ; sh:property [ sh:path ex:p ; sh:minCount 1 ] .
"""


def test_the_shipped_pack_has_at_least_sixty_shapes_in_both_cim_versions() -> None:
    (pack,) = load_packs(["gb-core"])
    for namespace in (CIM100, CIM16):
        shapes = pack.shapes(namespace)
        assert len(shapes.by_id) >= 60
        assert not shapes.faults
        targets = {t.term.value for s in shapes.targeted for t in s.targets}  # type: ignore[union-attr]
        assert f"{namespace}Terminal" in targets


def test_every_shape_of_ours_says_what_is_wrong_and_how_to_mend_it() -> None:
    (pack,) = load_packs(["gb-core"])
    for shape in pack.shapes(CIM100).by_id.values():
        if not shape.constraints:
            continue
        for constraint in shape.constraints:
            messages = shape.messages or (constraint.sparql and constraint.sparql.messages)
            assert messages, shape.id
            assert shape.hint or constraint.hint, shape.id


def test_a_loose_file_is_a_pack_whose_version_is_its_content(tmp_path: Path) -> None:
    file = tmp_path / "mine.ttl"
    file.write_text(SHAPE)
    (pack,) = load_packs([file])
    assert (pack.id, len(pack.version)) == ("mine", 12)
    file.write_text(SHAPE + "# changed\n")
    assert load_packs([file])[0].version != pack.version


def test_shapes_are_read_once_for_as_long_as_no_document_changes(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    manifest = 'id = "own"\nversion = "1"\nfiles = [{ name = "a.ttl" }]\n'
    (folder / "pack.toml").write_text(manifest)
    shape = "{} a sh:NodeShape ; sh:targetClass <urn:c> ; sh:property [ sh:path <urn:p> ] ."
    prefix = "@prefix sh: <http://www.w3.org/ns/shacl#> . "
    (folder / "a.ttl").write_text(prefix + shape.format("<urn:one>"))
    first, again = read_pack(folder), read_pack(folder)
    assert first is again
    assert first.shapes() is again.shapes()
    (folder / "a.ttl").write_text(prefix + shape.format("<urn:two>"))
    assert [str(s.id) for s in read_pack(folder).shapes().targeted] == ["<urn:two>"]
    (folder / "pack.toml").write_text(manifest.replace('"1"', '"2"'))
    assert read_pack(folder).version == "2"
    assert [str(s.id) for s in first.shapes().targeted] == ["<urn:one>"]


def test_a_misspelt_word_is_a_fault_of_the_pack(tmp_path: Path) -> None:
    file = tmp_path / "mine.ttl"
    file.write_text(SHAPE.replace("sh:minCount", "sh:MinCount"))
    (fault,) = read_pack(file).check()
    assert "sh:MinCount" in fault
    assert "sh:minCount was probably meant" in fault


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("not turtle at all", "not valid"),
        ("@prefix ex: <http://e/> . ex:a ex:b ex:c .", "no shape"),
        (SHAPE.replace("sh:path ex:p", "sh:path [ ex:p ex:q ]"), "property path"),
        (SHAPE.replace("sh:path ex:p", "sh:path ex:p , ex:q"), "values of sh:path"),
        (SHAPE + "ex:S sh:node ex:S .", "refers to itself"),
        (SHAPE + "ex:S sh:node ex:T . ex:T sh:not ex:S .", "refers to itself"),
        (SHAPE + "ex:S sh:in _:l . _:l <http://e/x> 1 .", "list"),
        (SHAPE + "ex:S sh:sparql [ sh:message 'x' ] .", "no sh:select"),
        (SHAPE + 'ex:S sh:node "text" .', "stands where a shape should"),
    ],
)
def test_what_is_no_proper_shape_is_refused_with_a_sentence(
    tmp_path: Path, text: str, word: str
) -> None:
    file = tmp_path / "bad.ttl"
    file.write_text(text)
    with pytest.raises(BadShapes, match=word) as refused:
        load_packs([file])
    assert refused.value.hint


def test_an_unknown_pack_names_those_that_are_known() -> None:
    with pytest.raises(NotFound) as missing:
        load_packs(["no-such-pack"])
    assert "gb-core" in missing.value.hint


def test_xml_with_entities_is_refused_before_it_can_unfold(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    head = f'<?xml version="1.0"?>\n<!DOCTYPE rdf [<!ENTITY a0 "lol">{entities}]>'
    body = '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="urn:x:">'
    body += '<r:Description r:about="urn:x"><x:y>&a9;</x:y></r:Description></r:RDF>'
    for number, content in enumerate(
        (
            (head + body).encode(),
            (head + body).encode("utf-16"),
            b'<?xml version="1.0" encoding="UTF-7"?>' + body.encode(),
        )
    ):
        file = tmp_path / f"bomb{number}.rdf"
        file.write_bytes(content)
        with pytest.raises(BadShapes, match="entities"):
            load_packs([file])
