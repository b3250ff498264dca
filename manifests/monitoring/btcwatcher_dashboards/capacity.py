"""How many more bots fit, what runs out first, when, and what to buy."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from btcwatcher_dashboards import variables
from btcwatcher_dashboards.board import board
from btcwatcher_dashboards.containers import CPU_PEAKS, MEMORY_PEAKS, cpu, memory, memory_limit, needed
from btcwatcher_dashboards.panels import (
    BYTES,
    COUNT,
    DAYS,
    GREEN,
    ORANGE,
    RATIO,
    RED,
    figure,
    lines,
    listing,
    ranking,
)
from btcwatcher_dashboards.queries import now, rows, series

_NODE_LOST: Final = "min(btcwatcher_capacity_slots_free_with_largest_node_lost)"


def dashboard() -> Dashboard:
    """For those who buy machines: the answer first, then why, then what to do, then what bots really use."""
    return board(
        "capacity",
        "Capacity",
        "How many more bots fit, what runs out first, when it is full, and what to buy. For those who buy machines.",
        [variables.prometheus_source()],
        [
            figure(
                "Places free",
                "How many more bots of the most common class start at once: of nodes, ports and the exchanges' "
                "budgets whichever is least.",
                now('max(btcwatcher_capacity_slots{state="free"})', "free"),
                COUNT,
                steps={1: ORANGE, 5: GREEN},
                below=RED,
            ),
            figure(
                "Free with a node lost",
                "What is free after the node with most places is lost and its bots moved to others. Below 0: so many "
                "find no place, and nobody looks after their open trades.",
                now(_NODE_LOST, "free"),
                COUNT,
                steps={0: GREEN},
                below=RED,
                otherwise="one node",
            ),
            figure(
                "Runs out first",
                "What a further bot lacks first. `nodes`: there is none that is ready and open. For `ports` widen the "
                "pool, for `exchange` add a Proxy; for all others add nodes.",
                now("max by (dimension) (btcwatcher_capacity_binding)", "{{dimension}}"),
                COUNT,
                name=True,
            ),
            figure(
                "Full in",
                "If it grows on as it did in the last two weeks. Needs a Prometheus that the operator may ask.",
                now("min(btcwatcher_capacity_days_until_full)", "days"),
                DAYS,
                steps={14: ORANGE, 30: GREEN},
                below=RED,
                decimals=0,
                otherwise="not foreseen",
            ),
            figure(
                "Growth a day",
                "Bots more each day: the median slope of two weeks, which one busy day does not move. Needs a "
                "Prometheus that the operator may ask.",
                now("max(btcwatcher_capacity_growth_bots_per_day)", "bots"),
                COUNT,
                decimals=1,
                otherwise="not known",
            ),
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
            lines(
                "Share in use",
                "Of the nodes' places and of the ports. From the threshold on alerts are sent; "
                "`POST /api/v1/system/capacity/alert-threshold` sets it.",
                series("fleet:btcwatcher_capacity_node_slots:used_ratio", "nodes"),
                series("max(btcwatcher_port_pool_used) / max(btcwatcher_port_pool_size)", "ports"),
                series("max(btcwatcher_capacity_alert_threshold_ratio)", "threshold"),
                unit=RATIO,
                most=1,
                colours={"threshold": RED},
            ),
            lines(
                "Places for bots",
                "Taken, free, and what is free once the node with most places is lost: below 0 so many bots find none.",
                series("max by (state) (btcwatcher_capacity_slots)", "{{state}}"),
                series(_NODE_LOST, "free with a node lost"),
                unit=COUNT,
                least=None,
                colours={"free": GREEN, "free with a node lost": ORANGE},
            ),
            ranking(
                "Places if nothing else ran out",
                "How many more bots there were room for if each could run out alone: the shortest bar says what to "
                "add, the next one how far that helps.",
                now("max by (dimension) (btcwatcher_capacity_dimension_slots_free)", "{{dimension}}"),
                COUNT,
                steps={0: RED, 1: ORANGE, 5: GREEN},
            ),
            listing(
                "Nodes",
                "Bots on each node, and how many more of the most common class it takes.",
                rows('max by (node) (btcwatcher_capacity_node_slots{state="used"})'),
                rows('max by (node) (btcwatcher_capacity_node_slots{state="free"})'),
                columns={"node": "Node", "Value #A": "Bots", "Value #B": "Free"},
                span=8,
            ),
            listing(
                "What to buy",
                "For what waits and what is expected: of each node type of the operator's catalogue how many, what "
                "they cost, what a bot costs on a full one, how full they would be, how many bots are too large.",
                rows("max by (node_type) (btcwatcher_capacity_advice_nodes)"),
                rows("max by (node_type) (btcwatcher_capacity_advice_cost)"),
                rows("max by (node_type) (btcwatcher_capacity_advice_cost_per_bot)"),
                rows("max by (node_type) (btcwatcher_capacity_advice_utilization_ratio)"),
                rows("max by (node_type) (btcwatcher_capacity_advice_unplaced_bots)"),
                columns={
                    "node_type": "Node type",
                    "Value #A": "Nodes",
                    "Value #B": "Cost",
                    "Value #C": "Cost of a bot",
                    "Value #D": "Full",
                    "Value #E": "Too large",
                },
                units={"Full": RATIO},
                span=8,
            ),
            listing(
                "Exchanges",
                "They limit by source address. Free and too many are counted where the operator knows a budget; too "
                "many: spread them over Proxies before an address is banned.",
                rows("count by (exchange) (max by (namespace, name, exchange) (btcwatcher_strategy_info))"),
                rows('max by (exchange) (btcwatcher_capacity_exchange_bots{state="free"})'),
                rows('max by (exchange) (btcwatcher_capacity_exchange_bots{state="over"})'),
                columns={"exchange": "Exchange", "Value #A": "Strategies", "Value #B": "Free", "Value #C": "Too many"},
            ),
            listing(
                "Free by class",
                "How many more Strategies like these find a place. Each class is counted with what its largest bot "
                "asks for, or with what it uses when candles close if that is more.",
                rows("max by (class, exchange) (btcwatcher_capacity_class_slots_free)"),
                columns={"class": "Class", "exchange": "Exchange", "Value": "Free"},
            ),
            lines(
                "CPU of all bots",
                "Cores in use, the bots' peaks together (all of them work when a candle closes), and what is free on "
                "nodes that lack memory or something else.",
                series(f"sum({cpu()})", "used"),
                series(f"sum({CPU_PEAKS})", "peaks"),
                series("max(btcwatcher_capacity_stranded_cpu_cores)", "stranded"),
                unit=COUNT,
                span=8,
            ),
            lines(
                "Memory of all bots",
                "Working sets together, their limits together (between the two lies what could be asked for at once), "
                "and what is free on nodes that lack CPU or something else.",
                series(f"sum({memory()})", "used"),
                series(f"sum({memory_limit()})", "limits"),
                series("max(btcwatcher_capacity_stranded_memory_bytes)", "stranded"),
                unit=BYTES,
                colours={"limits": RED},
                span=8,
            ),
            listing(
                "Largest bots",
                "The ten that use the most memory, and their cores: what 95 of 100 of their peaks of the last day stay "
                "below. A request should be as large.",
                rows(f"topk(10, {needed(MEMORY_PEAKS)})"),
                rows(f"{needed(CPU_PEAKS)} and on (namespace, pod) topk(10, {needed(MEMORY_PEAKS)})"),
                columns={"namespace": "Namespace", "pod": "Pod", "Value #A": "Memory", "Value #B": "Cores"},
                units={"Memory": BYTES},
                span=8,
            ),
        ],
        since="now-7d",
        refresh="1m",
    )
