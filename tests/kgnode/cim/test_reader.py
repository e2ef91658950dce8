"""What is read: typed, identified, one graph per model, nothing lost."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pyoxigraph import NamedNode, RdfFormat, parse

from kgnode.cim import ReadContext, Staged, read
from kgnode.errors import (
    BadIdentifier,
    EmptyInput,
    MissingFile,
    NotCim,
    NotRdf,
    NotXml,
    RepairRefused,
    TruncatedInput,
)
from kgnode.names import RDF, uuid_urn

CIM = "http://iec.ch/TC57/CIM100#"
LINE = """<cim:ACLineSegment rdf:ID="_aaaaaaaa-0000-4000-8000-000000000001">
<cim:ACLineSegment.r>0.5</cim:ACLineSegment.r>
<cim:IdentifiedObject.name>Line &amp; more</cim:IdentifiedObject.name>
</cim:ACLineSegment>"""

Reading = Callable[..., Staged]
Made = Callable[..., bytes]

SETS = [
    "microgrid_2415/BaseCase/CGMES_v2.4.15_MicroGridTestConfiguration_BC_Assembled_v2",
    "microgrid_2415/BaseCase/CGMES_v2.4.15_MicroGridTestConfiguration_BC_BE_v2",
    "microgrid_2415/BaseCase/CGMES_v2.4.15_MicroGridTestConfiguration_BC_NL_v2",
    "microgrid_2415/BaseCase/CGMES_v2.4.15_MicroGridTestConfiguration_BD_v2",
    "microgrid_2415/Type4_T4/CGMES_v2.4.15_MicroGridTestConfiguration_T4_BE_BB_Complete_v2",
    "microgrid_2415/Type4_T4/CGMES_v2.4.15_MicroGridTestConfiguration_BD_v2",
    "minigrid_2415/BusBranch",
    "minigrid_2415/NodeBreaker",
    "microgrid_cgmes3/MicroGrid/BaseCase/MicroGrid-BE-MAS",
    "microgrid_cgmes3/MicroGrid/BaseCase/MicroGrid-NL-MAS",
    "microgrid_cgmes3/MicroGrid/BaseCase/MicroGrid-BD-MAS",
    "microgrid_cgmes3/MicroGrid/BaseCase/MicroGrid-BaseCase-Merged",
    "relicapgrid/IGM_Belgovia",
    "relicapgrid/IGM_Britheim",
    "relicapgrid/IGM_Galia",
    "relicapgrid/CommonAndBoundaryData/CGMES_2-4",
    "relicapgrid/CommonAndBoundaryData/CommonData_and_Boundary_merged.xml",
    "relicapgrid/CommonAndBoundaryData/Grid_CommonData_CGM-CD.xml",
    *(
        f"relicapgrid/CommonAndBoundaryData/Boundary_Border-{border}.xml"
        for border in (
            "Espheim-Portheim",
            "Galia-Belgovia",
            "Galia-Britheim",
            "Galia-Nordheim",
            "Svedala-Belgovia",
            "Svedala-Espheim",
        )
    ),
    "builtin/eurostag_tutorial_example1_with_tie_lines_and_areas_cim16.zip",
    "builtin/eurostag_tutorial_example1_with_tie_lines_and_areas_cim100.zip",
    "builtin/four_substations_node_breaker_network_cim16.zip",
    "builtin/four_substations_node_breaker_network_cim100.zip",
    "builtin/ieee14_cim16.zip",
    "builtin/ieee14_cim100.zip",
    "builtin/ieee118_cim16.zip",
    "builtin/ieee118_cim100.zip",
    "builtin/ieee300_cim16.zip",
    "builtin/ieee300_cim100.zip",
    "gb/GBreducednetwork_substations_cgmes2.4.15.zip",
    "gb/GBreducednetwork_substations_cgmes3.0.zip",
    "gb/GBnetwork_substations_cgmes2.4.15.zip",
    "gb/GBnetwork_substations_cgmes3.0.zip",
    "gsp_four_authorities.zip",
]


def documents(path: Path) -> dict[str, bytes]:
    """All XML documents behind a path, without the reader under test."""
    if path.is_dir():
        return {str(file): file.read_bytes() for file in path.rglob("*.xml")}
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {f"{path}!{name}": archive.read(name) for name in archive.namelist()}
    return {str(path): path.read_bytes()}


def statements(content: bytes) -> int:
    """Count the statements of a document: one per typed element, one per property."""
    root = ElementTree.fromstring(content)
    return sum(1 for _ in root.iter()) - 1


@pytest.mark.parametrize("name", SETS)
def test_every_statement_of_every_set_is_accounted_for(
    test_data: Path, context: ReadContext, name: str
) -> None:
    path = test_data / "cim" / name
    staged = read([path], context)
    counted = {file: statements(content) for file, content in documents(path).items()}
    left_out = {
        place.file
        for repair in staged.repairs
        for place in repair.examples
        if repair.code in ("duplicate_model", "not_read")
    }
    assert {model.file for model in staged.models} == counted.keys() - left_out
    for model in staged.models:
        account = model.account
        assert account.read == counted[model.file], model.file
        assert account.kept == account.read + account.split - account.generic - account.repeated
        graph = NamedNode(model.iri)
        assert sum(1 for _ in staged.store.quads_for_pattern(None, None, None, graph)) == (
            account.kept
        )
        assert model.triples == account.kept


def test_identifiers_and_datatypes_aside_a_plain_parser_finds_the_same(
    test_data: Path, context: ReadContext
) -> None:
    """Oxigraph's own RDF/XML parser against ours, statement by statement."""
    path = test_data / "cim/gb/GBreducednetwork_substations_cgmes3.0.zip"
    base = "http://peer.example/"

    def text(term: object) -> str:
        value = str(getattr(term, "value", term))
        return uuid_urn(value.removeprefix(base)) or value if isinstance(term, NamedNode) else value

    staged = read([path], context)
    for model in staged.models:
        content = documents(path)[model.file]
        theirs = {
            (text(q.subject), q.predicate.value, text(q.object))
            for q in parse(content, RdfFormat.RDF_XML, base_iri=base)
        }
        ours = {
            (t.subject.value, t.predicate.value, text(t.object)) for t in staged.graph(model.iri)
        }
        assert ours == theirs


def test_a_typed_filter_finds_all_seven_line_segments(
    test_data: Path, context: ReadContext
) -> None:
    folder = "CGMES_v2.4.15_MicroGridTestConfiguration_BC_BE_v2"
    staged = read([test_data / "cim/microgrid_2415/BaseCase" / folder], context)
    rows = list(
        staged.store.query(
            "PREFIX cim: <http://iec.ch/TC57/2013/CIM-schema-cim16#> "
            "SELECT DISTINCT ?s { GRAPH ?g { ?s a cim:ACLineSegment ; cim:ACLineSegment.r ?r } "
            "FILTER(?r > 0) }"
        )
    )
    assert len(rows) == 7


def test_an_identifier_is_the_same_iri_in_every_spelling(document: Made, reading: Reading) -> None:
    spellings = [
        "#_AAAAAAAA00004000800000000000000B",
        "#_aaaaaaaa-0000-4000-8000-00000000000b",
        "urn:uuid:AAAAAAAA-0000-4000-8000-00000000000B",
    ]
    body = "".join(
        f'<cim:Terminal rdf:ID="_t{n}"><cim:Terminal.ConductingEquipment rdf:resource="{s}"/>'
        "</cim:Terminal>"
        for n, s in enumerate(spellings)
    )
    staged = reading(document(body))
    predicate = NamedNode(f"{CIM}Terminal.ConductingEquipment")
    objects = {quad.object for quad in staged.store.quads_for_pattern(None, predicate, None)}
    assert objects == {NamedNode("urn:uuid:aaaaaaaa-0000-4000-8000-00000000000b")}


def test_a_name_that_is_no_uuid_goes_under_the_base_of_its_definer(
    document: Made, reading: Reading
) -> None:
    boundary = document(
        '<cim:ConnectivityNode rdf:ID="_CN-B"/>',
        model="urn:uuid:" + "2" * 8 + "-0000-4000-8000-" + "0" * 12,
        profile="http://iec.ch/TC57/ns/CIM/EquipmentBoundary-EU/3.0",
        authority="http://scheme.example/boundary",
    )
    equipment = document(
        '<cim:ConnectivityNode rdf:ID="_CN-A"/><cim:Terminal rdf:ID="_T">'
        '<cim:Terminal.ConnectivityNode rdf:resource="#_CN-B"/></cim:Terminal>'
        '<cim:Terminal rdf:ID="_U"><cim:Terminal.ConnectivityNode rdf:resource="#_CN-A"/>'
        "</cim:Terminal>",
    )
    staged = reading(equipment, boundary)
    nodes = {
        quad.subject.value: quad.object.value
        for quad in staged.store.quads_for_pattern(
            None, NamedNode(f"{CIM}Terminal.ConnectivityNode"), None
        )
    }
    assert nodes == {
        "https://dno.example/id#_T": "https://scheme.example/boundary#_CN-B",
        "https://dno.example/id#_U": "https://dno.example/id#_CN-A",
    }
    assert not [r for r in staged.repairs if r.code == "dangling_reference"]


def test_values_have_the_datatype_of_the_vocabulary_and_the_digits_of_the_file(
    document: Made, reading: Reading
) -> None:
    staged = reading(document(LINE))
    [model] = staged.models
    found = {t.predicate.value: t.object for t in staged.graph(model.iri)}
    r = found[f"{CIM}ACLineSegment.r"]
    assert (r.value, r.datatype.value) == ("0.5", "http://www.w3.org/2001/XMLSchema#double")
    assert found[f"{CIM}IdentifiedObject.name"].value == "Line & more"


def test_a_place_names_file_and_line(document: Made, reading: Reading) -> None:
    staged = reading(document(LINE))
    place = staged.place("urn:uuid:aaaaaaaa-0000-4000-8000-000000000001")
    assert place is not None
    assert place.file.endswith("part0.xml")
    assert place.line == 10


@pytest.mark.parametrize(
    ("body", "code", "line"),
    [
        ('<cim:Line rdf:ID="_default+region"/>', "non_ncname_id", 10),
        ('<cim:Line rdf:ID="_a"/>\n<cim:Line rdf:ID="_a"/>', "duplicate_id", 11),
        ('<cim:Line rdf:about="_a"/>', "missing_hash", 10),
        ('<cim:Line rdf:ID="_a b"/>', "bad_iri", 10),
        (
            '<cim:TopologicalIsland rdf:ID="_i">\n'
            '<cim:TopologicalIsland.TopologicalNodes rdf:resource="#_a#_b#_c"/>'
            "</cim:TopologicalIsland>",
            "split_reference",
            11,
        ),
        ('<cim:Line rdf:ID="_a">stray</cim:Line>', "stray_text", 10),
        (
            '<cim:Switch rdf:ID="_s"><cim:Switch.open>True</cim:Switch.open></cim:Switch>',
            "literal_form",
            10,
        ),
    ],
)
def test_every_repair_is_reported_with_its_place_and_refused_when_strict(
    document: Made, reading: Reading, body: str, code: str, line: int
) -> None:
    content = document(body)
    staged = reading(content)
    repair = next(r for r in staged.repairs if r.code == code)
    assert repair.severity == "repair"
    assert repair.examples[0].line == line
    with pytest.raises(RepairRefused, match=code):
        reading(content, strict=True)


def test_well_formed_data_passes_strict(test_data: Path, context: ReadContext) -> None:
    read([test_data / "cim/builtin/ieee14_cim100.zip"], replace(context, strict=True))


def test_one_identifier_on_two_classes_is_refused_with_its_line(
    document: Made, reading: Reading
) -> None:
    with pytest.raises(BadIdentifier) as caught:
        reading(document('<cim:Line rdf:ID="_a"/>\n<cim:Breaker rdf:ID="_a"/>'))
    assert caught.value.line == 11


def test_the_generic_type_of_a_state_file_is_not_doubled(document: Made, reading: Reading) -> None:
    own = "_aaaaaaaa-0000-4000-8000-000000000001"
    state = document(
        f'<cim:Equipment rdf:about="#{own}"><cim:Equipment.inService>true'
        "</cim:Equipment.inService></cim:Equipment>",
        model="urn:uuid:33333333-0000-4000-8000-000000000001",
        profile="http://iec.ch/TC57/ns/CIM/SteadyStateHypothesis-EU/3.0",
    )
    staged = reading(document(LINE), state, strict=True)
    subject = NamedNode(f"urn:uuid:{own[1:]}")
    types = {
        q.object for q in staged.store.quads_for_pattern(subject, NamedNode(f"{RDF}type"), None)
    }
    assert types == {NamedNode(f"{CIM}ACLineSegment")}


def test_three_authorities_and_their_boundary_leave_nothing_dangling_but_a_real_gap(
    test_data: Path, context: ReadContext
) -> None:
    """The merged boundary file names a node that only another border file defines."""
    folder = test_data / "cim/relicapgrid"
    paths = [
        *sorted(folder.glob("IGM_*/*.xml")),
        folder / "CommonAndBoundaryData/CommonData_and_Boundary_merged.xml",
    ]
    found = [r for r in read(paths, context).repairs if r.code == "dangling_reference"]
    assert [(r.count, r.examples[0].line) for r in found] == [(1, 324)]
    assert found[0].examples[0].subject == "urn:uuid:892ef502-162b-469f-b93f-266aae828227"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", EmptyInput),
        (b"  \n ", EmptyInput),
        (b"<?xml version='1.0'?><model/>", NotCim),
        (b"<rdf:RDF", TruncatedInput),
        (b"hello there", NotXml),
        (b"<a><b></a>", NotCim),
        (b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><a></b>', NotXml),
        (b"\x00\x01\x02", NotXml),
    ],
)
def test_what_is_no_cim_gets_one_clear_error(
    reading: Reading, content: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        reading(content)


def test_a_file_that_was_cut_off_says_so(document: Made, reading: Reading) -> None:
    with pytest.raises(TruncatedInput):
        reading(document(LINE)[:-40])


def test_a_missing_file_is_named(context: ReadContext, tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"nowhere\.xml"):
        read([tmp_path / "nowhere.xml"], context)


@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE r [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]>',
    ],
)
def test_entities_are_refused_and_never_expanded(
    document: Made, reading: Reading, prolog: str
) -> None:
    with pytest.raises(NotXml, match="entities"):
        reading(document(LINE, prolog=prolog))


def test_other_rdf_is_one_graph_named_by_its_content(reading: Reading) -> None:
    staged = reading(b"@prefix e: <http://e.example/> . e:a e:b [ e:c 1 ] .", suffix=".ttl")
    [model] = staged.models
    assert model.header.kind == "rdf"
    assert model.iri.startswith("urn:gridspine:model:")
    assert model.triples == 2
    assert all(
        "bnode" in t.subject.value or "bnode" in t.object.value for t in staged.graph(model.iri)
    )


def test_a_remote_context_is_refused_and_not_fetched(reading: Reading) -> None:
    with pytest.raises(NotRdf, match="remote context"):
        reading(b'{"@context": "http://127.0.0.1:9/c", "@id": "x:y", "a": 1}', suffix=".jsonld")


def test_a_round_trip_through_quads_gives_the_same_models(
    test_data: Path, context: ReadContext, tmp_path: Path
) -> None:
    from kgnode.cim.convert import convert

    source = test_data / "cim/builtin/ieee14_cim100.zip"
    out = tmp_path / "out.nq"
    convert([source], out, "nq", context)
    first, second = read([source], context), read([out], context)
    assert {m.header for m in first.models} == {m.header for m in second.models}
    assert set(first.store) == set(second.store)
