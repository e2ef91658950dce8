"""Choose packs from what the headers say, where nobody named any.

In: headers of the staged models and the namespaces they use. Out: the packs that apply: those
marked ``default`` that serve a CIM version in use, and those whose ``profiles`` name a word that
occurs in a header's profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from kgnode.assurance.packs import Pack, list_packs
from kgnode.assurance.scopes import names_profile


class Described(Protocol):
    """What is needed of a header; ``kgnode.cim.headers.Header`` has it."""

    @property
    def profiles(self) -> tuple[str, ...]:
        """IRIs of the profiles of the model."""

    @property
    def kind(self) -> str:
        """``rdf`` where the model is no CIM."""

    @property
    def cim(self) -> str | None:
        """The CIM namespace of the data."""


class Headed(Protocol):
    """A model with a header."""

    @property
    def header(self) -> Described:
        """The header."""


class HasModels(Protocol):
    """What was staged."""

    @property
    def models(self) -> Iterable[Headed]:
        """The models."""


def packs_for(staged: HasModels, registered: Path | None = None) -> tuple[Pack, ...]:
    """Return the packs that apply to what was staged, shipped or registered."""
    headers = [model.header for model in staged.models]
    return tuple(pack for pack in list_packs(registered) if applies(pack, headers))


def applies(pack: Pack, headers: Sequence[Described]) -> bool:
    """Whether a pack is meant for models with these headers.

    A default pack that is tied to no CIM version is for plain RDF.
    """
    meant = set(pack.namespaces or pack.applies)
    if meant and meant.isdisjoint(header.cim for header in headers if header.cim):
        return False
    if pack.profiles:
        profiles = [profile for header in headers for profile in header.profiles]
        return names_profile(profiles, pack.profiles)
    return pack.default and (bool(meant) or any(header.kind == "rdf" for header in headers))
