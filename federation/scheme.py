"""The scheme's own folder: who keeps the membership document, and signs it.

In: a folder. Out: ``members.json`` (the working copy), ``members.jws`` (signed, for everybody) and
``scheme.json`` (the public key to pin); the private key never leaves ``keys/``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from kgnode.errors import HomeExists, HomeMissing
from kgnode.home import DEFAULT_BOUNDARY_BASE, write_atomically
from kgnode.trust import Member, Members, load_key, load_members, make_key, new_members
from kgnode.trust.members import parse_members, sign_members


class Scheme:
    """An existing scheme folder.

    Raises:
        HomeMissing: the folder holds no ``members.json``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._working = folder / "members.json"
        if not self._working.is_file():
            raise HomeMissing(
                f"{folder} holds no scheme.",
                hint=f"Make one: kgfed members new {folder} --scheme NAME.",
                file=str(folder),
            )

    @classmethod
    def create(
        cls, folder: Path, scheme: str, boundary_base: str = DEFAULT_BOUNDARY_BASE
    ) -> Scheme:
        """Make a scheme with its key and no members.

        Raises:
            HomeExists: there is one already.
        """
        if (folder / "members.json").exists():
            raise HomeExists(
                f"{folder} holds a scheme already.",
                hint="Add members to it: kgfed members add.",
                file=str(folder),
            )
        folder.mkdir(parents=True, exist_ok=True)
        key = make_key(folder / "keys")
        write_atomically(folder / "scheme.json", orjson.dumps(key.public))
        _write(folder / "members.json", new_members(scheme, boundary_base))
        return cls(folder)

    @property
    def members(self) -> Members:
        """The working copy."""
        return _read(self._working)

    def change(self, edit: Callable[[Members], Members]) -> Members:
        """Change the working copy; nothing is in force before it is signed."""
        changed = edit(self.members)
        _write(self._working, changed)
        return changed

    def add(self, member: Member) -> Members:
        """Add or replace a member."""
        return self.change(lambda members: members.add(member))

    def sign(self, days: float = 30) -> Path:
        """Issue the next sequence number and sign; returns the signed document's path."""
        issued = self.change(lambda members: members.issue(datetime.now(UTC), days))
        signed = sign_members(issued, load_key(self.folder / "keys"))
        path = self.folder / "members.jws"
        write_atomically(path, signed.encode())
        return path


def verify(members_file: Path, scheme_key: dict[str, Any]) -> Members:
    """Return a signed document's content if the key signed it and it is in force."""
    return load_members(members_file.read_bytes(), scheme_key, datetime.now(UTC))


def _write(path: Path, members: Members) -> None:
    write_atomically(path, orjson.dumps(members.to_json(), option=orjson.OPT_INDENT_2))


def _read(path: Path) -> Members:
    return parse_members(orjson.loads(path.read_bytes()))
