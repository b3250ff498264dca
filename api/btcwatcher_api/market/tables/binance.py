"""Binance spot, USD-M and COIN-M futures, and Binance US, which has the same API.

Weights are those of Binance's documentation, which ccxt has in its `describe()` as a cost of 50 ms each.
"""

from collections.abc import Mapping
from typing import Final

from btcwatcher_api.market.endpoints import DAY_MS, HOUR_MS, MINUTE_MS, UNKNOWN, Candles, Data, Endpoint, Table, Weigh

_CANDLES: Final = Candles(
    interval="interval",
    lengths={
        "1s": 1000,
        **{f"{count}m": count * MINUTE_MS for count in (1, 3, 5, 15, 30)},
        **{f"{count}h": count * HOUR_MS for count in (1, 2, 4, 6, 8, 12)},
        "1d": DAY_MS,
        "3d": 3 * DAY_MS,
        "1w": 7 * DAY_MS,
        "1M": 28 * DAY_MS,
    },
    since=frozenset(("startTime",)),
    until=frozenset(("endTime",)),
    rows=lambda answer: answer,
)


def _one_or_all(one: int, all_: int) -> Weigh:
    return lambda args: one if "symbol" in args else all_


def _by_limit(default: int, steps: tuple[tuple[int, int], ...], most: int) -> Weigh:
    """By the `limit` asked for: the weight of the first step that holds it."""

    def weigh(args: Mapping[str, str]) -> int:
        said = args.get("limit", "")
        limit = int(said) if said.isascii() and said.isdecimal() else default
        return next((weight for up_to, weight in steps if limit <= up_to), most)

    return weigh


_SPOT: Final[Mapping[str, Endpoint]] = {
    "klines": Endpoint(Data.CANDLES, 2, _CANDLES),
    "uiKlines": Endpoint(Data.CANDLES, 2, _CANDLES),
    "exchangeInfo": Endpoint(Data.MARKETS, 20),
    "depth": Endpoint(Data.BOOK, _by_limit(100, ((100, 5), (500, 25), (1000, 50)), 250)),
    "trades": Endpoint(Data.TRADES, 25),
    "historicalTrades": Endpoint(Data.TRADES, 25),
    "aggTrades": Endpoint(Data.TRADES, 4),
    "ticker/24hr": Endpoint(Data.TICKER, _one_or_all(2, 80)),
    "ticker": Endpoint(Data.TICKER, _one_or_all(4, 200)),
    "ticker/tradingDay": Endpoint(Data.TICKER, _one_or_all(4, 200)),
    "ticker/price": Endpoint(Data.TICKER, _one_or_all(2, 4)),
    "ticker/bookTicker": Endpoint(Data.BOOK, _one_or_all(2, 4)),
    "avgPrice": Endpoint(Data.TICKER, 2),
    "time": Endpoint(Data.CLOCK),
    "ping": Endpoint(Data.CLOCK),
}
_FUTURES_CANDLES: Final = Endpoint(Data.CANDLES, _by_limit(500, ((99, 1), (499, 2), (1000, 5)), 10), _CANDLES)
_FUTURES: Final[Mapping[str, Endpoint]] = {
    "klines": _FUTURES_CANDLES,
    "continuousKlines": _FUTURES_CANDLES,
    "markPriceKlines": _FUTURES_CANDLES,
    "indexPriceKlines": _FUTURES_CANDLES,
    "premiumIndexKlines": _FUTURES_CANDLES,
    "exchangeInfo": Endpoint(Data.MARKETS),
    "fundingInfo": Endpoint(Data.MARKETS),
    "depth": Endpoint(Data.BOOK, _by_limit(500, ((50, 2), (100, 5), (500, 10)), 20)),
    "trades": Endpoint(Data.TRADES, 5),
    "historicalTrades": Endpoint(Data.TRADES, 20),
    "aggTrades": Endpoint(Data.TRADES, 20),
    "ticker/24hr": Endpoint(Data.TICKER, _one_or_all(1, 40)),
    "ticker/price": Endpoint(Data.TICKER, _one_or_all(1, 2)),
    "ticker/bookTicker": Endpoint(Data.BOOK, _one_or_all(2, 5)),
    "premiumIndex": Endpoint(Data.TICKER, 10),
    "fundingRate": Endpoint(Data.RATES),
    "openInterest": Endpoint(Data.RATES),
    "time": Endpoint(Data.CLOCK),
    "ping": Endpoint(Data.CLOCK),
}
_STATISTICS: Final = Endpoint(Data.RATES)


def _find(api: str, path: str) -> Endpoint:
    if api.endswith("Data"):
        return _STATISTICS
    return (_FUTURES if api.startswith(("fapi", "dapi")) else _SPOT).get(path, UNKNOWN)


# Of 2400 a minute, what bots' signed calls leave: spot's 6000 are in the Exchange.
_LIMITS: Final = {
    f"{market}{rest}": 1800 for market in ("fapi", "dapi") for rest in ("Public", "PublicV2", "PublicV3", "Data")
}

TABLE: Final = Table(find=_find, limits=_LIMITS, used_header="x-mbx-used-weight-1m")
