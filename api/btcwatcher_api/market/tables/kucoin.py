"""KuCoin, spot and futures, which differ in how they say times."""

from collections.abc import Mapping
from dataclasses import replace
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

_TOO_MANY: Final = ("429000",)


def _rows(answer: Any) -> Any:
    data = answer["data"]
    return data["list"] if isinstance(data, Mapping) else data


_NAMED: Final = {
    **{f"{count}min": count * MINUTE_MS for count in (1, 3, 5, 15, 30)},
    **{f"{count}hour": count * HOUR_MS for count in (1, 2, 4, 6, 8, 12)},
    "1day": DAY_MS,
    "1week": 7 * DAY_MS,
    "1month": 28 * DAY_MS,
}
_SPOT: Final = Candles(
    interval="type",
    lengths=_NAMED,
    since=frozenset(("startAt",)),
    until=frozenset(("endAt",)),
    rows=_rows,
    bound_unit_ms=1000,
    opened_unit_ms=1000,
)
_UNIFIED: Final = replace(_SPOT, interval="interval")
_FUTURES: Final = Candles(
    interval="granularity",
    lengths={str(count): count * MINUTE_MS for count in (1, 5, 15, 30, 60, 120, 240, 480, 720, 1440, 10080)},
    since=frozenset(("from",)),
    until=frozenset(("to",)),
    rows=_rows,
)

TABLE: Final = Table(
    find=by_path(
        {
            "api/v1/market/candles": candles(_SPOT),
            "api/v1/kline/query": candles(_FUTURES),
            "api/ua/v1/market/kline": candles(_UNIFIED),
            r"api/v\d/(symbols|currencies|contracts/active)(/[^/]+)?": MARKETS,
            r"api/v\d/contracts/risk-limit/[^/]+": MARKETS,
            r"api/v\d/(market/(allTickers|stats)|allTickers|ticker)": TICKER,
            r"api/v\d/(market/orderbook/level\w+|level2/\w+)": BOOK,
            r"api/v\d/(market/histories|trade/history)": TRADES,
            r"api/v\d/(contract/funding-rates|funding-rate/[^/]+/current)": RATES,
            r"api/v\d/(timestamp|status)": CLOCK,
        }
    ),
    judge=by_code("code", "200000", _TOO_MANY),
)
