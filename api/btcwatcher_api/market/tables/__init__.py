"""A table for each exchange that is known by name; all others get what is safe anywhere."""

from typing import Final

from btcwatcher_api.market.endpoints import UNKNOWN, Table
from btcwatcher_api.market.tables import binance

_TABLES: Final = dict.fromkeys(("binance", "binanceus", "binanceusdm", "binancecoinm"), binance.TABLE)
_SAFE: Final = Table(lambda _api, _path: UNKNOWN)


def table_of(exchange: str) -> Table:
    return _TABLES.get(exchange, _SAFE)
