"""Loading of branches in percent of their permanent rating, as arrays.

In: the limits of a network and the tables of a load flow. Out: the most loaded asset, or percent by
IRI. Rows are matched by id: the arrays are kept per table index and made anew when it differs.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from federation.rerouting.loadflow import LoadFlow, Table

SIDES = (
    ("lines", "i1", "ONE"),
    ("lines", "i2", "TWO"),
    ("transformers", "i1", "ONE"),
    ("transformers", "i2", "TWO"),
    ("boundary_lines", "i", "NONE"),
    ("transformers_3w", "i1", "ONE"),
    ("transformers_3w", "i2", "TWO"),
    ("transformers_3w", "i3", "THREE"),
)
"""Result table, its column of current, side of the limit; boundary lines are no lines there."""


@dataclass(frozen=True)
class Loading:
    """The most loaded asset: percent of its permanent rating, its IRI; NaN where none is rated."""

    percent: float
    asset: str


class Ratings:
    """Permanent limits of one network.

    Args:
        limits: side -> PowSyBl id -> permanent current limit in A.
        iris: PowSyBl id -> IRI.
    """

    def __init__(self, limits: Mapping[str, Mapping[str, float]], iris: Mapping[str, str]) -> None:
        self._limits, self._iris = limits, iris
        self._rows: dict[tuple[str, str], tuple[Any, np.ndarray, np.ndarray]] = {}
        self._masks: dict[tuple[str, str, int], tuple[Collection[str], Any, np.ndarray]] = {}

    def percent(self, flow: LoadFlow, assets: Collection[str] | None = None) -> dict[str, float]:
        """Return percent by IRI; assets without a rating are left out, dead ends carry 0."""
        found: dict[str, float] = {}
        for table, column, side in SIDES:
            iris, percent = self._percent(flow.tables[table], table, column, side)
            for iri, value in zip(iris, percent, strict=True):
                wanted = iri and (assets is None or iri in assets)
                if wanted and not math.isnan(value) and value >= found.get(iri, 0.0):
                    found[iri] = float(value)
        return found

    def above(self, flow: LoadFlow, limit_percent: float) -> dict[str, float]:
        """Return percent by IRI of what is loaded above a limit."""
        found: dict[str, float] = {}
        for table, column, side in SIDES:
            iris, percent = self._percent(flow.tables[table], table, column, side)
            for place in np.nonzero(percent > limit_percent)[0].tolist():
                iri, value = str(iris[place]), float(percent[place])
                if iri and value >= found.get(iri, 0.0):
                    found[iri] = value
        return found

    def worst(self, flow: LoadFlow, assets: Collection[str]) -> Loading:
        """Return the most loaded of some assets."""
        best = Loading(math.nan, "")
        for table, column, side in SIDES:
            iris, percent = self._percent(flow.tables[table], table, column, side)
            mask = self._mask(flow.tables[table].index, iris, (table, side), assets)
            chosen = np.where(mask, percent, np.nan)
            if np.isnan(chosen).all():
                continue
            place = int(np.nanargmax(chosen))
            value = float(chosen[place])
            if math.isnan(best.percent) or (value, iris[place]) > (best.percent, best.asset):
                best = Loading(value, str(iris[place]))
        return best

    def _percent(
        self, rows: Table, table: str, column: str, side: str
    ) -> tuple[np.ndarray, np.ndarray]:
        kept = self._rows.get((table, side))
        if kept is None or not kept[0].equals(rows.index):
            limits = [self._limits[side].get(own, math.nan) for own in rows.index]
            iris = np.array([self._iris.get(own, "") for own in rows.index], dtype=object)
            kept = self._rows[table, side] = (rows.index, np.array(limits, dtype=float), iris)
        current = np.nan_to_num(rows[column].to_numpy(dtype=float))
        return kept[2], 100.0 * current / kept[1]

    def _mask(
        self, index: Any, iris: np.ndarray, key: tuple[str, str], assets: Collection[str]
    ) -> np.ndarray:
        kept = self._masks.get((*key, id(assets)))
        if kept is None or kept[0] is not assets or not kept[1].equals(index):
            mask = np.fromiter((iri in assets for iri in iris), dtype=bool, count=len(iris))
            if len(self._masks) > 256:
                self._masks.clear()
            kept = self._masks[(*key, id(assets))] = (assets, index, mask)
        return kept[2]
