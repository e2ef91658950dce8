"""Loadings as arrays against the plain loop over rows."""

from __future__ import annotations

import math

import pandas as pd

from federation.rerouting.bench import Bench
from federation.rerouting.grid import Grid
from federation.rerouting.loadflow import LoadFlow, Pinned, Status
from federation.rerouting.ratings import SIDES, Ratings


def _slow(bench: Bench, flow: LoadFlow) -> dict[str, float]:
    found: dict[str, float] = {}
    for table, column, side in SIDES:
        for own, current in flow.tables[table][column].items():
            limit, iri = bench.limit_a(own, side), bench.iris.get(own)
            if limit is not None and iri is not None:
                percent = 0.0 if math.isnan(current) else 100.0 * current / limit
                found[iri] = max(percent, found.get(iri, 0.0))
    return found


def test_arrays_give_what_the_plain_loop_gives(four_bench: Bench, four_grid: Grid) -> None:
    bench = four_bench
    slow = _slow(bench, bench.base)
    assert len(slow) == 254
    fast = bench.loadings(bench.base)
    assert fast.keys() == slow.keys()
    assert all(abs(fast[iri] - slow[iri]) < 1e-9 for iri in slow)
    for owner in ("TNO", "DNOA", "DNOB"):
        assets = frozenset(i for i, part in four_grid.equipment.items() if part.owner == owner)
        worst = bench.loading(bench.base, assets)
        wanted = max((value for iri, value in slow.items() if iri in assets), default=math.nan)
        assert math.isclose(worst.percent, wanted, rel_tol=1e-12)
        assert worst.asset in assets
    assert math.isnan(bench.loading(bench.base, frozenset()).percent)


def test_rows_are_matched_by_id_whatever_their_order() -> None:
    ratings = Ratings(
        {"ONE": {"a": 100.0, "b": 200.0}, "TWO": {}, "THREE": {}, "NONE": {}},
        {"a": "urn:a", "b": "urn:b"},
    )
    empty = pd.DataFrame({"i": [], "i1": [], "i2": [], "i3": []}, dtype=float)

    def flow(rows: dict[str, float]) -> LoadFlow:
        lines = pd.DataFrame({"i1": rows, "i2": dict.fromkeys(rows, 0.0)})
        names = ("transformers", "boundary_lines", "transformers_3w")
        tables = {"lines": lines, **dict.fromkeys(names, empty)}
        return LoadFlow(Status.CONVERGED, "", None, 1, Pinned(), tables)

    assert ratings.percent(flow({"a": 50.0, "b": 50.0})) == {"urn:a": 50.0, "urn:b": 25.0}
    assert ratings.percent(flow({"b": 50.0, "a": 50.0})) == {"urn:a": 50.0, "urn:b": 25.0}
    assert ratings.worst(flow({"b": 10.0}), {"urn:b"}).percent == 5.0
