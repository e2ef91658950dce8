"""RDF that is no CIM XML: every format, typed and named the same way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pyoxigraph import RdfFormat, parse

from kgnode.cim import ReadContext, Staged, read
from kgnode.errors import EmptyInput, NotRdf, NotXml, TruncatedInput

Reading = Callable[..., Staged]

CIM = "http://iec.ch/TC57/CIM100#"
TURTLE = f"""@prefix cim: <{CIM}> .
<urn:uuid:AAAAAAAA-0000-4000-8000-000000000001> a cim:ACLineSegment ;
  cim:ACLineSegment.r "0.50" ; cim:IdentifiedObject.name "a line"@en .
"""
LINES = f"""<urn:uuid:AAAAAAAA-0000-4000-8000-000000000001> <{CIM}ACLineSegment.r> "0.50" .
<urn:uuid:AAAAAAAA-0000-4000-8000-000000000001> <{CIM}IdentifiedObject.name> "a line"@en .
<urn:uuid:AAAAAAAA-0000-4000-8000-000000000001>\
 <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <{CIM}ACLineSegment> .
"""
XML = f"""<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:cim="{CIM}">
<rdf:Description rdf:about="urn:uuid:AAAAAAAA-0000-4000-8000-000000000001">
<rdf:type rdf:resource="{CIM}ACLineSegment"/><cim:ACLineSegment.r>0.50</cim:ACLineSegment.r>
<cim:IdentifiedObject.name xml:lang="en">a line</cim:IdentifiedObject.name>
</rdf:Description></rdf:RDF>"""
JSON = f"""{{"@context": {{"cim": "{CIM}"}}, "@type": "cim:ACLineSegment",
 "@id": "urn:uuid:AAAAAAAA-0000-4000-8000-000000000001", "cim:ACLineSegment.r": "0.50",
 "cim:IdentifiedObject.name": {{"@value": "a line", "@language": "en"}}}}"""


@pytest.mark.parametrize(
    ("content", "suffix"),
    [(TURTLE, ".ttl"), (TURTLE, ".trig"), (LINES, ".nt"), (LINES, ".nq"), (XML, ".rdf"),
     (JSON, ".jsonld")],
)  # fmt: skip
def test_every_format_gives_the_same_typed_triples(
    reading: Reading, content: str, suffix: str
) -> None:
    staged = reading(content.encode(), suffix=suffix)
    [model] = staged.models
    subject = "urn:uuid:aaaaaaaa-0000-4000-8000-000000000001"
    assert {(t.predicate.value, str(t.object)) for t in staged.graph(model.iri)} == {
        (f"{CIM}ACLineSegment.r", '"0.50"^^<http://www.w3.org/2001/XMLSchema#double>'),
        (f"{CIM}IdentifiedObject.name", '"a line"@en'),
        ("http://www.w3.org/1999/02/22-rdf-syntax-ns#type", f"<{CIM}ACLineSegment>"),
    }
    assert {t.subject.value for t in staged.graph(model.iri)} == {subject}


def test_named_graphs_are_models_of_their_own(reading: Reading) -> None:
    staged = reading(b"<urn:g1> { <urn:a> <urn:p> 1 } <urn:g2> { <urn:a> <urn:p> 2 } "
                     b"<urn:a> <urn:p> 3 .", suffix=".trig")  # fmt: skip
    names = {model.iri for model in staged.models}
    assert {"urn:g1", "urn:g2"} < names
    assert len(names) == 3


def test_ies4_data_is_read_whole(test_data: Path, context: ReadContext) -> None:
    folder = test_data / "vocab/ies4/sample_data"
    staged = read([folder], context)
    for model in staged.models:
        wanted = sum(1 for _ in parse(path=model.file, format=RdfFormat.TURTLE))
        assert model.triples + model.account.repeated == wanted


def test_a_vocabulary_is_rdf_and_no_model_of_cim(test_data: Path, context: ReadContext) -> None:
    path = test_data / "vocab/entsoe_cgmes3_rdfs/61970-600-2_Topology-AP-Voc-RDFS2020.rdf"
    staged = read([path], context)
    assert [model.header.kind for model in staged.models] == ["rdf"]


@pytest.mark.parametrize(
    ("content", "suffix", "error"),
    [
        ("<urn:a> <urn:p>", ".ttl", TruncatedInput),
        ("<urn:a> <urn:p> ] .\n<urn:b> <urn:p> 1 .", ".ttl", NotRdf),
        ("{", ".jsonld", NotRdf),
        ("[" * 100_000, ".jsonld", NotRdf),
        ('{"a": ' * 500 + "1" + "}" * 500, ".jsonld", NotRdf),
        ("# nothing", ".ttl", EmptyInput),
        ('{"@context": {"@import": "http://127.0.0.1:9/c"}}', ".jsonld", NotRdf),
        (XML.replace("?>", '?><!DOCTYPE a [<!ENTITY b "c">]>', 1), ".rdf", NotXml),
    ],
)
def test_what_is_no_rdf_gets_one_clear_error(
    reading: Reading, content: str, suffix: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        reading(content.encode(), suffix=suffix)


def test_a_secret_of_the_home_keeps_the_name_from_telling_the_content(
    context: ReadContext, tmp_path: Path
) -> None:
    path = tmp_path / "a.ttl"
    path.write_text(TURTLE)
    names = {
        read([path], replace(context, naming_key=key)).models[0].iri
        for key in (b"", b"one home", b"another home")
    }
    assert len(names) == 3
    again = read([path], replace(context, naming_key=b"one home")).models[0].iri
    assert again in names
