"""Tap changers of a network: which may move, written back when they have, parallel ones in step.

In: a pypowsybl network and the area of every tap changer under control below transmission. Those
of supergrid transformers keep their position: with them free, nothing below moves. A load flow
leaves the written tap as it was, so what it solved is copied before the next run with frozen taps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import numpy as np

from federation.rerouting.network import Network

MOVED_AT_ONCE = 1500
"""More tap changers than this are not moved together: PowSyBl solves for them by a dense matrix of
their number by twice the buses, 268 million elements at most; 10,000 on 15,000 buses fail."""


class Taps:
    """The tap changers of one network's working variant.

    Args:
        network: the network.
        areas: tap changer (PowSyBl id) -> key of its supply area; all others stay fixed.
    """

    def __init__(self, network: Network, areas: Mapping[str, str | None]) -> None:
        self.network, self.areas = network, areas
        self.all_at_once = len(areas) <= MOVED_AT_ONCE
        regulating = network.get_ratio_tap_changers(attributes=["regulating"])["regulating"]
        self._set([own for own in regulating.index[regulating] if own not in areas], moving=False)

    def groups(self) -> Iterator[tuple[str | None, ...]]:
        """Yield areas that may move together, all areas in turn."""
        keys = list(dict.fromkeys(self.areas.values()))
        if self.all_at_once:
            yield tuple(keys)
            return
        count = dict.fromkeys(keys, 0)
        for key in self.areas.values():
            count[key] += 1
        group: list[str | None] = []
        for key in keys:
            if group and sum(count[k] for k in group) + count[key] > MOVED_AT_ONCE:
                yield tuple(group)
                group = []
            group.append(key)
        yield tuple(group)

    def free(self, areas: Iterable[str | None]) -> None:
        """Let only the taps of some areas move; nothing where all may move at once."""
        if self.all_at_once:
            return
        wanted = set(areas)
        self._set([own for own, key in self.areas.items() if key not in wanted], moving=False)
        self._set([own for own, key in self.areas.items() if key in wanted], moving=True)

    def _set(self, owns: list[str], *, moving: bool) -> None:
        if owns:
            self.network.update_ratio_tap_changers(id=owns, regulating=[moving] * len(owns))

    def write_back(self) -> None:
        """Write the positions of the last load flow as the positions of the next."""
        taps = self.network.get_ratio_tap_changers(attributes=["solved_tap_position", "tap"])
        solved = taps["solved_tap_position"].dropna().astype(int)
        solved = solved[solved != taps.loc[solved.index, "tap"]]
        if len(solved):
            self.network.update_ratio_tap_changers(id=list(solved.index), tap=solved.tolist())

    def twins(self) -> list[list[str]]:
        """Return groups of transformers with tap changers between the same two live buses."""
        table = self.network.get_2_windings_transformers(
            attributes=["bus1_id", "bus2_id", "connected1", "connected2"]
        )
        groups: dict[tuple[object, ...], list[str]] = {}
        for own, one, other, near, far in table.itertuples():
            if near and far and one and other and own in self._tapped:
                groups.setdefault((one, other, *self._tapped[own]), []).append(own)
        return [sorted(group) for group in groups.values() if len(group) > 1]

    @cached_property
    def _tapped(self) -> Mapping[str, tuple[float, ...]]:
        """Transformer with a tap changer -> rated voltages and range; only equals are twins."""
        taps = self.network.get_ratio_tap_changers(attributes=["low_tap", "high_tap"])
        rated = self.network.get_2_windings_transformers(attributes=["rated_u1", "rated_u2"])
        rows = rated[rated.index.isin(taps.index)].join(taps)
        return {own: tuple(values) for own, *values in rows.itertuples()}

    def spread(self) -> int:
        """Return the largest tap difference between parallel transformers."""
        return max((_spread(taps) for taps in self._of_twins()), default=0)

    def align(self) -> bool:
        """Bring parallel transformers more than one tap apart to their median tap."""
        apart = [taps for taps in self._of_twins() if _spread(taps) > 1]
        for taps in apart:
            median = round(float(np.median(list(taps.values()))))
            self.network.update_ratio_tap_changers(id=list(taps), tap=[median] * len(taps))
        return bool(apart)

    def _of_twins(self) -> list[dict[str, int]]:
        taps = self.network.get_ratio_tap_changers(attributes=["tap"])["tap"].to_dict()
        return [{own: int(taps[own]) for own in group} for group in self.twins()]


def _spread(taps: Mapping[str, int]) -> int:
    return max(taps.values()) - min(taps.values())
