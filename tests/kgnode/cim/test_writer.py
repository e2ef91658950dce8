"""What is written: opened again by PowSyBl, with the same network in it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyoxigraph import Literal, NamedNode, Triple

from kgnode.cim import Header, ReadContext, Staged, read
from kgnode.cim.writer import ExportModel, file_name, write_model, write_zip
from kgnode.errors import InputError

Reading = Callable[..., Staged]
Made = Callable[..., bytes]

BASE_CASE = "microgrid_2415/BaseCase/CGMES_v2.4.15_MicroGridTestConfiguration_BC"
OPENED = [
    [
        f"{BASE_CASE}_BE_v2",
        "microgrid_2415/BaseCase/CGMES_v2.4.15_MicroGridTestConfiguration_BD_v2",
    ],
    [
        f"{BASE_CASE}_NL_v2",
        "microgrid_2415/BaseCase/CGMES_v2.4.15_MicroGridTestConfiguration_BD_v2",
    ],
    ["microgrid_cgmes3/MicroGrid/BaseCase/MicroGrid-BaseCase-Merged"],
    ["builtin/ieee14_cim16.zip"],
    ["builtin/ieee14_cim100.zip"],
    ["builtin/four_substations_node_breaker_network_cim16.zip"],
    ["builtin/four_substations_node_breaker_network_cim100.zip"],
    ["gsp_four_authorities.zip"],
]


def exported(staged: Staged, path: Path, *, spelled: bool = True) -> Path:
    """Export from the store, as a node does: the store writes numbers in its own way."""
    models = [
        ExportModel(
            model.header,
            [
                q.triple
                for q in staged.store.quads_for_pattern(None, None, None, NamedNode(model.iri))
            ],
            model.spelling if spelled else None,
            file_name(model.header),
        )
        for model in staged.models
    ]
    write_zip(models, path)
    return path


@pytest.mark.parametrize("names", OPENED, ids=lambda names: names[0].rpartition("/")[2])
@pytest.mark.parametrize("spelled", [True, False], ids=["spelled", "plain"])
def test_powsybl_opens_what_is_written_and_finds_the_same_network(
    test_data: Path,
    context: ReadContext,
    tmp_path: Path,
    names: list[str],
    powsybl: SimpleNamespace,
    *,
    spelled: bool,
) -> None:
    paths = [test_data / "cim" / name for name in names]
    first = powsybl.network(powsybl.as_one_zip(paths, tmp_path / "original.zip"))
    again = exported(read(paths, context), tmp_path / "again.zip", spelled=spelled)
    assert powsybl.differences(first, powsybl.network(again)) == []


def test_the_spelling_of_the_file_goes_out_again(document: Made, reading: Reading) -> None:
    content = document(
        '<cim:ACLineSegment rdf:ID="_AAAAAAAA00004000800000000000000B">'
        "<cim:ACLineSegment.r>2.200000</cim:ACLineSegment.r></cim:ACLineSegment>"
        '<cim:Line rdf:ID="_default+region"/>'
    )
    staged = reading(content)
    [model] = staged.models
    graph = NamedNode(model.iri)
    triples = [q.triple for q in staged.store.quads_for_pattern(None, None, None, graph)]
    out = io.BytesIO()
    write_model(triples, model.header, model.spelling, out)
    text = out.getvalue().decode()
    assert 'rdf:ID="_AAAAAAAA00004000800000000000000B"' in text
    assert ">2.200000<" in text
    assert 'rdf:ID="_default+region"' in text
    again = reading(out.getvalue())
    assert set(again.store) == set(staged.store)


def test_nothing_is_written_that_was_not_asked_for(document: Made, reading: Reading) -> None:
    staged = reading(
        document(
            '<cim:Line rdf:ID="_seen"><cim:IdentifiedObject.name>seen</cim:IdentifiedObject.name>'
            '</cim:Line><!-- secret --><cim:Line rdf:ID="_hidden"><cim:IdentifiedObject.name>hidden'
            "</cim:IdentifiedObject.name></cim:Line>"
        )
    )
    [model] = staged.models
    allowed = [t for t in staged.graph(model.iri) if "hidden" not in str(t)]
    out = io.BytesIO()
    write_model(allowed, model.header, model.spelling, out)
    assert b"seen" in out.getvalue()
    assert b"hidden" not in out.getvalue()
    assert b"secret" not in out.getvalue()


def test_a_type_that_is_not_asked_for_is_not_written(document: Made, reading: Reading) -> None:
    staged = reading(
        document(
            '<cim:HiddenClass rdf:ID="_x"><cim:IdentifiedObject.name>seen'
            "</cim:IdentifiedObject.name></cim:HiddenClass>"
        )
    )
    [model] = staged.models
    allowed = [t for t in staged.graph(model.iri) if "HiddenClass" not in str(t)]
    out = io.BytesIO()
    write_model(allowed, model.header, model.spelling, out)
    assert b"seen" in out.getvalue()
    assert b"HiddenClass" not in out.getvalue()


def test_the_generic_type_of_a_state_file_is_written_again(
    document: Made, reading: Reading
) -> None:
    staged = reading(
        document(
            '<cim:Equipment rdf:about="#_x"><cim:Equipment.inService>true'
            "</cim:Equipment.inService></cim:Equipment>",
            profile="http://iec.ch/TC57/ns/CIM/SteadyStateHypothesis-EU/3.0",
        )
    )
    [model] = staged.models
    out = io.BytesIO()
    write_model(staged.graph(model.iri), model.header, model.spelling, out)
    assert b'<cim:Equipment rdf:about="#_x">' in out.getvalue()


def test_compound_values_are_nested_again(document: Made, reading: Reading) -> None:
    content = document(
        '<cim:Location rdf:ID="_l"><cim:Location.mainAddress><cim:StreetAddress>'
        "<cim:StreetAddress.townDetail><cim:TownDetail><cim:TownDetail.name>Bath"
        "</cim:TownDetail.name></cim:TownDetail></cim:StreetAddress.townDetail>"
        "</cim:StreetAddress></cim:Location.mainAddress></cim:Location>"
    )
    staged = reading(content)
    [model] = staged.models
    out = io.BytesIO()
    write_model(staged.graph(model.iri), model.header, model.spelling, out)
    assert b"bnode" not in out.getvalue()
    again = reading(out.getvalue())
    assert len(again.store) == len(staged.store) == model.triples
    assert again.models[0].account.read == staged.models[0].account.read


@pytest.mark.parametrize("text", ["a < b & c", "  spaced  ", "two\nlines", "tab\t", "\r", "é💡"])
def test_any_text_comes_back_as_it_was(reading: Reading, text: str) -> None:
    header = Header("urn:uuid:11111111-0000-4000-8000-000000000001")
    name = NamedNode("http://iec.ch/TC57/CIM100#IdentifiedObject.name")
    triple = Triple(NamedNode("urn:uuid:aaaaaaaa-0000-4000-8000-000000000001"), name, Literal(text))
    out = io.BytesIO()
    write_model([triple], header, None, out)
    staged = reading(out.getvalue())
    assert triple in list(staged.graph(header.iri))


def test_what_xml_cannot_carry_is_refused() -> None:
    header = Header("urn:uuid:11111111-0000-4000-8000-000000000001")
    name = NamedNode("http://iec.ch/TC57/CIM100#IdentifiedObject.name")
    with pytest.raises(InputError, match="control characters"):
        write_model([Triple(name, name, Literal("\x01"))], header, None, io.BytesIO())
    with pytest.raises(InputError, match="XML element"):
        write_model(
            [Triple(name, NamedNode("http://e.example/1"), name)], header, None, io.BytesIO()
        )
