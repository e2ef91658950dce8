"""Which data each document of a pack is judged on: everything staged, or one profile's models.

In: staged models with their headers. Out: ``Data`` for all of it, or for the models of a profile.
Official shapes of one profile describe that profile's files: what another profile says of the same
objects is for the cross-profile documents, which see the merge of everything. Only the class of an
object that a profile refers to is looked up in everything staged, since it is defined elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from kgnode.assurance.data import Data, merge_staged
from kgnode.assurance.packs import PackFile
from kgnode.cim.staged import Staged


class Scopes(Protocol):
    """Data for the scope of a document."""

    @property
    def everything(self) -> Data:
        """All that is staged, merged."""

    def wants(self, file: PackFile) -> bool:
        """Whether a document applies to what is staged."""

    def data(self, file: PackFile) -> Data:
        """The data a document is judged on."""


class Whole:
    """Scopes of data without headers: every document is judged on all of it."""

    def __init__(self, data: Data) -> None:
        self.everything = data

    def wants(self, file: PackFile) -> bool:
        """Every document applies."""
        return True

    def data(self, file: PackFile) -> Data:
        """All of it."""
        return self.everything


class ByHeader:
    """Scopes of staged models, by the profiles that their headers name.

    Args:
        staged: what was read.
        context: whether classes of objects of other profiles are looked up.
    """

    def __init__(self, staged: Staged, *, context: bool = True) -> None:
        self._staged = staged
        self._context = context
        self._made: dict[frozenset[str] | None, Data] = {}

    @property
    def everything(self) -> Data:
        """All models and what was put beside them, merged."""
        return self._get(None)

    def wants(self, file: PackFile) -> bool:
        """Whether a model of the document's profiles is there, and solved or not as it asks."""
        profiles = [profile for model in self._staged.models for profile in model.header.profiles]
        if file.when:
            solved = names_profile(profiles, ("StateVariables",))
            if solved != (file.when == "solved"):
                return False
        return not file.profiles or names_profile(profiles, file.profiles)

    def data(self, file: PackFile) -> Data:
        """The models of the document's profiles, or everything."""
        if file.scope != "profile" or not file.profiles:
            return self.everything
        return self._get(
            frozenset(
                model.iri
                for model in self._staged.models
                if names_profile(model.header.profiles, file.profiles)
            )
        )

    def _get(self, models: frozenset[str] | None) -> Data:
        if models not in self._made:
            made = merge_staged(self._staged, models)
            if models is not None and self._context:
                made.look_up_classes_in(self.everything)
            self._made[models] = made
        return self._made[models]


def names_profile(profiles: Iterable[str], words: Iterable[str]) -> bool:
    """Whether one of the words is a segment of one of the profile IRIs.

    >>> names_profile(["http://iec.ch/TC57/ns/CIM/Topology-EU/3.0"], ["Topology"])
    True
    >>> names_profile(["http://entsoe.eu/CIM/TopologyBoundary/3/1"], ["Topology"])
    False
    """
    segments = {part.removesuffix("-EU") for profile in profiles for part in profile.split("/")}
    return not segments.isdisjoint(words)
