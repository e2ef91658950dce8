"""Documents that would end the process that parses them are refused before they are parsed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgnode.assurance.graph import parse
from kgnode.cim.hazards import DEEPEST, hazard
from kgnode.cim.reader import ReadContext, read
from kgnode.errors import BadShapes, NotRdf, NotXml

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def nested_turtle(depth: int) -> str:
    return "<urn:s> <urn:p> " + "<<( <urn:s> <urn:p>\n" * depth + '"o"' + " )>>" * depth + " ."


def nested_xml(depth: int) -> str:
    opened = '<rdf:Description rdf:about="urn:s"><p xmlns="urn:" rdf:parseType="Triple">' * depth
    inner = '<rdf:Description rdf:about="urn:s"><p xmlns="urn:" rdf:resource="urn:o"/>'
    closed = "</rdf:Description>" + "</p></rdf:Description>" * depth
    return f'<rdf:RDF xmlns:rdf="{RDF}" rdf:version="1.2">{opened}{inner}{closed}</rdf:RDF>'


def unfolding() -> str:
    entities = '<!ENTITY a0 "lol">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)
    )
    return (
        f'<?xml version="1.0"?><!DOCTYPE r [{entities}]><rdf:RDF xmlns:rdf="{RDF}">'
        '<rdf:Description rdf:about="urn:x"><rdf:value>&a9;</rdf:value></rdf:Description></rdf:RDF>'
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("deep.ttl", nested_turtle(20_000)),
        ("deep.nt", nested_turtle(20_000).replace("\n", " ")),
        ("deep.trig", f"<urn:g> {{ {nested_turtle(20_000)} }}"),
        (
            "quote.ttl",
            f"@prefix x: <urn:x:> . x:it\\'s x:p <urn:o> . {nested_turtle(20_000)} x:a x:b 'c' .",
        ),
        (
            "hash.ttl",
            f"@prefix x: <urn:x:> . x:a\\#b x:p <urn:o> . {nested_turtle(20_000)}".replace(
                "\n", " "
            ),
        ),
        ("deep.jsonld", '{"urn:p":' * 20_000 + "{}" + "}" * 20_000),
        ("deep.rdf", nested_xml(20_000)),
        ("unfolding.rdf", unfolding()),
        ("unfolding.owl", unfolding()),
        ("wide.rdf", unfolding().encode("utf-16").decode("latin-1")),
    ],
)
def test_a_file_that_would_end_the_process_is_refused_by_name(
    name: str, text: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises((NotRdf, NotXml), match=name):
        read([path], ReadContext(base_iri="urn:b:", boundary_base="urn:c:"))
    if path.suffix != ".trig":
        with pytest.raises(BadShapes, match=name):
            parse(path.read_bytes(), name)


def test_what_is_not_deep_passes() -> None:
    assert hazard(nested_turtle(DEEPEST).encode(), xml=False) is None
    many = "\n".join('<urn:s> <urn:p> <<( <urn:s> <urn:p> "<<(" )>> . # <<(' for _ in range(200))
    assert hazard(many.encode(), xml=False) is None
    text = '<urn:s> <urn:p> """' + "<<( " * 100 + '""" .'
    assert hazard(text.encode(), xml=False) is None
    assert hazard(nested_xml(DEEPEST).encode(), xml=True) is None
    ordinary = '<p rdf:parseType="Literal"/><p rdf:parseType="Resource"/>'
    assert hazard((ordinary * 50).encode(), xml=True) is None


@given(st.integers(0, 80), st.lists(st.sampled_from(['"<<"', "<urn:a>", "# <<\n", "'>>'"])))
def test_depth_counts_only_triples_within_triples(depth: int, noise: list[str]) -> None:
    between = " " + " ".join(noise) + "\n"
    text = f"<<({between}" * depth + f")>>{between}" * depth
    found = hazard((text + "\n" + "<<( )>>" * 40).encode(), xml=False)
    assert (found is not None) == (depth > DEEPEST)
