"""One state of one view, in a host: where its evaluators accept, and what it holds on to.

In: cell files. Out: a seat that answers. A seat ends when it is retired and no query runs on it;
a host ends with its last seat. Everything here that waits for a host runs in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from kgnode.errors import TooCostly, Unexpected
from kgnode.settings import Settings
from kgnode.store.cells import Cell
from kgnode.store.derive import Derivation
from kgnode.store.door import Door
from kgnode.store.process import HostGone, HostProcess

Result = TypeVar("Result")


class Key(NamedTuple):
    """What a view holds: cells of its default graph, cells of its named graphs, what follows."""

    cells: frozenset[Cell]
    named: frozenset[Cell]
    derived: Derivation | None = None

    @property
    def parts(self) -> tuple[frozenset[Cell], frozenset[Cell]]:
        """The cells, of the default graph and of the named graphs."""
        return self.cells, self.named


def version_of(key: Key) -> str:
    """Return the digest of a view's content: its triples and the graphs they stand in.

    A cell's IRI also covers triples of its model that lie in other cells, which may be hidden from
    those who see the version, so it does not count.
    """
    hashed = hashlib.sha256()
    for part in key.parts:
        for content, model in sorted((cell.digest or cell.iri, cell.model) for cell in part):
            hashed.update(f"{content} {model}\n".encode())
        hashed.update(b"--\n")
    if key.derived is not None:
        hashed.update(key.derived.digest.encode())
    return hashed.hexdigest()[:32]


DERIVED_TRIPLE_BYTES = 400
"""What a triple that follows is expected to take, of the budget of all views."""

POOL = ThreadPoolExecutor(max_workers=4, thread_name_prefix="view-host")
"""Threads that wait for hosts; apart, so that builds never hold up what else waits in a thread."""


async def in_thread(function: Callable[..., Result], *args: object, **kwargs: object) -> Result:
    """Run something that waits for a host in a thread of its own pool."""
    call = partial(function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(POOL, call)


@dataclass(frozen=True)
class Serving:
    """How a seat serves.

    Attributes:
        name: of its socket, in the folder of the views.
        path: the same as the web process reaches it.
    """

    name: str
    path: str
    evaluators: int
    most: int
    memory_bytes: int


@dataclass
class Seat:
    """One state of one view in one host.

    Attributes:
        image: folder of the disk view; None for one in memory.
        churn: triples removed since the store was built; the engine never frees them.
        bytes: memory of host and evaluators when last measured.
        running: queries on it now.
    """

    key: Key
    host: HostProcess
    serving: Serving
    image: Path | None = None
    churn: int = 0
    bytes: int = 0
    running: int = 0
    retired: bool = False
    used: float = field(default_factory=time.monotonic)
    door: Door = field(init=False)
    _ended: bool = False

    def __post_init__(self) -> None:
        own = self.serving
        self.door = Door(own.path, own.evaluators, own.most, self._order)

    def _order(self, do: str) -> None:
        self.host.order_soon(do, name=self.serving.name)

    @property
    def triples(self) -> int:
        """Triples of all graphs, before duplicates are merged."""
        return sum(cell.triples for part in self.key.parts for cell in part)

    async def start(self) -> None:
        """Have evaluators accept."""
        self.host.seats += 1
        await in_thread(
            self.host.order,
            "serve",
            name=self.serving.name,
            evaluators=self.serving.evaluators,
            most=self.serving.most,
            memory_bytes=self.serving.memory_bytes,
        )
        self.bytes = await in_thread(self.host.memory_bytes)

    def retire(self) -> None:
        """Accept nothing new; end when the last query has."""
        if not self.retired:
            self.retired = True
            self.door.shut()
            self.end_if_idle()

    def end_if_idle(self) -> None:
        """End the seat, and its host with its last seat."""
        if not self.retired or self.running or self._ended:
            return
        self._ended = True
        self.host.seats -= 1
        if self.host.seats == 0:
            self.host.close_soon()
        else:
            self.host.order_soon("retire", name=self.serving.name)


async def load(
    folder: Path,
    key: Key,
    files: dict[Cell, str],
    image: Path | None,
    settings: Settings,
    *,
    fork: bool,
) -> HostProcess:
    """Start a host and have it build a view from cell files.

    Raises:
        TooCostly: what follows from them is too much, or takes too long.
    """
    budget = settings.view_memory_bytes if image is None else settings.view_disk_bytes
    most = budget // DERIVED_TRIPLE_BYTES
    seconds = settings.mappings_build_seconds
    host = HostProcess(folder, fork=fork)
    try:
        await in_thread(
            host.order,
            "load",
            default=sorted({files[cell] for cell in key[0]}),
            named=sorted({(files[cell], cell.model) for cell in key[1]}),
            disk=None if image is None else str(image),
            derived=None if key.derived is None else key.derived.to_json(most, seconds),
        )
    except (HostGone, Unexpected) as error:
        host.close_soon()
        if key.derived is None:
            raise
        raise too_much() from error
    except BaseException:
        host.close_soon()
        raise
    return host


def too_much() -> TooCostly:
    """Return the error of a view that cannot hold what follows."""
    return TooCostly(
        "What follows from the data under these mapping sets takes too long, or too much.",
        hint="A structural map of a set may make too much; see mappings_build_seconds.",
    )


async def reopen(folder: Path, image: Path, *, fork: bool) -> HostProcess:
    """Start a host on a disk view that was built before."""
    host = HostProcess(folder, fork=fork)
    try:
        await in_thread(host.order, "open", disk=str(image))
    except BaseException:
        host.close_soon()
        raise
    return host


async def change(host: HostProcess, changes: list[tuple[str | None, str, str]]) -> bool:
    """Change the view of a host; False if that failed and the host must not be used."""
    with contextlib.suppress(HostGone, Unexpected):
        await in_thread(host.order, "change", changes=changes)
        return True
    return False
