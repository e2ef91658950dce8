"""Mutated CIM XML: always a typed error or a report, never a crash, a hang or an expansion."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgnode.cim import ReadContext, read
from kgnode.errors import GridspineError
from kgnode.settings import load_settings

SEED = """<?xml version="1.0" encoding="UTF-8"?>
<!-- made for mutation -->
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:cim="http://iec.ch/TC57/CIM100#" xmlns:eu="http://iec.ch/TC57/CIM100-European#"
 xmlns:md="http://iec.ch/TC57/61970-552/ModelDescription/1#"
 xmlns:dm="http://iec.ch/TC57/61970-552/DifferenceModel/1#">
<md:FullModel rdf:about="urn:uuid:11111111-0000-4000-8000-000000000001">
<md:Model.profile>http://iec.ch/TC57/ns/CIM/CoreEquipment-EU/3.0</md:Model.profile>
<md:Model.scenarioTime>2026-12-01T17:30:00Z</md:Model.scenarioTime>
<md:Model.DependentOn rdf:resource="urn:uuid:11111111-0000-4000-8000-000000000002"/>
</md:FullModel>
<cim:ACLineSegment rdf:ID="_aaaaaaaa-0000-4000-8000-000000000001">
<cim:ACLineSegment.r>0.5</cim:ACLineSegment.r>
<cim:IdentifiedObject.name>Line &amp; &#x41; more</cim:IdentifiedObject.name>
</cim:ACLineSegment>
<cim:Terminal rdf:ID="_T1"><cim:Terminal.ConductingEquipment
 rdf:resource="#_aaaaaaaa-0000-4000-8000-000000000001"/>
<cim:Terminal.phases rdf:resource="http://iec.ch/TC57/CIM100#PhaseCode.ABC"/></cim:Terminal>
<cim:Location rdf:about="#_L"><cim:Location.mainAddress><cim:StreetAddress>
<cim:StreetAddress.postalCode>AB1</cim:StreetAddress.postalCode></cim:StreetAddress>
</cim:Location.mainAddress></cim:Location>
<cim:TopologicalIsland rdf:ID="_I">
<cim:TopologicalIsland.TopologicalNodes rdf:resource="#_a#_b"/></cim:TopologicalIsland>
<cim:Switch rdf:ID="_S"><cim:Switch.open>True</cim:Switch.open><x:y xmlns:x="urn:x">1</x:y>
</cim:Switch>
</rdf:RDF>
"""
DIFFERENCE = SEED.replace("md:FullModel", "dm:DifferenceModel").replace(
    "</dm:DifferenceModel>",
    '<dm:DifferenceModel.forwardDifferences rdf:parseType="Statements"><cim:Line rdf:about="#_a">'
    "<cim:IdentifiedObject.name>n</cim:IdentifiedObject.name></cim:Line>"
    "</dm:DifferenceModel.forwardDifferences></dm:DifferenceModel>",
)
TOKENS = [
    "&x;", "&#0;", "&#xD800;", "]]>", "<![CDATA[", "<!--", "-->", "<?x?>", "<!DOCTYPE a [", "]>",
    '<!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;&x;&x;">]>', "<rdf:RDF>", "</rdf:RDF>",
    ' rdf:ID="_T1"', ' rdf:ID=""', ' rdf:about="#"', ' rdf:about=""', ' rdf:nodeID="n"',
    ' rdf:resource="#_a#_b##"', ' rdf:parseType="Statements"', ' rdf:parseType="Resource"',
    ' rdf:parseType="Literal"', ' rdf:parseType="Collection"', ' rdf:datatype="x y"',
    ' xml:lang="en"', ' xml:lang=""', ' xml:base="http://e.example/x"', "<cim:A>", "</cim:A>",
    "<a:b/>", "\x00", "\ufeff", "\u202e", "\U0001f4a1", ' xmlns:cim="a b"', ' xmlns:rdf="urn:x"',
    ' rdf:resource="http://["', ' rdf:resource="urn:uuid:%zz"', ' rdf:datatype="http://x/%"',
    "1e999", "NaN", "-", "%zz", " ", "\r",
    "urn:uuid:", "http://[", "#", "<" * 40, "<cim:A>" * 100, 'a="' + "x" * 70_000 + '"',
]  # fmt: skip
ENCODINGS = ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "utf-32", "utf-7", "cp037"]
DECLARED = ["UTF-8", "UTF-16", "ISO-8859-1", "ascii", "nonsense", "shift_jis", "cp037", ""]

CONTEXT = ReadContext(
    "https://dno.example/id#",
    "https://scheme.example/bd#",
    settings=load_settings(archive_max_bytes=8 << 20),
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A document after a handful of cuts, doublings, swaps and insertions."""
    text = draw(st.sampled_from([SEED, SEED, DIFFERENCE]))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 120))
        kind = draw(st.sampled_from(["cut", "double", "insert", "swap", "case", "end"]))
        part = text[at : at + length]
        if kind == "cut":
            text = text[:at] + text[at + length :]
        elif kind == "double":
            text = text[:at] + part + text[at:]
        elif kind == "insert":
            text = text[:at] + draw(st.sampled_from(TOKENS)) + text[at:]
        elif kind == "swap":
            other = draw(st.integers(0, len(text)))
            text = text[:at] + text[other : other + length] + text[at + length :]
        elif kind == "case":
            text = text[:at] + part.swapcase() + text[at + length :]
        else:
            text = text[:at]
    declared = draw(st.sampled_from(["UTF-8", "UTF-8", "UTF-8", *DECLARED]))
    text = text.replace('encoding="UTF-8"', f'encoding="{declared}"')
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8", *ENCODINGS]))
    content = text.encode(encoding, "replace")
    if draw(st.booleans()):
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(st.binary(max_size=6)) + content[at:]
    return content


def read_one(content: bytes, folder: Path) -> None:
    """Read a document; whatever it is, the outcome must be one of the two allowed."""
    path = folder / "mutated.xml"
    path.write_bytes(content)
    begun = time.process_time()
    try:
        staged = read([path], CONTEXT)
    except GridspineError as error:
        assert error.message
        assert error.code not in ("error", "unexpected")
    else:
        for model in staged.models:
            triples = list(staged.graph(model.iri))
            parts = staged.differences.get(model.iri)
            apart = [parts.forward, parts.reverse, parts.preconditions] if parts else []
            assert len(triples) == model.triples
            assert model.account.kept == len(triples) + sum(part.lines for part in apart)
            size = sum(len(str(triple.object)) for triple in triples)
            assert size <= 40 * len(content) + 10_000, "something was expanded"
        assert len(staged.store) == sum(model.triples for model in staged.models)
        staged.place("urn:uuid:aaaaaaaa-0000-4000-8000-000000000001")
    assert time.process_time() - begun < 20, "nearly a hang"


@settings(max_examples=500)
@given(mutated())
def test_any_mutation_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    read_one(content, folder_of(tmp_path_factory))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@settings(max_examples=int(os.environ.get("GRIDSPINE_FUZZ", "20000")))
@given(mutated())
def test_twenty_thousand_mutations_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    read_one(content, folder_of(tmp_path_factory))


def folder_of(factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp() / "mutations"
    folder.mkdir(exist_ok=True)
    return folder
