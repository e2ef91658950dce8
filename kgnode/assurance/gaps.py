"""The gap report: data that no pack looks at, and shapes that found nothing to judge.

In: data and packs. Out: frozen ``Gaps``. A class is covered when a target reaches its instances; a
property when a path, a comparison or a query of some shape names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyoxigraph as ox

from kgnode.assurance.affected import path_predicates
from kgnode.assurance.data import Data
from kgnode.assurance.graph import TYPE
from kgnode.assurance.hierarchy import Closure
from kgnode.assurance.mentions import mentions
from kgnode.assurance.packs import Pack
from kgnode.assurance.scopes import Scopes, Whole
from kgnode.assurance.shapes import Shape, Shapes
from kgnode.assurance.sources import Source, Sources, Unsupported
from kgnode.assurance.validate import units
from kgnode.names import shorten

_PROPERTIES = "SELECT ?p (COUNT(*) AS ?n) WHERE { ?s ?p ?o } GROUP BY ?p"
_UNTYPED = "subjectsOf", "objectsOf"


@dataclass(frozen=True)
class Gaps:
    """What some packs leave open.

    Attributes:
        classes: class -> number of instances that no target reaches.
        properties: property -> number of triples that no shape looks at.
        idle: pack id -> shapes with targets that the data does not have.
    """

    classes: Mapping[str, int]
    properties: Mapping[str, int]
    idle: Mapping[str, tuple[str, ...]]

    def to_json(self) -> dict[str, Any]:
        """Return the result document of ``kgnode gaps``."""
        return {
            "classes": dict(self.classes),
            "properties": dict(self.properties),
            "idle": {pack: list(names) for pack, names in self.idle.items()},
        }

    def text(self) -> str:
        """Return the gaps as plain text, the largest first."""
        parts = [
            *_listed("classes with instances that no shape targets", self.classes),
            *_listed("properties that no shape looks at", self.properties),
        ]
        for pack, names in self.idle.items():
            parts.append(f"{len(names)} shapes of {pack} found nothing to judge:")
            parts += [f"  {shorten(name)}" for name in names]
        return "\n".join(parts or ["No gaps: every class and property is looked at."]) + "\n"


def _listed(what: str, found: Mapping[str, int]) -> Iterator[str]:
    if found:
        yield f"{len(found)} {what}:"
        yield from (f"  {number:>9,}  {shorten(name)}" for name, number in found.items())


def find(data: Data | Scopes, packs: Sequence[Pack]) -> Gaps:
    """Return what the packs leave open of the data."""
    scopes: Scopes = Whole(data) if isinstance(data, Data) else data
    everything = scopes.everything
    classes = dict(everything.classes)
    properties = {
        row["p"].value: int(row["n"].value)
        for row in everything.store.query(_PROPERTIES)  # type: ignore[union-attr]
    }
    properties.pop(TYPE.value, None)
    idle: dict[str, list[str]] = {}
    for pack in packs:
        for unit in units(pack, scopes):
            sources = Sources(unit.data, Closure(unit.pairs), inherit=pack.classes != "cim-values")
            for shape in unit.shapes.targeted:
                source = _source(sources, shape)
                if source is None or not source.empty:
                    for kind, iri in source.targets if source else ():
                        if kind == "class":
                            classes.pop(iri, None)
                else:
                    idle.setdefault(pack.id, []).append(str(shape.id).strip("<>"))
            for iri in _named(unit.shapes):
                properties.pop(iri, None)
    return Gaps(
        classes=dict(sorted(classes.items(), key=lambda item: -item[1])),
        properties=dict(sorted(properties.items(), key=lambda item: -item[1])),
        idle={pack: tuple(names) for pack, names in idle.items()},
    )


def _source(sources: Sources, shape: Shape) -> Source | None:
    try:
        return sources.of(shape)
    except Unsupported:
        return None


def _named(shapes: Shapes) -> Iterator[str]:
    """Yield the properties that the shapes look at."""
    for shape in shapes.by_id.values():
        if shape.path is not None:
            yield from path_predicates(shape.path)
        for target in shape.targets:
            if target.kind in _UNTYPED and isinstance(target.term, ox.NamedNode):
                yield target.term.value
        for constraint in shape.constraints:
            if constraint.kind in ("equals", "disjoint", "lessThan", "lessThanOrEquals"):
                yield from (v.value for v in constraint.values if isinstance(v, ox.NamedNode))
            if constraint.sparql is not None:
                used = mentions(constraint.sparql)
                yield from used.iris if used is not None else ()
