"""A table for each exchange that is known by name; all others get what is safe anywhere."""

from typing import Final

from btcwatcher_api.market.endpoints import UNKNOWN, Table
from btcwatcher_api.market.tables import binance, bitget, bybit, gate, kraken, kucoin, okx

_TABLES: Final = {
    **dict.fromkeys(("binance", "binanceus", "binanceusdm", "binancecoinm"), binance.TABLE),
    **dict.fromkeys(("okx", "okxus", "myokx"), okx.TABLE),
    "bitget": bitget.TABLE,
    "bybit": bybit.TABLE,
    "gate": gate.TABLE,
    "gateio": gate.TABLE,
    "kraken": kraken.TABLE,
    "kucoin": kucoin.TABLE,
}
_SAFE: Final = Table(lambda _api, _path: UNKNOWN)


def table_of(exchange: str) -> Table:
    return _TABLES.get(exchange, _SAFE)
