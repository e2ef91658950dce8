"""What an answer rests on.

In: what each member did, the plan, the lost sources. Out: the status of the answer and the report
that goes with it. ``complete``: nothing lost. ``incomplete``: every row is right, some may be
missing. ``unsound``: rows may be wrong. Status is relative to what each member lets this caller
see.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from federation.members.pool import Outcome, Reply

Status = Literal["complete", "incomplete", "unsound"]

_WORDS = {
    "unreachable": "could not be reached",
    "timeout": "did not answer in time",
    "withheld": "refuses this caller",
    "truncated": "gave a cut answer",
    "stale": "changed while it was asked",
    "lacking": "cannot apply the mapping sets asked for",
    "protocol": "answered against the protocol",
}


@dataclass
class Source:
    """One member over all requests of one query; the worst outcome stands."""

    id: str
    outcome: Outcome = "ok"
    detail: str = ""
    rows: int = 0
    bytes: int = 0
    requests: int = 0
    milliseconds: float = 0.0
    version: str = ""
    mixed: bool = False
    """True when its answers came from different versions."""
    mappings: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def add(self, reply: Reply, rows: int = 0) -> None:
        """Count one reply in."""
        self.requests += 1
        self.bytes += len(reply.body)
        self.rows += rows
        self.milliseconds = max(self.milliseconds, reply.milliseconds)
        self.mixed |= bool(reply.version and self.version and reply.version != self.version)
        self.version = reply.version or self.version
        self.mappings = _united(self.mappings, reply.mappings)
        self.warnings = tuple(dict.fromkeys((*self.warnings, *reply.warnings)))
        if not reply.ok:
            self.outcome, self.detail = reply.outcome, reply.detail


@dataclass(frozen=True)
class Step:
    """One group of patterns, how it was fetched, and from whom with the reason."""

    group: str
    way: Literal["pushdown", "rows", "fragment"]
    nodes: tuple[tuple[str, str], ...]
    left: tuple[tuple[str, str], ...] = ()
    rows: int = 0


@dataclass(frozen=True)
class Loss:
    """A source that a pattern needed and did not get; ``sensitive`` as in ``Leaf``."""

    member: str
    outcome: Outcome
    pattern: str
    sensitive: str


@dataclass(frozen=True)
class Report:
    """The whole report of one answer."""

    status: Status
    reason: str
    plan: tuple[Step, ...] = ()
    sources: tuple[Source, ...] = ()
    rounds: int = 0
    milliseconds: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def mappings(self) -> tuple[str, ...]:
        """The mapping sets applied, over all members."""
        return _united(*(source.mappings for source in self.sources if source.outcome == "ok"))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is lossy about them."""
        return tuple(dict.fromkeys(w for source in self.sources for w in source.warnings))

    def to_json(self) -> dict[str, Any]:
        """The report as a document."""
        return {
            "status": self.status,
            "reason": self.reason,
            "plan": [
                {
                    "group": step.group,
                    "way": step.way,
                    "nodes": [{"id": member, "why": why} for member, why in step.nodes],
                    "left": [{"id": member, "why": why} for member, why in step.left],
                }
                for step in self.plan
            ],
            "sources": [
                {
                    "id": s.id,
                    "outcome": s.outcome,
                    "detail": s.detail,
                    "rows": s.rows,
                    "bytes": s.bytes,
                    "requests": s.requests,
                    "milliseconds": round(s.milliseconds, 1),
                    "version": s.version,
                    "mappings": list(s.mappings),
                }
                for s in self.sources
            ],
            "rounds": self.rounds,
            "milliseconds": round(self.milliseconds, 1),
            "notes": list(self.notes),
            "mappings": list(self.mappings),
            "warnings": list(self.warnings),
        }


def _united(*listed: Iterable[str]) -> tuple[str, ...]:
    """Mapping sets of several answers, each once, with the highest counts.

    >>> _united(("a@1;digest=x;used=2;lossy=0",), ("a@1;digest=x;used=1;lossy=1",))
    ('a@1;digest=x;used=2;lossy=1',)
    """
    sets: dict[str, dict[str, int]] = {}
    for entry in (entry for entries in listed for entry in entries):
        name, *fields = entry.split(";")
        named = [field for field in fields if not field.partition("=")[2].isdigit()]
        counts = sets.setdefault(";".join((name, *named)), {})
        for key, _, value in (field.partition("=") for field in fields):
            if value.isdigit():
                counts[key] = max(int(value), counts.get(key, 0))
    return tuple(
        ";".join((name, *(f"{key}={count}" for key, count in counts.items())))
        for name, counts in sets.items()
    )


def judge(
    losses: Iterable[Loss], names: Mapping[str, str], yes: bool | None = None
) -> tuple[Status, str]:
    """Return the status that losses lead to, and the reason in one sentence.

    ``yes`` is the answer to ASK: a yes that more data cannot take back stands, a no does not.
    """
    lost = list(losses)
    if not lost:
        return "complete", "Every member that can contribute answered in full."
    unsound = next((loss for loss in lost if loss.sensitive), None)
    worst = unsound or lost[0]
    who = names.get(worst.member, worst.member)
    said = f"{who} {_WORDS.get(worst.outcome, worst.outcome)}"
    if unsound is not None:
        return "unsound", f"{said}, and it feeds {worst.sensitive}: rows may be wrong."
    if yes:
        return "complete", f"{said}, but the answer is yes without it."
    if yes is False:
        return "unsound", f"{said}, and it could make the answer yes."
    return "incomplete", f"{said}: the rows shown are right, some may be missing."
