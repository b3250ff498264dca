"""Kraken spot. Its OHLC always has the last 720 candles; `since` only leaves out those before."""

from typing import Any, Final

import msgspec

from btcwatcher_api.market.endpoints import (
    BOOK,
    CLOCK,
    MARKETS,
    MINUTE_MS,
    TICKER,
    TRADES,
    Candles,
    Table,
    by_path,
    by_status,
    candles,
)


class _Envelope(msgspec.Struct):
    error: list[str]


def _limited(body: bytes) -> bool | None:
    try:
        errors = msgspec.json.decode(body, type=_Envelope).error
    except msgspec.MsgspecError:
        return False
    said = " ".join(errors).lower()
    return None if not errors else "too many requests" in said or "rate limit" in said


def _rows(answer: Any) -> Any:
    return next(rows for name, rows in answer["result"].items() if name != "last")


_CANDLES: Final = candles(
    Candles(
        interval="interval",
        lengths={str(count): count * MINUTE_MS for count in (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)},
        since=frozenset(("since",)),
        until=frozenset(),
        rows=_rows,
        bound_unit_ms=1000,
        opened_unit_ms=1000,
    )
)

TABLE: Final = Table(
    find=by_path(
        {
            "0/public/OHLC": _CANDLES,
            "0/public/(AssetPairs|Assets)": MARKETS,
            "0/public/Ticker": TICKER,
            "0/public/(Depth|GroupedBook|Spread)": BOOK,
            "0/public/Trades": TRADES,
            "0/public/(Time|SystemStatus)": CLOCK,
        }
    ),
    judge=by_status(_limited),
)
