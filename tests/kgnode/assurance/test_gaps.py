"""The gap report names data without rules and rules without data."""

from __future__ import annotations

import pyoxigraph as ox

from kgnode.assurance.data import Data
from kgnode.assurance.gaps import find
from kgnode.assurance.graph import TYPE
from kgnode.assurance.packs import load_packs

CIM = "http://iec.ch/TC57/CIM100#"


def test_gaps_name_uncovered_classes_properties_and_idle_shapes() -> None:
    terminal = ox.NamedNode("urn:t")
    odd = ox.NamedNode("urn:odd")
    data = Data.of(
        [
            (terminal, TYPE, ox.NamedNode(CIM + "Terminal")),
            (terminal, ox.NamedNode(CIM + "ACDCTerminal.connected"), ox.Literal(True)),
            (odd, TYPE, ox.NamedNode("urn:Oddity")),
            (odd, ox.NamedNode("urn:curious"), ox.Literal("very")),
        ]
    )
    gaps = find(data, load_packs(["gb-core"]))
    assert gaps.classes == {"urn:Oddity": 1}
    assert gaps.properties == {"urn:curious": 1}
    idle = gaps.idle["gb-core"]
    assert any(name.endswith("#PowerTransformer") for name in idle)
    assert not any(name.endswith("#Terminal") for name in idle)
