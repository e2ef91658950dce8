"""A working set: what stands now, worked out from everything that was done.

In: entries, each with who did what and the standings it changed. Out: ``Working``, whose state is
the last standing of each claim that was not undone. An entry is taken back only by whoever made it
and only while nothing later rests on it.
"""

from __future__ import annotations

from collections import abc
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from kgnode.alignment.denials import Meaning, implied, meaning
from kgnode.alignment.mapping import Claim, Extension, Mapping, MappingSet, Status, Value
from kgnode.alignment.standing import Actor, Said, Standing
from kgnode.errors import BadMapping, Forbidden, NotFound

UNDOABLE = frozenset(
    {"propose", "review", "approve", "reject", "revise", "deprecate", "withdraw", "comment"}
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done to a set.

    Attributes:
        number: 1 for the first of the set.
        at: when (ISO 8601, UTC).
        org: organisation of who did it.
        sub: who it was there.
        verb: what was done.
        changes: the claims it changed, as they stand after it.
        detail: what else there is to say; ``head`` of the set where it was imported.
    """

    number: int
    at: str
    org: str
    sub: str
    verb: str
    changes: tuple[Standing, ...] = ()
    detail: abc.Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the line of the journal."""
        return asdict(self)

    @classmethod
    def of_json(cls, document: abc.Mapping[str, Any]) -> Entry:
        """Return the entry a line of the journal tells of."""
        changes = tuple(_standing(one) for one in document["changes"])
        return cls(**{**document, "changes": changes})

    def told(self) -> dict[str, Any]:
        """Return what people are shown of it."""
        return {
            "number": self.number,
            "at": self.at,
            "by": f"{self.sub} ({self.org})",
            "verb": self.verb,
            "mappings": [standing.key for standing in self.changes[:20]],
            "count": len(self.changes),
            "detail": {k: v for k, v in self.detail.items() if k != "head"},
        }


class Working:
    """A set that is being worked on.

    Args:
        head: the set without its mappings.
        start: the claims it begins with.
    """

    def __init__(self, head: MappingSet, start: abc.Iterable[Standing] = ()) -> None:
        self.head = replace(head, mappings=())
        self.entries: list[Entry] = []
        self.undone: set[int] = set()
        self._stacks: dict[str, list[tuple[int, Standing]]] = {}
        self._top: dict[str, Standing] = {}
        self._denials: dict[Meaning, list[str]] = {}
        for standing in start:
            self._push(0, standing)

    @property
    def standings(self) -> abc.Mapping[str, Standing]:
        """Every claim as it stands, by key; a copy, since others may act meanwhile."""
        return dict(self._top)

    def take(self, entry: Entry) -> None:
        """Let one entry have happened."""
        self.entries.append(entry)
        if "head" in entry.detail:
            self.head = head_of(entry.detail["head"])
        if entry.verb == "undo":
            self._pop(int(entry.detail["of"]))
        for standing in entry.changes:
            self._push(entry.number, standing)

    def _push(self, number: int, standing: Standing) -> None:
        self._stacks.setdefault(standing.key, []).append((number, standing))
        self._top[standing.key] = standing
        if standing.first.negative:
            self._denials.setdefault(meaning(*standing.claim[:3]), []).append(standing.key)

    def _pop(self, number: int) -> None:
        self.undone.add(number)
        for key, stack in list(self._stacks.items()):
            if stack and stack[-1][0] == number:
                stack.pop()
                if stack:
                    self._top[key] = stack[-1][1]
                else:
                    del self._stacks[key], self._top[key]

    def find(self, key: str) -> Standing:
        """Return a claim by its key, the id of any of its rows, or the last part of its key.

        Raises:
            NotFound: there is none.
        """
        found = self._top.get(key)
        if found is None:
            claims = list(self._top.values())
            named = [s for s in claims if any(row.id == key for row in s.rows)]
            ending = named or [s for s in claims if last_part(s.key) == key]
            found = ending[0] if len(ending) == 1 or named else None
        if found is None:
            raise NotFound(f"There is no mapping {key} in {self.head.name}.", hint="List the set.")
        return found

    def undoable(self, actor: Actor, number: int | None = None) -> Entry:
        """Return the entry an actor may take back: the one named, or the actor's last.

        Raises:
            NotFound: there is none.
            Forbidden: it is somebody else's.
            BadMapping: something later rests on it, or its kind stays.
        """
        mine = [
            entry
            for entry in self.entries
            if entry.verb in UNDOABLE
            and entry.number not in self.undone
            and (number is None or entry.number == number)
        ]
        own = [entry for entry in mine if (entry.org, entry.sub) == (actor.org, actor.sub)]
        if not own:
            if mine and number is not None:
                raise Forbidden(
                    f"Step {number} was made by {mine[0].sub} ({mine[0].org}).",
                    hint="Only who made a step can take it back.",
                )
            raise NotFound("There is nothing of yours to undo.", hint="See the history.")
        entry = own[-1]
        for standing in entry.changes:
            if self._stacks[standing.key][-1][0] != entry.number:
                raise BadMapping(
                    f"Later steps rest on step {entry.number}.",
                    hint="Those must be undone first, by who made them.",
                    subject=standing.key,
                )
        return entry

    def denial_of(self, claim: Claim) -> Standing | None:
        """Return the living denial that forbids a claim, None where nothing does."""
        if claim[3]:
            return None
        for forbidden in sorted(implied(*claim[:3])):
            for key in self._denials.get(forbidden, ()):
                denial = self._top.get(key)
                if denial and denial.live:
                    return denial
        return None

    def set_of(self, statuses: abc.Container[Status] | None = None) -> MappingSet:
        """Return the set as a document would hold it, optionally only some statuses."""
        rows = (
            row
            for standing in list(self._top.values())
            if statuses is None or standing.status in statuses
            for row in standing.rows
        )
        return replace(self.head, mappings=tuple(rows))

    def history(self, key: str | None = None) -> list[dict[str, Any]]:
        """Return what was done, latest first; of one claim where one is named."""
        return [
            {**entry.told(), "undone": entry.number in self.undone}
            for entry in reversed(list(self.entries))
            if key is None or any(standing.key == key for standing in entry.changes)
        ]


def last_part(key: str) -> str:
    """Return the last part of a key, by which people may call a claim.

    >>> last_part("https://w3id.org/gridspine/mappings/cim-ies4-029")
    'cim-ies4-029'
    """
    return key[max(key.rfind("/"), key.rfind("#"), key.rfind(":")) + 1 :]


def head_json(head: MappingSet) -> dict[str, Any]:
    """Return the head of a set as JSON values."""
    return asdict(replace(head, mappings=(), notes=()))


def head_of(document: abc.Mapping[str, Any]) -> MappingSet:
    """Return the head of a set from JSON values."""
    return MappingSet(
        **{
            **document,
            "mappings": (),
            "notes": (),
            "structural": tuple(document["structural"]),
            "extensions": tuple(Extension(**one) for one in document["extensions"]),
            "other": _slots(document["other"]),
        }
    )


def _slots(document: abc.Mapping[str, Any]) -> dict[str, Value]:
    return {slot: tuple(v) if isinstance(v, list) else v for slot, v in document.items()}


def _standing(document: abc.Mapping[str, Any]) -> Standing:
    return Standing(
        document["key"],
        tuple(_mapping(row) for row in document["rows"]),
        tuple(Said(**one) for one in document["approvals"]),
        tuple(Said(**one) for one in document["remarks"]),
    )


def _mapping(document: abc.Mapping[str, Any]) -> Mapping:
    return Mapping(
        **{
            **document,
            "status": Status(document["status"]),
            "authors": tuple(document["authors"]),
            "reviewers": tuple(document["reviewers"]),
            "other": _slots(document["other"]),
        }
    )
