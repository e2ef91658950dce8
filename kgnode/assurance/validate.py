"""Validate staged models against packs: the one door to the engines.

In: what was staged (with what it depends on), packs, and which engine may be used. Out: a
``Report``. ``auto`` compiles what can be compiled and leaves the rest to pySHACL, shape by shape;
the report says how many shapes each engine judged.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import pyoxigraph as ox
import rdflib

from kgnode.assurance import hierarchy, reference
from kgnode.assurance.assets import Assets, Placing
from kgnode.assurance.data import Data, merge
from kgnode.assurance.packs import Pack
from kgnode.assurance.report import PackUsed, Report, causes, count
from kgnode.assurance.results import Result
from kgnode.assurance.shapes import Shapes
from kgnode.cim.staged import Staged

Engine = Literal["auto", "compiled", "pyshacl"]


@dataclass(frozen=True, eq=False)
class Unit:
    """One pack in one CIM version, ready to judge."""

    pack: Pack
    shapes: Shapes
    pairs: tuple[hierarchy.Pair, ...]


def validate(
    staged: Staged,
    packs: Sequence[Pack],
    *,
    engine: Engine = "auto",
) -> Report:
    """Return the report on the merge of all staged graphs (models and what they depend on).

    Raises:
        BadShapes: a pack's shapes are broken.
    """
    data = staged_data(staged)
    models = tuple(model.content_hash for model in staged.models)
    return validate_data(data, packs, engine=engine, place=staged.place, models=models)


def staged_data(staged: Staged) -> Data:
    """Return the merge of the staged models and of any graph put beside them as context."""
    return merge(staged.store)


def validate_data(
    data: Data,
    packs: Sequence[Pack],
    *,
    engine: Engine = "auto",
    place: Placing | None = None,
    models: tuple[str, ...] = (),
) -> Report:
    """Return the report on data that is merged already; ``models`` are content hashes."""
    start = time.perf_counter()
    run = _Run(data)
    used = []
    for pack in packs:
        mine = list(units(pack, data))
        for unit in mine:
            run.judge(unit, engine)
        faults = tuple(dict.fromkeys(fault for unit in mine for fault in unit.shapes.faults))
        shapes = sum(len(unit.shapes.by_id) for unit in mine)
        used.append(PackUsed(pack.id, pack.version, pack.digest, shapes, faults))
    results = tuple(run.results)
    return Report(
        results=results,
        causes=causes(results, Assets(data, place)),
        counts=count(results),
        engines=run.engines,
        packs=tuple(used),
        models=models,
        notes=tuple(run.notes),
        seconds=time.perf_counter() - start,
    )


def units(pack: Pack, data: Data) -> Iterator[Unit]:
    """Yield the pack's shapes, once for each CIM namespace of the data that it serves."""
    served = [n for n in data.namespaces if n in pack.namespaces] if pack.namespaces else [None]
    for namespace in served:
        pairs: tuple[hierarchy.Pair, ...] = ()
        if pack.classes is not None and namespace is not None:
            pairs = hierarchy.pairs(pack.classes, namespace)
        yield Unit(pack, pack.shapes(namespace), pairs)


class _Run:
    def __init__(self, data: Data) -> None:
        self.data = data
        self.results: list[Result] = []
        self.notes: list[str] = []
        self.engines = {"compiled": 0, "pyshacl": 0}

    @cached_property
    def _rdflib(self) -> rdflib.Graph:
        return reference.data_graph(self.data)

    def judge(self, unit: Unit, engine: Engine) -> None:
        ontology = reference.to_rdflib(
            ox.Triple(sub, hierarchy.SUBCLASS_OF, sup) for sub, sup in unit.pairs
        )
        self.results += reference.judge(
            self._rdflib, unit.shapes, ontology=ontology, pack=unit.pack.id
        )
        self.engines["pyshacl"] += len(unit.shapes.by_id)
