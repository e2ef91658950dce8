"""Verifying the audit log: which entries were changed, removed, put in or moved.

In: the folder and the organisation's public keys; a head kept elsewhere as a witness, if there is
one. Out: an ``AuditReport`` that names each problem. One pass, constant memory: every line's hash
follows from its forerunner, the last seal proves them all, the head proves where the log ends.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from kgnode.audit.chain import (
    HEAD_TYP,
    SEAL,
    SEAL_TYP,
    START,
    State,
    link,
    read_signed,
    segment_name,
    segments,
    split,
)
from kgnode.trust.keys import unchecked_payload

Keys = Mapping[str, Mapping[str, Any]]
MOST_PROBLEMS = 100


@dataclass(frozen=True)
class AuditReport:
    """What verification found.

    Attributes:
        entries: how many entries the log holds.
        problems: sentences that name the entry or file each.
        seconds: how long it took.
    """

    entries: int
    problems: tuple[str, ...]
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """Return the result of the command."""
        return {
            "sound": self.sound,
            "entries": self.entries,
            "problems": list(self.problems),
            "seconds": round(self.seconds, 3),
        }


@dataclass
class _Walk:
    """State of one pass over the lines."""

    keys: Keys
    entries: int = 0
    previous: str = START
    problems: list[str] = field(default_factory=list)
    unsealed: int = 0
    last_seal: tuple[str, int, str, str] | None = None
    witness: Mapping[str, Any] | None = None
    met_witness: bool = False

    def say(self, problem: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)

    def line(self, line: bytes, place: str) -> None:
        parts = split(line)
        if parts is None:
            self.say(
                f"{place}: the line after entry {self.entries} is cut or not of the log's form."
            )
            return
        body, stated = parts
        if body.startswith(SEAL):
            self._seal(body, stated, place)
        else:
            self._entry(body, stated, place)
        self.previous = stated
        if self.witness is not None and self.witness["hash"] == stated:
            self.met_witness = True

    def _entry(self, body: bytes, stated: str, place: str) -> None:
        expected = self.entries + 1
        number = _number(body)
        chained = link(self.previous, body) == stated
        if number != expected:
            self.say(_displaced(place, number, expected))
        elif not chained:
            self.say(f"{place}: entry {number} was changed, or the one before it was.")
        if b'"event":"mismatch"' in body and chained:
            self.say(f"{place}: entry {number} notes that the log was cut or its head replaced.")
        self.entries = number if number is not None else expected
        self.unsealed += 1

    def _seal(self, body: bytes, stated: str, place: str) -> None:
        if link(self.previous, body) != stated:
            self.say(
                f"{place}: the seal after entry {self.entries} does not follow its forerunner."
            )
        compact = body[len(SEAL) : -1].decode("ascii", "replace")
        self.last_seal = (compact, self.entries, self.previous, place)
        self.unsealed = 0

    def finish(self) -> None:
        if self.unsealed:
            first = self.entries - self.unsealed + 1
            self.say(f"Entries {first} to {self.entries} stand after the last seal.")
        if self.last_seal is not None:
            compact, number, previous, place = self.last_seal
            said = read_signed(compact, self.keys, SEAL_TYP)
            if said is None:
                self.say(f"{place}: the seal after entry {number} is not this organisation's.")
            elif (said.get("n"), said.get("hash")) != (number, previous):
                self.say(
                    f"{place}: the seal after entry {number} was made over other entries: "
                    f"something up to entry {number} was changed and chained anew."
                )


def verify(folder: Path, keys: Keys, witness: str = "") -> AuditReport:
    """Verify a log.

    Args:
        folder: ``HOME/audit``.
        keys: key id -> public JWK of the organisation, former ones included.
        witness: a head kept elsewhere; the log must still hold everything up to it.
    """
    start = time.perf_counter()
    walk = _Walk(keys)
    if witness:
        walk.witness = read_signed(witness, keys, HEAD_TYP)
        if walk.witness is None:
            walk.say("The witness is not signed by this organisation.")
    files = segments(folder)
    for index, path in enumerate(files, 1):
        if path.name != segment_name(index):
            walk.say(f"{segment_name(index)} is missing.")
        for line in _lines(path):
            walk.line(line, path.name)
    walk.finish()
    _check_head(folder, walk, bool(files))
    if walk.witness is not None and walk.witness["n"] and not walk.met_witness:
        walk.say(f"The log does not hold what the witness saw: {walk.witness['n']} entries.")
    return AuditReport(walk.entries, tuple(walk.problems), time.perf_counter() - start)


def _check_head(folder: Path, walk: _Walk, begun: bool) -> None:
    try:
        said = read_signed((folder / "head").read_text("ascii"), walk.keys, HEAD_TYP)
    except (OSError, ValueError):
        if begun or (folder / "reserve").exists():
            walk.say("The head is missing, so the end of the log is not proven.")
        return
    if said is None:
        walk.say("The head is not signed by this organisation.")
    elif said["n"] > walk.entries:
        walk.say(f"Entries {walk.entries + 1} to {said['n']} were removed from the end.")
    elif said["n"] == walk.entries and said["hash"] != walk.previous:
        walk.say(f"The head does not fit entry {walk.entries}: something before it was changed.")


def _displaced(place: str, number: int | None, expected: int) -> str:
    if number is None:
        return f"{place}: entry {expected} was changed: it has no number."
    if number > expected:
        gone = f"entry {expected}" if number == expected + 1 else f"entries {expected}-{number - 1}"
        return f"{place}: before entry {number}, {gone} was removed or moved."
    return f"{place}: entry {number} stands again where entry {expected} should."


def _number(body: bytes) -> int | None:
    if not body.startswith(b'{"n":'):
        return None
    digits = body[5 : body.find(b",", 5)]
    return int(digits) if digits.isdigit() and len(digits) < 19 else None


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        for line in stream:
            yield line[:-1] if line.endswith(b"\n") else line


@dataclass(frozen=True)
class Found:
    """Where a log stands when it is opened again."""

    state: State
    unsealed_bytes: int
    problem: str


def last_state(folder: Path, keys: Keys) -> Found:
    """Return where the last seal left the log, and whether the head knows of more."""
    files = segments(folder)
    state, unsealed = State(), 0
    if files:
        number, previous, sealed_at, position = 0, START, 0, 0
        for line in _lines(files[-1]):
            position += len(line) + 1
            parts = split(line)
            if parts is None:
                break
            body, stated = parts
            if body.startswith(SEAL):
                number = _sealed_number(body)
                previous, sealed_at = stated, position
        unsealed = files[-1].stat().st_size - sealed_at
        state = State(number, previous, int(files[-1].stem.rsplit("-", 1)[1]))
    walk = _Walk(keys, entries=state.entries, previous=state.hash)
    _check_head(folder, walk, bool(files))
    return Found(state, unsealed, " ".join(walk.problems))


def _sealed_number(body: bytes) -> int:
    """Return the number a seal states; verification checks it, resuming only goes on from it."""
    said = unchecked_payload(body[len(SEAL) : -1].decode("ascii", "replace"))
    number = said.get("n")
    return number if isinstance(number, int) else 0


def tail(folder: Path, count: int = 20) -> tuple[dict[str, Any], ...]:
    """Return the last entries on disk, oldest first; unreadable lines are left out."""
    last: deque[dict[str, Any]] = deque(maxlen=max(count, 1))
    for path in segments(folder)[-2:]:
        for line in _lines(path):
            if split(line) is not None and not line.startswith(SEAL):
                document = orjson.loads(line)
                last.append({"n": document["n"], **document["entry"]})
    return tuple(last)
