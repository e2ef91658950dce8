"""Studies kept, reopened and compared.

In: a finished study as JSON and whose it is. Out: a `Kept` with an id that cannot be guessed. A
study holds what its owner's rights showed, so it opens only for the same identity; to anyone else
it does not exist.
"""

from __future__ import annotations

import re
import secrets
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
    """A folder of studies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, who: str, request: dict[str, Any], study: dict[str, Any]) -> Kept:
        """Save a study under a new id."""
        kept = Kept(secrets.token_urlsafe(16), who, request, study)
        write_atomically(self._path(kept.id), orjson.dumps(asdict(kept)), mode=0o600)
        return kept

    def get(self, identifier: str, who: str) -> Kept:
        """Return a study of this identity.

        Raises:
            NotFound: there is none of that id, or it is another's.
        """
        if _ID.match(identifier) and self._path(identifier).is_file():
            kept = Kept(**orjson.loads(self._path(identifier).read_bytes()))
            if secrets.compare_digest(kept.who.encode(), who.encode()):
                return kept
        raise NotFound("There is no such study.", hint="Make one: kgfed reroute URL --from GSP.")

    def mine(self, who: str) -> list[Kept]:
        """Return the studies of an identity, newest first."""
        found = [
            Kept(**orjson.loads(path.read_bytes())) for path in sorted(self.folder.glob("*.json"))
        ]
        own = [kept for kept in found if kept.who == who]
        return sorted(own, key=lambda kept: str(kept.study.get("made")), reverse=True)

    def _path(self, identifier: str) -> Path:
        return self.folder / f"{identifier}.json"


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
