"""What validation found, as data: causes, examples, counts and packs.

In: nothing; these are the values that ``report`` makes and that ``render`` and ``sarif`` show.
Out: frozen ``Findings`` with the verdict (SHACL 3.6.1.1) and the headline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kgnode.assurance.assets import Asset
from kgnode.assurance.results import Result


@dataclass(frozen=True)
class PackUsed:
    """A pack that took part, with its content's hash and the faults of its own."""

    id: str
    version: str
    digest: str
    shapes: int
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Example:
    """One place where a cause shows."""

    asset: Asset
    value: str
    message: str


@dataclass(frozen=True)
class Cause:
    """All results of one constraint of one shape: one thing to understand and mend."""

    rule: str
    shape: str
    component: str
    path: str
    severity: str
    count: int
    message: str
    found: str
    expected: str
    hint: str
    pack: str
    engine: str
    examples: tuple[Example, ...]


@dataclass(frozen=True, eq=False)
class Findings:
    """What validation found.

    Attributes:
        results: every result kept.
        causes: the results grouped, gravest and most frequent first.
        counts: severity in lower case -> number of results (exact, also where some were cut).
        engines: ``compiled`` and ``pyshacl`` -> number of shapes each judged.
        packs: the packs used.
        notes: sentences on how far the judgement reaches (cut results, what was left out).
    """

    results: tuple[Result, ...]
    causes: tuple[Cause, ...]
    counts: Mapping[str, int]
    engines: Mapping[str, int]
    packs: tuple[PackUsed, ...]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    receipt: str | None = None

    @property
    def conforms(self) -> bool:
        """Whether there is no result of any severity (SHACL 3.6.1.1)."""
        return not any(self.counts.values())

    @property
    def passes(self) -> bool:
        """Whether a gate lets it through: no Violation (and no severity that is unknown)."""
        return not any(n for name, n in self.counts.items() if name not in ("warning", "info"))

    @property
    def headline(self) -> str:
        """The first line of every form for people: how many causes."""
        total = sum(self.counts.values())
        if not total:
            return "0 causes: the data conforms to all shapes."
        causes = f"{len(self.causes)} cause{'s' if len(self.causes) != 1 else ''}"
        places = f"{total} place{'s' if total != 1 else ''}"
        kinds = ", ".join(f"{n} {_several(name, n)}" for name, n in self.counts.items() if n)
        verdict = "passes the gate" if self.passes else "refused by the gate"
        return f"{causes} in {places} ({kinds}): {verdict}."


def _several(severity: str, number: int) -> str:
    return f"{severity}s" if severity in ("violation", "warning") and number != 1 else severity
