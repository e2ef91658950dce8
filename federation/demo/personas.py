"""The people of the demo: three who ask the same questions, and two who approve mappings.

In: nothing. Out: ``PERSONAS``, who see different answers (one without an organisation has no token
and is the public), and ``STEWARDS``, whose approvals stand for those of real stewards.
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

STEWARDS = (
    Persona("demo-steward-neso", "Steward at the system operator", "NESO", ("steward",)),
    Persona("demo-steward-tno", "Steward at the transmission owner", "TNO", ("steward",)),
)
"""Of two organisations; ``demo`` in their names marks what they approve as the demo's."""
