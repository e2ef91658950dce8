"""Numbers of a serving node for monitoring, in the Prometheus text format.

In: observations of requests, and gauges read when asked. Out: the exposition. Label values come
from fixed lists (route, status class, error code), so that nothing a caller sends and nothing in
the data can become a label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
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
        self._seconds = Histogram(
            "gridspine_request_seconds",
            "Time until the answer's last byte was handed over.",
            ("route", "status"),
            buckets=BUCKETS_SECONDS,
            registry=self._registry,
        )
        self._observed: dict[tuple[str, int], Histogram] = {}
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
        kept = self._observed.get((known, status // 100))
        if kept is None:  # looking a child up by its labels costs more than the rest
            kept = self._seconds.labels(known, f"{status // 100}xx")
            self._observed[(known, status // 100)] = kept
        kept.observe(seconds)

    def refused(self, code: str) -> None:
        """Count one problem by its code."""
        self._refusals.labels(code if code in self._codes else OTHER).inc()

    def exposition(self) -> bytes:
        """Return all metrics as text."""
        return generate_latest(self._registry)
