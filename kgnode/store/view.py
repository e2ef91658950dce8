"""Views: for each distinct set of permitted cells one merged store, shared by all who may see it.

In: the cells a caller may see. Out: a ``View`` that evaluates queries in killable processes. The
default graph is the RDF merge (RDF 1.1 Semantics section 4.1) of the cells, named graphs are the
models. Queries never touch the record; what is not permitted is not in the process that answers.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyoxigraph import Store

from kgnode.errors import TooCostly, Unexpected
from kgnode.settings import Settings
from kgnode.store import seat as seats
from kgnode.store.cells import Cell, Manifest
from kgnode.store.derive import Derivation
from kgnode.store.door import Gone
from kgnode.store.exchange import Died, Result, ask
from kgnode.store.follow import Step, between, outdated, successor
from kgnode.store.process import forks_here
from kgnode.store.record import Record
from kgnode.store.room import Room
from kgnode.store.seat import Key, Seat, Serving, version_of
from kgnode.store.shelf import link

RETRY_ABOVE_SECONDS = 0.05
ATTEMPTS = 3
IN_USE_SECONDS = 900.0
"""A view asked for within this time is kept current when a version is published."""
REFUSED_SECONDS = 300.0
"""For so long a view from which too much follows is not tried again."""


@dataclass(frozen=True)
class Limits:
    """What one query may take.

    Attributes:
        cut: a larger answer is cut after the last row that fits; otherwise it is refused.
    """

    timeout_seconds: float
    max_rows: int
    max_bytes: int
    cut: bool = False


class View:
    """A merged view that answers.

    Attributes:
        key: the cells of its default graph, and of its named graphs.
        version: digest of exactly the permitted cells; equal versions mean equal answers.
    """

    def __init__(self, views: Views, key: Key, seat: Seat) -> None:
        self.key = key
        self.version = version_of(key)
        self.seat = seat
        self._views = views

    def evaluate(self, query: str, media_type: str, limits: Limits) -> Coroutine[Any, Any, Result]:
        """Evaluate a query and return the whole answer in the format asked for.

        Raises:
            MalformedQuery: not SPARQL.
            RefusedQuery: SPARQL that cannot be evaluated, or a format the answer has not.
            Deadline: it ran out of its time; its process was ended.
            Overloaded: no evaluator became free within its time.
            ResultTooLarge: more rows or bytes than allowed, and not to be cut.
            TooCostly: it took more memory than a query may.
        """
        request = {
            "query": query,
            "media": media_type,
            "rows": limits.max_rows,
            "bytes": limits.max_bytes,
            "cut": limits.cut,
        }
        return self._ask(request, limits.timeout_seconds)

    async def call(
        self,
        function: Callable[[Store], bytes] | Callable[[Store, bytes], bytes],
        argument: bytes | None = None,
        timeout_seconds: float = 60.0,
        *,
        leaves: bool = False,
    ) -> bytes:
        """Run one of our own functions on the view's store, in an evaluator.

        Args:
            function: module-level, in a module of ``kgnode``.
            argument: given to the function after the store, if it is not None.
            timeout_seconds: the deadline.
            leaves: the evaluator ends after it, since the function changes its copy of the view.

        Raises:
            Unexpected: the function is not one of ours.
            GridspineError: what the function raised, of the same class.
        """
        name = f"{function.__module__}:{function.__qualname__}"
        if not name.startswith("kgnode."):
            raise Unexpected(f"{name} is not a function of kgnode.")
        request: dict[str, object] = {"function": name, "bytes": 1 << 40, "cut": False}
        if leaves:
            request["leaves"] = True
        if argument is not None:
            request["argument"] = base64.b64encode(argument).decode()
        return await (await self._ask(request, timeout_seconds)).read()

    async def _ask(self, request: dict[str, object], timeout_seconds: float) -> Result:
        deadline = time.monotonic() + timeout_seconds
        died, view = 0, self
        for _ in range(ATTEMPTS):
            seat = view.seat
            seat.running += 1
            try:
                return await ask(seat.door, request, timeout_seconds, deadline)
            except Gone:
                self._views.lost(seat)
            except Died:
                # the signal of the request itself can arrive late and end an evaluator; once
                died += 1
                self._views.counts["died"] += 1
                if died > 1 or time.monotonic() > deadline - RETRY_ABOVE_SECONDS:
                    break
            finally:
                seat.running -= 1
                if seat.retired:
                    seat.end_if_idle()
            if seat.retired:
                view = await self._views.get(*self.key)
        raise TooCostly(
            "The query ended the process that evaluated it.",
            hint="It takes more memory or nests deeper than one query may; ask for less.",
        )


class Views:
    """All views of a node; the only place that starts view hosts.

    Attributes:
        counts: what happened since the start, by name, for metrics.
    """

    def __init__(self, record: Record, settings: Settings, run_folder: Path) -> None:
        self._record = record
        self._settings = settings
        self._fork = settings.evaluator_fork and forks_here()
        self._folder = run_folder / "views"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, mode=0o700)
        self._folder_handle = os.open(self._folder, os.O_RDONLY)
        self._views: dict[Key, View] = {}
        self._seats: dict[Key, Seat] = {}
        self._building: dict[Key, asyncio.Task[View]] = {}
        self._refused: dict[Key, float] = {}
        self._numbers = itertools.count(1)
        self._room = Room(settings.view_memory_bytes, settings.view_disk_bytes)
        self.counts: Counter[str] = Counter()

    async def get(
        self,
        cells: Collection[Cell],
        named: bool | Collection[Cell] = True,
        derived: Derivation | None = None,
    ) -> View:
        """Return the view whose default graph is the merge of ``cells``.

        Args:
            cells: what the caller may see; may be empty.
            named: whether the models are named graphs as well, or the cells of those that are.
            derived: what is to be added that follows from these cells.

        Raises:
            NotFound: a cell is no longer in the record; decide again what the caller may see.
        """
        default = cells if isinstance(cells, frozenset) else frozenset(cells)
        if isinstance(named, bool):
            graphs = default if named and self._settings.view_named_graphs else frozenset()
        else:
            graphs = named if isinstance(named, frozenset) else frozenset(named)
        view = self.ready(default, graphs, derived)
        if view is not None:
            return view
        key = Key(default, graphs, derived)
        if self._refused.get(key, 0.0) > time.monotonic():
            raise seats.too_much()
        return await asyncio.shield(self._start(key, None))

    def ready(
        self, cells: frozenset[Cell], named: frozenset[Cell], derived: Derivation | None = None
    ) -> View | None:
        """Return the view that ``get`` would, if it stands ready."""
        view = self._views.get(Key(cells, named, derived))
        if view is not None:
            view.seat.used = time.monotonic()
        return view

    async def follow(self, before: Manifest | None, after: Manifest | None) -> None:
        """Bring the views in use from one version of a data set to the next, ahead of need.

        Until a new view is ready the old one answers. Which views follow is a guess by label sets;
        what a caller may see is always decided by who asks ``get``.
        """
        recent = time.monotonic() - IN_USE_SECONDS
        tasks = []
        for key, seat in list(self._seats.items()):
            if outdated(key, before):
                self.lost(seat)
            following = successor(key, before, after)
            if following is None:
                continue
            if seat.used >= recent and following not in self._seats:
                tasks.append(self._start(following, seat))
            elif after is None:
                self.lost(seat)  # what was withdrawn stays nowhere, not even unused
        if before is not None and after is None:
            self._room.purge(frozenset(before.cells))
        await asyncio.gather(*tasks, return_exceptions=True)

    def lost(self, seat: Seat) -> None:
        """Hand out a seat no more; it ends when the last query on it has."""
        if self._seats.get(seat.key) is seat:
            del self._seats[seat.key]
            self._views.pop(seat.key, None)
        seat.retire()

    def seats(self) -> tuple[Seat, ...]:
        """Return what is handed out now."""
        return tuple(self._seats.values())

    def stats(self) -> dict[str, float]:
        """Return counts and gauges by name, for metrics."""
        seats_now = list(self._seats.values())
        return {
            "views": len(seats_now),
            "views_on_disk": sum(seat.image is not None for seat in seats_now),
            "evaluators": sum(seat.serving.evaluators for seat in seats_now),
            "running": sum(seat.running for seat in seats_now),
            "memory_bytes": sum(seat.bytes for seat in seats_now),
            "disk_bytes": self._room.disk_bytes,
            **{name: float(count) for name, count in sorted(self.counts.items())},
        }

    async def close(self) -> None:
        """End all hosts and evaluators, running queries too."""
        building = list(self._building.values())
        for task in building:
            task.cancel()
        await asyncio.gather(*building, return_exceptions=True)
        hosts = {id(seat.host): seat.host for seat in self._seats.values()}
        for seat in self._seats.values():
            seat.retired = True
            seat.door.shut()
        self._views.clear()
        self._seats.clear()
        await asyncio.gather(*(seats.in_thread(host.close) for host in hosts.values()))
        os.close(self._folder_handle)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, key: Key, base: Seat | None) -> asyncio.Task[View]:
        """Return the one task that builds a view, from nothing or from an earlier state."""
        loop = asyncio.get_running_loop()
        task = self._building.get(key)
        if task is None or task.get_loop() is not loop:
            task = self._building[key] = loop.create_task(self._make(key, base))
            task.add_done_callback(lambda done: self._started(key, done))
        return task

    def _started(self, key: Key, task: asyncio.Task[View]) -> None:
        if self._building.get(key) is task:
            del self._building[key]
        if not task.cancelled():
            task.exception()  # who waits gets it; it may be that nobody waits any more

    async def _make(self, key: Key, base: Seat | None) -> View:
        seat = await self._changed(base, key) if base is not None else None
        if seat is None:
            seat = await self._built(key)
        if base is not None:
            self.lost(base)
        self._seats[key] = seat
        view = self._views[key] = View(self, key, seat)
        return view

    async def _built(self, key: Key) -> Seat:
        number = next(self._numbers)
        held = self._folder / f"cells-{number}"
        image: Path | None = None
        try:
            files = await seats.in_thread(self._hold, key, held)
            image = await self._place(key)
            if image is not None and image.exists():
                host = await seats.reopen(self._folder, image, fork=self._fork)
            else:
                host = await seats.load(
                    self._folder, key, files, image, self._settings, fork=self._fork
                )
        except BaseException as error:
            if isinstance(error, TooCostly):
                now = time.monotonic()
                self._refused = {k: until for k, until in self._refused.items() if until > now}
                self._refused[key] = now + REFUSED_SECONDS
            if image is not None:
                self._room.drop(key, image)
            raise
        finally:
            shutil.rmtree(held, ignore_errors=True)
            self._room.arrived(key)
        if image is not None:
            self._room.keep(key, image)
        self.counts["built_on_disk" if image else "built"] += 1
        return await self._seated(Seat(key, host, self._serving(number), image))

    async def _changed(self, base: Seat, key: Key) -> Seat | None:
        """Return a seat made from an earlier one by delta; None where building is better."""
        host, number = base.host, next(self._numbers)
        if not self._fork or base.image or base.retired or host.changing or base.churn < 0:
            return None
        host.changing = True
        held = self._folder / f"delta-{number}"
        held.mkdir(mode=0o700)
        try:
            step: Step | None = await seats.in_thread(
                between, self._record, base.key, key, base.churn, held
            )
            if step is None or not await seats.change(host, step.changes):
                return None
        finally:
            host.changing = False
            shutil.rmtree(held, ignore_errors=True)
        self.counts["changed"] += 1
        churn, base.churn = base.churn + step.removed, -1  # the base can change no further
        return await self._seated(Seat(key, host, self._serving(number), churn=churn))

    async def _seated(self, seat: Seat) -> Seat:
        try:
            await seat.start()
        except BaseException:
            seat.retire()
            raise
        return seat

    async def _place(self, key: Key) -> Path | None:
        """Make room for a view; return its folder if it is to be on disk."""
        wanted = self._room.place(key, self._folder)
        victims = await seats.in_thread(
            self._room.victims, key, list(self._seats.values()), wanted is not None
        )
        if victims is None:
            wanted = self._folder / f"disk-{next(self._numbers)}"
        for seat in victims or ():
            self.counts["evicted"] += 1
            self.lost(seat)
            await seats.in_thread(seat.host.close)
        return wanted

    def _serving(self, number: int) -> Serving:
        name = f"{number}.sock"
        folder = f"/proc/self/fd/{self._folder_handle}" if self._fork else str(self._folder)
        own = self._settings
        most = max(own.evaluators_per_view, own.evaluators_max_per_view)
        return Serving(
            name, f"{folder}/{name}", own.evaluators_per_view, most, own.evaluator_memory_bytes
        )

    def _hold(self, key: Key, folder: Path) -> dict[Cell, str]:
        """Hold on to the cell files while a view is built, also if a version goes meanwhile."""
        folder.mkdir(mode=0o700)
        files = {}
        for cell in key[0] | key[1]:
            held = folder / f"{cell.digest}.nt"
            link(self._record.cell_file(cell), held)
            files[cell] = str(held)
        return files
