"""How far a validation may go: results kept for each check and in all, and when it must stop.

In: numbers. Out: frozen ``Limits`` and a ``Meter`` that a judge asks at every row. What is cut is
named in the report; a deadline that passes inside one query can only be kept by ending the process
that runs it, which ``guard`` does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from kgnode.errors import Deadline


@dataclass(frozen=True)
class Limits:
    """Bounds of one validation.

    Attributes:
        results_per_check: results kept of one query.
        results: results kept of a whole validation.
        deadline_seconds: when it is given up; None for never.
        memory_bytes: address space of a process of its own; None for no bound (``guard``).
    """

    results_per_check: int = 100_000
    results: int = 1_000_000
    deadline_seconds: float | None = None
    memory_bytes: int | None = None


@dataclass
class Meter:
    """What has been used up of some limits."""

    limits: Limits
    started: float = field(default_factory=time.monotonic)
    results: int = 0
    cut: dict[str, int] = field(default_factory=dict)

    def full(self, rows: int, what: str) -> bool:
        """Whether a query that gave ``rows`` so far must stop; remembers that it was cut."""
        over = rows >= self.limits.results_per_check or self.results >= self.limits.results
        if over:
            self.cut[what] = rows
        return over

    def check_time(self) -> None:
        """Give up if the time has passed.

        Raises:
            Deadline: it has.
        """
        seconds = self.limits.deadline_seconds
        if seconds is not None and time.monotonic() - self.started > seconds:
            raise deadline(seconds)


def deadline(seconds: float) -> Deadline:
    """Return the error of a validation that took too long."""
    return Deadline(
        f"The validation was stopped after {seconds:g} s.",
        hint="A rule of the packs is too costly for this data: leave that pack out, or allow "
        "more time.",
    )
