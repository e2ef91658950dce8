"""Headers of all kinds: full models, data sets of the network codes, what replaces what."""

from __future__ import annotations

from collections.abc import Callable

from pyoxigraph import Literal, NamedNode

from kgnode.cim import Header, Staged
from kgnode.cim.datatypes import version_of
from kgnode.cim.writer import write_model

Reading = Callable[..., Staged]
Made = Callable[..., bytes]

NETWORK_CODE = b"""<?xml version="1.0" encoding="utf-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:cim="https://cim.ucaiug.io/ns#" xmlns:nc="https://cim4.eu/ns/nc#"
 xmlns:dcat="http://www.w3.org/ns/dcat#" xmlns:dcterms="http://purl.org/dc/terms/"
 xmlns:prov="http://www.w3.org/ns/prov#">
<dcat:Dataset rdf:about="urn:uuid:11111111-0000-4000-8000-00000000000A">
<dcterms:conformsTo rdf:resource="https://ap.cim4.eu/Contingency/2.3"/>
<dcterms:publisher rdf:resource="http://energy.referencedata.eu/EIC/10X"/>
<prov:generatedAtTime>2026-11-21T07:00:00Z</prov:generatedAtTime>
<dcat:startDate>2026-12-01T17:30:00Z</dcat:startDate>
<dcat:version>3</dcat:version>
<dcterms:requires rdf:resource="urn:uuid:11111111-0000-4000-8000-00000000000B"/>
<dcterms:replaces rdf:resource="urn:uuid:11111111-0000-4000-8000-00000000000C"/>
</dcat:Dataset>
<nc:OrdinaryContingency rdf:ID="_c">
<nc:Contingency.normalMustStudy>true</nc:Contingency.normalMustStudy>
<nc:Contingency.normalProbability>0.5</nc:Contingency.normalProbability>
<cim:IdentifiedObject.name>N-1</cim:IdentifiedObject.name>
</nc:OrdinaryContingency>
</rdf:RDF>"""


def test_a_dataset_header_of_the_network_codes_is_a_header(reading: Reading) -> None:
    [model] = reading(NETWORK_CODE).models
    header = model.header
    assert model.iri == "urn:uuid:11111111-0000-4000-8000-00000000000a"
    assert header.kind == "dataset"
    assert header.profiles == ("https://ap.cim4.eu/Contingency/2.3",)
    assert header.authority == "http://energy.referencedata.eu/EIC/10X"
    assert header.scenario_time == "2026-12-01T17:30:00Z"
    assert header.dependent_on == ("urn:uuid:11111111-0000-4000-8000-00000000000b",)
    assert header.supersedes == ("urn:uuid:11111111-0000-4000-8000-00000000000c",)
    assert version_of(header) == "nc"


def test_network_code_literals_are_typed(reading: Reading) -> None:
    staged = reading(NETWORK_CODE)
    [model] = staged.models
    values = {t.predicate.value.rpartition("#")[2]: t.object for t in staged.graph(model.iri)}
    xsd = "http://www.w3.org/2001/XMLSchema#"
    assert values["Contingency.normalMustStudy"] == Literal(
        "true", datatype=NamedNode(f"{xsd}boolean")
    )
    assert values["Contingency.normalProbability"].datatype.value == f"{xsd}double"
    assert not [r for r in staged.repairs if r.code == "unknown_property"]


def test_a_dataset_header_is_written_as_one(reading: Reading) -> None:
    import io

    staged = reading(NETWORK_CODE)
    [model] = staged.models
    out = io.BytesIO()
    write_model(staged.graph(model.iri), model.header, None, out)
    again = reading(out.getvalue())
    assert set(again.store) == set(staged.store)
    assert again.models[0].header == model.header


def test_the_vocabulary_is_chosen_by_the_header_not_by_the_name(
    document: Made, reading: Reading
) -> None:
    """GovGAST2.z is a boolean in CGMES 2.4.15 and an integer in 3.0."""
    body = '<cim:GovGAST2 rdf:ID="_g"><cim:GovGAST2.z>1</cim:GovGAST2.z></cim:GovGAST2>'
    old = document(
        body,
        profile="http://entsoe.eu/CIM/Dynamics/3/1",
        cim="http://iec.ch/TC57/2013/CIM-schema-cim16#",
    )
    new = document(
        body,
        profile="http://iec.ch/TC57/ns/CIM/Dynamics-EU/1.0",
        model="urn:uuid:11111111-0000-4000-8000-000000000002",
    )
    staged = reading(old, new)
    found = {
        q.graph_name.value[-1]: q.object.datatype.value.rpartition("#")[2]
        for q in staged.store
        if q.predicate.value.endswith("GovGAST2.z")
    }
    assert found == {"1": "boolean", "2": "integer"}


def test_a_header_survives_json() -> None:
    header = Header("urn:x", profiles=("a", "b"), supersedes=("urn:y",), version="1")
    assert Header.from_json(header.to_json()) == header


def test_what_replaces_what() -> None:
    base = Header("urn:1", profiles=("eq", "op"), authority="A", scenario_time="t")
    assert Header("urn:1").replaces(base)
    assert Header("urn:2", supersedes=("urn:1",)).replaces(base)
    assert Header("urn:2", profiles=("op", "eq"), authority="A", scenario_time="t").replaces(base)
    assert not Header("urn:2", profiles=("eq",), authority="A", scenario_time="t").replaces(base)
    assert not Header("urn:2", profiles=("eq", "op"), authority="B", scenario_time="t").replaces(
        base
    )
    assert not Header("urn:2").replaces(Header("urn:3"))


def test_missing_dependencies_are_named_for_what_they_probably_are(
    document: Made, reading: Reading
) -> None:
    boundary = "urn:uuid:22222222-0000-4000-8000-000000000001"
    equipment = "urn:uuid:11111111-0000-4000-8000-000000000001"
    needs = f'<md:Model.DependentOn rdf:resource="{boundary}"/>'
    eq = document('<cim:Line rdf:ID="_l"/>', header=needs)
    ssh = document(
        '<cim:Switch rdf:about="#_s"/>',
        model="urn:uuid:33333333-0000-4000-8000-000000000001",
        profile="http://iec.ch/TC57/ns/CIM/SteadyStateHypothesis-EU/3.0",
        header=f'<md:Model.DependentOn rdf:resource="{equipment}"/>',
    )

    def missing(*contents: bytes) -> list[str]:
        repairs = reading(*contents).repairs
        return [d for r in repairs if r.code == "missing_dependency" for d in r.details]

    assert missing(eq) == [f"{boundary}, probably equipment boundary (EQBD)"]
    assert missing(ssh) == [f"{equipment}, probably equipment (EQ)"]
    assert missing(eq, ssh) == [f"{boundary}, probably equipment boundary (EQBD)"]


def test_dangling_references_are_counted_with_their_line(document: Made, reading: Reading) -> None:
    body = (
        '<cim:Terminal rdf:ID="_t">\n<cim:Terminal.ConnectivityNode rdf:resource="#_nowhere"/>'
        '<cim:Terminal.ConductingEquipment rdf:resource="#_line"/></cim:Terminal>'
        '<cim:ACLineSegment rdf:ID="_line"/>'
    )
    [repair] = [r for r in reading(document(body)).repairs if r.code == "dangling_reference"]
    assert repair.count == 1
    assert repair.examples[0].line == 11
    assert repair.examples[0].subject == "https://dno.example/id#_nowhere"
