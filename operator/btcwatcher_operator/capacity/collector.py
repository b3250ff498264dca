"""The series of capacity, made at each scrape from what was assessed last: what is gone from it has no series."""

from collections.abc import Callable, Iterator
from decimal import Decimal

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from btcwatcher_crds.fleet_capacity import FleetCapacityStatus
from btcwatcher_crds.quantity import number
from btcwatcher_operator.capacity import metrics
from btcwatcher_operator.metrics import Metric, family

Assessed = tuple[FleetCapacityStatus, float]
"""And when nodes and pods were read for it, Unix time."""
Rows = list[tuple[list[str], float]]


class CapacityCollector(Collector):
    def __init__(self, newest: Callable[[], Assessed | None]) -> None:
        self._newest = newest

    def describe(self) -> Iterator[GaugeMetricFamily]:
        for metric in metrics.CAPACITY_METRICS:
            yield family(metric)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        newest = self._newest()
        rows: dict[Metric, Rows] = samples(*newest) if newest is not None else {metrics.MEASURED: [([], 0.0)]}
        for metric in metrics.CAPACITY_METRICS:
            found = family(metric)
            for labels, value in rows.get(metric, []):
                found.add_metric(labels, value)
            yield found


def samples(status: FleetCapacityStatus, at: float) -> dict[Metric, Rows]:
    """The values of the labels in the order of their names, and the sample."""
    rows: dict[Metric, Rows] = {
        metrics.MEASURED: [([], at)],
        metrics.DIMENSION_SLOTS: [([one.dimension], one.free) for one in status.dimensions],
        metrics.NODE_SLOTS: [
            row
            for node in status.nodes
            for row in (([node.name, "used"], float(node.used)), ([node.name, "free"], float(node.free)))
        ],
        metrics.CLASS_SLOTS: [([one.name, one.exchange], one.free) for one in status.classes],
        metrics.EXCHANGE_BOTS: [
            ([one.name, state], value)
            for one in status.exchanges
            for state, value in (("used", float(one.used)), ("free", float(one.free)), ("over", float(one.over)))
        ],
        metrics.ADVICE_NODES: [([one.node_type], one.nodes) for one in status.advice],
        metrics.ADVICE_COST: [
            ([one.node_type], float(Decimal(one.cost))) for one in status.advice if one.cost is not None
        ],
        metrics.ADVICE_COST_PER_BOT: [
            ([one.node_type], float(Decimal(one.cost_per_bot))) for one in status.advice if one.cost_per_bot is not None
        ],
        metrics.ADVICE_UTILIZATION: [([one.node_type], one.utilization_percent / 100) for one in status.advice],
        metrics.ADVICE_UNPLACED: [([one.node_type], one.unplaced) for one in status.advice],
    }
    if status.slots is not None:
        rows[metrics.SLOTS] = [(["used"], status.slots.used), (["free"], status.slots.free)]
    if status.binding is not None:
        rows[metrics.BINDING] = [([status.binding], 1)]
    if status.stranded is not None:
        rows[metrics.STRANDED_CPU] = [([], number(status.stranded.cpu))]
        rows[metrics.STRANDED_MEMORY] = [([], number(status.stranded.memory))]
    if status.forecast is not None:
        rows[metrics.GROWTH] = [([], float(Decimal(status.forecast.growth_per_day)))]
        if status.forecast.days_until_full is not None:
            rows[metrics.DAYS_UNTIL_FULL] = [([], status.forecast.days_until_full)]
    for metric, value in (
        (metrics.PENDING, status.pending),
        (metrics.TOO_LARGE, status.too_large),
        (metrics.SLOTS_NODE_LOST, status.slots.free_with_largest_node_lost if status.slots is not None else None),
    ):
        if value is not None:
            rows[metric] = [([], value)]
    return rows
