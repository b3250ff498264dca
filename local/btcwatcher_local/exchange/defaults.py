"""Where the paper exchange is, in freqtrade's words: the operator's platform default for `binance`."""

# Every API root that ccxt's binance class knows. All of them are sent here, so that no call of a bot on the
# embedded cluster, signed or not, can ever reach the real exchange.
_API_ROOTS: dict[str, str] = {
    "public": "/api/v3",
    "private": "/api/v3",
    "v1": "/api/v1",
    "wapi": "/wapi/v3",
    "sapi": "/sapi/v1",
    "sapiV2": "/sapi/v2",
    "sapiV3": "/sapi/v3",
    "sapiV4": "/sapi/v4",
    "fapiPublic": "/fapi/v1",
    "fapiPublicV2": "/fapi/v2",
    "fapiPublicV3": "/fapi/v3",
    "fapiPrivate": "/fapi/v1",
    "fapiPrivateV2": "/fapi/v2",
    "fapiPrivateV3": "/fapi/v3",
    "fapiData": "/futures/data",
    "dapiPublic": "/dapi/v1",
    "dapiPrivate": "/dapi/v1",
    "dapiPrivateV2": "/dapi/v2",
    "dapiData": "/futures/data",
    "eapiPublic": "/eapi/v1",
    "eapiPrivate": "/eapi/v1",
    "papi": "/papi/v1",
    "papiV2": "/papi/v2",
}


def exchange_defaults(base_url: str) -> dict[str, object]:
    """A fragment of freqtrade configuration that sends `binance` to the paper exchange at `base_url`.

    Pricing takes the other side of the book, because the paper exchange fills what crosses the spread at once
    and nothing else.
    """
    root = base_url.rstrip("/")
    pricing = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
    return {
        "entry_pricing": dict(pricing),
        "exit_pricing": dict(pricing),
        "exchange": {
            "enable_ws": False,
            "ccxt_config": {
                "enableRateLimit": False,
                "urls": {"api": {name: root + path for name, path in _API_ROOTS.items()}},
                "options": {"fetchMarkets": {"types": ["spot"]}},
            },
        },
    }
