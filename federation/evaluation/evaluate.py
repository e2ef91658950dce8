"""Evaluates the query over what was fetched, in a process of its own.

In: the query, the fetched triples, a deadline. Out: the serialised answer. A query that overruns,
or whose client goes away, is ended by ending its process; the next one gets a fresh process.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from kgnode.errors import Deadline, Overloaded, ResultTooLarge, Unexpected
from kgnode.store.saying import malformed


@dataclass(frozen=True)
class Part:
    """Triples from one member: ``kind`` nt, ttl, nq or trig."""

    source: str
    kind: str
    body: bytes


@dataclass(frozen=True)
class Evaluated:
    """A serialised answer, or the member whose triples were ill-formed."""

    body: bytes
    rows: int = 0
    faulty: str | None = None
    unbound: bool = False


@dataclass(frozen=True)
class Task:
    """What to do with the parts: ``op`` query, rows or table (see ``push.Push``).

    ``also`` is united with the table of rows. ``traced`` is a query for the solutions behind the
    rows where their sources are wanted: by ``columns`` and the ``patterns`` to look for (see
    ``tracing``).
    """

    media: str
    query: str = ""
    graphs: tuple[str, ...] = ()
    op: str = "query"
    columns: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    offset: int = 0
    limit: int | None = None
    whole_only: bool = False
    also: str = ""
    traced: str = ""
    patterns: tuple[dict[str, Any], ...] = ()


class Evaluators:
    """A few warm evaluator processes."""

    def __init__(self, count: int = 2, memory_bytes: int = 8 << 30, max_bytes: int = 512 << 20):
        self._free: asyncio.Queue[asyncio.subprocess.Process | None] = asyncio.Queue()
        for _ in range(count):
            self._free.put_nowait(None)
        self._memory_bytes = memory_bytes
        self._max_bytes = max_bytes

    async def start(self) -> None:
        """Start all processes, so that the first query finds one warm."""
        count = self._free.qsize()
        for _ in range(count):
            await self._free.get()
        started = await asyncio.gather(*(self._spawn() for _ in range(count)))
        for process in started:
            self._free.put_nowait(process)

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "federation.evaluation.evaluator", str(self._memory_bytes),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=4 << 20,
        )  # fmt: skip

    async def evaluate(self, task: Task, parts: Sequence[Part], deadline: float) -> Evaluated:
        """Carry out one task.

        Raises:
            Deadline: the time is over; the process was ended.
            ResultTooLarge: the answer has more bytes than allowed.
            MalformedQuery: Oxigraph refuses the query.
            Overloaded: no process became free in time.
        """
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                process = await self._free.get()
        except TimeoutError:
            raise Overloaded(
                "No evaluator became free in time.", hint="Try again, or allow more time."
            ) from None
        healthy = False
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                if process is None or process.returncode is not None:
                    process = await self._spawn()
                head = {
                    **asdict(task),
                    "max_bytes": self._max_bytes,
                    "parts": [
                        {"source": p.source, "kind": p.kind, "bytes": len(p.body)} for p in parts
                    ],
                }
                reply, body = await _exchange(process, head, parts)
            healthy = True
        except TimeoutError:
            raise Deadline(
                "The query ran out of its time and was ended.",
                hint="Make it more selective, or allow more time with `timeout`.",
            ) from None
        except (OSError, asyncio.IncompleteReadError) as error:
            raise ResultTooLarge(
                "The query needed more memory than one may use and was ended.",
                hint="Make it more selective.",
            ) from error
        finally:
            if not healthy and process is not None and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            self._free.put_nowait(process if healthy else None)
        return _read(reply, body)

    async def close(self) -> None:
        """End all processes that are free."""
        while not self._free.empty():
            process = self._free.get_nowait()
            if process is not None and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


def _read(reply: dict[str, Any], body: bytes) -> Evaluated:
    failed = reply["failed"]
    if failed == "unbound":
        return Evaluated(b"", unbound=True)
    if failed == "part":
        return Evaluated(b"", faulty=reply["source"])
    if failed in ("size", "memory"):
        raise ResultTooLarge(
            "The answer is larger than one may be.", hint="Add a LIMIT, or ask for less."
        )
    if failed == "query":
        raise malformed(reply["detail"])
    if failed:
        raise Unexpected(f"The evaluator says {failed}.")
    return Evaluated(body, rows=reply["rows"])


async def _exchange(
    process: asyncio.subprocess.Process, head: dict[str, Any], parts: Sequence[Part]
) -> tuple[dict[str, Any], bytes]:
    if process.stdin is None or process.stdout is None:
        raise Unexpected("An evaluator without pipes.")
    encoded = orjson.dumps(head)
    process.stdin.write(struct.pack(">I", len(encoded)) + encoded)
    for part in parts:
        process.stdin.write(part.body)
        await process.stdin.drain()
    await process.stdin.drain()
    length = struct.unpack(">I", await process.stdout.readexactly(4))[0]
    reply = orjson.loads(await process.stdout.readexactly(length))
    return reply, await process.stdout.readexactly(reply["bytes"])
