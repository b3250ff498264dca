"""Gate's API of version 4: spot, perpetual and delivery. Errors have a status of their own."""

from dataclasses import replace
from typing import Final

from btcwatcher_api.market.endpoints import (
    BOOK,
    CLOCK,
    DAY_MS,
    HOUR_MS,
    MARKETS,
    MINUTE_MS,
    RATES,
    TICKER,
    TRADES,
    Candles,
    Table,
    by_path,
    candles,
)

_SPOT: Final = Candles(
    interval="interval",
    lengths={
        "10s": 10_000,
        **{f"{count}m": count * MINUTE_MS for count in (1, 5, 15, 30)},
        **{f"{count}h": count * HOUR_MS for count in (1, 2, 4, 8)},
        "1d": DAY_MS,
        "7d": 7 * DAY_MS,
    },
    since=frozenset(("from",)),
    until=frozenset(("to",)),
    rows=lambda answer: answer,
    bound_unit_ms=1000,
    opened_unit_ms=1000,
)
_CONTRACTS: Final = replace(_SPOT, opened="t")

TABLE: Final = Table(
    find=by_path(
        {
            "spot/candlesticks": candles(_SPOT),
            "(futures|delivery)/[a-z]+/candlesticks": candles(_CONTRACTS),
            "spot/(currency_pairs|currencies)(/[^/]+)?": MARKETS,
            "margin/(uni/)?currency_pairs(/[^/]+)?": MARKETS,
            "(futures|delivery)/[a-z]+/(contracts(/[^/]+)?|risk_limit_tiers)": MARKETS,
            "(spot|(futures|delivery)/[a-z]+)/tickers": TICKER,
            "(spot|(futures|delivery)/[a-z]+)/order_book": BOOK,
            "(spot|(futures|delivery)/[a-z]+)/trades": TRADES,
            "futures/[a-z]+/(funding_rate|premium_index|contract_stats)": RATES,
            "spot/time": CLOCK,
        }
    ),
)
