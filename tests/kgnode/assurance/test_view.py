"""A view is judged as a view: it says so, and shows nothing of what it hides."""

from __future__ import annotations

import json

import pyoxigraph as ox

from kgnode.assurance.graph import TYPE
from kgnode.assurance.view import NOTE, answer, order

CIM = "http://iec.ch/TC57/CIM100#"


def test_a_view_without_its_secrets_is_judged_and_says_that_it_is_a_view() -> None:
    store = ox.Store()
    line, hidden = ox.NamedNode("urn:uuid:line"), ox.NamedNode("urn:uuid:hidden")
    name = ox.NamedNode(CIM + "IdentifiedObject.name")
    store.add(ox.Quad(line, TYPE, ox.NamedNode(CIM + "ACLineSegment")))
    store.add(ox.Quad(line, name, ox.Literal("Line 1")))
    elsewhere = ox.NamedNode("urn:graph:elsewhere")
    store.add(ox.Quad(hidden, name, ox.Literal("Secret site"), elsewhere))
    document = json.loads(answer(store, order("validate", ["gb-core"])))
    assert document["notes"][0] == NOTE
    assert any(cause["rule"] == "two-terminals" for cause in document["causes"])
    assert "Secret" not in json.dumps(document)
    assert "hidden" not in json.dumps(document["causes"])
