"""The trading figures of each bot, as the collector exports them: dashboards and alert rules name them too."""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class BotMetric:
    """One metric of the collector. Those with `namespace` and `name` have a series for each Strategy, gone with it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    sentence: str
    labels: tuple[str, ...] = ()


_STRATEGY: Final = ("namespace", "name")
_MONEY: Final = (*_STRATEGY, "currency")

BOT_REACHABLE: Final = BotMetric(
    "btcwatcher_bot_reachable",
    "gauge",
    "Whether the bot's API answered at the last visit; the figures of a bot that does not answer are left out.",
    _STRATEGY,
)
BOT_OPEN_TRADES: Final = BotMetric("btcwatcher_bot_open_trades", "gauge", "Open trades of the bot.", _STRATEGY)
BOT_OPEN_PROFIT: Final = BotMetric(
    "btcwatcher_bot_open_profit",
    "gauge",
    "Profit of the open trades at the current price, in the stake currency.",
    _MONEY,
)
BOT_CLOSED_PROFIT: Final = BotMetric(
    "btcwatcher_bot_closed_profit", "gauge", "Profit of all closed trades, in the stake currency.", _MONEY
)
BOT_BALANCE: Final = BotMetric(
    "btcwatcher_bot_balance", "gauge", "What the bot manages, valued in the stake currency.", _MONEY
)
BOT_LAST_PROCESS: Final = BotMetric(
    "btcwatcher_bot_last_process_timestamp_seconds",
    "gauge",
    "When the bot's trading loop last came round, Unix time.",
    _STRATEGY,
)
COLLECTOR_ACTIVE: Final = BotMetric(
    "btcwatcher_collector_active", "gauge", "1 for the one collector that visits the bots, 0 for those that stand by."
)
COLLECTOR_VISITS: Final = BotMetric(
    "btcwatcher_collector_visits_total",
    "counter",
    "Visits to bots by result: ok, away (no answer), refused (the answer was an error) or unreadable.",
    ("result",),
)
COLLECTOR_VISIT_SECONDS: Final = BotMetric(
    "btcwatcher_collector_visit_seconds", "histogram", "How long a visit to a bot took, whatever its result."
)
COLLECTOR_RECOVERED: Final = BotMetric(
    "btcwatcher_collector_signals_recovered_total",
    "counter",
    "Signals that never arrived and were filled in from the bots' own trades, by type.",
    ("type",),
)

PER_STRATEGY: Final = (
    BOT_REACHABLE,
    BOT_OPEN_TRADES,
    BOT_OPEN_PROFIT,
    BOT_CLOSED_PROFIT,
    BOT_BALANCE,
    BOT_LAST_PROCESS,
)
BOT_METRICS: Final = (
    *PER_STRATEGY,
    COLLECTOR_ACTIVE,
    COLLECTOR_VISITS,
    COLLECTOR_VISIT_SECONDS,
    COLLECTOR_RECOVERED,
)
