"""A change is acknowledged only when no gateway can still take the old view for the current one."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

import kgnode.leases
from kgnode.errors import NotFound, Overloaded
from kgnode.leases import SESSIONS_PER_MEMBER, Leases
from kgnode.settings import load_settings

SECONDS = 0.6


class View:
    """A caller's view; what it looks like now."""

    def __init__(self) -> None:
        self.tag = "1"

    def look(self) -> str:
        return self.tag


def book(folder: Path, seconds: float = SECONDS, most: int = 256) -> Leases:
    used = load_settings(lease_seconds=seconds, leases_per_member=most)
    return Leases(folder / "leases", used)


async def settled_after(leases: Leases) -> float:
    start = time.monotonic()
    await leases.settle()
    return time.monotonic() - start


def test_a_change_waits_until_the_gateway_gave_the_lease_back(tmp_path: Path) -> None:
    async def run() -> None:
        leases, view = book(tmp_path, 20.0), View()
        name = leases.open("A")
        number = leases.grant(name, "A", "1", view.look)
        hanging = asyncio.create_task(leases.keep(name))
        await asyncio.sleep(0.05)
        view.tag = "2"
        change = asyncio.create_task(leases.settle())
        assert await asyncio.wait_for(hanging, 1) == (1, [number])  # told at once
        await asyncio.sleep(0.05)
        assert not change.done()
        kept = asyncio.create_task(leases.keep(name, heard=1))
        await asyncio.wait_for(change, 1)
        kept.cancel()

    asyncio.run(run())


def test_a_change_that_a_caller_does_not_see_is_not_told_and_waits_for_nobody(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        leases, seen, other = book(tmp_path, 20.0), View(), View()
        name = leases.open("A")
        leases.grant(name, None, "1", seen.look)
        hidden = leases.open("A")
        leases.grant(hidden, None, "1", other.look)
        leases.give_up(hidden)
        other.tag = "2"
        assert await settled_after(leases) < 1
        hanging = asyncio.create_task(leases.keep(name))
        await asyncio.sleep(0.1)
        assert not hanging.done()
        hanging.cancel()

    asyncio.run(run())


def test_a_silent_gateway_delays_a_change_by_a_lease_at_most(tmp_path: Path) -> None:
    async def run() -> None:
        leases, view = book(tmp_path), View()
        leases.grant(leases.open("A"), None, "1", view.look)
        view.tag = "2"
        assert SECONDS / 2 < await settled_after(leases) < SECONDS + 0.4
        assert await settled_after(leases) < 0.2  # and only once

    asyncio.run(run())


def test_a_gateway_that_asks_on_and_never_gives_back_delays_no_longer(tmp_path: Path) -> None:
    async def run() -> None:
        leases, view = book(tmp_path), View()
        name = leases.open("A")
        leases.grant(name, None, "1", view.look)

        async def deaf() -> None:
            while True:
                await leases.keep(name, heard=0)
                await asyncio.sleep(0.01)

        asking = asyncio.create_task(deaf())
        await asyncio.sleep(0.1)
        view.tag = "2"
        assert await settled_after(leases) < SECONDS + 0.4
        assert not asking.done()
        asking.cancel()

    asyncio.run(run())


def test_a_view_that_changed_while_it_was_told_gets_no_lease(tmp_path: Path) -> None:
    async def run() -> None:
        leases, view = book(tmp_path), View()
        name = leases.open("A")
        view.tag = "2"
        assert leases.grant(name, None, "1", view.look) is None
        assert await settled_after(leases) < 0.2

    asyncio.run(run())


def test_a_view_that_cannot_be_looked_at_is_called_back(tmp_path: Path) -> None:
    def refused() -> str:
        raise NotFound("no such caller")

    async def run() -> None:
        leases, view = book(tmp_path), View()
        name = leases.open("A")
        number = leases.grant(name, None, "1", lambda: view.look() or refused())
        view.tag = ""
        assert await leases.keep(name) == (1, [number])

    asyncio.run(run())


def test_a_gateway_gets_leases_for_callers_it_acts_for_alone(tmp_path: Path) -> None:
    async def run() -> None:
        leases, view = book(tmp_path), View()
        name = leases.open("A")
        assert leases.grant(name, "B", "1", view.look) is None
        assert leases.grant("guessed", "A", "1", view.look) is None
        assert leases.grant(name, "A", "1", view.look) is not None

    asyncio.run(run())


def test_no_member_has_more_than_its_share(tmp_path: Path) -> None:
    async def run() -> None:
        leases, view = book(tmp_path, most=3), View()
        names = [leases.open("A") for _ in range(SESSIONS_PER_MEMBER)]
        with pytest.raises(Overloaded):
            leases.open("A")
        given = [leases.grant(name, "A", "1", view.look) for name in names]
        assert sum(number is not None for number in given) == 3
        other = leases.grant(leases.open("B"), "B", "1", view.look)
        assert other is not None
        await asyncio.sleep(SECONDS + 0.1)  # sessions that nobody keeps end
        assert leases.open("A")

    asyncio.run(run())


def test_all_members_together_have_what_a_change_can_look_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kgnode.leases, "MOST_LEASES", 2)

    async def run() -> None:
        leases, view = book(tmp_path), View()
        given = [leases.grant(leases.open(org), org, "1", view.look) for org in "ABC"]
        assert given == [1, 1, None]

    asyncio.run(run())


def test_what_a_session_ends_with_or_drops_delays_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        leases, view = book(tmp_path, 20.0), View()
        ended, kept = leases.open("A"), leases.open("A")
        leases.grant(ended, None, "1", view.look)
        number = leases.grant(kept, None, "1", view.look)
        assert number is not None
        leases.give_up(ended)
        waiting = asyncio.create_task(leases.keep(kept, dropped=[number]))
        await asyncio.sleep(0.05)
        view.tag = "2"
        assert await settled_after(leases) < 1
        waiting.cancel()
        with pytest.raises(NotFound):
            await leases.keep(ended)

    asyncio.run(run())


def test_after_a_crash_the_first_change_waits_for_leases_of_before(tmp_path: Path) -> None:
    async def run() -> None:
        before, view = book(tmp_path), View()
        before.grant(before.open("A"), None, "1", view.look)
        after = book(tmp_path, seconds=0.0)  # though it gives none itself
        assert SECONDS / 2 < await settled_after(after) < SECONDS + 0.4
        after.close()
        assert await settled_after(book(tmp_path)) < 0.2

    asyncio.run(run())


def test_after_two_crashes_the_longer_lease_counts(tmp_path: Path) -> None:
    async def run() -> None:
        book(tmp_path, 1.0).open("A")
        book(tmp_path, 0.1).open("A")
        assert 0.5 < await settled_after(book(tmp_path, 0.1)) < 1.4

    asyncio.run(run())


def test_a_home_that_nobody_serves_waits_too(tmp_path: Path) -> None:
    async def run() -> None:
        book(tmp_path).open("A")

    asyncio.run(run())
    offline = book(tmp_path)
    start = time.monotonic()
    offline.wait_out()
    assert time.monotonic() - start > SECONDS / 2
    offline.close()
    assert not (tmp_path / "leases").exists()


def test_a_file_that_cannot_be_read_counts_as_the_longest_lease(tmp_path: Path) -> None:
    (tmp_path / "leases").write_text("soon")
    now = 0.0
    leases = Leases(tmp_path / "leases", load_settings(), lambda: now)
    leases.close()
    assert (tmp_path / "leases").exists()
    now = 60.0
    leases.close()
    assert not (tmp_path / "leases").exists()


def test_a_home_that_gave_leases_which_have_run_out_remembers_none(tmp_path: Path) -> None:
    async def run() -> None:
        leases = book(tmp_path, 0.1)
        leases.open("A")
        assert (tmp_path / "leases").exists()
        await asyncio.sleep(0.2)
        leases.close()

    asyncio.run(run())
    assert not (tmp_path / "leases").exists()
