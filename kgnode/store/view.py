"""Views: for each distinct set of permitted cells one merged store, shared by all who may see it.

In: the cells a caller may see. Out: a ``View`` that evaluates queries in killable processes. The
default graph is the RDF merge (RDF 1.1 Semantics section 4.1) of the cells, named graphs are the
models. Queries never touch the record; what is not permitted is not in the process that answers.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import os
import shutil
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import Store

from kgnode.errors import TooCostly, Unexpected
from kgnode.settings import Settings
from kgnode.store.cells import Cell
from kgnode.store.exchange import Died, Gone, Result, ask
from kgnode.store.process import HostProcess
from kgnode.store.record import Record
from kgnode.store.shelf import link

RETRY_ABOVE_SECONDS = 0.05
ATTEMPTS = 3

Key = tuple[frozenset[Cell], frozenset[Cell]]
"""What a view holds: the cells of its default graph, the cells of its named graphs."""


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
        version: digest of exactly the permitted cells; equal versions mean equal answers.
    """

    def __init__(self, views: Views, key: Key, host: HostProcess, socket_path: str) -> None:
        self.key = key
        self.version = version_of(key)
        self.running = 0
        self.retired = False
        self.used = time.monotonic()
        self.bytes = 0
        self._views = views
        self._host = host
        self._socket_path = socket_path

    async def evaluate(self, query: str, media_type: str, limits: Limits) -> Result:
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
        return await self._ask(request, limits.timeout_seconds)

    async def call(
        self,
        function: Callable[[Store], bytes] | Callable[[Store, bytes], bytes],
        argument: bytes | None = None,
        timeout_seconds: float = 60.0,
    ) -> bytes:
        """Run one of our own functions on the view's store, in an evaluator.

        Args:
            function: module-level, in a module of ``kgnode``.
            argument: given to the function after the store, if it is not None.
            timeout_seconds: the deadline.

        Raises:
            Unexpected: the function is not one of ours.
            GridspineError: what the function raised, of the same class.
        """
        name = f"{function.__module__}:{function.__qualname__}"
        if not name.startswith("kgnode."):
            raise Unexpected(f"{name} is not a function of kgnode.")
        request: dict[str, object] = {"function": name, "bytes": 1 << 40, "cut": False}
        if argument is not None:
            request["argument"] = base64.b64encode(argument).decode()
        return await (await self._ask(request, timeout_seconds)).read()

    async def _ask(self, request: dict[str, object], timeout_seconds: float) -> Result:
        deadline = time.monotonic() + timeout_seconds
        died, view = 0, self
        for _ in range(ATTEMPTS):
            view.running += 1
            try:
                return await ask(view._socket_path, request, timeout_seconds, deadline)
            except Gone:
                self._views.forget(view)
                view_now = await self._views.get(self.key[0], self.key[1])
            except Died:
                # the signal of the request itself can arrive late and end an evaluator; once
                died += 1
                if died > 1 or time.monotonic() > deadline - RETRY_ABOVE_SECONDS:
                    break
                view_now = view
            finally:
                view.running -= 1
                self._views.released(view)
            view = view_now
        raise TooCostly(
            "The query ended the process that evaluated it.",
            hint="It takes more memory or nests deeper than one query may; ask for less.",
        )


class Views:
    """All views of a node; the only place that starts view hosts."""

    def __init__(self, record: Record, settings: Settings, run_folder: Path) -> None:
        self._record = record
        self._settings = settings
        self._folder = run_folder / "views"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, mode=0o700)
        self._folder_handle = os.open(self._folder, os.O_RDONLY)
        self._views: OrderedDict[Key, View] = OrderedDict()
        self._building: dict[Key, asyncio.Task[View]] = {}
        self._numbers = itertools.count(1)
        self._closed = False

    async def get(self, cells: Collection[Cell], named: bool | Collection[Cell] = True) -> View:
        """Return the view whose default graph is the merge of ``cells``.

        Args:
            cells: what the caller may see; may be empty.
            named: whether the models are named graphs as well, or the cells of those that are.

        Raises:
            NotFound: a cell is no longer in the record; decide again what the caller may see.
        """
        default = cells if isinstance(cells, frozenset) else frozenset(cells)
        if isinstance(named, bool):
            graphs = default if named and self._settings.view_named_graphs else frozenset()
        else:
            graphs = named if isinstance(named, frozenset) else frozenset(named)
        key = (default, graphs)
        view = self._views.get(key)
        if view is not None:
            self._views.move_to_end(key)
            view.used = time.monotonic()
            return view
        task = self._building.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._build(key))
            self._building[key] = task
            task.add_done_callback(lambda _: self._building.pop(key, None))
        return await asyncio.shield(task)

    def forget(self, view: View) -> None:
        """Stop handing out a view; it ends when the last query on it has."""
        if self._views.get(view.key) is view:
            del self._views[view.key]
        view.retired = True

    def released(self, view: View) -> None:
        """Take note that a query on a view has ended."""
        if view.retired and not view.running:
            view._host.close()

    async def close(self) -> None:
        """End all hosts and evaluators, running queries too."""
        self._closed = True
        for task in list(self._building.values()):
            task.cancel()
        await asyncio.gather(*self._building.values(), return_exceptions=True)
        for view in list(self._views.values()):
            self.forget(view)
            view._host.close()
        os.close(self._folder_handle)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _build(self, key: Key) -> View:
        number = next(self._numbers)
        files = self._files(key, self._folder / f"cells-{number}")
        host = HostProcess(self._folder)
        try:
            await asyncio.to_thread(
                host.order,
                "load",
                default=[files[cell] for cell in key[0]],
                named=[(files[cell], cell.model) for cell in key[1]],
                disk=None,
            )
            name = f"{number}.sock"
            await asyncio.to_thread(
                host.order,
                "serve",
                name=name,
                evaluators=self._settings.evaluators_per_view,
                memory_bytes=self._settings.evaluator_memory_bytes,
            )
        except BaseException:
            host.close()
            raise
        finally:
            shutil.rmtree(self._folder / f"cells-{number}", ignore_errors=True)
        view = View(self, key, host, f"/proc/self/fd/{self._folder_handle}/{name}")
        self._views[key] = view
        return view

    def _files(self, key: Key, folder: Path) -> dict[Cell, str]:
        """Hold on to the cell files while a view is built, also if a version goes meanwhile."""
        folder.mkdir(mode=0o700)
        files = {}
        for cell in key[0] | key[1]:
            held = folder / f"{cell.digest}.nt"
            link(self._record.cell_file(cell), held)
            files[cell] = str(held)
        return files


def version_of(key: Key) -> str:
    """Return the digest of a view's content: cells and the graphs they stand in."""
    hashed = hashlib.sha256()
    for part in key:
        for cell in sorted(part, key=lambda cell: (cell.iri, cell.model)):
            hashed.update(f"{cell.iri} {cell.model}\n".encode())
        hashed.update(b"--\n")
    return hashed.hexdigest()[:32]
