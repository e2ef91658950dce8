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

import rdflib

from kgnode.assurance import hierarchy, reference
from kgnode.assurance.assets import Assets, Placing
from kgnode.assurance.compile import all_shapes
from kgnode.assurance.data import Data, merge_staged
from kgnode.assurance.findings import PackUsed
from kgnode.assurance.judge import Judge
from kgnode.assurance.packs import Pack
from kgnode.assurance.report import Report, causes, count
from kgnode.assurance.results import Result
from kgnode.assurance.shapes import Shape, Shapes
from kgnode.cim.staged import Staged
from kgnode.errors import BadShapes

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
    data = merge_staged(staged)
    models = tuple(model.content_hash for model in staged.models)
    return validate_data(data, packs, engine=engine, place=staged.place, models=models)


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
        if pack.classes == "cim" and namespace is not None:
            pairs = hierarchy.pairs(namespace)
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
        shapes = unit.shapes
        left = [(shape, "asked for") for shape in shapes.targeted]
        if engine != "pyshacl":
            judge = Judge(self.data, shapes, unit.pairs, unit.pack.id)
            mine, left = judge.split()
            if left and engine == "compiled":
                raise BadShapes(
                    f"{len(left)} shapes of {unit.pack.id} are not compiled: {left[0][1]}.",
                    hint="Use --engine auto, which leaves them to pySHACL.",
                    subject=str(left[0][0].id),
                )
            self.results += judge.judge(mine)
            self._count("compiled", shapes, mine)
        if left:
            self._leave(unit, [shape for shape, _ in left])
        if left and engine == "auto":
            reasons = ", ".join(sorted({reason for _, reason in left}))
            self.notes.append(
                f"{len(left)} targeted shapes of {unit.pack.id} were judged by pySHACL, since "
                f"they use {reasons}."
            )

    def _leave(self, unit: Unit, left: Sequence[Shape]) -> None:
        ontology = reference.to_rdflib((sub, hierarchy.SUBCLASS_OF, sup) for sub, sup in unit.pairs)
        self.results += reference.judge(
            self._rdflib, unit.shapes, left, ontology=ontology, pack=unit.pack.id
        )
        self._count("pyshacl", unit.shapes, left)

    def _count(self, engine: str, shapes: Shapes, roots: Sequence[Shape]) -> None:
        reached = {id(shape) for root in roots for shape in all_shapes(shapes, root)}
        self.engines[engine] += len(reached)
