"""A coarse outline of Great Britain, drawn by hand for schematic maps.

In: positions in degrees east and north. Out: whether they are inside, and how wide the island is
at a latitude. Capes and estuaries only; nothing here is a survey.
"""

from __future__ import annotations

from typing import Any

import numpy as np

OUTLINE = (
    (-5.70, 50.05), (-5.20, 49.97), (-4.20, 50.32), (-3.62, 50.22), (-3.40, 50.62),
    (-2.45, 50.55), (-1.30, 50.62), (0.00, 50.76), (0.98, 50.92), (1.40, 51.15), (1.42, 51.38),
    (0.60, 51.46), (0.92, 51.72), (1.32, 51.95), (1.75, 52.50), (1.32, 52.93), (0.50, 52.97),
    (0.12, 52.90), (0.35, 53.20), (0.10, 53.60), (-0.10, 54.10), (-0.60, 54.50), (-1.20, 54.70),
    (-1.42, 55.05), (-1.60, 55.60), (-2.05, 55.82), (-2.60, 56.05), (-3.40, 56.00),
    (-2.60, 56.30), (-2.50, 56.70), (-2.05, 57.15), (-1.80, 57.50), (-2.10, 57.70),
    (-3.40, 57.70), (-4.10, 57.55), (-3.95, 57.88), (-3.10, 58.40), (-3.05, 58.65),
    (-5.00, 58.60), (-5.30, 58.10), (-5.80, 57.60), (-5.70, 57.05), (-6.20, 56.70),
    (-5.50, 56.30), (-5.62, 55.40), (-4.95, 55.90), (-4.65, 55.50), (-5.10, 54.90),
    (-4.40, 54.75), (-3.60, 54.90), (-3.10, 54.95), (-3.60, 54.50), (-3.00, 54.10),
    (-2.85, 53.90), (-3.05, 53.50), (-3.10, 53.30), (-3.90, 53.30), (-4.50, 53.38),
    (-4.62, 53.00), (-4.72, 52.80), (-4.10, 52.82), (-4.10, 52.40), (-5.20, 51.90),
    (-4.90, 51.62), (-4.20, 51.56), (-3.50, 51.40), (-2.85, 51.55), (-3.00, 51.22),
    (-4.20, 51.20), (-4.52, 51.00), (-5.10, 50.40),
)  # fmt: skip
"""Corners of the outline: degrees east, degrees north."""

Array = Any
"""A ``numpy.ndarray``."""


def inside(x: Array, y: Array) -> Array:
    """Return which positions lie inside the outline (even-odd rule)."""
    corners = np.asarray(OUTLINE)
    found = np.zeros(len(x), dtype=bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (y1 > y) != (y2 > y)
        if y1 != y2:
            found ^= crosses & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    return found


def spans(latitude: float) -> list[tuple[float, float]]:
    """Return the stretches of land at a latitude, west to east.

    >>> len(spans(52.0)), spans(40.0)
    (1, [])
    """
    crossings = []
    for (x1, y1), (x2, y2) in zip(OUTLINE, (*OUTLINE[1:], OUTLINE[0]), strict=True):
        if (y1 > latitude) != (y2 > latitude):
            crossings.append(x1 + (latitude - y1) * (x2 - x1) / (y2 - y1))
    crossings.sort()
    return list(zip(crossings[::2], crossings[1::2], strict=True))
