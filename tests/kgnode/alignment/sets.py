"""Mapping sets for tests, short to write down."""

from __future__ import annotations

from collections.abc import Mapping as Named
from dataclasses import dataclass, field
from typing import Any

from kgnode.alignment import mapping as model
from kgnode.alignment.mapping import Mapping, MappingSet, Status
from kgnode.errors import NotFound

X = "http://x/"
WORDS = {
    "=": model.EXACT,
    "<": model.BROAD,
    ">": model.NARROW,
    "~": model.CLOSE,
    "-": model.RELATED,
}
KINDS: dict[str, Any] = {"c": "class", "p": "property", "i": "individual", "?": None}


def mapping(text: str, number: int = 0, **more: Any) -> Mapping:
    """Return a mapping from ``kind subject relation object``, ``!`` before it for Not.

    >>> mapping("c Line < Asset").object
    'http://x/Asset'
    """
    kind, subject, relation, object_ = text.removeprefix("!").split()
    return Mapping(
        f"m{number}",
        subject if ":" in subject else X + subject,
        WORDS[relation],
        object_ if ":" in object_ else X + object_,
        negative=text.startswith("!"),
        kind=KINDS[kind],
        **{"status": Status.APPROVED, **more},
    )


def mapping_set(name: str, *rows: str | Mapping, version: str = "1") -> MappingSet:
    """Return a set of mappings, numbered from 1."""
    made = tuple(
        row if isinstance(row, Mapping) else mapping(row, at) for at, row in enumerate(rows, 1)
    )
    return MappingSet(f"urn:set:{name}", name, version, mappings=made)


@dataclass
class Released:
    """What a shelf has released."""

    sets: list[MappingSet]
    structural: Named[str, Named[str, str]] = field(default_factory=dict)

    def released(self, name: str, version: str | None) -> MappingSet:
        """Return a set."""
        for one in reversed(self.sets):
            if one.name == name and version in (None, one.version):
                return one
        raise NotFound(f"There is no released mapping set {name}.")

    def rules(self, name: str, version: str | None) -> Named[str, str]:
        """Return its structural maps."""
        return self.structural.get(name, {})
