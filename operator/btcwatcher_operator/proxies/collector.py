"""The series of Proxies, made from the book at each scrape: they are gone with their object."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from btcwatcher_crds.strategy import ConditionStatus
from btcwatcher_operator.metrics import PROXY_HEALTHY, PROXY_LATENCY, family
from btcwatcher_operator.proxies.book import ProxyBook


class ProxyCollector(Collector):
    def __init__(self, book: ProxyBook) -> None:
        self._book = book

    def describe(self) -> Iterator[GaugeMetricFamily]:
        yield family(PROXY_HEALTHY)
        yield family(PROXY_LATENCY)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        healthy, latency = family(PROXY_HEALTHY), family(PROXY_LATENCY)
        for key, proxy in self._book:
            for condition in proxy.status.conditions:
                healthy.add_metric([*key], float(condition.status is ConditionStatus.TRUE))
            if proxy.status.latency_milliseconds is not None:
                latency.add_metric([*key], proxy.status.latency_milliseconds / 1000)
        yield healthy
        yield latency
