"""Signs of misuse in the audit entries: volume, many refusals, enumeration.

In: audit entries as they are written. Out: one ``misuse`` event per caller and rule and hour. What
is kept is bounded: counters of the present hour, for the callers seen last.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kgnode.settings import Settings

CALLERS_KEPT = 10_000
SHAPES_KEPT = 32
REFUSED_FROM = 400
CONSTANT = re.compile(r"""<[^<>\s]*+>|"(?:[^"\\]|\\.)*+"?|'(?:[^'\\]|\\.)*+'?|\b\d[\w.]*+""")


@dataclass
class _Hour:
    """What one caller did in one hour."""

    hour: int
    bytes_out: int = 0
    refusals: int = 0
    shapes: OrderedDict[int, set[int]] = field(default_factory=OrderedDict)
    raised: set[str] = field(default_factory=set)


class Misuse:
    """Watches entries; give ``watch`` to the audit log.

    Args:
        settings: the bounds.
        raise_event: takes kind and data, as the event log does.
    """

    def __init__(
        self, settings: Settings, raise_event: Callable[[str, Mapping[str, Any]], object]
    ) -> None:
        self._settings = settings
        self._raise = raise_event
        self._hours: OrderedDict[tuple[Any, ...], _Hour] = OrderedDict()

    def watch(self, entry: Mapping[str, Any], now: datetime | None = None) -> None:
        """Count one entry and raise what it makes too much."""
        who = (entry.get("org"), entry.get("sub"))
        seconds = time.time() if now is None else now.timestamp()
        counted = self._hour(who, int(seconds) // 3600)
        bounds = self._settings
        counted.bytes_out += int(entry.get("bytes") or 0)
        if counted.bytes_out > bounds.misuse_bytes_per_hour:
            self._tell(who, counted, "volume", counted.bytes_out)
        counted.refusals += int(entry.get("status") or 0) >= REFUSED_FROM
        if counted.refusals > bounds.misuse_refusals_per_hour:
            self._tell(who, counted, "refusals", counted.refusals)
        if query := entry.get("query"):
            most = bounds.misuse_queries_per_hour
            count = _enumerated(counted, str(query), most)
            if count > most:
                self._tell(who, counted, "enumeration", count)

    def _tell(self, who: tuple[Any, ...], counted: _Hour, rule: str, count: int) -> None:
        """Raise a rule's event, once an hour."""
        if rule not in counted.raised:
            counted.raised.add(rule)
            self._raise("misuse", {"rule": rule, "org": who[0], "sub": who[1], "count": count})

    def _hour(self, who: tuple[Any, ...], hour: int) -> _Hour:
        counted = self._hours.get(who)
        if counted is None or counted.hour != hour:
            counted = self._hours[who] = _Hour(hour)
        self._hours.move_to_end(who)
        while len(self._hours) > CALLERS_KEPT:
            self._hours.popitem(last=False)
        return counted


def _enumerated(counted: _Hour, query: str, most: int) -> int:
    """Return how many different queries of this query's shape the caller has sent.

    Counted until they are more than ``most``. Texts are known by their hash in this process, which
    nobody outside can aim at (PEP 456).
    """
    shape = hash(CONSTANT.sub("*", query))
    texts = counted.shapes.setdefault(shape, set())
    counted.shapes.move_to_end(shape)
    if len(counted.shapes) > SHAPES_KEPT:
        counted.shapes.popitem(last=False)
    if len(texts) <= most:
        texts.add(hash(query))
    return len(texts)
