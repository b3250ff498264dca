"""The metrics of the market-data cache: dashboards and alert rules name them too."""

from typing import Final

from btcwatcher_crds.bot_metrics import BotMetric as Metric

_LANE: Final = ("exchange", "host")

REQUESTS: Final = Metric(
    "btcwatcher_market_requests_total",
    "counter",
    "Requests of bots, by exchange and result: hit, miss, joined (a call that was under way), stale, passed (private), "
    "refused (private, where the Exchange says so), limited (budget or ban), error.",
    ("exchange", "result"),
)
UPSTREAM_CALLS: Final = Metric(
    "btcwatcher_market_upstream_calls_total",
    "counter",
    "Calls to an exchange, by exchange, host and status; away: none came.",
    (*_LANE, "status"),
)
UPSTREAM_SECONDS: Final = Metric(
    "btcwatcher_market_upstream_seconds",
    "histogram",
    "How long a call to an exchange took, without the wait for its budget.",
    ("exchange",),
)
WEIGHT: Final = Metric(
    "btcwatcher_market_weight_total",
    "counter",
    "Weight of calls to an exchange, as we count it.",
    _LANE,
)
WEIGHT_USED: Final = Metric(
    "btcwatcher_market_weight_used",
    "gauge",
    "Weight that counts against the limit now: as the exchange says it of this minute, or what is missing in our own "
    "budget.",
    _LANE,
)
WEIGHT_LIMIT: Final = Metric("btcwatcher_market_weight_limit", "gauge", "Most weight a minute.", _LANE)
BANNED_UNTIL: Final = Metric(
    "btcwatcher_market_banned_until_seconds",
    "gauge",
    "Until when the exchange wants to be left alone, seconds since the epoch; 0: it does not.",
    _LANE,
)
WAITING: Final = Metric("btcwatcher_market_waiting", "gauge", "Questions that wait for budget.", _LANE)
KEPT: Final = Metric("btcwatcher_market_answers", "gauge", "Answers that are kept.")
KEPT_BYTES: Final = Metric("btcwatcher_market_answer_bytes", "gauge", "Memory of the answers that are kept, bytes.")
