"""The metrics of capacity: the same figures as in the FleetCapacity's status, under these names."""

from typing import Final

from btcwatcher_operator.metrics import Metric

SLOTS: Final = Metric(
    "btcwatcher_capacity_slots",
    "gauge",
    "Places for bots of the most common class; state is used or free.",
    ("state",),
)
SLOTS_NODE_LOST: Final = Metric(
    "btcwatcher_capacity_slots_free_with_largest_node_lost",
    "gauge",
    "Free places if the node with most places is lost and its pods move to others; below 0: so many find none.",
)
BINDING: Final = Metric(
    "btcwatcher_capacity_binding", "gauge", "Always 1, once, with what runs out first.", ("dimension",)
)
DIMENSION_SLOTS: Final = Metric(
    "btcwatcher_capacity_dimension_slots_free",
    "gauge",
    "Free places if nothing but this could run out.",
    ("dimension",),
)
NODE_SLOTS: Final = Metric(
    "btcwatcher_capacity_node_slots",
    "gauge",
    "Places for bots on a node; state is used or free.",
    ("node", "state"),
)
CLASS_SLOTS: Final = Metric(
    "btcwatcher_capacity_class_slots_free",
    "gauge",
    "How many more Strategies of this strategyName and exchange have a place.",
    ("class", "exchange"),
)
PENDING: Final = Metric("btcwatcher_capacity_pending_bots", "gauge", "Bots that no node has taken yet.")
TOO_LARGE: Final = Metric(
    "btcwatcher_capacity_too_large_bots",
    "gauge",
    "Bots that wait for a node and that no node could take even if it were empty: nodes are too small.",
)
STRANDED_CPU: Final = Metric(
    "btcwatcher_capacity_stranded_cpu_cores",
    "gauge",
    "Cores that are free and of no use to a bot, because their node lacks something else.",
)
STRANDED_MEMORY: Final = Metric(
    "btcwatcher_capacity_stranded_memory_bytes",
    "gauge",
    "Memory that is free and of no use to a bot, because its node lacks something else.",
)
EXCHANGE_BOTS: Final = Metric(
    "btcwatcher_capacity_exchange_bots",
    "gauge",
    "Bots of an exchange with a budget; state is used, free, or over (more than some address should carry).",
    ("exchange", "state"),
)
GROWTH: Final = Metric(
    "btcwatcher_capacity_growth_bots_per_day",
    "gauge",
    "How the number of used places grew over two weeks (Theil-Sen slope); nothing without Prometheus.",
)
DAYS_UNTIL_FULL: Final = Metric(
    "btcwatcher_capacity_days_until_full",
    "gauge",
    "Days until no place is free, if it grows on as it did; nothing while it does not grow.",
)
ADVICE_NODES: Final = Metric(
    "btcwatcher_capacity_advice_nodes",
    "gauge",
    "How many nodes of a type of the catalogue what waits and what is expected in the forecast's days needs.",
    ("node_type",),
)
ADVICE_COST: Final = Metric(
    "btcwatcher_capacity_advice_cost",
    "gauge",
    "What all these nodes cost, in the catalogue's currency and period.",
    ("node_type",),
)
ADVICE_COST_PER_BOT: Final = Metric(
    "btcwatcher_capacity_advice_cost_per_bot",
    "gauge",
    "What a bot costs on a full node of this type, in the catalogue's currency and period.",
    ("node_type",),
)
ADVICE_UTILIZATION: Final = Metric(
    "btcwatcher_capacity_advice_utilization_ratio",
    "gauge",
    "How full the fullest dimension of these nodes would be.",
    ("node_type",),
)
ADVICE_UNPLACED: Final = Metric(
    "btcwatcher_capacity_advice_unplaced_bots",
    "gauge",
    "Bots for which nodes of this type are too small.",
    ("node_type",),
)
MEASURED: Final = Metric(
    "btcwatcher_capacity_measured_timestamp_seconds",
    "gauge",
    "When nodes and pods were last read, Unix time; 0 before the first time.",
)
CAPACITY_METRICS: Final = (
    SLOTS,
    SLOTS_NODE_LOST,
    BINDING,
    DIMENSION_SLOTS,
    NODE_SLOTS,
    CLASS_SLOTS,
    PENDING,
    TOO_LARGE,
    STRANDED_CPU,
    STRANDED_MEMORY,
    EXCHANGE_BOTS,
    GROWTH,
    DAYS_UNTIL_FULL,
    ADVICE_NODES,
    ADVICE_COST,
    ADVICE_COST_PER_BOT,
    ADVICE_UTILIZATION,
    ADVICE_UNPLACED,
    MEASURED,
)
