"""The metrics of a notification worker."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from btcwatcher_api.cluster.watch import WatchMetrics
from btcwatcher_api.notifications.worker.claims import Channel
from btcwatcher_api.notifications.worker.outbox import Taken
from btcwatcher_api.notifications.worker.settling import Settlement
from btcwatcher_api.notifications.worker.verdicts import State
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds import notification_metrics as names
from btcwatcher_crds.bot_metrics import BotMetric as Metric
from btcwatcher_crds.conditions import ChannelReason

_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)


class WorkerMetrics:
    """One process' figures, in a registry of their own."""

    def __init__(self) -> None:
        self.registry: Final = CollectorRegistry()
        self.watches = WatchMetrics(self.registry)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.depth = self._gauge(names.QUEUE_DEPTH)
        self.age = self._gauge(names.QUEUE_AGE)
        self.deliveries = self._counter(names.DELIVERIES)
        self.failures = self._counter(names.FAILURES)
        self.latency = Histogram(
            names.LATENCY.name, names.LATENCY.sentence, names.LATENCY.labels, buckets=_SECONDS, registry=self.registry
        )
        self.possible_duplicates = self._counter(names.POSSIBLE_DUPLICATES)
        self.paused = self._gauge(names.CHANNEL_PAUSED)
        self.database_up = self._gauge(names.WORKER_DATABASE_UP)
        # There from the start, at zero, so that the first increase is seen.
        for priority in Priority:
            self.depth.labels(priority.name)
            self.age.labels(priority.name)
            self.latency.labels(priority.name)

    def looked(self, taken: Taken, priority: Priority, channel: Channel) -> None:
        """Count what a claim found."""
        self.possible_duplicates.inc(taken.lost)
        for state, count in taken.ended.items():
            self.deliveries.labels(*channel, priority.name, state).inc(count)

    def settled(self, settlement: Settlement) -> None:
        """Count what a commit brought."""
        for one in settlement.noted:
            if one.verdict.state is not State.PENDING:
                self.deliveries.labels(*one.channel, one.priority.name, one.verdict.state).inc()
            if one.verdict.state is State.SENT:
                self.latency.labels(one.priority.name).observe(max(one.after.total_seconds(), 0.0))
            elif one.attempt is not ChannelReason.SUSPENDED:
                self.failures.labels(*one.channel, one.attempt).inc()

    def _gauge(self, metric: Metric) -> Gauge:
        return Gauge(metric.name, metric.sentence, metric.labels, registry=self.registry)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.sentence, metric.labels, registry=self.registry)
