"""Numbers of a serving node for monitoring, in the Prometheus text format.

In: observations of requests, and gauges read when asked. Out: the exposition. Label values come
from fixed lists (route, status class, error code), so that nothing a caller sends and nothing in
the data can become a label.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from kgnode.problems import kinds

BUCKETS_SECONDS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 30.0)
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER = "other"


class _Gauges(Collector):
    def __init__(self, read: Callable[[], Mapping[str, float]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        for name, value in sorted(self._read().items()):
            yield GaugeMetricFamily(f"gridspine_views_{name}", f"Views: {name}.", value=value)


class _Times(Collector):
    """Seconds of requests by route and status class.

    Counting is done once per request, on the one thread that answers; the client library's own
    histogram takes a lock and several calls for each, which a lookup would feel.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], tuple[list[int], list[float]]] = {}

    def add(self, route: str, status_class: int, seconds: float) -> None:
        """Count one request."""
        kept = self._kept.get((route, status_class))
        if kept is None:
            kept = self._kept[route, status_class] = ([0] * (len(BUCKETS_SECONDS) + 1), [0.0])
        counts, total = kept
        counts[bisect_left(BUCKETS_SECONDS, seconds)] += 1
        total[0] += seconds

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(
            "gridspine_request_seconds",
            "Time until the answer's last byte was handed over.",
            labels=("route", "status"),
        )
        bounds = [*map(str, BUCKETS_SECONDS), "+Inf"]
        for (route, status_class), (counts, total) in sorted(self._kept.items()):
            buckets = list(zip(bounds, accumulate(counts), strict=True))
            family.add_metric((route, f"{status_class}xx"), buckets, total[0])
        yield family


class Metrics:
    """The metrics of one process.

    Args:
        routes: paths that may be label values; any other request counts as ``other``.
        views: returns the gauges of the views.
    """

    def __init__(self, routes: Iterable[str], views: Callable[[], Mapping[str, float]]) -> None:
        self._routes = frozenset(routes)
        self._codes = frozenset(kinds())
        self._registry = CollectorRegistry()
        self._times = _Times()
        self._registry.register(self._times)
        self._refusals = Counter(
            "gridspine_refusals", "Answers that were problems.", ("code",), registry=self._registry
        )
        self._registry.register(_Gauges(views))

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count one answer.

        Args:
            route: path template of the route, or the path as it came.
            status: HTTP status.
            seconds: how long it took.
        """
        known = route if route in self._routes else OTHER
        self._times.add(known, status // 100, seconds)

    def refused(self, code: str) -> None:
        """Count one problem by its code."""
        self._refusals.labels(code if code in self._codes else OTHER).inc()

    def exposition(self) -> bytes:
        """Return all metrics as text."""
        return generate_latest(self._registry)
