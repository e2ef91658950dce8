"""The demo's processes: one per node and one for the gateway, on loopback.

In: homes and ports. Out: addresses that answer. Everything started here ends with the demo, also
where the demo itself is killed; memory is read from ``/proc`` while they run.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from kgnode.errors import HomeError, PortInUse

START_SECONDS = 60.0
STOP_SECONDS = 10.0
SAMPLE_SECONDS = 0.5
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def free_ports(count: int, first: int | None, host: str = "127.0.0.1") -> list[int]:
    """Return ports nobody listens on: ``first`` and those after it, or any where None.

    Raises:
        PortInUse: one of the wanted ports is taken.
    """
    held, ports = [], []
    try:
        for number in range(count):
            probe = socket.socket()
            held.append(probe)
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            wanted = 0 if first is None else first + number
            try:
                probe.bind((host, wanted))
            except (OSError, OverflowError) as error:
                raise PortInUse(
                    f"Port {wanted} is not free.",
                    hint=f"The demo takes {count} ports in a row: choose the first with --port.",
                ) from error
            ports.append(probe.getsockname()[1])
    finally:
        for probe in held:
            probe.close()
    return ports


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGTERM)


class Processes:
    """Processes that end together; use as a context manager."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: dict[str, Path] = {}
        self._peak_bytes = 0
        self._sampling = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Processes:
        """Begin to watch the memory."""
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End everything that was started."""
        self._sampling.set()
        self.stop(*self._running)

    def start(self, name: str, arguments: Sequence[str], log: Path) -> None:
        """Start ``python -m ARGUMENTS``.

        To be called from the main thread: the process ends with the thread that started it.
        """
        with log.open("wb") as stream:
            self._running[name] = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self._logs[name] = log

    def stop(self, *names: str) -> None:
        """End processes; those that do not end in time are killed."""
        for name in names:
            with contextlib.suppress(ProcessLookupError):
                self._running[name].terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for name in names:
            process = self._running[name]
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def wait_for_one(self) -> str:
        """Return the name of the first process that ends by itself."""
        while True:
            for name, process in self._running.items():
                if process.poll() is not None:
                    return name
            time.sleep(0.5)

    @property
    def peak_memory_mb(self) -> float:
        """Most memory that all processes together, this one included, have had, in MB."""
        self._measure()
        return self._peak_bytes / 1e6

    def wait_until_ready(self, name: str, url: str) -> None:
        """Return once ``url/healthz`` answers.

        Raises:
            HomeError: it ended, or did not answer in time; the message has its last words.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._running[name].poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{url}/healthz", timeout=2):  # noqa: S310 - loopback, our own
                    return
            except OSError:
                time.sleep(0.05)
        words = self._logs[name].read_text(errors="replace").strip().splitlines()
        raise HomeError(
            f"{name} did not start: {words[-1] if words else 'it said nothing'}.",
            hint=f"Its log is {self._logs[name]}.",
        )

    def _sample(self) -> None:
        while not self._sampling.wait(SAMPLE_SECONDS):
            self._measure()

    def _measure(self) -> None:
        roots = [os.getpid(), *(process.pid for process in self._running.values())]
        total = sum(proportional_bytes(pid) for pid in _family(roots))
        self._peak_bytes = max(self._peak_bytes, total)


def _family(roots: Sequence[int]) -> set[int]:
    """The processes and all their descendants, read from ``/proc``."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting.extend(children.get(pid, ()))
    return found


def proportional_bytes(pid: int) -> int:
    """Return a process's memory with shared pages counted by share, 0 if it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
