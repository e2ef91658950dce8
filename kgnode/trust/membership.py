"""Making a home and joining a scheme.

In: an organisation's id and name; later the scheme's signed membership document. Out: a home with a
key of its own; after joining, the pinned scheme key, this node's address and the boundary base.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from kgnode.errors import MembersInvalid, MissingFile
from kgnode.home import Home, Identity, write_atomically
from kgnode.trust.keys import make_key
from kgnode.trust.members import load_members


def initialise(path: Path, org: str, name: str, base_iri: str | None) -> dict[str, Any]:
    """Make a home with a new signing key and return who it is.

    Raises:
        HomeExists: the folder is not empty.
        BadRequest: the organisation id has characters it may not have.
    """
    base = base_iri or f"https://w3id.org/gridspine/id/{org}#"
    if not base.endswith(("#", "/")):
        base += "#"
    home = Home.create(path, Identity(org, name, base))
    key = make_key(path / "keys")
    return {
        "home": str(path),
        "org": org,
        "name": name,
        "base_iri": home.identity.base_iri,
        "kid": key.kid,
        "jwks": str(path / "keys" / "jwks.json"),
    }


def join_scheme(path: Path, document: Path, scheme_key: Path | None = None) -> dict[str, Any]:
    """Accept a membership document; the first one pins the scheme's key.

    Args:
        path: the home.
        document: the compact JWS.
        scheme_key: the scheme's public JWK; where not given, the one pinned before, or else
            ``scheme.json`` beside the document, whose thumbprint people should compare.

    Raises:
        MembersInvalid: forged, malformed, older than the one known, or without this home.
        MembersExpired: past its expiry.
    """
    home = Home(path)
    pinned = home.identity.scheme_key
    if scheme_key is not None or pinned is None:
        offered = orjson.loads(_read(scheme_key or document.parent / "scheme.json"))
        if pinned is not None and offered != pinned:
            raise MembersInvalid(
                "This home has pinned another scheme key.",
                hint="A scheme's key never changes silently; ask the scheme's operator.",
                file=str(scheme_key),
            )
        pinned = offered
    now = datetime.now(UTC)
    content = _read(document)
    members = load_members(content, pinned, now, _known_sequence(home, pinned))
    own = members.member(home.identity.org)
    if own is None:
        raise MembersInvalid(
            f"{home.identity.org} is not in this membership document.",
            hint="Ask the scheme's operator to add it: kgfed members add.",
            file=str(document),
        )
    write_atomically(home.path / "members.jws", content)
    home.amend(
        replace(
            home.identity,
            scheme_key=pinned,
            node_url=own.node,
            boundary_base=members.boundary_base,
        )
    )
    return {
        "org": own.id,
        "scheme": members.scheme,
        "sequence": members.sequence,
        "expires": members.expires.isoformat(),
        "node_url": own.node,
        "scheme_key": pinned.get("kid"),
        "members": [member.id for member in members.members],
    }


def _known_sequence(home: Home, key: dict[str, Any]) -> int:
    """The sequence of the document accepted before, expired or not; 0 where there is none."""
    path = home.path / "members.jws"
    if home.identity.scheme_key is None or not path.is_file():
        return 0
    try:
        return load_members(path.read_bytes(), key, datetime.min.replace(tzinfo=UTC)).sequence
    except MembersInvalid:
        return 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MissingFile(
            f"{path} cannot be read: {error.strerror}.",
            hint="Name the file that the scheme's operator sent, with scheme.json beside it.",
            file=str(path),
        ) from error
