"""The owner's end of a view host: start it, give it orders, end it.

In: a folder for its sockets. Out: a child process started fresh (never forked from the owner, which
has threads) whose only tie is one socket: when that closes, host and evaluators end.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from kgnode.errors import Unexpected
from kgnode.store import wire

STOP_SECONDS = 5.0


class HostGone(Exception):
    """The host has ended; its view must be built again."""


class HostProcess:
    """One running view host.

    Attributes:
        seats: states of views it serves; at zero it is ended.
        changing: whether its view is being changed.
    """

    def __init__(self, folder: Path, *, fork: bool) -> None:
        self.seats = 0
        self.changing = False
        ours, theirs = socket.socketpair()
        kind = "fork" if fork else "single"
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-m", "kgnode.store.host", str(theirs.fileno()), kind],
                cwd=folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._socket = ours
        self._one_order = threading.Lock()

    @property
    def pid(self) -> int:
        """The process id of the host."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the host still runs."""
        return self._process.poll() is None

    def order(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Give one order and return its answer; blocks.

        Raises:
            HostGone: the host ended before it answered.
            Unexpected: the host could not do it; the message says why.
        """
        with self._one_order:
            try:
                wire.send(self._socket, {"do": do, **arguments})
                answer = wire.receive(self._socket)
            except OSError as error:
                raise HostGone from error
        if answer is None:
            raise HostGone
        if not answer["ok"]:
            raise Unexpected(f"A view could not {do}: {answer['message']}.")
        return answer

    def processes(self) -> list[int]:
        """Return the process ids of the host and its evaluators."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        with contextlib.suppress(OSError):
            return [self.pid, *map(int, children.read_text().split())]
        return [self.pid]

    def memory_bytes(self) -> int:
        """Return what host and evaluators hold between them; pages they share count once."""
        return sum(proportional_bytes(pid) for pid in self.processes())

    def order_soon(self, do: str, **arguments: Any) -> None:
        """Give an order whose answer nobody waits for."""

        def give() -> None:
            with contextlib.suppress(HostGone, Unexpected):
                self.order(do, **arguments)

        threading.Thread(target=give, daemon=True).start()

    def close_soon(self) -> None:
        """End the host without waiting until it has gone."""
        threading.Thread(target=self.close, daemon=True).start()

    def close(self) -> None:
        """End the host and its evaluators, running queries too."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # also wakes who waits for an answer
        self._socket.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def forks_here() -> bool:
    """Return whether view hosts can fork evaluators and see them end: Linux 5.3 and later."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return sys.platform == "linux"


def proportional_bytes(pid: int) -> int:
    """Return a process's memory, shared pages divided among those who share them."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _environment() -> dict[str, str]:
    """Return what a host needs of the environment: where Python finds us, and large pages."""
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "LANG", "LC_ALL", "TMPDIR"}}
    places = [place for place in sys.path if place]
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(places),
        "PYTHONDONTWRITEBYTECODE": "1",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    }
