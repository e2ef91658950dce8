"""The view host: a process of one thread that holds one view and forks evaluators from it.

In: orders over a socket from the process that owns the record: load these cell files, change that,
serve under this name. Out: evaluators that accept queries there (copy on write, nothing rebuilt);
one that ends is replaced within milliseconds. It never opens a disk store itself, since a process
that did has threads and must not fork; it ends when its owner does.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Store, parse

from kgnode.store import arming, descriptors, evaluator, wire
from kgnode.store.derive import derive

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
BACKLOG = 1024
SAMPLE_SECONDS = 0.03
FAILURES_MAX = 5
"""Evaluators that may fail at once, one after another, before the host gives up."""


@dataclass
class Generation:
    """The evaluators of one state of the view, and the socket where they accept."""

    name: str
    listener: socket.socket
    most: int
    memory_bytes: int
    current: bool = True
    evaluators: dict[int, int] = field(default_factory=dict)  # process id -> pidfd
    extra: set[int] = field(default_factory=set)  # those that leave after one query


class Host:
    """What the process knows: its store, its generations, its owner."""

    def __init__(self, owner: socket.socket) -> None:
        self.owner = owner
        self.store = Store()
        self.disk: str | None = None
        self.generations: list[Generation] = []
        self.selector = selectors.PollSelector()
        self.selector.register(owner, selectors.EVENT_READ, None)
        self.failures = 0

    def run(self) -> None:
        """Follow orders and replace evaluators until the owner goes."""
        while True:
            for key, _ in self.selector.select():
                if key.data is not None:
                    self._replace(*key.data)
                elif not self._obey():
                    return

    def _obey(self) -> bool:
        """Follow one order; return False when the owner has gone."""
        order = wire.receive(self.owner)
        if order is None:
            return False
        try:
            answer = getattr(self, f"do_{order.pop('do')}")(**order)
            answer = {"ok": True, **(answer or {})}
        except Exception as error:
            traceback.print_exc()
            answer = {"ok": False, "message": f"{type(error).__name__}: {error}"}
        try:
            wire.send(self.owner, answer)
        except OSError:
            return False
        return True

    # orders

    def do_load(
        self,
        default: list[str],
        named: list[tuple[str, str]],
        disk: str | None,
        derived: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Build the view from cell files: the merge, a graph per model, and what follows."""
        if disk is None:
            fill(self.store, default, named)
            if derived is not None:
                derive(self.store, derived)
            gc.collect()
            gc.freeze()
            return {"triples": len(self.store), "threads": threads()}
        builder = os.fork()
        if builder == 0:
            status = 1
            try:
                self._be_child(None)
                store = Store(disk)
                fill(store, default, named, disk=True)
                if derived is not None:
                    derive(store, derived, disk=True)
                store.optimize()
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        _, status = os.waitpid(builder, 0)
        if status:
            raise OSError(f"the disk view was not built (status {status})")
        self.disk = disk
        return {"triples": 0, "threads": threads()}

    def do_open(self, disk: str) -> dict[str, Any]:
        """Serve a disk view that was built before; each evaluator opens it for itself."""
        self.disk = disk
        return {"triples": 0, "threads": threads()}

    def do_change(self, changes: list[tuple[str | None, str, str]]) -> dict[str, Any]:
        """Remove and add triples: (graph, file to remove, file to add) each."""
        for generation in self.generations:
            generation.current = False  # what it could fork from now is not what it answers
        for graph, removed, added in changes:
            target = NamedNode(graph) if graph is not None else DefaultGraph()
            for quad in parse(path=removed, format=RdfFormat.N_TRIPLES, lenient=True):
                self.store.remove(Quad(quad.subject, quad.predicate, quad.object, target))
            self.store.load(path=added, format=RdfFormat.N_TRIPLES, to_graph=target, lenient=True)
            left = self.store.quads_for_pattern(None, None, None, target)
            if graph is not None and next(left, None) is None:
                self.store.remove_graph(target)  # GRAPH ?g {} would still name it
        self._close_the_abandoned()
        return {"triples": len(self.store), "threads": threads()}

    def do_serve(self, name: str, evaluators: int, most: int, memory_bytes: int) -> None:
        """Begin a generation: listen under a name in the working folder and fork evaluators."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(name)
        listener.listen(BACKLOG)
        generation = Generation(name, listener, most, memory_bytes)
        self.generations.append(generation)
        for _ in range(evaluators):
            self._fork(generation)

    def do_grow(self, name: str) -> None:
        """Fork one more evaluator, which leaves after one query, if there may be more."""
        for generation in self.generations:
            room = len(generation.evaluators) < generation.most
            if generation.name == name and generation.current and room:
                self._fork(generation, extra=True)

    def do_calm(self, name: str) -> None:
        """Let evaluators that have computed all the while stand back behind those that just woke.

        After its query one takes its priority back, or leaves and a fresh one takes its place.
        """
        pids = [pid for g in self.generations if g.name == name for pid in g.evaluators]
        before = {pid: computing_since(pid) for pid in pids}
        time.sleep(SAMPLE_SECONDS)
        for pid in pids:
            if before[pid] is not None and computing_since(pid) == before[pid]:
                with contextlib.suppress(OSError):
                    os.setpriority(os.PRIO_PROCESS, pid, evaluator.CALM_PRIORITY)

    def do_retire(self, name: str) -> None:
        """End a generation: what is queued is still answered, nothing new is accepted."""
        for generation in self.generations:
            if generation.name == name:
                generation.current = False
                with contextlib.suppress(OSError):
                    generation.listener.shutdown(socket.SHUT_RDWR)
        self._close_the_abandoned()

    # evaluators

    def _fork(self, generation: Generation, *, extra: bool = False) -> None:
        if threads() != 1:
            raise RuntimeError("a process with threads must not fork")
        host = os.getpid()
        born = time.monotonic()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                self._be_child(generation)
                end_with_parent(host)
                status = evaluator.serve(
                    self._opened,
                    generation.listener,
                    generation.memory_bytes,
                    arming.BySignals,
                    once=extra,
                )
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        handle = os.pidfd_open(pid)
        generation.evaluators[pid] = handle
        if extra:
            generation.extra.add(pid)
        self.selector.register(handle, selectors.EVENT_READ, (generation, pid, born))

    def _replace(self, generation: Generation, pid: int, born: float) -> None:
        handle = generation.evaluators.pop(pid)
        self.selector.unregister(handle)
        os.close(handle)
        _, status = os.waitpid(pid, 0)
        failed = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 1
        self.failures = self.failures + 1 if failed and time.monotonic() - born < 1 else 0
        if self.failures > FAILURES_MAX:
            sys.exit("evaluators fail as soon as they start")
        if generation.current and pid not in generation.extra:
            self._fork(generation)
        generation.extra.discard(pid)
        self._close_the_abandoned()

    def _close_the_abandoned(self) -> None:
        """Close what has no evaluator left and gets none, so that who waits there is told."""
        for generation in list(self.generations):
            if not generation.current and not generation.evaluators:
                generation.listener.close()
                Path(generation.name).unlink(missing_ok=True)
                self.generations.remove(generation)

    def _opened(self) -> Store:
        return Store.read_only(self.disk) if self.disk is not None else self.store

    def _be_child(self, mine: Generation | None) -> None:
        """Let go of what belongs to the host: its owner, its children's handles.

        Also of the other generations' listeners: while anybody holds one, who waits there is not
        told that nobody will come.
        """
        self.owner.close()
        self.selector.close()
        for generation in self.generations:
            for handle in generation.evaluators.values():
                os.close(handle)
            if generation is not mine:
                generation.listener.close()


def fill(
    store: Store, default: list[str], named: list[tuple[str, str]], *, disk: bool = False
) -> None:
    """Load cell files; a triple that stands in several of them stands once in the merge."""
    load = store.bulk_load if disk else store.load  # each is the faster one there
    for path in default:
        load(path=path, format=RdfFormat.N_TRIPLES, lenient=True)
    for path, model in named:
        load(path=path, format=RdfFormat.N_TRIPLES, to_graph=NamedNode(model), lenient=True)


def threads() -> int:
    """Return how many threads this process has, native ones too where that can be seen."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.is_dir() else threading.active_count()


def computing_since(pid: int) -> str | None:
    """Return how often a process has waited so far, if it does not wait now."""
    with contextlib.suppress(OSError, KeyError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        if status["State"].startswith("R"):
            return status["voluntary_ctxt_switches"]
    return None


def end_with_parent(parent: int) -> None:
    """Have the system end this process when its parent ends; end now if it has already."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def leave_the_network() -> bool:
    """Move to a network name space without interfaces, where the system allows it."""
    with contextlib.suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0)
    return False


class SingleHost(Host):
    """A host that answers itself, where there is no fork: one query at a time.

    When a query overruns, the whole process ends, and its owner starts another.
    """

    def _fork(self, generation: Generation, *, extra: bool = False) -> None:
        if len(self.generations) > 1:
            raise RuntimeError("a process that answers itself has one generation")
        arguments = (self._opened, generation.listener, generation.memory_bytes, arming.ByThread)
        if not generation.evaluators:
            generation.evaluators[os.getpid()] = -1
            threading.Thread(target=evaluator.serve, args=arguments, daemon=True).start()

    def do_load(
        self,
        default: list[str],
        named: list[tuple[str, str]],
        disk: str | None,
        derived: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Build the view; on disk it is opened again for reading afterwards."""
        if disk is None:
            return super().do_load(default, named, disk, derived)
        store = Store(disk)
        fill(store, default, named, disk=True)
        if derived is not None:
            derive(store, derived, disk=True)
        store.optimize()
        return self.do_open(disk)

    def do_change(self, changes: list[tuple[str | None, str, str]]) -> dict[str, Any]:
        """Refuse: the one thread of answers reads the store meanwhile."""
        raise RuntimeError("a process that answers itself cannot change its view")


def main() -> None:
    """Run a host: arguments are the descriptor of the socket to its owner, and the kind."""
    os.umask(0o077)
    while (spare := os.open(os.devnull, os.O_RDWR)) < descriptors.STANDARD:
        pass  # see that input, output and errors are open, whatever they are
    os.close(spare)
    leave_the_network()
    owner = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(owner.fileno(), False)
    host = Host(owner) if sys.argv[2] == "fork" else SingleHost(owner)
    host.run()
    os._exit(0)  # at once: taking a large store apart takes seconds


if __name__ == "__main__":
    main()
