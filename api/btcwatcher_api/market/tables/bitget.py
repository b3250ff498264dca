"""Bitget's API of version 2, spot and futures. Its candles of six hours and more have a name for each time zone."""

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

_TOO_MANY: Final = ("429",)


def _rows(answer: Any) -> Any:
    return answer["data"]


_LONG: Final = {
    "6H": 6 * HOUR_MS,
    "12H": 12 * HOUR_MS,
    "1D": DAY_MS,
    "3D": 3 * DAY_MS,
    "1W": 7 * DAY_MS,
    "1M": 28 * DAY_MS,
}
_CANDLES: Final = candles(
    Candles(
        interval="granularity",
        lengths={
            # Spot says 1min and 1h, futures 1m and 1H.
            **{f"{count}{unit}": count * MINUTE_MS for count in (1, 3, 5, 15, 30) for unit in ("m", "min")},
            **{f"{count}{unit}": count * HOUR_MS for count in (1, 2, 4) for unit in ("h", "H")},
            **_LONG,
            **{f"{name}utc": length for name, length in _LONG.items()},
        },
        since=frozenset(("startTime",)),
        until=frozenset(("endTime",)),
        rows=_rows,
    )
)

TABLE: Final = Table(
    find=by_path(
        {
            "api/v2/(spot|mix)/market/(history-)?((index|mark)-)?candles": _CANDLES,
            "api/v2/spot/public/(symbols|coins)": MARKETS,
            "api/v2/(mix/market/(contracts|query-position-lever)|margin/currencies)": MARKETS,
            "api/v2/(spot|mix)/market/(tickers?|symbol-price)": TICKER,
            "api/v2/(spot|mix)/market/(orderbook|merge-depth)": BOOK,
            "api/v2/(spot|mix)/market/fills(-history)?": TRADES,
            "api/v2/mix/market/(history-fund-rate|current-fund-rate|open-interest|funding-time)": RATES,
            "api/v2/public/time": CLOCK,
        }
    ),
    judge=by_code("code", "00000", _TOO_MANY),
)
