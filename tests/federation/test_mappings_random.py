"""Random queries under random mappings at the gateway, over members that rewrite them.

The answer is that of one store with all members' data and all that follows from it, worked out the
plain way. Members tell their summaries as nodes do: read as if they held what follows.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

import orjson
import pyoxigraph as ox
import pytest

from federation.answer import Ask, Federation, answer
from federation.evaluation.evaluate import Evaluators
from kgnode.alignment.apply import derivation
from kgnode.alignment.rewrite import rewrite
from kgnode.alignment.rules import Active, Rules
from kgnode.alignment.usage import Group, encoded, question, read_usage, repeated, used
from kgnode.query.parse import parse
from kgnode.store.derive import Following, derive
from tests.federation import generator
from tests.federation.cluster import Cluster, Node, cluster
from tests.federation.oracle import accept, expected, plain, settings
from tests.kgnode.alignment.plain import materialised
from tests.kgnode.alignment.trials import trial

SET = "words@1"
CI, NIGHTLY = 60, 2_000


class Rewriting:
    """A store that answers under mappings as a node does."""

    def __init__(self, data: ox.Store, rules: Rules, ways: Counter[str]) -> None:
        self.data, self.ways = data, ways
        self.active = Active.over(rules, read_usage(used(data, question(rules))))
        self.held = ox.Store()
        self.held.extend(data)
        derive(self.held, derivation(self.active).to_json())

    def named_graphs(self) -> Any:
        """Return the graphs that the summary names."""
        return self.data.named_graphs()

    def query(self, query: str) -> Any:
        """Rewrite and answer, or answer from all that follows."""
        parsed = parse(query)
        text = None
        if not parsed.doubtful:

            def repeats(group: Group) -> bool:
                return bool(orjson.loads(repeated(self.data, encoded([group])))[0])

            root = parsed.tree.root_node
            text = rewrite(root, query.encode(), self.active, repeats).text
        self.ways["materialised" if text is None else "rewritten"] += 1
        return self.held.query(query) if text is None else self.data.query(text)


def member(running: Cluster, name: str, part: Iterable[ox.Quad], rules: Rules,
           ways: Counter[str]) -> None:  # fmt: skip
    """Add a member that has the set."""
    node = running.add(name, part)
    mapped: Any = Rewriting(node.store, rules, ways)
    view = Node(name, mapped, version=f"{name} under {SET}")
    whole: Any = Following(node.whole(), derivation(mapped.active).to_json())
    view.cache["whole"] = whole
    view.extra = (("Gridspine-Mappings", f"{SET};digest={rules.digest[:16]};used=0;lossy=0"),)
    node.views[SET] = view


async def differences(seeds: Iterable[int]) -> tuple[Counter[str], list[Any]]:
    """Return how members answered, and the trials whose answer is wrong."""
    ways: Counter[str] = Counter()
    found: list[Any] = []
    evaluators = Evaluators(2)
    own = settings(federation_batch_rows=2, federation_small_rows=0)
    with cluster() as running:
        for seed in seeds:
            made, parts = trial(seed), generator.trial(seed).parts
            rules = Rules.of(made.sets, made.close)
            form = parse(made.query).form
            one = ox.Store()
            one.extend(materialised((q for part in parts for q in part), made.sets, made.close))
            try:
                wanted = expected(one, made.query, form)
            except SyntaxError:
                continue
            running.nodes.clear()
            for at, part in enumerate(parts):
                member(running, f"n{at}", part, rules, ways)
            federation = Federation.of(running.members(), own)
            federation.evaluators = evaluators
            got: Any
            try:
                ask = Ask(made.query, accept=accept(form), mappings=(SET,))
                got = plain((await answer(ask, federation)).body, form)
            except Exception as error:
                got = error
            federation.pool.close()
            ways["trials"] += 1
            if got != wanted:
                found.append((seed, made.query, wanted, got))
    await evaluators.close()
    return ways, found


def test_queries_under_mappings_at_the_gateway_equal_one_store_with_all_that_follows() -> None:
    ways, found = asyncio.run(differences(range(CI)))
    assert found == []
    assert ways["trials"] > CI * 0.8 and min(ways["rewritten"], ways["materialised"]) > CI / 4


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_2_000_queries_under_mappings_at_the_gateway_equal_one_store() -> None:
    _, found = asyncio.run(differences(range(100_000, 100_000 + NIGHTLY)))
    assert found == []
