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
    """One running view host."""

    def __init__(self, folder: Path) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-m", "kgnode.store.host", str(theirs.fileno())],
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
