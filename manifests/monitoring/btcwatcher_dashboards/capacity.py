"""How many more bots fit, and what one of them needs."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from btcwatcher_dashboards import variables
from btcwatcher_dashboards.board import board
from btcwatcher_dashboards.containers import cpu, memory, memory_limit
from btcwatcher_dashboards.panels import BYTES, COUNT, GREEN, ORANGE, RATIO, RED, figure, lines, listing, ranking
from btcwatcher_dashboards.queries import now, rows, series

_PORTS_USED: Final = "max(btcwatcher_port_pool_used) / max(btcwatcher_port_pool_size)"
_BOT_COLUMNS: Final = {"namespace": "Namespace", "pod": "Pod"}


def dashboard() -> Dashboard:
    """For those who buy machines."""
    return board(
        "capacity",
        "Capacity",
        "How many more bots fit, and what one of them needs. For those who buy machines.",
        [variables.prometheus_source()],
        [
            figure(
                "Found no place",
                "Strategies that are not Ready because no node takes them, their namespace's quota is used up, or no "
                "port is left. Add a node, raise the quota, or widen the pool.",
                now(
                    "count(max by (namespace, name) (btcwatcher_strategy_ready_reason"
                    '{reason=~"Unschedulable|QuotaExceeded|PortPoolExhausted"})) or vector(0)',
                    "without a place",
                ),
                COUNT,
                steps={1: RED},
            ),
            figure(
                "Bots",
                "Bots that run now, by the kubelets' own count.",
                now(f"count({memory()})", "bots"),
                COUNT,
            ),
            figure(
                "Ports free",
                "Ports of the pool that no Strategy has. The range is a setting of the operator and the API.",
                now("max(btcwatcher_port_pool_size) - max(btcwatcher_port_pool_used)", "free"),
                COUNT,
                steps={1: ORANGE, 20: GREEN},
                below=RED,
            ),
            figure(
                "Alert threshold",
                "From this share in use on capacity counts as short; `POST /api/v1/system/capacity/alert-threshold` "
                "sets it.",
                now("max(btcwatcher_capacity_alert_threshold_ratio)", "threshold"),
                RATIO,
                decimals=0,
            ),
            figure(
                "Memory of a bot",
                "What 95 of 100 bots stay below now: the request that a new Strategy should have at least.",
                now(f"quantile(0.95, {memory()})", "95 of 100"),
                BYTES,
            ),
            figure(
                "CPU of a bot",
                "Cores that 95 of 100 bots stay below. Peaks come when a candle closes, for all bots at once: "
                "look at the lines below.",
                now(f"quantile(0.95, {cpu()})", "95 of 100"),
                COUNT,
                decimals=3,
            ),
            lines(
                "Ports of the pool",
                "One for each Strategy, whatever its state: a suspended one keeps its own.",
                series("max(btcwatcher_port_pool_used)", "used"),
                series("max(btcwatcher_port_pool_size)", "size of the pool"),
                unit=COUNT,
                colours={"size of the pool": RED},
            ),
            lines(
                "Share of the pool in use",
                "With the threshold from which capacity counts as short.",
                series(_PORTS_USED, "in use"),
                series("max(btcwatcher_capacity_alert_threshold_ratio)", "threshold"),
                unit=RATIO,
                most=1,
                colours={"threshold": RED},
            ),
            lines(
                "Memory of all bots",
                "Working sets together, and their limits together: between the two lies what could be asked "
                "for at once.",
                series(f"sum({memory()})", "used"),
                series(f"sum({memory_limit()})", "limits"),
                unit=BYTES,
                colours={"limits": RED},
            ),
            lines(
                "CPU of all bots",
                "Cores in use by all bots together. The peaks at the candles' closes, not the average, say how "
                "many cores are needed.",
                series(f"sum({cpu()})", "cores"),
                unit=COUNT,
            ),
            listing(
                "Largest bots by memory",
                "The ten that use the most now.",
                rows(f"topk(10, {memory()})"),
                columns={**_BOT_COLUMNS, "Value": "Memory"},
                units={"Memory": BYTES},
                span=8,
            ),
            listing(
                "Largest bots by CPU",
                "The ten that use the most cores now.",
                rows(f"topk(10, {cpu()})"),
                columns={**_BOT_COLUMNS, "Value": "Cores"},
                span=8,
            ),
            ranking(
                "Strategies by exchange",
                "Exchanges limit by source address: two to three bots an address without a shared cache of "
                "market data, or a proxy for each few.",
                now(
                    "count by (exchange) (max by (namespace, name, exchange) (btcwatcher_strategy_info))",
                    "{{exchange}}",
                ),
                COUNT,
            ),
        ],
        since="now-24h",
        refresh="1m",
    )
