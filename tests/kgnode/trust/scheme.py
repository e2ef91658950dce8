"""A small scheme for tests: three members with keys, and a membership document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from kgnode.settings import Settings
from kgnode.trust import (
    Member,
    Members,
    SigningKey,
    Verifier,
    generate_key,
    issue_token,
    new_members,
    public_jwks,
    sign_members,
)

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
SETTINGS = Settings()


@dataclass(frozen=True)
class Scheme:
    """Keys by member id and the scheme's own key."""

    keys: dict[str, SigningKey]
    scheme_key: SigningKey
    now: datetime = NOW

    @cached_property
    def members(self) -> Members:
        """The issued document: DNOA and DNOB with nodes, NESO with node and gateway."""
        document = new_members("GB")
        for name, role, gateway in (
            ("DNOA", "DNO", None),
            ("DNOB", "DNO", "https://gateway.dnob.example"),
            ("NESO", "ESO", "https://gateway.neso.example/"),
        ):
            jwks = public_jwks(self.keys[name])
            node = f"https://node.{name.lower()}.example"
            document = document.add(Member(name, name, role, node, gateway, jwks))
        return document.issue(self.now)

    @property
    def signed(self) -> str:
        """The document as it is handed out."""
        return sign_members(self.members, self.scheme_key)

    def verifier(self, org: str = "DNOB", settings: Settings = SETTINGS) -> Verifier:
        """What the node of an organisation checks tokens with."""
        node = self.members.member(org)
        assert node is not None
        return Verifier(lambda _: self.members, node.node, settings)

    def token(self, org: str = "DNOA", audience: str = "https://node.dnob.example") -> str:
        """A good token of a planner."""
        return issue_token(
            self.keys[org],
            org,
            "ada",
            roles=["planner"],
            purpose="network-planning",
            audience=audience,
            now=self.now,
        )


def scheme() -> Scheme:
    """Return a scheme with new keys: one member signs ES256, the others Ed25519."""
    keys = {
        "DNOA": generate_key(),
        "DNOB": generate_key("ES256"),
        "NESO": generate_key(),
        "OTHER": generate_key(),
    }
    return Scheme(keys, generate_key())
