"""Cells that a difference only patches are those that labelling everything anew would make."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from kgnode import labelling
from kgnode.names import dataset_iri
from kgnode.node import Node
from kgnode.operations import perform
from tests.kgnode.test_standing import network, nodes

__all__ = ["nodes"]

LABELS = """
labels:
  a: {sensitivity: shared, reason: "a"}
  b: {sensitivity: closed, reason: "b"}
rules:
"""
BY_PROPERTY = """
  - {label: a, property: ["cim:IdentifiedObject.name", "cim:ACDCTerminal.sequenceNumber"]}
  - {label: b, property: ["cim:IdentifiedObject.name", "cim:Terminal.ConductingEquipment"]}
"""
EVERYWHERE = BY_PROPERTY + '  - {label: a, class: "*"}\n'
BEYOND = BY_PROPERTY + '  - {label: b, class: "cim:Terminal"}\n'


def kept(node: Node) -> Any:
    """Return what the record holds of the current version, down to the bytes of its cells."""
    manifest = node.record.current(dataset_iri("DNO", "n"))
    assert manifest is not None
    models = [
        (m.iri, m.header, m.content_hash, m.triples, [c.to_json() for c in m.cells])
        for m in sorted(manifest.models, key=lambda model: model.iri)
    ]
    return models, manifest.attributes["header_labels"], manifest.attributes["rules"]


@pytest.mark.parametrize(
    ("rules", "patches"),
    [("", True), (BY_PROPERTY, True), (EVERYWHERE, True), (BEYOND, False)],
    ids=["closed", "by property", "everywhere", "beyond"],
)
def test_a_difference_leaves_the_cells_that_labelling_anew_would(
    nodes: tuple[Node, Node],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rules: str,
    patches: bool,
) -> None:
    agree(nodes, tmp_path, monkeypatch, rules, patches, seed=5, steps=6)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("rules", ["", BY_PROPERTY, EVERYWHERE, BEYOND])
def test_many_differences_leave_the_cells_that_labelling_anew_would(
    nodes: tuple[Node, Node],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rules: str,
    seed: int,
) -> None:
    agree(nodes, tmp_path, monkeypatch, rules, rules != BEYOND, seed, steps=15)


def agree(
    nodes: tuple[Node, Node],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rules: str,
    patches: bool,
    seed: int,
    steps: int,
) -> None:
    model, first, second = network()
    chance = random.Random(seed)
    files = [tmp_path / "first.xml", tmp_path / "second.xml"]
    for file, text in zip(files, (first, second), strict=True):
        file.write_text(text)
    more: dict[str, Any] = {"packs": []}
    if rules:
        labels = tmp_path / "labels.yaml"
        labels.write_text(LABELS + rules)
        more["labels"] = str(labels)
    base, used = labelling._base, []
    for node in nodes:
        told(node, files, more)
    for number in range(steps):
        change = tmp_path / f"{number}.xml"
        change.write_text(model.change(chance))
        with monkeypatch.context() as watched:
            watched.setattr(
                labelling, "_base", lambda *given: used.append(base(*given)) or used[-1]
            )
            told(nodes[0], [change], more)
        with monkeypatch.context() as plainly:
            plainly.setattr(labelling, "_base", lambda *_: None)
            told(nodes[1], [change], more)
        assert kept(nodes[0]) == kept(nodes[1])
    assert len([one for one in used if one is not None]) == (steps if patches else 0)


def told(node: Node, files: list[Path], more: dict[str, Any]) -> None:
    perform(
        node,
        "publish",
        {"files": [str(f) for f in files], "dataset": "n", **more},
        lambda _name: None,
    )
