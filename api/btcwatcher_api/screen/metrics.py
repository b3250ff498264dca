"""The metrics of the fleet screen."""

from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from btcwatcher_api.cluster.watch import WatchMetrics


class ScreenMetrics:
    """One process' figures."""

    def __init__(self) -> None:
        self.registry: Final = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Histogram(
            "btcwatcher_screen_request_seconds",
            "Requests to the fleet screen by kind (page, or of a bot: read, command, token) and status.",
            ("kind", "code"),
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0),
            registry=self.registry,
        )
        self.streams = Gauge("btcwatcher_screen_streams", "Open message websockets of bots.", registry=self.registry)
        self.watches = WatchMetrics(self.registry)
