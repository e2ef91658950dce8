"""A difference is judged from what stands judged, and the report is that of a full validation."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from kgnode import publish as flow
from kgnode.assurance.standing import Standing
from kgnode.errors import RefusedByShapes
from kgnode.home import Home
from kgnode.node import Node
from kgnode.operations import perform
from kgnode.settings import load_settings
from kgnode.trust.membership import initialise
from tests.kgnode.assurance import broken

_OBJECT = re.compile(r'<cim:\w+ rdf:ID="(_[^"]+)">(.*?)</cim:\w+>', re.DOTALL)
_VALUE = re.compile(r"<(cim:[\w.]+)(?:>[^<]*</\1>| rdf:resource=\"[^\"]*\"/>)")
SSH = "http://iec.ch/TC57/ns/CIM/SteadyStateHypothesis-EU/3.0"
DM = "http://iec.ch/TC57/61970-552/DifferenceModel/1#"


def iri(number: int) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'version {number}')}"


@dataclass
class Network:
    """A network as statements: (object, statement), and how its versions are written."""

    statements: list[tuple[str, str]]
    number: int = 0
    files: list[str] = field(default_factory=list)

    def change(self, chance: random.Random) -> str:
        """Change some statements and return the difference model that says so."""
        old = chance.sample(self.statements, chance.randint(1, 4))
        new = []
        for subject, statement in old:
            other = chance.choice(self.statements)[1]
            name, same = statement.split(">")[0].split()[0], other.split(">")[0].split()[0]
            kind = chance.randrange(4)
            if kind == 0 and name == same:
                new.append((subject, other))
            elif kind == 1 and "rdf:resource" not in statement:
                new.append(
                    (subject, re.sub(r">[^<]*<", f">{chance.choice(('x', '-4'))}<", statement))
                )
            elif kind == 2 and "Name" not in statement:
                continue
            else:
                new += [(subject, statement), (chance.choice(old)[0], other)]
        gone, come = set(old) - set(new), set(new) - set(self.statements)
        self.statements = [s for s in self.statements if s not in gone] + sorted(come)
        self.number += 1
        return self._difference(gone, come)

    def _difference(self, gone: set[tuple[str, str]], come: set[tuple[str, str]]) -> str:
        def part(name: str, statements: set[tuple[str, str]]) -> str:
            inner = "".join(
                f'<rdf:Description rdf:about="#{s}">{text}</rdf:Description>'
                for s, text in sorted(statements)
            )
            tag = f"dm:DifferenceModel.{name}"
            return f'<{tag} rdf:parseType="Statements">{inner}</{tag}>'

        head = broken.HEAD.replace("md:FullModel", "dm:DifferenceModel")
        head = head.replace('xmlns:md="', f'xmlns:dm="{DM}" xmlns:md="')
        head = head.format(model=iri(self.number).removeprefix("urn:uuid:"))
        before = f'<md:Model.Supersedes rdf:resource="{iri(self.number - 1)}"/>'
        parts = part("reverseDifferences", gone) + part("forwardDifferences", come)
        return head.replace(
            "</dm:DifferenceModel>", f"{before}{parts}</dm:DifferenceModel></rdf:RDF>"
        )


def network() -> tuple[Network, str, str]:
    """Return a network, its first document, and a second model that says some of the same."""
    text = broken.document(broken.station())
    text = re.sub(r'rdf:about="urn:uuid:[^"]+"', f'rdf:about="{iri(0)}"', text, count=1)
    found = _OBJECT.findall(text)
    statements = [(s, v.group(0)) for s, body in found for v in _VALUE.finditer(body)]
    head = broken.HEAD.format(model=uuid5(NAMESPACE_URL, "second"))
    head = head.replace("http://iec.ch/TC57/ns/CIM/CoreEquipment-EU/3.0", SSH)
    again = "".join(
        f'<rdf:Description rdf:about="#{s}">{v}</rdf:Description>' for s, v in statements[::3]
    )
    return Network(statements), text, f"{head}{again}</rdf:RDF>"


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    made = []
    for name in ("stepwise", "plain"):
        initialise(tmp_path / name, "DNO", "Distribution", None)
        made.append(Node(Home(tmp_path / name), load_settings()))
    made[0].standing = Standing(1 << 30)
    yield made[0], made[1]
    for node in made:
        node.close()


def published(node: Node, *files: Path, **more: Any) -> Any:
    """Return what the gate said, whether it let the files through or not."""
    arguments = {"files": [str(f) for f in files], "dataset": "n", "packs": ["gb-core"], **more}
    try:
        told = perform(node, "publish", arguments, lambda _name: None)["validation"]
    except RefusedByShapes as refused:
        assert refused.detail is not None
        told = refused.detail["validation"]
    told.pop("seconds")
    return told


def agree(nodes: tuple[Node, Node], tmp_path: Path, seed: int, steps: int) -> tuple[int, int]:
    """Publish random differences to both nodes; return how many passed and how many did not."""
    model, first, second = network()
    chance = random.Random(seed)
    files = [tmp_path / "first.xml", tmp_path / "second.xml"]
    for file, text in zip(files, (first, second), strict=True):
        file.write_text(text)
    assert published(nodes[0], *files) == published(nodes[1], *files)
    passed = refused = 0
    for number in range(steps):
        before = (list(model.statements), model.number)
        file = tmp_path / f"{number}.xml"
        file.write_text(model.change(chance))
        stepwise = published(nodes[0], file)
        assert stepwise == published(nodes[1], file)
        passed += stepwise["passes"]
        if not stepwise["passes"]:
            refused += 1
            model.statements, model.number = before
    return passed, refused


@pytest.mark.parametrize("seed", range(2))
def test_differences_are_judged_as_a_full_validation_judges_them(
    nodes: tuple[Node, Node], tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged = []
    merge = flow.merge_staged
    monkeypatch.setattr(flow, "merge_staged", lambda staged: merged.append(1) or merge(staged))
    passed, refused = agree(nodes, tmp_path, seed, steps=8)
    assert passed + refused == 8
    assert refused
    assert len(merged) == 1, "all but the first publish went on from what stood judged"


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(100, 130))
def test_many_differences_are_judged_as_a_full_validation_judges_them(
    nodes: tuple[Node, Node], tmp_path: Path, seed: int
) -> None:
    agree(nodes, tmp_path, seed, steps=20)


def test_the_version_taken_away_is_not_judged_beside_the_one_that_takes_its_place(
    nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    """Another model may depend on it still: its values would stand beside their successors."""
    model, first, second = network()
    needs = f'<md:Model.DependentOn rdf:resource="{iri(0)}"/>'
    second = second.replace("</md:FullModel>", f"{needs}</md:FullModel>")
    assert needs in second
    files = [tmp_path / "first.xml", tmp_path / "second.xml"]
    for file, text in zip(files, (first, second), strict=True):
        file.write_text(text)
    said_once = [s for s in model.statements if s not in model.statements[::3]]
    name = next(s for s in said_once if "IdentifiedObject.name" in s[1])
    other = (name[0], re.sub(r">[^<]*<", ">another name<", name[1], count=1))
    model.number += 1
    change = tmp_path / "change.xml"
    change.write_text(model._difference({name}, {other}))
    for node in nodes:
        before = published(node, *files)
        after = published(node, change)
        assert after["counts"] == before["counts"]


def test_a_dry_run_or_another_writer_is_noticed(nodes: tuple[Node, Node], tmp_path: Path) -> None:
    model, first, second = network()
    chance = random.Random(5)
    files = [tmp_path / "first.xml", tmp_path / "second.xml"]
    for file, text in zip(files, (first, second), strict=True):
        file.write_text(text)
    for node in nodes:
        published(node, *files)
    for number in range(6):
        before = (list(model.statements), model.number)
        file = tmp_path / f"{number}.xml"
        file.write_text(model.change(chance))
        dry = number % 2 == 0
        told = published(nodes[0], file, dry_run=dry)
        assert told == published(nodes[1], file, dry_run=dry)
        if dry or not told["passes"]:
            model.statements, model.number = before


def test_nothing_is_kept_beyond_the_memory_allowed(
    nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    nodes[0].standing = Standing(1)
    passed, refused = agree(nodes, tmp_path, 3, steps=3)
    assert passed + refused == 3
    assert not nodes[0].standing._kept
