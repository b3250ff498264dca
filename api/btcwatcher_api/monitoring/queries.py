"""Every PromQL expression that the API asks, and what its answer means. They need no recording rules.

Of node exporter, cAdvisor (the kubelet) and btcwatcher-api collect; what is not scraped has no series.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from btcwatcher_api.prometheus import Point, Prometheus, Sample
from btcwatcher_crds import bot_metrics
from btcwatcher_crds.names import CONTAINER_BOT

# By instance, of node exporter.
NODE_QUERIES: Final = {
    "cpu_cores": 'sum by (instance) (rate(node_cpu_seconds_total{mode!~"idle|iowait|steal"}[5m]))',
    "memory_bytes": "sum by (instance) (node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes)",
    "disk_bytes": 'max by (instance) (node_filesystem_size_bytes{mountpoint="/"}'
    ' - node_filesystem_avail_bytes{mountpoint="/"})',
    "disk_size_bytes": 'max by (instance) (node_filesystem_size_bytes{mountpoint="/"})',
    "network_received_bytes_per_second": 'sum by (instance) (rate(node_network_receive_bytes_total{device!="lo"}[5m]))',
    "network_sent_bytes_per_second": 'sum by (instance) (rate(node_network_transmit_bytes_total{device!="lo"}[5m]))',
}
# By namespace and pod, of cAdvisor.
BOT_QUERIES: Final = {
    "cpu_cores": "sum by (namespace, pod)"
    f' (rate(container_cpu_usage_seconds_total{{container="{CONTAINER_BOT}"}}[5m]))',
    "memory_bytes": f'sum by (namespace, pod) (container_memory_working_set_bytes{{container="{CONTAINER_BOT}"}})',
}
# By namespace and name, of `btcwatcher-api collect`; a collector that stands by has none.
TRADING_QUERIES: Final = {
    "reachable": bot_metrics.BOT_REACHABLE.name,
    "open_trades": bot_metrics.BOT_OPEN_TRADES.name,
    "open_profit": bot_metrics.BOT_OPEN_PROFIT.name,
    "closed_profit": bot_metrics.BOT_CLOSED_PROFIT.name,
    "balance": bot_metrics.BOT_BALANCE.name,
    "last_process": bot_metrics.BOT_LAST_PROCESS.name,
}
# One series each; the unit is `ratio`. What is asked for, and ports, the collector records: see capacity_history.
USAGE_QUERIES: Final = {
    "cpu_used": '1 - avg(rate(node_cpu_seconds_total{mode="idle"}[5m]))',
    "memory_used": "1 - sum(node_memory_MemAvailable_bytes) / sum(node_memory_MemTotal_bytes)",
}


async def instant(prometheus: Prometheus, queries: Mapping[str, str]) -> dict[str, list[Sample]]:
    """All at once, by name. Raises PrometheusError."""
    answers = await asyncio.gather(*(prometheus.query(expression) for expression in queries.values()))
    return dict(zip(queries, answers, strict=True))


async def trend(
    prometheus: Prometheus, queries: Mapping[str, str], span: timedelta, points: int
) -> dict[str, list[Point]]:
    """`points` of each over the last `span`, by name. Raises PrometheusError."""
    end = datetime.now(UTC)
    step = max(15.0, span.total_seconds() / points)
    answers = await asyncio.gather(
        *(prometheus.query_range(expression, end - span, end, step) for expression in queries.values())
    )
    return dict(zip(queries, answers, strict=True))
