"""Query parameters read as Binance reads them, and refused in its words."""

import json
import re
from collections.abc import Mapping

from btcwatcher_local.exchange.candles import INTERVALS
from btcwatcher_local.exchange.markets import MARKETS, Market

_WHOLE = re.compile(r"[0-9]{1,20}")
_SYMBOL = re.compile(r"[A-Z0-9_.-]{1,20}")


class BinanceError(Exception):
    """An answer of status 400 with Binance's error code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def market(query: Mapping[str, str]) -> Market:
    """The market that the mandatory parameter `symbol` names."""
    return _market(mandatory(query, "symbol"))


def markets(query: Mapping[str, str]) -> list[Market] | None:
    """The markets that `symbols` (a JSON list) or `symbol` names; None without either."""
    if "symbol" in query and "symbols" in query:
        raise BinanceError(-1128, "Combination of optional parameters invalid.")
    if "symbol" in query:
        return [_market(query["symbol"])]
    if "symbols" not in query:
        return None
    try:
        names = json.loads(query["symbols"])
    except ValueError:
        names = None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise BinanceError(-1100, "Illegal characters found in parameter 'symbols'.")
    return [_market(name) for name in names]


def interval(query: Mapping[str, str]) -> str:
    """The mandatory candle interval."""
    name = mandatory(query, "interval")
    if name not in INTERVALS:
        raise BinanceError(-1120, "Invalid interval.")
    return name


def mandatory(query: Mapping[str, str], name: str) -> str:
    """A parameter that must be there and not empty."""
    if not (value := query.get(name)):
        raise BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return value


def whole(query: Mapping[str, str], name: str) -> int | None:
    """A whole number, or None when it was not sent."""
    if (value := query.get(name)) is None:
        return None
    if not _WHOLE.fullmatch(value):
        raise BinanceError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
    return int(value)


def limit(query: Mapping[str, str], default: int, most: int) -> int:
    """The `limit` parameter, held between one and `most`."""
    value = whole(query, "limit")
    return default if value is None else max(1, min(value, most))


def _market(name: str) -> Market:
    if not _SYMBOL.fullmatch(name):
        raise BinanceError(
            -1100, "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'."
        )
    if name not in MARKETS:
        raise BinanceError(-1121, "Invalid symbol.")
    return MARKETS[name]
