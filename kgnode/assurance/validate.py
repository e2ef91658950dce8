"""Validate staged models against packs: the one door to the engines.

In: what was staged (with what it depends on), packs, and which engine may be used. Out: a
``Report``. ``auto`` compiles what can be compiled and leaves the rest to pySHACL, shape by shape;
the report says how many shapes each engine judged.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from kgnode.assurance import hierarchy
from kgnode.assurance.assets import Assets, Placing
from kgnode.assurance.compile import all_shapes
from kgnode.assurance.data import Data
from kgnode.assurance.findings import PackUsed
from kgnode.assurance.judge import Judge
from kgnode.assurance.limits import Limits, Meter
from kgnode.assurance.packs import Pack, PackFile
from kgnode.assurance.report import Report, causes, count
from kgnode.assurance.results import Result
from kgnode.assurance.scopes import ByHeader, Scopes, Whole
from kgnode.assurance.shapes import Shape, Shapes
from kgnode.assurance.words import term_text
from kgnode.cim.staged import Staged
from kgnode.errors import BadShapes
from kgnode.names import CIM100

Engine = Literal["auto", "compiled", "pyshacl", "quick"]
"""``compiled`` refuses packs that are not compiled whole; ``quick`` names what it left out."""
LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class Unit:
    """Documents of one pack in one CIM version, and the data they are judged on."""

    pack: Pack
    shapes: Shapes
    pairs: tuple[hierarchy.Pair, ...]
    data: Data


def validate(
    staged: Staged,
    packs: Sequence[Pack],
    *,
    engine: Engine = "auto",
    limits: Limits = LIMITS,
) -> Report:
    """Return the report on staged models together with what they depend on.

    Args:
        staged: the models, with what they depend on beside them.
        packs: the packs to judge by.
        engine: which engines may be used.
        limits: results kept, and a deadline looked at between queries (``guard`` enforces one).

    Raises:
        BadShapes: a pack's shapes are broken.
        Deadline: the time has passed.
    """
    return judge_scopes(ByHeader(staged), packs, engine, staged.place, limits)


def validate_data(
    data: Data,
    packs: Sequence[Pack],
    *,
    engine: Engine = "auto",
    place: Placing | None = None,
    limits: Limits = LIMITS,
) -> Report:
    """Return the report on data that is merged already.

    Raises:
        BadShapes: a pack's shapes are broken.
    """
    return judge_scopes(Whole(data), packs, engine, place, limits)


def judge_scopes(
    scopes: Scopes,
    packs: Sequence[Pack],
    engine: Engine,
    place: Placing | None,
    limits: Limits,
) -> Report:
    """Judge the packs on their scopes and make the report."""
    data = scopes.everything
    start = time.perf_counter()
    run = _Run(limits)
    judged = []
    for pack in packs:
        mine = list(units(pack, scopes))
        for unit in mine:
            run.judge(unit, engine)
        judged.append(used(pack, mine))
    results = tuple(run.results)
    run.notes += [
        f"CUT: {what} has more results than the {rows} kept; mend these first."
        for what, rows in run.meter.cut.items()
    ]
    return Report(
        results=results,
        causes=causes(results, Assets(data, place)),
        counts=count(results),
        engines=run.engines,
        packs=tuple(judged),
        notes=tuple(dict.fromkeys(run.notes)),
        seconds=time.perf_counter() - start,
    )


def used(pack: Pack, units: Sequence[Unit]) -> PackUsed:
    """Return what a report says of a pack that was judged in these units."""
    faults = tuple(dict.fromkeys(fault for unit in units for fault in unit.shapes.faults))
    shapes = sum(len(unit.shapes.by_id) for unit in units)
    return PackUsed(pack.id, pack.version, pack.digest, shapes, faults)


def reached(shapes: Shapes, roots: Sequence[Shape]) -> set[int]:
    """Return the identities of some shapes and of all that they refer to."""
    return {id(shape) for root in roots for shape in all_shapes(shapes, root)}


def units(pack: Pack, scopes: Scopes) -> Iterator[Unit]:
    """Yield the pack's documents that apply, grouped by the data they are judged on.

    A pack that serves several CIM namespaces is used once for each of them in the data.
    """
    found = scopes.everything.namespaces
    if pack.applies and found and not set(pack.applies).intersection(found):
        return
    served = [n for n in found if n in pack.namespaces] if pack.namespaces else [None]
    if not pack.files:
        yield Unit(pack, pack.shapes(), (), scopes.everything)
    groups: dict[int, tuple[Data, list[PackFile]]] = {}
    for file in pack.files:
        if scopes.wants(file):
            data = scopes.data(file)
            groups.setdefault(id(data), (data, []))[1].append(file)
    for data, files in groups.values():
        names = None if len(files) == len(pack.files) else [file.name for file in files]
        for namespace in served:
            pairs: tuple[hierarchy.Pair, ...] = ()
            if pack.classes:
                pairs = hierarchy.pairs(namespace or (found[0] if found else CIM100))
            yield Unit(pack, pack.shapes(namespace, names), pairs, data)


class _Run:
    def __init__(self, limits: Limits) -> None:
        self.meter = Meter(limits)
        self.results: list[Result] = []
        self.notes: list[str] = []
        self.engines = {"compiled": 0, "pyshacl": 0}

    def judge(self, unit: Unit, engine: Engine) -> None:
        shapes = unit.shapes
        left = [(shape, "asked for") for shape in shapes.targeted]
        if engine != "pyshacl":
            judge = Judge(
                unit.data,
                shapes,
                unit.pairs,
                unit.pack.id,
                inherit=unit.pack.classes != "cim-values",
                meter=self.meter,
            )
            mine, left = judge.split()
            if left and engine == "compiled":
                raise BadShapes(
                    f"{len(left)} shapes of {unit.pack.id} are not compiled: {left[0][1]}.",
                    hint="Use --engine auto, which leaves them to pySHACL.",
                    subject=str(left[0][0].id),
                )
            self.results += judge.judge(mine)
            self._count("compiled", shapes, mine)
        reasons = ", ".join(sorted({reason for _, reason in left}))
        if left and engine == "quick":
            self.notes.append(
                f"NOT JUDGED: {len(left)} targeted shapes of {unit.pack.id}, since they use "
                f"{reasons}."
            )
            return
        if left:
            self._leave(unit, [shape for shape, _ in left])
        if left and engine == "auto":
            self.notes.append(
                f"{len(left)} targeted shapes of {unit.pack.id} were judged by pySHACL, since "
                f"they use {reasons}."
            )

    def _leave(self, unit: Unit, left: Sequence[Shape]) -> None:
        from kgnode.assurance import reference  # rdflib and pySHACL take a second to load

        ontology = reference.to_rdflib((sub, hierarchy.SUBCLASS_OF, sup) for sub, sup in unit.pairs)
        judged = reference.judge(
            reference.data_graph(unit.data), unit.shapes, left, ontology=ontology, pack=unit.pack.id
        )
        self.results += judged.results
        refused = {id(shape) for shape, _ in judged.refused}
        self._count("pyshacl", unit.shapes, [s for s in left if id(s) not in refused])
        for shape, why in judged.refused:
            self.notes.append(f"NOT JUDGED: {term_text(shape.id)} of {unit.pack.id}: {why}")

    def _count(self, engine: str, shapes: Shapes, roots: Sequence[Shape]) -> None:
        self.engines[engine] += len(reached(shapes, roots))
