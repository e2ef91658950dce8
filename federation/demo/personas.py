"""The three who ask the same questions in the demo and see different answers.

In: nothing. Out: ``PERSONAS``; a persona without an organisation has no token and is the public.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Persona:
    """Somebody who asks: the claims that their organisation's node puts into a token."""

    id: str
    title: str
    org: str | None
    roles: tuple[str, ...] = ()
    purpose: str | None = None


PERSONAS = (
    Persona("neso", "Planner at the system operator", "NESO", ("planner",), "network-planning"),
    Persona("dnob", "Planner at the DNO next door", "DNOB", ("planner",), "network-planning"),
    Persona("public", "Anybody, without a token", None),
)
