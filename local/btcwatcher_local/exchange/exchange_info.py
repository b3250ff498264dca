"""GET /api/v3/exchangeInfo: the rules of every market, in Binance's form."""

from btcwatcher_local.exchange.markets import MARKETS, Market

Json = dict[str, object]
WEIGHT_PER_MINUTE = 6000


def exchange_info(at_ms: int, symbols: list[str] | None = None) -> Json:
    """The answer for the named symbols, or for all."""
    return {
        "timezone": "UTC",
        "serverTime": at_ms,
        "rateLimits": [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": WEIGHT_PER_MINUTE,
            }
        ],
        "exchangeFilters": [],
        "symbols": [_symbol(MARKETS[name]) for name in (symbols or MARKETS)],
    }


def _symbol(market: Market) -> Json:
    return {
        "symbol": market.symbol,
        "status": "TRADING",
        "baseAsset": market.base,
        "baseAssetPrecision": 8,
        "quoteAsset": market.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": [
            "LIMIT",
            "LIMIT_MAKER",
            "MARKET",
            "STOP_LOSS",
            "STOP_LOSS_LIMIT",
            "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT",
        ],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(market),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }


def _filters(market: Market) -> list[Json]:
    tick_size = f"{market.tick_size:.8f}"
    step_size = f"{10**-market.amount_decimals:.8f}"
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": tick_size,
            "maxPrice": f"{market.reference_price * 100:.8f}",
            "tickSize": tick_size,
        },
        {"filterType": "LOT_SIZE", "minQty": step_size, "maxQty": "90000000000.00000000", "stepSize": step_size},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": "0.00000000",
            "maxQty": "90000000000.00000000",
            "stepSize": "0.00000000",
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": f"{market.min_notional:.8f}",
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
    ]
