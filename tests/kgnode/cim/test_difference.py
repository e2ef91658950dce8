"""Difference models: made, applied exactly, and refused where they do not fit."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Triple

from kgnode.cim import ReadContext, Staged, read
from kgnode.cim.difference import Version, write_difference
from kgnode.cim.staged import Model
from kgnode.cim.succession import apply_differences
from kgnode.errors import DifferenceMismatch

Reading = Callable[..., Staged]
Made = Callable[..., bytes]

OLD = "urn:uuid:11111111-0000-4000-8000-000000000001"
NEW = "urn:uuid:11111111-0000-4000-8000-000000000002"
CIM = "http://iec.ch/TC57/CIM100#"


def stored(staged: Staged, iri: str) -> set[Triple]:
    graph = NamedNode(iri)
    return {quad.triple for quad in staged.store.quads_for_pattern(None, None, None, graph)}


def version(staged: Staged, iri: str) -> Version:
    model = next(model for model in staged.models if model.iri == iri)
    return Version(model.header, stored(staged, iri), model.spelling)


def difference(old: Version, new: Version) -> bytes:
    out = io.BytesIO()
    write_difference(old, new, out)
    return out.getvalue()


def breaker(number: int, state: str) -> str:
    return (
        f'<cim:Breaker rdf:ID="_bbbbbbbb-0000-4000-8000-{number:012}">'
        f"<cim:Switch.normalOpen>{state}</cim:Switch.normalOpen>"
        f"<cim:IdentifiedObject.name>B{number}</cim:IdentifiedObject.name></cim:Breaker>"
    )


@pytest.fixture()
def two(document: Made, reading: Reading) -> Staged:
    old = document(breaker(1, "true") + breaker(2, "false") + '<cim:Line rdf:ID="_plain+name"/>')
    new = document(breaker(1, "false") + breaker(3, "false"), model=NEW)
    return reading(old, new)


def test_the_first_version_and_the_difference_give_the_second_exactly(
    two: Staged, reading: Reading
) -> None:
    made = difference(version(two, OLD), version(two, NEW))
    staged = reading(made)
    assert staged.models[0].header.kind == "difference"
    result = apply_differences(staged, lambda iri: version(two, iri) if iri == OLD else None)
    assert [model.header for model in result.models] == [version(two, NEW).header]
    assert stored(result, NEW) == stored(two, NEW)


def test_applying_it_twice_is_refused(two: Staged, reading: Reading) -> None:
    staged = reading(difference(version(two, OLD), version(two, NEW)))
    with pytest.raises(DifferenceMismatch, match="not here"):
        apply_differences(staged, lambda iri: None)
    with pytest.raises(DifferenceMismatch, match="does not fit"):
        apply_differences(staged, lambda iri: version(two, NEW) if iri == NEW else None)


def test_applying_it_twice_is_refused_where_nothing_is_taken_away(
    document: Made, reading: Reading
) -> None:
    both = reading(
        document(breaker(1, "true")), document(breaker(1, "true") + breaker(2, "true"), model=NEW)
    )
    staged = reading(difference(version(both, OLD), version(both, NEW)))
    with pytest.raises(DifferenceMismatch, match="there already"):
        apply_differences(staged, lambda iri: version(both, NEW) if iri == NEW else None)


def test_a_reverse_part_that_does_not_match_is_refused_and_named(
    two: Staged, document: Made, reading: Reading
) -> None:
    made = difference(version(two, OLD), version(two, NEW))
    other = reading(document(breaker(1, "false")))
    with pytest.raises(DifferenceMismatch, match="take away is not there") as caught:
        apply_differences(reading(made), lambda iri: version(other, OLD))
    assert caught.value.subject


def test_a_full_model_and_its_difference_in_one_reading(
    two: Staged, reading: Reading, document: Made
) -> None:
    made = difference(version(two, OLD), version(two, NEW))
    old = document(breaker(1, "true") + breaker(2, "false") + '<cim:Line rdf:ID="_plain+name"/>')
    result = apply_differences(reading(made, old), lambda iri: None)
    assert [model.iri for model in result.models] == [NEW]
    assert stored(result, NEW) == stored(two, NEW)


def test_a_difference_of_another_tool_is_understood(document: Made, reading: Reading) -> None:
    base = reading(document(breaker(1, "true")))
    foreign = f"""<?xml version="1.0" encoding="utf-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:cim="{CIM}"
 xmlns:md="http://iec.ch/TC57/61970-552/ModelDescription/1#"
 xmlns:dm="http://iec.ch/TC57/61970-552/DifferenceModel/1#">
<dm:DifferenceModel rdf:about="{NEW}">
<md:Model.version>2</md:Model.version>
<md:Model.profile>http://iec.ch/TC57/ns/CIM/CoreEquipment-EU/3.0</md:Model.profile>
<dm:preconditions rdf:parseType="Statements">
<rdf:Description rdf:about="#_bbbbbbbb-0000-4000-8000-000000000001">
<cim:IdentifiedObject.name>B1</cim:IdentifiedObject.name></rdf:Description>
</dm:preconditions>
<dm:DifferenceModel.reverseDifferences rdf:parseType="Statements">
<cim:Breaker rdf:about="#_bbbbbbbb-0000-4000-8000-000000000001">
<cim:Switch.normalOpen>true</cim:Switch.normalOpen></cim:Breaker>
</dm:DifferenceModel.reverseDifferences>
<dm:DifferenceModel.forwardDifferences rdf:parseType="Statements">
<cim:Breaker rdf:about="#_bbbbbbbb-0000-4000-8000-000000000001">
<cim:Switch.normalOpen>false</cim:Switch.normalOpen></cim:Breaker>
</dm:DifferenceModel.forwardDifferences>
<md:Model.Supersedes rdf:resource="{OLD}"/>
</dm:DifferenceModel>
</rdf:RDF>""".encode()
    result = apply_differences(reading(foreign), lambda iri: version(base, iri))
    found = {t.predicate.value: t.object for t in stored(result, NEW) if "bbbb" in str(t.subject)}
    assert found[f"{CIM}Switch.normalOpen"].value == "false"
    assert found[f"{CIM}IdentifiedObject.name"].value == "B1"
    assert len(found) == 3


@pytest.mark.parametrize("seed", range(4))
def test_random_changes_of_a_real_network_are_reproduced_exactly(
    test_data: Path, context: ReadContext, tmp_path: Path, seed: int
) -> None:
    """V2 is V1 with lines of its file dropped, doubled with new ids, and changed."""
    source = test_data / "cim/microgrid_cgmes3/MicroGrid/BaseCase/MicroGrid-BE-MAS"
    original = (source / "20210325T1530Z_1D_BE_EQ_001.xml").read_text()
    original = original.replace("</rdf:RDF>", "")
    staged = read([source / "20210325T1530Z_1D_BE_EQ_001.xml"], context)
    [model] = staged.models
    choice = random.Random(seed)
    head, *blocks = original.split("\n  <cim:")
    kept = [b for b in blocks if choice.random() > 0.1]
    kept = [b.replace("true", "false") if choice.random() < 0.1 else b for b in kept]
    kept += [b.replace('rdf:ID="_', 'rdf:ID="_new-') for b in kept if choice.random() < 0.1]
    text = "\n  <cim:".join([head, *kept]).replace(model.iri, NEW)
    (tmp_path / "second.xml").write_text(f"{text}</rdf:RDF>")
    second = read([tmp_path / "second.xml"], context)
    made = difference(version(staged, model.iri), version(second, NEW))
    (tmp_path / "difference.xml").write_bytes(made)
    result = apply_differences(
        read([tmp_path / "difference.xml"], context), lambda iri: version(staged, iri)
    )
    assert stored(result, NEW) == stored(second, NEW)
    assert isinstance(result.models[0], Model)
