"""Every metric of the API. Labels are closed sets or route templates, never what a caller sends."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from btcwatcher_api.cluster.watch import WatchMetrics

WEBHOOK_CODES: Final = (202, 400, 401, 404, 408, 413, 415, 422, 500, 503)
"""What the webhook answers."""


class Metrics:
    """One process' figures, in a registry of their own so that two apps in one test do not meet."""

    def __init__(self) -> None:
        self.registry: Final = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.signals = Counter(
            "btcwatcher_signals_total",
            "Signals committed, by type and level (empty: not graded). Retries are not counted.",
            ("type", "level"),
            registry=self.registry,
        )
        self.duplicates = Counter(
            "btcwatcher_signals_duplicate_total",
            "Signals that were sent again and are stored already.",
            registry=self.registry,
        )
        self.webhook = Counter(
            "btcwatcher_webhook_results_total",
            "Answers of the signal webhook, by status code.",
            ("code",),
            registry=self.registry,
        )
        # There from the start, at zero, so that the first refusal is seen.
        for code in WEBHOOK_CODES:
            self.webhook.labels(str(code))
        self.ingest_seconds = Histogram(
            "btcwatcher_ingest_seconds",
            "From a webhook's arrival to the commit of its signal.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
            registry=self.registry,
        )
        self.batch_rows = Histogram(
            "btcwatcher_ingest_batch_rows",
            "Signals in one commit.",
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
            registry=self.registry,
        )
        self.queue_depth = Gauge(
            "btcwatcher_ingest_queue_depth", "Signals that wait for their commit.", registry=self.registry
        )
        self.database_up = Gauge(
            "btcwatcher_ingest_database_up",
            "Whether the connection that writes signals works.",
            registry=self.registry,
        )
        self.watches = WatchMetrics(self.registry)
        self.capacity_threshold = Gauge(
            "btcwatcher_capacity_alert_threshold_ratio",
            "From this utilization on capacity counts as short; set by REST.",
            registry=self.registry,
        )
        self.streams = Gauge(
            "btcwatcher_signal_streams", "Who follows the signals at `/api/v1/signals/stream`.", registry=self.registry
        )
        self.requests = Histogram(
            "btcwatcher_http_request_seconds",
            "Requests other than the webhook, by method, route template and status code.",
            ("method", "route", "code"),
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
            registry=self.registry,
        )
