"""Who asks: the one type that every way of proving an identity ends in.

In: what a token (now), a client certificate or an OpenID provider (later) has proven. Out: a
frozen ``Caller`` that decisions, audit and limits read; nothing else in a request names anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kgnode.names import GS

ROLES = ("planner", "steward", "publisher", "operator", "auditor")
PURPOSES = ("network-planning", "system-operation", "research", "any")
OWNER_ROLES = frozenset({"publisher", "operator"})
"""Roles with which a caller of the home's own organisation sees everything in it."""

Proof = Literal["none", "token", "local"]
"""How the caller is known: not at all, a signed token, or a command on the home's own machine."""


@dataclass(frozen=True)
class Caller:
    """One caller of one request.

    Attributes:
        org: member id of the organisation that answers for the caller; None for the public.
        sub: who it is there, as that organisation names them.
        roles: roles that organisation gave.
        purpose: the purpose stated, None if none was.
        act: member id of the gateway that asks on the caller's behalf, None if nobody does.
        groups: groups the caller is in: those the membership document gives the organisation
            (its licence role among them), and the organisation's own as ``ORG/name``.
        proof: how this is known.
    """

    org: str | None
    sub: str
    roles: frozenset[str] = frozenset()
    purpose: str | None = None
    act: str | None = None
    groups: frozenset[str] = frozenset()
    proof: Proof = "none"

    @classmethod
    def public(cls) -> Caller:
        """Return the caller of a request without a token."""
        return _PUBLIC

    @classmethod
    def owner(cls, org: str) -> Caller:
        """Return the caller of a command that runs on the home itself."""
        return cls(org=org, sub="local", roles=frozenset(ROLES), proof="local")

    def owns(self, org: str) -> bool:
        """Tell whether this caller sees everything in the home of ``org``."""
        return self.org is not None and self.org == org and bool(self.roles & OWNER_ROLES)

    @property
    def is_public(self) -> bool:
        """Whether nobody answers for this caller."""
        return self.org is None


_PUBLIC = Caller(org=None, sub="public")


def concept(name: str) -> str:
    """Return a role or purpose in its short form: ``gs:x`` and its IRI become ``x``.

    >>> concept("https://w3id.org/gridspine#network-planning")
    'network-planning'
    """
    for prefix in (GS, "gs:"):
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name
