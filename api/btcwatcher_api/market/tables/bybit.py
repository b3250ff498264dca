"""Bybit's API of version 5."""

from typing import Any, Final

from btcwatcher_api.market.endpoints import (
    BOOK,
    CLOCK,
    DAY_MS,
    MARKETS,
    MINUTE_MS,
    RATES,
    TICKER,
    TRADES,
    Candles,
    Table,
    Verdict,
    by_code,
    by_path,
    candles,
)

_TOO_MANY: Final = frozenset((10006, 10018, 170222))


_judge = by_code("retCode", 0, _TOO_MANY)


def _judged(status: int, body: bytes) -> Verdict:
    # Its ban of an address is a 403 with a sentence; another 403 is about the country.
    return Verdict.LIMITED if status == 403 and b"too frequent" in body else _judge(status, body)


def _rows(answer: Any) -> Any:
    return answer["result"]["list"]


_CANDLES: Final = candles(
    Candles(
        interval="interval",
        lengths={
            **{str(count): count * MINUTE_MS for count in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
            "D": DAY_MS,
            "W": 7 * DAY_MS,
            "M": 28 * DAY_MS,
        },
        since=frozenset(("start",)),
        until=frozenset(("end",)),
        rows=_rows,
    )
)

TABLE: Final = Table(
    find=by_path(
        {
            r"v5/market/((mark-price|index-price|premium-index-price)-)?kline": _CANDLES,
            r"v5/market/(instruments-info|risk-limit|fee-group-info)": MARKETS,
            r"v5/market/tickers": TICKER,
            r"v5/market/(rpi_|full_)?orderbook": BOOK,
            r"v5/market/recent-trade": TRADES,
            r"v5/market/(funding/history|open-interest|account-ratio)": RATES,
            r"v5/market/time": CLOCK,
        }
    ),
    judge=_judged,
)
