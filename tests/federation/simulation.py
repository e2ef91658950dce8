"""Leases between one node and one gateway in simulated time: hundreds of hours in seconds.

In: a seed. Out: how many answers rested on a lease; an assertion where an answer called complete
missed an acknowledged change. Messages are late, lost or doubled in effect, the node crashes, the
gateway's clock is up to a tenth slow or fast. Both sides run the real code; only time and the
network are made up.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from federation.members.http import Response, Unreachable
from federation.members.leases import Lease
from federation.members.leases import Leases as Held
from federation.members.pool import Member
from kgnode.errors import GridspineError
from kgnode.leases import HEADER, Leases
from kgnode.settings import load_settings

LEASE_SECONDS = 5.0
LATEST_SECONDS = 0.05
"""How much later than a lease a change may be acknowledged: scheduling alone."""


class SimulatedTime(asyncio.SelectorEventLoop):
    """A loop whose time jumps to the next thing to do."""

    def __init__(self) -> None:
        self._at = 1000.0
        super().__init__()

    def time(self) -> float:
        """Return the simulated time, seconds."""
        return self._at

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self._at = max(self._at, self._scheduled[0]._when)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


@dataclass(frozen=True)
class Told:
    """What the gateway knows of the node: its version, and perhaps a lease on it."""

    version: int
    lease: Lease | None


class Trial:
    """One node that publishes and crashes, one gateway that asks, and what lies between."""

    def __init__(self, seed: int, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.chance = random.Random(seed)
        self.loop, self.path = loop, folder / f"leases-{seed}"
        self.version = self.acknowledged = 0
        self.leased = self.asked = 0
        self.longest_wait = 0.0
        self.changes: set[asyncio.Task[None]] = set()
        self.hanging: set[asyncio.Task[Any]] = set()
        self.node = self._started()
        rate, slow = self.chance.uniform(0.91, 1.1), self.chance.choice((0.1, 0.5, 2.0))
        self.slow_seconds, self.lost = slow, self.chance.choice((0.0, 0.02, 0.2))
        self.member = Member("N", "Node", "http://node")
        self.gateway = Held(lambda _: "A", clock=lambda: 7.0 + rate * loop.time())
        self.gateway._http = self  # type: ignore[assignment]
        self.known: Told | None = None

    def _started(self) -> Leases:
        used = load_settings(lease_seconds=LEASE_SECONDS)
        return Leases(self.path, used, self.loop.time)

    # the network, as the gateway's connections see it

    async def request(
        self, _: str, url: str, headers: dict[str, str], body: bytes, *, max_bytes: int
    ) -> Response:
        """Carry one request about leases to the node and back."""
        await self._travel()
        done = asyncio.ensure_future(self._answer(url, headers, body))
        self.hanging.add(done)
        done.add_done_callback(self.hanging.discard)
        try:
            status, content = await done
        except asyncio.CancelledError:
            if not done.cancelled() or asyncio.current_task().cancelling():  # type: ignore[union-attr]
                raise
            raise Unreachable("it crashed") from None
        await self._travel()
        return Response(status, {}, content)

    def close(self) -> None:
        """There are no connections."""

    async def _travel(self) -> None:
        await asyncio.sleep(self.chance.expovariate(1 / self.slow_seconds))
        if self.chance.random() < self.lost:
            await asyncio.sleep(self.chance.uniform(0, 10))
            raise Unreachable("lost")

    async def _answer(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        name = url.removeprefix("http://node/leases").removeprefix("/")
        try:
            if not name:
                opened = self.node.open("A")
                return 200, orjson.dumps({"session": opened, "seconds": LEASE_SECONDS})
            said = orjson.loads(body)
            turn, recalled = await self.node.keep(name, said["heard"], said["dropped"])
            return 200, orjson.dumps({"turn": turn, "recalled": recalled})
        except GridspineError as error:
            return error.status, b"{}"

    async def _summary(self) -> Told:
        """Ask the node for its version, with a lease where one is to be had."""
        headers = self.gateway.headers(self.member)
        await self._travel()
        version = self.version
        number = self.node.grant(
            headers.get(HEADER, ""), "A", str(version), lambda: str(self.version)
        )
        await self._travel()
        given = "" if number is None else str(number)
        return Told(version, self.gateway.take(self.member, headers, given))

    # what happens

    async def publish(self) -> None:
        """Change what the node holds, and acknowledge it."""
        while True:
            await asyncio.sleep(self.chance.expovariate(1 / 8))
            change = asyncio.ensure_future(self._change(), loop=self.loop)
            self.changes.add(change)
            change.add_done_callback(self.changes.discard)

    async def _change(self) -> None:
        self.version += 1
        mine, start = self.version, self.loop.time()
        await self.node.settle()
        self.longest_wait = max(self.longest_wait, self.loop.time() - start)
        self.acknowledged = max(self.acknowledged, mine)

    async def crash(self) -> None:
        """Stop the node now and then, whatever it is doing, and start it again."""
        while True:
            await asyncio.sleep(self.chance.expovariate(1 / 120))
            for task in (*self.changes, *self.hanging):
                task.cancel()
            if self.chance.random() < 0.5:
                self.node.end()
                self.node.close()
            self.node = self._started()

    async def ask(self) -> None:
        """Ask queries that leave the node out."""
        while True:
            await asyncio.sleep(self.chance.expovariate(2))
            start = self.acknowledged
            known = self.known
            if known is not None and self.gateway.hold(known.lease):
                self.leased += 1
                assert known.version >= start, f"{known.version} though {start} was acknowledged"
                continue
            with contextlib.suppress(Unreachable):
                told = await self._summary()
                self.asked += 1
                assert told.version >= start
                if known is not None and known.lease is not None:
                    known.lease.let_go()
                self.known = told


def carry_out(seed: int, folder: Path, seconds: float = 600.0) -> Trial:
    """Run one trial for a simulated time and return it.

    Raises:
        AssertionError: an answer missed an acknowledged change.
    """
    loop = SimulatedTime()
    trial = Trial(seed, folder, loop)

    async def run() -> None:
        tasks = [trial.publish(), trial.crash(), *(trial.ask() for _ in range(3))]
        running = [asyncio.ensure_future(task) for task in tasks]
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*running)
        except TimeoutError:
            pass
        finally:
            for task in (*running, *trial.changes):
                task.cancel()
            await trial.gateway.close()
            await asyncio.sleep(0)

    try:
        loop.run_until_complete(run())
        return trial
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
