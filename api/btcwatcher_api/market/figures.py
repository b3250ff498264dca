"""The metrics of the market-data cache."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from btcwatcher_api.cluster.watch import WatchMetrics
from btcwatcher_api.market.lane import Lane
from btcwatcher_api.market.store import Store
from btcwatcher_crds import market_metrics as names
from btcwatcher_crds.bot_metrics import BotMetric

_LANE: Final = ("exchange", "host")


class MarketMetrics:
    """One process' figures. `lanes`, by exchange and host, are read at each scrape: those of an Exchange that is no
    longer `known` keep their ban, for it may come back, but have no series."""

    def __init__(
        self,
        store: Store,
        lanes: Mapping[tuple[str, str], Lane],
        known: Callable[[str], object | None],
        clock: Callable[[], float],
    ) -> None:
        self.registry: Final = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = self._counter(names.REQUESTS)
        self.calls = self._counter(names.UPSTREAM_CALLS)
        self.weight = self._counter(names.WEIGHT)
        self.call_seconds = Histogram(
            names.UPSTREAM_SECONDS.name,
            names.UPSTREAM_SECONDS.sentence,
            names.UPSTREAM_SECONDS.labels,
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
            registry=self.registry,
        )
        self._gauge(names.KEPT_BYTES).set_function(lambda: store.bytes)
        self._gauge(names.KEPT).set_function(lambda: len(store))
        self.registry.register(_LaneCollector(lanes, known, clock))
        self.watches = WatchMetrics(self.registry)

    def _counter(self, metric: BotMetric) -> Counter:
        return Counter(metric.name, metric.sentence, metric.labels, registry=self.registry)

    def _gauge(self, metric: BotMetric) -> Gauge:
        return Gauge(metric.name, metric.sentence, metric.labels, registry=self.registry)


class _LaneCollector(Collector):
    def __init__(
        self,
        lanes: Mapping[tuple[str, str], Lane],
        known: Callable[[str], object | None],
        clock: Callable[[], float],
    ) -> None:
        self._lanes = lanes
        self._known = known
        self._clock = clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        now = self._clock()
        values: list[tuple[BotMetric, Callable[[Lane], float]]] = [
            (names.WEIGHT_USED, lambda lane: lane.budget.used(now)),
            (names.WEIGHT_LIMIT, lambda lane: lane.budget.limit),
            (names.BANNED_UNTIL, lambda lane: lane.banned_until),
            (names.WAITING, lambda lane: lane.waiting),
        ]
        for metric, value in values:
            family = GaugeMetricFamily(metric.name, metric.sentence, labels=_LANE)
            for labels, lane in self._lanes.items():
                if self._known(labels[0]) is not None:
                    family.add_metric(labels, value(lane))
            yield family
