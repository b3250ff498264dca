"""Exchanges whose addresses and limits need not be written: a test holds this table against ccxt's own.

`upstreams` are the keys of ccxt's `urls.api` by which public data is asked for, a nested one with a dot, and ccxt's
addresses of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class KnownExchange:
    upstreams: Mapping[str, str]
    weight_per_minute: int
    """Of each host: three quarters of what it allows one address. Signed calls of bots, which go there directly, need
    the rest."""
    candle_weight: int = 1
    """What one question for candles weighs."""
    signed: bool = False
    """True: signed calls have no address of their own. They come through the cache with the others, which passes them
    on and keeps nothing of them."""


def _same(address: str, *keys: str) -> dict[str, str]:
    return dict.fromkeys(keys, address)


_GATE_KINDS = ("wallet", "futures", "margin", "delivery", "spot", "options")

KNOWN_EXCHANGES: Final[Mapping[str, KnownExchange]] = MappingProxyType(
    {
        "binance": KnownExchange(
            {
                "public": "https://api.binance.com/api/v3",
                "v1": "https://api.binance.com/api/v1",
                "fapiPublic": "https://fapi.binance.com/fapi/v1",
                "fapiPublicV2": "https://fapi.binance.com/fapi/v2",
                "fapiPublicV3": "https://fapi.binance.com/fapi/v3",
                "fapiData": "https://fapi.binance.com/futures/data",
                "dapiPublic": "https://dapi.binance.com/dapi/v1",
                "dapiData": "https://dapi.binance.com/futures/data",
                "eapiPublic": "https://eapi.binance.com/eapi/v1",
            },
            # Spot's; futures allow less, which the cache knows.
            weight_per_minute=4500,
            candle_weight=2,
        ),
        "binanceus": KnownExchange({"public": "https://api.binance.us/api/v3"}, weight_per_minute=900, candle_weight=2),
        "bingx": KnownExchange(
            _same("https://open-api.bingx.com/openApi", "spot", "swap"), weight_per_minute=450, signed=True
        ),
        "bitget": KnownExchange(
            _same("https://api.bitget.com", "spot", "mix", "margin", "common", "uta"),
            weight_per_minute=900,
            signed=True,
        ),
        "bybit": KnownExchange({"public": "https://api.bybit.com"}, weight_per_minute=2250),
        "gate": KnownExchange(
            _same("https://api.gateio.ws/api/v4", *(f"public.{kind}" for kind in _GATE_KINDS)), weight_per_minute=900
        ),
        "kraken": KnownExchange({"public": "https://api.kraken.com"}, weight_per_minute=45),
        "kucoin": KnownExchange(
            {"public": "https://api.kucoin.com", "futuresPublic": "https://api-futures.kucoin.com"},
            weight_per_minute=1500,
        ),
        "myokx": KnownExchange({"rest": "https://eea.okx.com"}, weight_per_minute=400, signed=True),
        "okx": KnownExchange({"rest": "https://www.okx.com"}, weight_per_minute=400, signed=True),
    }
)
