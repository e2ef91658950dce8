"""What is written: opened again by PowSyBl, with the same network in it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyoxigraph import NamedNode

from kgnode.cim import ReadContext, Staged, read
from kgnode.cim.writer import ExportModel, file_name, write_model, write_zip

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
