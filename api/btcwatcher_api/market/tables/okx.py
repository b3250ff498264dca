"""OKX. Its bars of six hours and more begin by Hong Kong's time, or, named ...utc, by UTC."""

from typing import Any, Final

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
    by_code,
    by_path,
    candles,
)

_TOO_MANY: Final = frozenset(("50011", "50013", "50040", "50061"))


def _rows(answer: Any) -> Any:
    return answer["data"]


_LONG: Final = {"6H": 6 * HOUR_MS, "12H": 12 * HOUR_MS, "1D": DAY_MS, "2D": 2 * DAY_MS, "3D": 3 * DAY_MS}
_LONGEST: Final = {"1W": 7 * DAY_MS, "1M": 28 * DAY_MS, "3M": 89 * DAY_MS}
_CANDLES: Final = candles(
    Candles(
        interval="bar",
        lengths={
            "1s": 1000,
            **{f"{count}m": count * MINUTE_MS for count in (1, 3, 5, 15, 30)},
            **{f"{count}H": count * HOUR_MS for count in (1, 2, 4)},
            **_LONG,
            **_LONGEST,
            **{f"{bar}utc": length for bar, length in (_LONG | _LONGEST).items()},
        },
        # Older than `after`, newer than `before`.
        since=frozenset(("before",)),
        until=frozenset(("after",)),
        rows=_rows,
    )
)

TABLE: Final = Table(
    find=by_path(
        {
            r"api/v5/market/(history-)?((index|mark-price)-)?candles": _CANDLES,
            r"api/v5/public/(instruments|underlying|position-tiers|instrument-tick-bands)": MARKETS,
            r"api/v5/market/(tickers?|index-tickers)": TICKER,
            r"api/v5/public/(mark-price|price-limit)": TICKER,
            r"api/v5/market/books(-\w+)?": BOOK,
            r"api/v5/market/(history-)?trades": TRADES,
            r"api/v5/public/(funding-rate(-history)?|open-interest)": RATES,
            r"api/v5/rubik/stat/.*": RATES,
            r"api/v5/public/time": CLOCK,
        }
    ),
    judge=by_code("code", "0", _TOO_MANY),
)
