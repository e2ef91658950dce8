"""Failure trials: a random node fails in a random manner at a random moment of a random query."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pyoxigraph as ox

from federation.answer import Ask, FederatedAnswer, Federation, answer
from federation.evaluation.evaluate import Evaluators
from kgnode.errors import GridspineError, NotComplete
from kgnode.query.parse import parse
from tests.federation.cluster import Cluster, Fault, cluster
from tests.federation.generator import trial
from tests.federation.oracle import accept, expected, plain, settings

TIMEOUT_SECONDS = 1.0
GARBAGE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/n-triples\r\n"
    b"Content-Length: 9\r\n\r\n<<<\x00\xff>>\n"
)


def cut(body: bytes) -> bytes:
    """Return a body without its end."""
    return body[: len(body) // 2]


def half(body: bytes) -> bytes:
    """Announce a whole answer and break off."""
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body) + 99}\r\n\r\n"
    )
    return head.encode() + body


MANNERS: dict[str, Callable[[], Fault]] = {
    "killed": lambda: Fault(raw=b""),
    "stalled": lambda: Fault(stall_seconds=TIMEOUT_SECONDS * 3),
    "breaks off": lambda: Fault(raw=half(b"<urn:a> <urn:b> ")),
    "no http": lambda: Fault(raw=b"SSH-2.0-OpenSSH\r\n\r\n"),
    "garbled": lambda: Fault(change=lambda body: body[: len(body) // 2] + b"\x00<>\xff" + body),
    "ill-formed": lambda: Fault(raw=GARBAGE),
    "said to be cut": lambda: Fault(change=cut, headers=(("Gridspine-Truncated", "rows"),)),
    "refused": lambda: Fault(status=403),
    "too large": lambda: Fault(status=422),
    "server error": lambda: Fault(status=500),
    "redirects": lambda: Fault(status=302, headers=(("Location", "http://127.0.0.1:9/"),)),
    "endless": lambda: Fault(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
}


@dataclass(frozen=True)
class Wrong:
    """A trial that broke a promise."""

    seed: int
    manner: str
    query: str
    what: str


def trials(seeds: Iterable[int]) -> tuple[Counter[str], list[Wrong]]:
    """Return how the trials ended, and those that broke a promise."""
    with cluster() as running:
        return asyncio.run(_run(running, seeds))


async def _run(running: Cluster, seeds: Iterable[int]) -> tuple[Counter[str], list[Wrong]]:
    evaluators = Evaluators(2)
    used = settings(federation_batch_rows=2, federation_small_rows=0)
    ends: Counter[str] = Counter()
    wrong: list[Wrong] = []
    try:
        for seed in seeds:
            made = trial(seed)
            form = parse(made.query).form
            one = ox.Store()
            for part in made.parts:
                one.extend(part)
            try:
                wanted = expected(one, made.query, form)
            except SyntaxError:
                continue
            running.nodes.clear()
            for at, part in enumerate(made.parts):
                running.add(f"n{at}", part)
            federation = Federation.of(running.members(), used)
            federation.evaluators = evaluators
            manner = _arm(running, random.Random(seed), federation)
            ask = Ask(
                made.query,
                accept=accept(form),
                partial=True,
                timeout_seconds=TIMEOUT_SECONDS,
                streamed=seed % 2 == 0,
            )
            start = time.monotonic()
            try:
                got: FederatedAnswer | GridspineError = await answer(ask, federation)
            except GridspineError as error:
                got = error
            spent = time.monotonic() - start
            federation.pool.close()
            if spent > TIMEOUT_SECONDS + 1:
                wrong.append(Wrong(seed, manner, made.query, f"{spent:.2f} s"))
            if isinstance(got, FederatedAnswer):
                ends[got.status] += 1
                rest = [piece async for piece in got.rest] if got.rest is not None else []
                bodies = plain(got.body + b"".join(rest), form)
                if got.status == "complete" and bodies != wanted:
                    wrong.append(Wrong(seed, manner, made.query, f"{bodies} not {wanted}"))
                if got.status == "incomplete" and not _within(bodies, wanted):
                    wrong.append(Wrong(seed, manner, made.query, f"{bodies} not in {wanted}"))
            else:
                ends[got.code] += 1
                if isinstance(got, NotComplete):
                    wrong.append(Wrong(seed, manner, made.query, "not asked for"))
    finally:
        await evaluators.close()
    return ends, wrong


def _arm(running: Cluster, chance: random.Random, federation: Federation) -> str:
    """Make one node fail from its n-th request on, for one or for all that follow."""
    manner = chance.choice(list(MANNERS))
    node = running.nodes[chance.choice(list(running.nodes))]
    first, lasting = chance.randint(0, 4), chance.random() < 0.7
    seen = 0

    def fault(_: str) -> Fault | None:
        nonlocal seen
        seen += 1
        failing = seen > first if lasting else seen == first + 1
        return MANNERS[manner]() if failing else None

    node.fault = fault
    return manner


def _within(got: object, wanted: object) -> bool:
    """True when every row that came is right."""
    if isinstance(got, frozenset) and isinstance(wanted, frozenset):
        return got <= wanted
    if isinstance(got, tuple) and isinstance(wanted, tuple) and isinstance(got[1], Counter):
        return got[0] == wanted[0] and got[1] <= wanted[1]
    return got == wanted
