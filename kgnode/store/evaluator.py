"""One evaluator: a process that answers one query after another on one view, and can be ended.

In: connections with a query, its format and limits. Out: whole answers, spooled, or a typed error.
The engine cannot be cancelled, so while it runs the process is armed to end itself at the deadline
or when the client hangs up; the view host then forks a fresh one. Nothing of an answer leaves
before it is whole and the process disarmed.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import os
import resource
import select
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from pyoxigraph import (
    QueryResultsFormat,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Store,
    Triple,
    serialize,
)

from kgnode.errors import GridspineError
from kgnode.problems import record
from kgnode.store import descriptors, wire
from kgnode.store.arming import Arming
from kgnode.store.rows import FORMS
from kgnode.store.spool import Full, Spool

GROWTH_MAX_BYTES = 256 << 20
"""An evaluator that has grown by more leaves, and a fresh fork takes its place."""

CALM_PRIORITY = 10
"""Nice value of an evaluator while its query takes long."""

BRIEF_SECONDS = 0.005
"""A query over sooner can neither have grown much nor have been set back by the host."""

UNSEEN_MAX = 64
"""So many brief queries in a row are taken together."""

PROCESS = Path("/proc/self/statm")

RECYCLED = 3
"""Exit status of an evaluator that leaves so that a fresh one takes its place."""


def serve(
    store: Callable[[], Store],
    listener: socket.socket,
    memory_bytes: int,
    armed: Callable[[socket.socket], Arming],
    *,
    once: bool = False,
) -> int:
    """Answer connections until the listener is shut down; return the exit status.

    Args:
        store: opens the view, in this process.
        listener: where connections are accepted, shared with other evaluators.
        memory_bytes: what this process may take beyond what it has.
        armed: what ends this process while a query of a connection runs.
        once: leave after one query, or when none comes within a second.
    """
    opened = store()
    _confine(memory_bytes)
    descriptors.forbid()
    upkeep = _Upkeep()
    while True:
        if once and not _readable(listener, 1.0):
            return 0
        try:
            with descriptors.allowed():
                connection, _ = listener.accept()
        except OSError:
            return 0
        grown = False
        # the client may go away while it is answered
        with connection, contextlib.suppress(OSError):
            arming = armed(connection)
            while not grown and (request := wire.receive(connection, orjson.loads)) is not None:
                leaves = once or bool(request.get("leaves"))
                begun = time.monotonic()
                answer = _answer(opened, connection, request, arming, request["deadline"] - begun)
                if answer is None:
                    break
                grown = leaves or upkeep.due(time.monotonic() - begun)
                answer(wire.LEAVES if grown else wire.STAYS)
        if once:
            return 0
        if grown:
            return RECYCLED


def _answer(
    store: Store, connection: socket.socket, request: dict[str, Any], arming: Arming, left: float
) -> Callable[[bytes], None] | None:
    """Work out the answer to a request; return what sends it, None if nobody waits for it."""
    if left <= 0:
        return None
    arming.arm(left)
    if hung_up(connection):  # before it was armed, so no signal came
        arming.disarm()
        return None
    spool = Spool(request)
    refusal: dict[str, Any] | None = None
    cut = wire.WHOLE
    try:
        cut = _evaluate(store, request, spool)
    except Full as full:
        refusal = {"code": wire.CUTS[full.cut]}
    except GridspineError as error:
        refusal = {"code": "ours", "error": record(error)}
    except SyntaxError as error:
        refusal = {"code": "malformed", "message": str(error)}
    except MemoryError:
        refusal = {"code": "memory"}
    except (RuntimeError, ValueError) as error:
        refusal = {"code": "refused", "message": str(error)}
    except OSError as error:
        # what a query may not open; a disk view's own trouble says "IO error"
        code = "unexpected" if str(error).startswith("IO error") else "refused"
        refusal = {"code": code, "message": str(error)}
    except Exception as error:
        with descriptors.allowed():  # for the lines of the source
            traceback.print_exc()
        refusal = {"code": "unexpected", "message": f"{type(error).__name__}: {error}"}
    arming.disarm()  # before the first byte: the client's close must not end a healthy evaluator
    if refusal is None:
        return partial(spool.send, connection, cut)
    return partial(_send_refusal, connection, json.dumps(refusal).encode())


def _send_refusal(connection: socket.socket, body: bytes, stays: bytes) -> None:
    connection.sendall(wire.HEAD.pack(wire.ERROR, wire.WHOLE, stays, len(body)) + body)


def _evaluate(store: Store, request: dict[str, Any], spool: Spool) -> bytes:
    """Write the whole answer to the spool; return what was cut."""
    if "function" in request:
        with descriptors.allowed():
            spool.write(_call(store, request["function"], request.get("argument")))
        return wire.WHOLE
    results = store.query(request["query"])
    if isinstance(results, QueryTriples):
        return _write_graph(store, results, request, spool)
    form = _result_form(request["media"])
    if isinstance(results, QuerySolutions):
        spool.rows = FORMS[form.media_type.partition(";")[0]]
    return _serialise(results, form, request, spool)


@lru_cache
def _result_form(media_type: str) -> QueryResultsFormat:
    form = QueryResultsFormat.from_media_type(media_type)
    if form is None:
        raise ValueError(f"{media_type} is no format of query results")
    return form


def _serialise(
    results: Any, form: QueryResultsFormat | RdfFormat, request: dict[str, Any], spool: Spool
) -> bytes:
    """Let the engine write the answer; cut it where the caller allows that."""
    cut = wire.WHOLE
    try:
        results.serialize(spool, form)
    except Full as full:
        if not request["cut"] or spool.rows is None:
            raise
        cut = full.cut
    if cut == wire.WHOLE and not spool.too_many_rows():
        return cut
    if not request["cut"]:
        raise Full(wire.ROWS)
    return spool.shorten(cut)


def _write_graph(
    store: Store, results: QueryTriples, request: dict[str, Any], spool: Spool
) -> bytes:
    form = RdfFormat.from_media_type(request["media"])
    if form is None:
        raise ValueError(f"{request['media']} is no format of graphs")
    spool.rows = FORMS.get(form.media_type.partition(";")[0])
    if spool.rows is not None:
        return _serialise(results, form, request, spool)
    limit = request["rows"]
    cut = wire.WHOLE
    while True:
        counted = _Counted(results, limit)
        try:
            serialize(counted, spool, form)  # type: ignore[arg-type]
        except Full:
            # such a document cannot be cut after it is made: make it again with fewer triples
            if not request["cut"] or counted.count < 2:
                raise
            limit = counted.count * 9 // 10
            cut = wire.BYTES
            spool.empty()
            results = store.query(request["query"])  # type: ignore[assignment]
            continue
        if counted.more and cut == wire.WHOLE:
            cut = wire.ROWS
        if cut != wire.WHOLE and not request["cut"]:
            raise Full(cut)
        return cut


class _Counted:
    """The first triples of a result, counted; ``more`` tells whether there were others."""

    def __init__(self, results: QueryTriples, limit: int) -> None:
        self.results = results
        self.limit = limit
        self.count = 0
        self.more = False

    def __iter__(self) -> Iterator[Triple]:
        iterator = iter(self.results)
        for triple in islice(iterator, self.limit):
            self.count += 1
            yield triple
        self.more = next(iterator, None) is not None


def _call(store: Store, name: str, argument: str | None) -> bytes:
    """Run a function of ours on the store."""
    module, _, attribute = name.partition(":")
    if not module.startswith("kgnode."):
        raise ValueError(f"{name} is not a function of kgnode")
    function: Callable[..., bytes] = getattr(importlib.import_module(module), attribute)
    return function(store) if argument is None else function(store, base64.b64decode(argument))


def _confine(memory_bytes: int) -> None:
    """Bound what one query may take: memory beyond the view itself; no core files."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        pages = int(PROCESS.read_text().split()[0])
        size = pages * resource.getpagesize() + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def hung_up(connection: socket.socket) -> bool:
    """Return whether the other side has closed; it sends nothing more otherwise."""
    return _readable(connection, 0)


def _readable(connection: socket.socket, seconds: float) -> bool:
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


class _Upkeep:
    """What an evaluator looks after between queries: that it stays small and quick.

    After a brief query there is nothing to see, so it looks after some of those only.
    """

    def __init__(self) -> None:
        self._start_bytes = _peak_bytes()
        self._priority = os.getpriority(os.PRIO_PROCESS, 0)
        self._unseen = 0

    def due(self, seconds: float) -> bool:
        """Tell, after a query that took so long, whether a fresh process should take its place."""
        self._unseen += 1
        if seconds < BRIEF_SECONDS and self._unseen < UNSEEN_MAX:
            return False
        self._unseen = 0
        return _peak_bytes() - self._start_bytes > GROWTH_MAX_BYTES or not self._quick()

    def _quick(self) -> bool:
        """Take back the priority of the start, where the host lowered it and the system lets us."""
        if os.getpriority(os.PRIO_PROCESS, 0) == self._priority:
            return True
        try:
            os.setpriority(os.PRIO_PROCESS, 0, self._priority)
        except OSError:
            return False
        return True


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
