"""The series of Exchanges, made from the book at each scrape: they are gone with their object."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from btcwatcher_crds.strategy import ConditionStatus
from btcwatcher_operator.exchanges.book import ExchangeBook
from btcwatcher_operator.exchanges.outcome import ready
from btcwatcher_operator.metrics import EXCHANGE_READY, family


class ExchangeCollector(Collector):
    def __init__(self, book: ExchangeBook) -> None:
        self._book = book

    def describe(self) -> Iterator[GaugeMetricFamily]:
        yield family(EXCHANGE_READY)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        found = family(EXCHANGE_READY)
        for exchange in self._book:
            if (condition := ready(exchange)) is not None:
                verdict = float(condition.status is ConditionStatus.TRUE)
                found.add_metric([exchange.metadata.name, condition.reason], verdict)
        yield found
