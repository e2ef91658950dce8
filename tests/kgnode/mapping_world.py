"""A node in a scheme of three organisations, with tokens for their stewards and a small set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from kgnode.home import Home
from kgnode.node import Node
from kgnode.operations import perform
from kgnode.settings import load_settings
from kgnode.trust import (
    Member,
    SigningKey,
    generate_key,
    issue_token,
    load_key,
    new_members,
    public_jwks,
    sign_members,
)
from kgnode.trust.membership import initialise, join_scheme

URL = "http://testserver"
A, B = "https://a.example#", "https://b.example#"
HEAD = f"""#curie_map:
#  a: {A}
#  b: {B}
#mapping_set_id: https://example.org/sets/small
#mapping_set_version: "1"
#license: https://example.org/licence
"""
COLUMNS = (
    "record_id subject_id predicate_id object_id mapping_justification subject_type object_type"
)
MANUAL = "semapv:ManualMappingCuration"
ROWS = (
    ("https://example.org/r/1", "a:Line", "skos:exactMatch", "b:Asset", MANUAL, "owl class"),
    ("https://example.org/r/2", "a:Area", "skos:broadMatch", "b:Place", MANUAL, "owl class"),
    ("https://example.org/r/3", "a:len", "skos:exactMatch", "b:size", MANUAL, "rdf property"),
)
TABLE = "".join("\t".join((*row, row[-1])) + "\n" for row in (COLUMNS.split(), *ROWS))
TABLE = TABLE.replace("object_type\tobject_type", "object_type")
SET = HEAD + TABLE
R1, R2, R3 = (f"https://example.org/r/{number}" for number in (1, 2, 3))


@dataclass
class World:
    """An open node of TNO, and the keys of all members."""

    node: Node
    keys: dict[str, SigningKey]

    def token(
        self, org: str, sub: str, *roles: str, key: SigningKey | None = None, act: str | None = None
    ) -> str:
        """Return a token for this node."""
        return issue_token(
            key or self.keys[org],
            org,
            sub,
            roles=roles or ("steward",),
            purpose=None,
            audience=URL,
            now=datetime.now(UTC),
            act=act,
        )

    def do(self, verb: str, by: str | None = None, **arguments: Any) -> dict[str, Any]:
        """Do a verb as ``person@ORG``, a steward, or as the owner of the home."""
        if by is not None:
            sub, _, org = by.partition("@")
            arguments["token"] = self.token(org, sub)
        given: Mapping[str, Any] = {"set": "small", **arguments}
        return perform(self.node, f"mappings-{verb}", given, lambda _: None)


def make_world(folder: Path, scheme_of: World | None = None) -> World:
    """Return a node that has joined, with the small set imported by its owner.

    Args:
        folder: where its home is made.
        scheme_of: another world, whose members are the same; this node is then that of OTHER.
    """
    home = folder / "home"
    own = "OTHER" if scheme_of else "TNO"
    initialise(home, own, "Transmission", None)
    others = scheme_of.keys if scheme_of else {"NESO": generate_key(), "DNOA": generate_key()}
    keys = {**others, own: load_key(home / "keys")}
    scheme = generate_key()
    members = new_members("gb")
    for org, key in keys.items():
        url = URL if org == own else f"http://{org.lower()}.example"
        members = members.add(Member(org, org, "DNO", url, jwks=public_jwks(key)))
    document, pinned = folder / "members.jws", folder / "scheme.json"
    document.write_text(sign_members(members.issue(datetime.now(UTC)), scheme))
    pinned.write_bytes(orjson.dumps(scheme.public))
    join_scheme(home, document, pinned)
    world = World(Node(Home(home), load_settings()), keys)
    world.do("import", content=SET, form="tsv")
    return world
