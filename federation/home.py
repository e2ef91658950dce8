"""The folder of a gateway.

In: a path. Out: a ``GatewayHome``::

    HOME/gateway.json   org, scheme key pinned when made, folder of the node's home if it has one
    HOME/members.jws    the membership document
    HOME/keys/          signing key for actor tokens, where no node's home is named
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from kgnode.errors import BadRequest, HomeExists, HomeMissing, MissingFile
from kgnode.home import make_private, write_atomically
from kgnode.settings import Settings
from kgnode.trust import MembersFile, SigningKey, load_key, load_members, make_key


@dataclass(frozen=True)
class GatewayIdentity:
    """Whose gateway it is; ``url`` is its address in the membership document."""

    org: str
    url: str
    scheme_key: dict[str, Any]
    node_home: str | None = None


class GatewayHome:
    """An existing gateway home.

    Raises:
        HomeMissing: the folder holds no ``gateway.json``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        document = path / "gateway.json"
        if not document.is_file():
            raise HomeMissing(
                f"{path} holds no gateway.",
                hint=f"Make one: kgfed init {path} --org ID --members FILE.",
                file=str(path),
            )
        self.identity = GatewayIdentity(**orjson.loads(document.read_bytes()))

    @classmethod
    def create(
        cls,
        path: Path,
        org: str,
        members_file: Path,
        scheme_key_file: Path | None = None,
        node_home: Path | None = None,
    ) -> GatewayHome:
        """Make a gateway home, the scheme's key pinned.

        Raises:
            HomeExists: the folder is not empty.
            MissingFile: the membership document or the scheme's key is not there.
            MembersInvalid, MembersExpired: the document is not what the key signed.
            BadRequest: the organisation is no member, or has no gateway address there.
        """
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise HomeExists(f"{path} is not empty.", hint="Choose a new folder.", file=str(path))
        key_file = scheme_key_file or members_file.with_name("scheme.json")
        for needed, what in ((members_file, "membership document"), (key_file, "scheme's key")):
            if not needed.is_file():
                raise MissingFile(
                    f"{needed} does not exist; it should hold the {what}.",
                    hint="The scheme publishes members.jws and, beside it, scheme.json.",
                    file=str(needed),
                )
        scheme_key = orjson.loads(key_file.read_bytes())
        members = load_members(members_file.read_bytes(), scheme_key, datetime.now(UTC))
        member = members.active(org)
        if member is None or member.gateway is None:
            raise BadRequest(
                f"{org} has no gateway in the membership document.",
                hint="kgfed members add FOLDER --id ID --node URL --gateway URL, then sign again.",
            )
        make_private(path)
        if node_home is None:
            make_key(path / "keys")
        else:
            load_key(node_home / "keys")
        identity = GatewayIdentity(
            org, member.gateway, scheme_key, str(node_home.resolve()) if node_home else None
        )
        write_atomically(path / "members.jws", members_file.read_bytes())
        write_atomically(
            path / "gateway.json", orjson.dumps(asdict(identity), option=orjson.OPT_INDENT_2)
        )
        return cls(path)

    def key(self) -> SigningKey:
        """Return the key that signs actor tokens."""
        node = self.identity.node_home
        return load_key((Path(node) if node else self.path) / "keys")

    def members(self, settings: Settings) -> MembersFile:
        """Return the membership document, kept current."""
        return MembersFile(self.path / "members.jws", self.identity.scheme_key, settings)
