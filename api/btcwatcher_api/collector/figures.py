"""The metrics of the collector: its own, and each bot's trading figures as of its last visit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from btcwatcher_api.cluster.watch import WatchMetrics
from btcwatcher_crds import bot_metrics as names
from btcwatcher_crds.bot_metrics import BotMetric

RESULTS: Final = ("ok", "away", "refused", "unreadable")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a bot said of itself. None is what it has not said yet; money is in `currency`."""

    reachable: bool
    open_profits: Mapping[str, float] | None = None
    """Of each open trade at the price of then, by its id."""
    closed_profit: float | None = None
    balance: float | None = None
    currency: str = ""
    last_process: float | None = None
    """Unix seconds."""
    visited_at: datetime | None = None
    """When the open trades were asked for."""

    @property
    def open_trades(self) -> int | None:
        return None if self.open_profits is None else len(self.open_profits)

    @property
    def open_profit(self) -> float | None:
        return None if self.open_profits is None else sum(self.open_profits.values())


class CollectorMetrics:
    """One process' figures. `bots`, by namespace and name, is read at each scrape: a Strategy's series go with it."""

    def __init__(self, bots: Mapping[tuple[str, str], Figures]) -> None:
        self.registry: Final = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.registry.register(_BotCollector(bots))
        self.active = self._gauge(names.COLLECTOR_ACTIVE)
        self.visits = self._counter(names.COLLECTOR_VISITS)
        self.visit_seconds = Histogram(
            names.COLLECTOR_VISIT_SECONDS.name,
            names.COLLECTOR_VISIT_SECONDS.sentence,
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
            registry=self.registry,
        )
        self.recovered = self._counter(names.COLLECTOR_RECOVERED)
        # Each is there from the start, at zero, so that a rate over its first increase is seen.
        for result in RESULTS:
            self.visits.labels(result)
        for kind in ("entry_fill", "exit_fill"):
            self.recovered.labels(kind)
        self.watches = WatchMetrics(self.registry)

    def _gauge(self, metric: BotMetric) -> Gauge:
        return Gauge(metric.name, metric.sentence, metric.labels, registry=self.registry)

    def _counter(self, metric: BotMetric) -> Counter:
        return Counter(metric.name, metric.sentence, metric.labels, registry=self.registry)


class _BotCollector(Collector):
    def __init__(self, bots: Mapping[tuple[str, str], Figures]) -> None:
        self._bots = bots

    def describe(self) -> Iterator[GaugeMetricFamily]:
        for metric in names.PER_STRATEGY:
            yield _family(metric)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families = {metric: _family(metric) for metric in names.PER_STRATEGY}
        for (namespace, name), bot in list(self._bots.items()):
            values = {
                names.BOT_REACHABLE: float(bot.reachable),
                names.BOT_OPEN_TRADES: bot.open_trades,
                names.BOT_OPEN_PROFIT: bot.open_profit,
                names.BOT_CLOSED_PROFIT: bot.closed_profit,
                names.BOT_BALANCE: bot.balance,
                names.BOT_LAST_PROCESS: bot.last_process,
            }
            for metric, value in values.items():
                if value is not None:
                    money = [bot.currency] if "currency" in metric.labels else []
                    families[metric].add_metric([namespace, name, *money], value)
        yield from families.values()


def _family(metric: BotMetric) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.sentence, labels=metric.labels)
