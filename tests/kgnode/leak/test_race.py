"""A changed policy counts for the very next request, whatever views and answers are kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kgnode.policy.folder import add_policy
from tests.kgnode.cimxml import mrid
from tests.kgnode.leak.house import House
from tests.kgnode.leak.reading import Asker
from tests.kgnode.leak.test_versions import POLICY, Small

CHANGES = 20
ASKERS = 4
OPEN = POLICY.encode()
SHUT = OPEN.replace(b'"public"', b'{"organisation": ["NESO"]}')
QUERY = f"ASK {{ <urn:uuid:{mrid('shown')}> ?p ?o }}"


def test_no_answer_is_older_than_the_policy_in_force_when_it_was_asked(tmp_path: Path) -> None:
    asyncio.run(race(tmp_path / "home"))


async def race(folder: Path) -> None:
    async with Small(folder, "zqsecret") as house:
        changes = [0]
        seen: set[bool] = set()
        done = asyncio.Event()

        async def ask() -> None:
            while not done.is_set():
                before = changes[0]
                answer = await said(house)
                if changes[0] == before:
                    assert answer is (before % 2 == 0), "an answer of a policy that was replaced"
                    seen.add(answer)
                await asyncio.sleep(0.001)

        async def change() -> None:
            for number in range(1, CHANGES + 1):
                add_policy(house.home.path / "policy", SHUT if number % 2 else OPEN, "DNOA")
                changes[0] = number
                assert await said(house) is (number % 2 == 0)
                await asyncio.sleep(0.005)
            done.set()

        await asyncio.gather(change(), *(ask() for _ in range(ASKERS)))
        assert seen == {True, False}


async def said(house: House) -> bool:
    reply = await house.get(Asker(None), "/sparql", "application/sparql-results+json", query=QUERY)
    assert reply.status == 200, reply.body
    return b"true" in reply.body
