"""What makes a plan red or amber: assumed values, each to be set by the planner.

In: nothing but the numbers. Out: one frozen `Thresholds`. They are engineering assumptions of this
study, not limits of a code; a page or a plan that shows a verdict names them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Limits for a verdict.

    Attributes:
        final_percent: loading of permanent rating after the transfer.
        parallel_percent: loading while two supply points are in parallel.
        low_pu, high_pu: voltage on distribution levels.
        step_amber_percent, step_red_percent: voltage step of a switching.
        angle_amber_degrees, angle_red_degrees: angle across the open point before it is closed.
        n1_amber_percent, n1_red_percent: new loading after a loss.
        n1_voltage_percent: how much farther outside its limits than before a level may be after a
            loss, in percent of nominal voltage.
        n1_lost_mw: demand that hangs on one branch afterwards and does not now; more is amber.
            Above 60 MW a first loss may interrupt no more than 20 MW (class D of Engineering
            Recommendation P2).
        minutes_per_operation: time for one switching operation, by hand.
    """

    final_percent: float = 100.0
    parallel_percent: float = 120.0
    low_pu: float = 0.94
    high_pu: float = 1.06
    step_amber_percent: float = 3.0
    step_red_percent: float = 6.0
    angle_amber_degrees: float = 10.0
    angle_red_degrees: float = 20.0
    n1_amber_percent: float = 100.0
    n1_red_percent: float = 120.0
    n1_voltage_percent: float = 0.5
    n1_lost_mw: float = 60.0
    minutes_per_operation: float = 5.0
