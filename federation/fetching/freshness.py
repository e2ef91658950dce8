"""Whether the summaries that left members out of a plan still hold.

In: the members a query does not ask, what the plan took them for. Out: those that hold something
else by now. Those that gave no lease are asked for their version while the others answer, so that
an answer called complete rests on every member as it was after the query came. A member that cannot
be asked is taken for what it was last, and a note says so.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from federation.fetching.fetch import Scope
from federation.members.pool import Member
from federation.members.summaries import Known, Summaries


@dataclass
class Watch:
    """The members that one attempt leaves out, and what came of asking them."""

    summaries: Summaries
    scope: Scope
    known: Mapping[str, Known]
    seen: dict[str, Known] = field(default_factory=dict)

    async def look(self, members: Collection[Member]) -> None:
        """Make sure whether members' summaries hold: by a lease, or by asking them now."""
        allowed = self.scope.settings.federation_summary_seconds
        self.seen |= await self.summaries.check(
            members, self.scope.identity, self.scope.deadline, self.scope.start - allowed
        )

    def changed(self) -> frozenset[str]:
        """The members that hold something else than the plan took them for."""
        return frozenset(
            member for member, now in self.seen.items() if _version(now) != self._taken_for(member)
        )

    def _taken_for(self, member: str) -> str | None:
        return _version(self.known[member])

    def notes(self) -> list[str]:
        """Say which members were left out by summaries that could not be made sure of."""
        now = time.monotonic()
        unasked = sorted(
            member
            for member, seen in self.seen.items()
            if seen.reply.ok and seen.sure_at < self.scope.start
        )
        silent = sorted(member for member, seen in self.seen.items() if not seen.reply.ok)
        found = [
            f"{member} was left out by its last summary; it cannot be asked now "
            f"({self.seen[member].reply.outcome})."
            for member in silent
            if self.seen[member].summary is not None
        ]
        if unasked:
            oldest = max(now - self.seen[member].sure_at for member in unasked)
            found.append(
                f"{', '.join(unasked)}: left out by summaries up to {oldest:.1f} s old "
                "(federation_summary_seconds)."
            )
        return found


def disagreeing(known: Mapping[str, Known]) -> dict[str, str]:
    """Return the members whose mapping sets have another content than most others', and why."""
    digests: dict[str, dict[str, str]] = {}
    for member in sorted(known):
        for entry in known[member].reply.mappings:
            name, *fields = entry.split(";")
            told = next((f for f in fields if f.startswith("digest=")), "")
            digests.setdefault(name, {})[member] = told
    found = {}
    for name, by_member in digests.items():
        usual = Counter(by_member.values()).most_common(1)[0][0]
        for member, digest in by_member.items():
            if digest != usual:
                found[member] = f"another content under the name {name}"
    return found


def _version(known: Known) -> str | None:
    return known.summary.version if known.summary is not None else None
