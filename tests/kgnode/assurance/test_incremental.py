"""After any difference, incremental validation finds what a full validation finds."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pyoxigraph as ox
import pytest

from kgnode.assurance.data import Data, merge_staged
from kgnode.assurance.incremental import Session
from kgnode.assurance.packs import Pack, load_packs
from kgnode.assurance.validate import validate_data
from kgnode.cim.reader import ReadContext, read

CIM = "http://iec.ch/TC57/CIM100#"
Triples = list[ox.Triple]


@pytest.fixture(scope="module")
def triples(test_data: Path) -> Triples:
    archive = "four_substations_node_breaker_network_cim100.zip"
    context = ReadContext("https://a.example/id#", "https://b.example/id#")
    data = merge_staged(read([test_data / "cim" / "builtin" / archive], context))
    return [ox.Triple(q.subject, q.predicate, q.object) for q in data.store]


def full(triples: set[ox.Triple], packs: tuple[Pack, ...]) -> Counter[tuple[str, ...]]:
    data = Data.of((t.subject, t.predicate, t.object) for t in triples)
    return Counter(r.key for r in validate_data(data, packs, engine="compiled").results)


def difference(chance: random.Random, now: set[ox.Triple]) -> tuple[Triples, Triples]:
    """Take some triples out, put some in, and give some a value of another."""
    ordered = sorted(now, key=str)
    removed = chance.sample(ordered, chance.randint(0, 12))
    added = []
    for triple in chance.sample(ordered, chance.randint(0, 12)):
        other = chance.choice(ordered)
        same = [t for t in ordered if t.predicate == triple.predicate]
        kind = chance.randrange(4)
        if kind == 0:
            value = chance.choice(same).object
        elif kind == 1:
            value = ox.Literal("wrong")
        elif kind == 2:
            value = other.subject
        else:
            value = ox.Literal(-1.5)
        added.append(ox.Triple(triple.subject, triple.predicate, value))
        if chance.random() < 0.5:
            removed.append(triple)
    return added, removed


@pytest.mark.parametrize("seed", range(4))
def test_incremental_equals_full(triples: Triples, seed: int) -> None:
    agree(triples, seed, steps=3)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(100, 160))
def test_incremental_equals_full_on_many_differences(triples: Triples, seed: int) -> None:
    agree(triples, seed, steps=6)


def agree(triples: Triples, seed: int, steps: int) -> None:
    packs = load_packs(["gb-core"])
    chance = random.Random(seed)
    now = set(triples)
    session = Session(Data.of((t.subject, t.predicate, t.object) for t in triples), packs)
    assert Counter(r.key for r in session.results) == full(now, packs)
    for _ in range(steps):
        added, removed = difference(chance, now)
        now = (now - set(removed)) | set(added)
        found = Counter(r.key for r in session.apply(added, removed))
        assert found == full(now, packs)


def test_a_small_difference_rechecks_few_focus_nodes(triples: Triples) -> None:
    session = Session(
        Data.of((t.subject, t.predicate, t.object) for t in triples), load_packs(["gb-core"])
    )
    power = ox.NamedNode(CIM + "EnergyConsumer.p")
    old = next(t for t in triples if t.predicate == power)
    wrong = ox.Triple(old.subject, power, ox.Literal("much"))
    results = session.apply([wrong], [old])
    assert 0 < session.rechecked < 10
    assert any(r.focus == old.subject and r.value == ox.Literal("much") for r in results)
    assert not session.report().passes
    session.apply([old], [wrong])
    assert not any(r.focus == old.subject for r in session.results)
