"""Studies kept, reopened and compared, and swept when they are old or too many.

In: a finished study as JSON and whose it is. Out: a `Kept` with an id that cannot be guessed. A
study holds what its owner's rights showed, so it lies in a folder of that identity and opens for no
other; to anyone else it does not exist. One caller's studies never push out another's.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from kgnode.errors import NotFound
from kgnode.home import write_atomically

_ID = re.compile(r"[A-Za-z0-9_-]{16,64}\Z")


@dataclass(frozen=True)
class Kept:
    """One study: ``who`` is the identity key it was made for, ``request`` what was asked."""

    id: str
    who: str
    request: dict[str, Any]
    study: dict[str, Any]


class Studies:
    """A folder with one folder of studies per identity.

    Args:
        folder: where they lie.
        most: studies kept of one identity, the newest.
        days: how long a study is kept.
    """

    def __init__(self, folder: Path, *, most: int = 200, days: float = 90.0) -> None:
        self.folder, self.most, self.days = folder, most, days
        folder.mkdir(parents=True, exist_ok=True)
        self.sweep()

    def keep(self, who: str, request: dict[str, Any], study: dict[str, Any]) -> Kept:
        """Save a study under a new id."""
        kept = Kept(secrets.token_urlsafe(16), who, request, study)
        own = self._own(who)
        own.mkdir(exist_ok=True)
        write_atomically(own / f"{kept.id}.json", orjson.dumps(asdict(kept)), mode=0o600)
        self.sweep()
        return kept

    def get(self, identifier: str, who: str) -> Kept:
        """Return a study of this identity.

        Raises:
            NotFound: there is none of that id, or it is another's.
        """
        path = self._own(who) / f"{identifier}.json"
        if _ID.match(identifier) and path.is_file():
            kept = Kept(**orjson.loads(path.read_bytes()))
            if secrets.compare_digest(kept.who.encode(), who.encode()):
                return kept
        raise NotFound("There is no such study.", hint="Make one: kgfed reroute URL --from GSP.")

    def mine(self, who: str) -> list[Kept]:
        """Return the studies of an identity, newest first."""
        found = [Kept(**orjson.loads(path.read_bytes())) for path in _newest(self._own(who))]
        return [kept for kept in found if kept.who == who]

    def sweep(self) -> int:
        """Remove what is older than its days, and of each identity all but the newest."""
        oldest = time.time() - self.days * 86400
        gone = [
            path
            for own in self.folder.iterdir()
            for place, path in enumerate(_newest(own))
            if place >= self.most or path.stat().st_mtime < oldest
        ]
        for path in gone:
            path.unlink(missing_ok=True)
        return len(gone)

    def _own(self, who: str) -> Path:
        return self.folder / hashlib.sha256(who.encode()).hexdigest()[:32]


def _newest(folder: Path) -> list[Path]:
    """Return the studies of a folder, newest first."""
    return sorted(folder.glob("*.json"), key=lambda path: (-path.stat().st_mtime_ns, path.name))


def compare(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return what changed between two studies: versions, plans gone, new and judged otherwise.

    Plans are the same where the same switches are operated.
    """
    before = {plan["id"]: plan for plan in old["candidates"]}
    after = {plan["id"]: plan for plan in new["candidates"]}
    both = [identifier for identifier in before if identifier in after]
    return {
        "versions": {
            org: [old["model_versions"].get(org), new["model_versions"].get(org)]
            for org in sorted({*old["model_versions"], *new["model_versions"]})
            if old["model_versions"].get(org) != new["model_versions"].get(org)
        },
        "gone": [identifier for identifier in before if identifier not in after],
        "new": [identifier for identifier in after if identifier not in before],
        "changed": [
            {
                "id": identifier,
                "verdict": [before[identifier]["verdict"], after[identifier]["verdict"]],
                "net_mw": [
                    before[identifier]["moved"]["net_mw"],
                    after[identifier]["moved"]["net_mw"],
                ],
            }
            for identifier in both
            if before[identifier]["verdict"] != after[identifier]["verdict"]
            or before[identifier]["moved"] != after[identifier]["moved"]
        ],
    }
