"""What a focus node is to people: its name, class, container, and where it stands in the files.

In: ``Data`` and a function that knows file and line. Out: frozen ``Asset``s, looked up once each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import pyoxigraph as ox

from kgnode.assurance.data import Data, named
from kgnode.assurance.graph import TYPE, Term
from kgnode.assurance.words import term_text
from kgnode.names import shorten

_CONTAINERS = (
    "Equipment.EquipmentContainer",
    "ConnectivityNode.ConnectivityNodeContainer",
    "VoltageLevel.Substation",
    "Terminal.ConductingEquipment",
    "PowerTransformerEnd.PowerTransformer",
    "RatioTapChanger.TransformerEnd",
    "OperationalLimitSet.Terminal",
    "OperationalLimit.OperationalLimitSet",
    "Bay.VoltageLevel",
)
_VAGUE = ("Equipment", "ConductingEquipment", "IdentifiedObject", "PowerSystemResource")


class Place(Protocol):
    """Where a subject is defined; ``kgnode.cim.staged.Place`` is one."""

    @property
    def file(self) -> str:
        """The file as the user named it."""

    @property
    def line(self) -> int | None:
        """1-based line, where known."""


Placing = Callable[[str], Place | None]


@dataclass(frozen=True)
class Asset:
    """One object of the model as a modeller knows it; unknown parts are empty."""

    iri: str
    name: str
    cls: str
    container: str
    file: str
    line: int | None

    def __str__(self) -> str:
        """Return for example ``cim:Terminal "T1" of "L12"``."""
        text = self.cls or "object"
        if self.name:
            text += f' "{self.name}"'
        if self.container:
            text += f' of "{self.container}"'
        return text if self.name else f"{text} {self.iri}"


class Assets:
    """Looks assets up in the data, each once."""

    def __init__(self, data: Data, place: Placing | None = None) -> None:
        self._store = data.store
        self._place = place
        self._known: dict[str, Asset] = {}

    def get(self, focus: Term) -> Asset:
        """Return the asset of a focus node."""
        key = str(focus)
        if key not in self._known:
            self._known[key] = self._look_up(focus)
        return self._known[key]

    def _look_up(self, focus: Term) -> Asset:
        if isinstance(focus, ox.Literal):
            return Asset(term_text(focus), "", "value", "", "", None)
        values = self._values(focus)
        types = [t for t in values.get(TYPE.value, []) if isinstance(t, ox.NamedNode)]
        types.sort(key=lambda t: (t.value.rpartition("#")[2] in _VAGUE, t.value))
        iri = named(focus)
        text = iri.value if isinstance(iri, ox.NamedNode) else term_text(focus)
        place = self._place(text) if self._place is not None else None
        return Asset(
            iri=text,
            name=_name(values),
            cls=shorten(types[0].value) if types else "",
            container=self._container(values),
            file=place.file if place else "",
            line=place.line if place else None,
        )

    def _values(self, subject: ox.NamedNode | ox.BlankNode) -> dict[str, list[Term]]:
        """Return a subject's properties and values."""
        found: dict[str, list[Term]] = {}
        for quad in self._store.quads_for_pattern(subject, None, None, ox.DefaultGraph()):
            found.setdefault(quad.predicate.value, []).append(quad.object)  # type: ignore[arg-type]
        return found

    def _container(self, values: dict[str, list[Term]]) -> str:
        for predicate in sorted(filter(_leads_to_container, values)):
            first = min(values[predicate], key=str)
            if isinstance(first, ox.NamedNode | ox.BlankNode):
                return _name(self._values(first))
        return ""


def _name(values: dict[str, list[Term]]) -> str:
    naming = min(filter(_names, values), default=None)
    terms = sorted(values[naming], key=str) if naming is not None else []
    return next((t.value for t in terms if isinstance(t, ox.Literal)), "")


@lru_cache(maxsize=4096)
def _names(predicate: str) -> bool:
    local = predicate.rpartition("#")[2]
    return local in ("IdentifiedObject.name", "label", "prefLabel") or predicate.endswith("/title")


@lru_cache(maxsize=4096)
def _leads_to_container(predicate: str) -> bool:
    return predicate.rpartition("#")[2] in _CONTAINERS
