"""Positions for a network that has none, so that it reads like a map of Great Britain.

In: which substations are joined, how high their voltage is, a few that are pinned. Out: degrees
east and north for each, deterministic, always inside the outline. The two slowest eigenvectors of
the graph Laplacian give north-south and east-west (spectral layout); springs then even it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.spatial import cKDTree

from federation.demo.outline import Array, inside, spans

SHRINK = 0.6
"""Length of a degree east against a degree north, in the middle of the island."""
ROUNDS, REACH, SPRING, HOME = 160, 0.16, 0.012, 0.06
"""Rounds of the springs; reach of repulsion in degrees north; pull along edges and homewards."""


def positions(
    edges: Sequence[tuple[int, int]],
    voltage_kv: Sequence[float],
    pinned: Mapping[int, tuple[float, float]],
) -> list[tuple[float, float]]:
    """Return a position for each node.

    Args:
        edges: pairs of node numbers that a line joins; the graph must be connected.
        voltage_kv: highest voltage at each node: the end of the graph with less 400 kV is north.
        pinned: nodes that stay where they are put; they are taken to lie in the east.
    """
    north, east = _axes(len(voltage_kv), edges, np.asarray(voltage_kv), list(pinned))
    x, y = _on_land(north, east)
    for node, (longitude, latitude) in pinned.items():
        x[node], y[node] = longitude, latitude
    x, y = _settle(x, y, edges, list(pinned))
    return [(round(float(a), 4), round(float(b), 4)) for a, b in zip(x, y, strict=True)]


def _axes(
    count: int, edges: Sequence[tuple[int, int]], kv: Array, pinned: list[int]
) -> tuple[Array, Array]:
    weight = np.zeros((count, count))
    for a, b in edges:
        if a != b:
            weight[a, b] = weight[b, a] = min(weight[a, b] + 1, 2)
    degree = np.maximum(weight.sum(axis=1), 1e-9)
    scaled = np.eye(count) - weight / np.sqrt(np.outer(degree, degree))
    _, vectors = np.linalg.eigh(scaled)
    north, east = (vectors[:, number] / np.sqrt(degree) for number in (1, 2))
    order = np.argsort(north, kind="stable")
    half = count // 2
    if kv[order[:half]].mean() < kv[order[half:]].mean():
        north = -north
    if pinned and east[pinned].mean() < np.median(east):
        east = -east
    return north, east


def _on_land(north: Array, east: Array) -> tuple[Array, Array]:
    """Spread nodes evenly over the land, keeping their order on both axes."""
    latitudes = np.linspace(50.1, 58.6, 400)
    widths = np.array([sum(b - a for a, b in spans(float(one))) for one in latitudes])
    share = np.cumsum(widths) / widths.sum()
    count = len(north)
    order = np.argsort(north, kind="stable")
    x, y = np.zeros(count), np.zeros(count)
    y[order] = np.interp((np.arange(count) + 0.5) / count, share, latitudes)
    band = max(10, count // 30)
    for place, node in enumerate(order):
        near = order[max(0, place - band) : place + band]
        rank = ((east[near] < east[node]).sum() + 0.5) / len(near)
        x[node] = _across(spans(float(y[node])), float(rank))
    return x, y


def _across(land: list[tuple[float, float]], rank: float) -> float:
    left = rank * sum(b - a for a, b in land)
    for a, b in land:
        if left <= b - a:
            return a + left
        left -= b - a
    return land[-1][1]


def _settle(
    x: Array, y: Array, edges: Sequence[tuple[int, int]], pinned: list[int]
) -> tuple[Array, Array]:
    one, two = (np.array([edge[end] for edge in edges], dtype=int) for end in (0, 1))
    home = np.stack([x * SHRINK, y], axis=1)
    spot = home.copy()
    for number in range(ROUNDS):
        move = _repulsion(spot) + HOME * (home - spot)
        pull = SPRING * (spot[two] - spot[one])
        np.add.at(move, one, pull)
        np.add.at(move, two, -pull)
        move[pinned] = 0
        length = np.maximum(np.hypot(move[:, 0], move[:, 1]), 1e-12)[:, None]
        limit = 0.06 * (1 - number / ROUNDS) + 0.004
        tried = spot + move / length * np.minimum(length, limit)
        good = inside(tried[:, 0] / SHRINK, tried[:, 1])
        good[pinned] = False
        spot[good] = tried[good]
    return spot[:, 0] / SHRINK, spot[:, 1]


def _repulsion(spot: Array) -> Array:
    pairs = cKDTree(spot).query_pairs(REACH, output_type="ndarray")
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    apart = spot[pairs[:, 0]] - spot[pairs[:, 1]]
    distance = np.maximum(np.hypot(apart[:, 0], apart[:, 1]), 1e-9)
    push = apart * ((REACH - distance) / distance * 0.12)[:, None]
    move = np.zeros_like(spot)
    np.add.at(move, pairs[:, 0], push)
    np.add.at(move, pairs[:, 1], -push)
    return move
