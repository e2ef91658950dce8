"""Runs random trials against one store: the same seeds give the same trials."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pyoxigraph as ox

from federation.answer import Ask, Federation, answer
from federation.evaluation.evaluate import Evaluators
from kgnode.errors import GridspineError
from kgnode.query.parse import parse
from tests.federation.cluster import Cluster, cluster
from tests.federation.generator import Trial, trial, with_blank_nodes
from tests.federation.oracle import accept, expected, plain, settings


@dataclass(frozen=True)
class Difference:
    """One trial whose answer is not that of one store."""

    seed: int
    query: str
    wanted: object
    got: object


WAYS: Counter[str] = Counter()
"""How often each way was taken, over all trials so far."""


def differences(
    seeds: Iterable[int],
    *,
    plain_node: int | None = None,
    blank_nodes: bool = False,
    **overrides: object,
) -> tuple[int, list[Difference]]:
    """Return how many trials were compared, and those that differ.

    ``plain_node`` is a plain SPARQL endpoint instead of a node.
    """
    made = map(trial, seeds)
    if blank_nodes:
        made = (blanked for one in made if (blanked := with_blank_nodes(one)) is not None)
    with cluster() as running:
        return asyncio.run(_run(running, made, plain_node, overrides))


async def _run(
    running: Cluster,
    trials: Iterable[Trial],
    plain_node: int | None,
    overrides: dict[str, object],
) -> tuple[int, list[Difference]]:
    used = settings(**{"federation_batch_rows": 2, "federation_small_rows": 0, **overrides})
    evaluators = Evaluators(2)
    found: list[Difference] = []
    count = 0
    try:
        for made in trials:
            form = parse(made.query).form
            one = ox.Store()
            for part in made.parts:
                one.extend(part)
            try:
                wanted = expected(one, made.query, form)
            except SyntaxError:
                continue  # two BINDs of one name, a variable both projected and bound: no query
            running.nodes.clear()
            for at, part in enumerate(made.parts):
                running.add(f"n{at}", part).plain = at == plain_node
            federation = Federation.of(running.members(), used)
            federation.evaluators = evaluators
            got: object
            try:
                streamed = made.seed % 2 == 0
                ask = Ask(made.query, accept=accept(form), streamed=streamed)
                answered = await answer(ask, federation)
                rest = [part async for part in answered.rest] if answered.rest is not None else []
                got = plain(answered.body + b"".join(rest), form)
                WAYS.update({step.way for step in answered.report.plan})
                WAYS["bound"] += any("VALUES" in r for n in running.nodes.values()
                                     for r in n.requests if "gridspine_s" not in r)  # fmt: skip
            except GridspineError as error:
                got = error
            federation.pool.close()
            count += 1
            if got != wanted:
                found.append(Difference(made.seed, made.query, wanted, got))
    finally:
        await evaluators.close()
    return count, found
