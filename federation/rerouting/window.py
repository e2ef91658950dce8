"""Half-hours of a day in which a transfer holds.

In: a bench, a candidate and planning data. Out: the half-hours (0 to 47) in which both the state
after the transfer and the network before it converge, and no thermal or voltage limit is passed.
Loads follow the shape of their substation; those without one, and embedded generation, stay as they
are. N-1 is not repeated for each half-hour.
"""

from __future__ import annotations

from federation.rerouting.bench import Bench
from federation.rerouting.footprint import Footprints
from federation.rerouting.planning import HALF_HOURS, Planning
from federation.rerouting.thresholds import Thresholds
from federation.rerouting.transfers import Candidate


def holding_half_hours(
    bench: Bench,
    footprints: Footprints,
    candidate: Candidate,
    planning: Planning,
    thresholds: Thresholds,
    *,
    reference: int,
) -> tuple[int, ...]:
    """Return the half-hours in which the transfer holds; ``reference`` is that of the models."""
    footprint = footprints.of(candidate)
    loads = bench.network.get_loads(attributes=["p0", "q0"])
    held: list[int] = []
    with bench.switched("window"):
        bench.operate(close=(candidate.point.switch, *candidate.point.also), open=candidate.open)
        for half_hour in range(HALF_HOURS):
            p, q = loads["p0"].copy(), loads["q0"].copy()
            for own in loads.index:
                iri = bench.iris.get(own)
                if iri not in bench.grid.loads:
                    continue
                factor = planning.factor(bench.grid, str(iri), half_hour, reference)
                if factor is not None:
                    p[own] *= factor
                    q[own] *= factor
            bench.network.update_loads(id=list(loads.index), p0=p.tolist(), q0=q.tolist())
            flow = bench.settle()
            if not flow.converged:
                continue
            loading = bench.loading(flow, footprint.assets)
            voltage = bench.voltage(flow, footprint.levels)
            if loading.percent <= thresholds.final_percent and (
                voltage.min_pu >= thresholds.low_pu and voltage.max_pu <= thresholds.high_pu
            ):
                held.append(half_hour)
    return tuple(held)
